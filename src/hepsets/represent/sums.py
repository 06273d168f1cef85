"""Sums and means over what each event owns of values that lie end to end."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.kernel import kernel
from hepsets.represent.decay_trees.graph import runs_kernels


class EventSums:
    """Particles of several events end to end: who owns which, and sums over them.

    Subclasses hold ``offsets``, int64 of shape ``(n_events + 1,)``: event ``i`` owns particles
    ``offsets[i]:offsets[i + 1]``.
    """

    offsets: Tensor

    @property
    def n_particles(self) -> int:
        """Number of particles of all events together."""
        raise NotImplementedError

    @property
    def n_events(self) -> int:
        """Number of events, empty ones included."""
        return self.offsets.shape[0] - 1

    @cached_property
    def multiplicity(self) -> Tensor:
        """Particles per event, int64, shape ``(n_events,)``."""
        return self.offsets[1:] - self.offsets[:-1]

    @cached_property
    def event_of_particle(self) -> Tensor:
        """Event of each particle, int64, shape ``(n_particles,)``."""
        if self.offsets.device.type == "cpu" and not torch.compiler.is_exporting():
            return torch.from_numpy(_owners(self.offsets.numpy(), self.n_particles))
        # an event begins wherever an offset points; empty events begin where the next one does
        begins = torch.zeros(self.n_particles + 1, dtype=torch.int64, device=self.offsets.device)
        inner = self.offsets[1:-1]
        begins = begins.scatter_add(0, inner, torch.ones_like(inner))
        return begins.cumsum(0)[:-1]

    def sum(self, values: Tensor) -> Tensor:
        """Sum over the particles of each event: ``(n_particles, k)`` to ``(n_events, k)``.

        An empty event sums to zero.
        """
        if torch.is_grad_enabled() and values.requires_grad:
            result: Tensor = _Sum.apply(values, self)  # type: ignore[no-untyped-call]
            return result
        return self._sum(values)

    def _sum(self, values: Tensor) -> Tensor:
        if runs_kernels(values):
            result = np.zeros((self.n_events, values.shape[1]), dtype=np.float32)
            _sum_events(values.detach().contiguous().numpy(), self.offsets.numpy(), result)
            return torch.from_numpy(result)
        zeros = torch.zeros(self.n_events, values.shape[1], dtype=values.dtype, device=values.device)
        return zeros.index_add(0, self.event_of_particle, values)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over the particles of each event: ``(n_particles, k)`` to ``(n_events, k)``.

        The mean of an empty event is zero.
        """
        return self.sum(values) / self.multiplicity.clamp(min=1).to(values.dtype)[:, None]


class _Sum(torch.autograd.Function):
    """The gradient of an event's sum is the gradient of each of its particles."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, owner: EventSums) -> Tensor:
        ctx.owner = owner
        return owner._sum(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0].index_select(0, ctx.owner.event_of_particle), None


@kernel
def _owners(offsets: NDArray[np.int64], n_particles: int) -> NDArray[np.int64]:
    """The event of each particle; beyond the last offset there is none."""
    owners = np.zeros(n_particles, np.int64)
    for event in range(len(offsets) - 1):
        owners[offsets[event] : offsets[event + 1]] = event
    return owners


@kernel
def _sum_events(values: NDArray[np.float32], offsets: NDArray[np.int64], result: NDArray[np.float32]) -> None:
    width = values.shape[1]
    for event in range(len(offsets) - 1):
        for i in range(offsets[event], offsets[event + 1]):
            for k in range(width):
                result[event, k] += values[i, k]
