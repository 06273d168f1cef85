"""Sums along whole decay chains: over all descendants of a particle, over all its ancestors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch._higher_order_ops.while_loop import while_loop  # has no public name yet

from hepsets.core.kernel import kernel
from hepsets.represent.decay_trees.graph import runs_kernels

_DOUBLINGS = 9
"""Steps of the form without loops over particles: it reaches 2^9 = 512 generations."""

_MOST_DOUBLINGS = 32
"""Of the form that stops by itself: only mothers in a circle come so far."""


class DecaySweeps:
    """The two sweeps over the decay trees of a packed batch.

    One sweep costs a single pass over the particles, however deep the trees are.

    Parameters
    ----------
    mothers
        Int64, shape ``(n_particles,)``: position of each particle's mother; a root points at itself.
    """

    def __init__(self, mothers: Tensor) -> None:
        self.mothers = mothers
        self._order: NDArray[np.int64] | None = None
        self._jumps: list[tuple[Tensor, Tensor]] | None = None

    def from_descendants(self, values: Tensor) -> Tensor:
        """Own row plus the rows of all descendants, float32, same shape ``(n_particles, k)``."""
        return self._differentiable(values, up=True)

    def from_ancestors(self, values: Tensor) -> Tensor:
        """Own row plus the rows of all ancestors, float32, same shape ``(n_particles, k)``."""
        return self._differentiable(values, up=False)

    def both(self, up: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
        """:meth:`from_descendants` of ``up`` and :meth:`from_ancestors` of ``down``, shapes as there."""
        if torch.compiler.is_exporting():
            return self._both_in_a_loop(up, down)
        return self.from_descendants(up), self.from_ancestors(down)

    def _differentiable(self, values: Tensor, *, up: bool) -> Tensor:
        if torch.is_grad_enabled() and values.requires_grad:
            result: Tensor = _Sweep.apply(values, self, up)  # type: ignore[no-untyped-call]
            return result
        return self.sweep(values, up=up)

    def sweep(self, values: Tensor, *, up: bool) -> Tensor:
        """One sweep without gradient: ``up`` from descendants, else down from ancestors.

        Shape ``(n_particles, width)``, as before.
        """
        if runs_kernels(values):
            result = values.detach().clone(memory_format=torch.contiguous_format)
            (_sweep_up if up else _sweep_down)(result.numpy(), self.mothers.numpy(), self._mothers_first())
            return result
        for ancestor, exists in self._ancestors():
            if up:
                values = values + torch.zeros_like(values).index_add(0, ancestor, values * exists)
            else:
                values = values + values.index_select(0, ancestor) * exists
        return values

    def _both_in_a_loop(self, up: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
        """Both sweeps in an ONNX graph, with as many doublings as the deepest tree of a batch needs.

        One more row, of zeros, stands for the mother of all roots: what goes there is not used, and
        what comes from there changes nothing.
        """
        n = self.mothers.shape[0]
        own = torch.arange(n, device=self.mothers.device)
        ancestor = torch.cat([torch.where(self.mothers == own, n, self.mothers), torch.full((1,), n)])
        nothing = torch.zeros(1, up.shape[1])

        def unfinished(step: Tensor, ancestor: Tensor, up: Tensor, down: Tensor) -> Tensor:  # noqa: ARG001
            return (ancestor != n).any() & (step < _MOST_DOUBLINGS)

        def double(step: Tensor, ancestor: Tensor, up: Tensor, down: Tensor) -> tuple[Tensor, ...]:
            return (
                step + 1,
                ancestor.index_select(0, ancestor),
                up.index_add(0, ancestor, up),
                down + down.index_select(0, ancestor),
            )

        start = (
            torch.zeros((), dtype=torch.int64),
            ancestor,
            torch.cat([up, nothing]),
            torch.cat([down, nothing]),
        )
        _, _, up, down = while_loop(unfinished, double, start)  # type: ignore[no-untyped-call]
        return up[:-1], down[:-1]

    def _mothers_first(self) -> NDArray[np.int64]:
        """Positions in an order in which every mother comes before her daughters."""
        if self._order is None:
            mothers = self.mothers.numpy()
            positions = np.arange(len(mothers))
            if (mothers <= positions).all():
                self._order = positions
            else:
                depth = np.full(len(mothers), -1, dtype=np.int64)
                _depths(mothers, depth)
                self._order = np.argsort(depth, kind="stable")
        return self._order

    def _ancestors(self) -> list[tuple[Tensor, Tensor]]:
        """Position of the 2^k-th ancestor, and 1 where there is one, for each k."""
        if self._jumps is None:
            ancestor = self.mothers
            own = torch.arange(ancestor.shape[0], device=ancestor.device)
            exists = ancestor != own
            self._jumps = []
            for _ in range(_DOUBLINGS):
                self._jumps.append((ancestor, exists.to(torch.float32)[:, None]))
                exists = exists & exists.index_select(0, ancestor)
                ancestor = ancestor.index_select(0, ancestor)
        return self._jumps


class _Sweep(torch.autograd.Function):
    """Each sweep is the transpose of the other, so the backward pass is the other sweep."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, sweeps: DecaySweeps, up: bool) -> Tensor:
        ctx.sweeps, ctx.up = sweeps, up
        return sweeps.sweep(values, up=up)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return ctx.sweeps.sweep(gradients[0], up=not ctx.up), None, None


@kernel
def _sweep_up(values: NDArray[np.float32], mothers: NDArray[np.int64], order: NDArray[np.int64]) -> None:
    for place in range(len(order) - 1, -1, -1):
        i = order[place]
        m = mothers[i]
        if m != i:
            for k in range(values.shape[1]):
                values[m, k] += values[i, k]


@kernel
def _sweep_down(values: NDArray[np.float32], mothers: NDArray[np.int64], order: NDArray[np.int64]) -> None:
    for place in range(len(order)):
        i = order[place]
        m = mothers[i]
        if m != i:
            for k in range(values.shape[1]):
                values[i, k] += values[m, k]


@kernel
def _depths(mothers: NDArray[np.int64], depth: NDArray[np.int64]) -> None:
    """Generation of each particle, roots 0; ``depth`` comes in as -1 everywhere."""
    for i in range(len(mothers)):
        steps, j = 0, i
        while depth[j] < 0 and mothers[j] != j:
            j = mothers[j]
            steps += 1
        below = depth[j] if depth[j] >= 0 else 0
        depth[j] = below
        j = i
        while depth[j] < 0:
            depth[j] = below + steps
            steps -= 1
            j = mothers[j]
