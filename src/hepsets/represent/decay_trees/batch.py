"""Batches of events without padding: particles end to end, with offsets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.kernel import kernel
from hepsets.represent.decay_trees.graph import DecayGraph
from hepsets.represent.sums import EventSums


@dataclass(frozen=True, eq=False)
class PackedBatch(EventSums):
    """Some events, their particles end to end.

    Parameters
    ----------
    features
        Float32, shape ``(n_particles, n_features)``, in physical units.
    tokens
        Int64, shape ``(n_particles,)``: token of each particle's PDG id.
    mothers
        Int64, shape ``(n_particles,)``: position of each particle's mother in this batch; a root
        points at itself.
    offsets
        Int64, shape ``(n_events + 1,)``: event ``i`` owns particles ``offsets[i]:offsets[i + 1]``.
    event_types
        Int64, shape ``(n_events,)``: type of each event, 0 where unknown; ``None``: all unknown.
    """

    features: Tensor
    tokens: Tensor
    mothers: Tensor
    offsets: Tensor
    event_types: Tensor | None = None

    @property
    def n_particles(self) -> int:
        """Number of particles of all events together."""
        return self.tokens.shape[0]

    @cached_property
    def graph(self) -> DecayGraph:
        """The decay trees of all events.

        Raises
        ------
        InputError
            If a mother is in another event, or nowhere: compiled loops would go beyond their event.
        """
        if self.mothers.device.type == "cpu" and not torch.compiler.is_exporting():
            lost = int(_first_lost(self.mothers.numpy(), self.offsets.numpy()))
            if lost >= 0:
                raise InputError(
                    f"mother {int(self.mothers[lost])} of particle {lost}, which is not in her event",
                    "positions in the batch of mothers in the same event",
                    "point roots at themselves, and keep mothers with their daughters",
                )
        return DecayGraph(self.mothers)

    def to(self, device: torch.device | str) -> Self:
        """The same batch on ``device``."""
        return type(self)(
            self.features.to(device),
            self.tokens.to(device),
            self.mothers.to(device),
            self.offsets.to(device),
            None if self.event_types is None else self.event_types.to(device),
        )


@kernel
def _first_lost(mothers: NDArray[np.int64], offsets: NDArray[np.int64]) -> int:
    """The first particle whose mother is not in its event, or -1."""
    for event in range(len(offsets) - 1):
        for i in range(offsets[event], offsets[event + 1]):
            if not offsets[event] <= mothers[i] < offsets[event + 1]:
                return i
    return -1
