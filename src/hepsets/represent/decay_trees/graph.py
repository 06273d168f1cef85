"""Sums along the edges of decay trees: to mothers, to daughters, and both, normalised."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.kernel import kernel


class DecayGraph:
    """The mother–daughter graph of a packed batch.

    Parameters
    ----------
    mothers
        Int64, shape ``(n_particles,)``: position of each particle's mother; a root points at
        itself, which is no edge.
    """

    def __init__(self, mothers: Tensor) -> None:
        self.mothers = mothers

    @cached_property
    def is_daughter(self) -> Tensor:
        """Float32, shape ``(n_particles,)``: 1 where a particle has a mother, 0 for roots."""
        own = torch.arange(self.mothers.shape[0], device=self.mothers.device)
        return (self.mothers != own).to(torch.float32)

    @cached_property
    def n_daughters(self) -> Tensor:
        """Float32, shape ``(n_particles,)``."""
        return torch.zeros_like(self.is_daughter).scatter_add(0, self.mothers, self.is_daughter)

    @cached_property
    def inverse_sqrt_degree(self) -> Tensor:
        """D^-½, float32, shape ``(n_particles,)``, with the self-loop counted once."""
        if self.mothers.device.type == "cpu" and not torch.compiler.is_exporting():
            return torch.from_numpy(_inverse_sqrt_degree(self.mothers.numpy()))
        return torch.rsqrt(1.0 + self.is_daughter + self.n_daughters)

    def convolve(self, values: Tensor) -> Tensor:
        """D^-½ A D^-½ · ``values`` with A = mother–daughter edges both ways + self-loops.

        The propagation of Kipf and Welling, arXiv:1609.02907, equation 2, for float32 values of
        shape ``(n_particles, k)``. A root's pointer at itself is not counted besides its
        self-loop.
        """
        if torch.is_grad_enabled() and values.requires_grad:
            result: Tensor = _Convolve.apply(values, self)  # type: ignore[no-untyped-call]
            return result
        return self._propagate(values)

    def _propagate(self, values: Tensor) -> Tensor:
        if runs_kernels(values):
            result = np.empty(values.shape, dtype=np.float32)
            scale = self.inverse_sqrt_degree
            _convolve(values.detach().contiguous().numpy(), self.mothers.numpy(), scale.numpy(), result)
            return torch.from_numpy(result)
        width = values.shape[1]
        scale = _repeat(self.inverse_sqrt_degree, width)
        # a root, its own mother, meets itself at both ends of its edge: of the three terms one is right
        signs = _repeat(self.inverse_sqrt_degree * (2 * self.is_daughter - 1), width)
        weighted = values * scale
        total = values * signs + weighted.index_select(0, self.mothers)
        return total.index_add(0, self.mothers, weighted) * scale


def runs_kernels(values: Tensor) -> bool:
    """Whether ``values`` is something that the compiled loops over particles can work on."""
    on_cpu = values.device.type == "cpu" and values.dtype == torch.float32
    return on_cpu and not torch.compiler.is_exporting()


def _repeat(column: Tensor, width: int) -> Tensor:
    """A column ``(n,)`` for products with ``(n, width)``.

    ONNX Runtime multiplies matrices of one shape twice as fast as it stretches a column.
    """
    column = column[:, None]
    return column @ torch.ones(1, width) if torch.compiler.is_exporting() else column


class _Convolve(torch.autograd.Function):
    """The normalised adjacency is symmetric, so its backward pass is the forward pass again."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, graph: DecayGraph) -> Tensor:
        ctx.graph = graph
        return graph._propagate(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.graph.convolve(gradients[0]), None  # which has gradients itself


@kernel
def _inverse_sqrt_degree(mothers: NDArray[np.int64]) -> NDArray[np.float32]:
    degree = np.ones(len(mothers), np.float32)
    for i in range(len(mothers)):
        m = mothers[i]
        if m != i:
            degree[i] += np.float32(1)
            degree[m] += np.float32(1)
    for i in range(len(mothers)):
        degree[i] = np.float32(1) / np.sqrt(degree[i])
    return degree


@kernel
def _convolve(
    values: NDArray[np.float32],
    mothers: NDArray[np.int64],
    scale: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    """One pass per step over rows that stay in the cache: several times faster than scatter-add."""
    n, width = values.shape
    for i in range(n):
        own = scale[i] * scale[i]
        for k in range(width):
            result[i, k] = own * values[i, k]
    for i in range(n):
        m = mothers[i]
        if m != i:
            both = scale[i] * scale[m]
            for k in range(width):
                result[i, k] += both * values[m, k]
                result[m, k] += both * values[i, k]
