"""What is taken over the members of an event, or of groups of them: sums, maxima, means."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.kernel import kernel
from hepsets.represent.decay_trees.graph import runs_kernels


def group_sum(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """Sums over the members of each group: ``(n, k)`` to ``(groups, k)``; an empty group's is 0.

    Parameters
    ----------
    values
        Shape ``(n, k)``.
    group
        Int64, shape ``(n,)``, from 0 to ``groups`` − 1.
    groups
        Number of groups.
    """
    if _alone(values):
        found = np.zeros((groups, values.shape[1]), dtype=np.float32)
        _sums(values.detach().contiguous().numpy(), group.numpy(), found)
        return torch.from_numpy(found)
    zeros = torch.zeros(groups, values.shape[1], dtype=values.dtype, device=values.device)
    return zeros.index_add(0, group, values)


def group_max(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """Largest values of the members of each group, at least 0: ``(n, k)`` to ``(groups, k)``.

    They are those of ReLUs, so an empty group has what a silent one has. The shapes are those of
    :func:`group_sum`.
    """
    if runs_kernels(values):
        if _alone(values):  # who has the maximum is for gradients
            found = np.zeros((groups, values.shape[1]), dtype=np.float32)
            _maxima(values.detach().contiguous().numpy(), group.numpy(), found)
            return torch.from_numpy(found)
        result: Tensor = _Max.apply(values, group, groups)  # type: ignore[no-untyped-call]
        return result
    zeros = torch.zeros(groups, values.shape[1], dtype=values.dtype, device=values.device)
    index = group[:, None].expand(-1, values.shape[1])
    return zeros.scatter_reduce(0, index, values, "amax", include_self=True)


def _alone(values: Tensor) -> bool:
    """Whether compiled loops will do: no gradients, and values that they can see."""
    return runs_kernels(values) and not (torch.is_grad_enabled() and values.requires_grad)


class _Max(torch.autograd.Function):
    """The gradient of a maximum goes to the member that has it, the first of several."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, group: Tensor, groups: int) -> Tensor:
        found = np.zeros((groups, values.shape[1]), dtype=np.float32)
        where = np.full(found.shape, -1, dtype=np.int32)  # as wide as the values, or nothing is vectorised
        _largest(values.detach().contiguous().numpy(), group.numpy(), found, where)
        ctx.where, ctx.rows = where, len(values)
        return torch.from_numpy(found)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        result = np.zeros((ctx.rows, gradients[0].shape[1]), dtype=np.float32)
        _to_largest(gradients[0].contiguous().numpy(), ctx.where, result)
        return torch.from_numpy(result), None, None


@kernel
def _sums(values: NDArray[np.float32], group: NDArray[np.int64], found: NDArray[np.float32]) -> None:
    for i in range(len(values)):
        g = group[i]
        for k in range(values.shape[1]):
            found[g, k] += values[i, k]


@kernel
def _maxima(values: NDArray[np.float32], group: NDArray[np.int64], found: NDArray[np.float32]) -> None:
    for i in range(len(values)):
        g = group[i]
        for k in range(values.shape[1]):
            found[g, k] = max(found[g, k], values[i, k])


@kernel
def _largest(
    values: NDArray[np.float32],
    group: NDArray[np.int64],
    found: NDArray[np.float32],
    where: NDArray[np.int32],
) -> None:
    for i in range(len(values)):
        g, place = group[i], np.int32(i)
        for k in range(values.shape[1]):
            larger = values[i, k] > found[g, k]
            found[g, k] = values[i, k] if larger else found[g, k]
            where[g, k] = place if larger else where[g, k]


@kernel
def _to_largest(gradient: NDArray[np.float32], where: NDArray[np.int32], result: NDArray[np.float32]) -> None:
    for g in range(len(gradient)):
        for k in range(gradient.shape[1]):
            if where[g, k] >= 0:
                result[where[g, k], k] += gradient[g, k]
