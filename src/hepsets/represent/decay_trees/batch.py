"""Batches of events without padding: particles end to end, with offsets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

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
        """The decay trees of all events."""
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
