"""A whole data set as tensors, cut into packed batches without a Python step per event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from hepsets.core.events import Events
from hepsets.core.pdg import PdgMap
from hepsets.represent.features import FeatureSpec
from hepsets.represent.packed import PackedBatch


@dataclass(frozen=True, eq=False)
class EventData:
    """Prepared events.

    Parameters
    ----------
    features
        Float32, shape ``(n_particles, n_features)``, in physical units.
    tokens
        Int64, shape ``(n_particles,)``.
    mothers
        Int64, shape ``(n_particles,)``: mother's position within its event, counted from 0.
    offsets
        Int64, shape ``(n_events + 1,)``.
    """

    features: Tensor
    tokens: Tensor
    mothers: Tensor
    offsets: Tensor

    @classmethod
    def from_events(cls, events: Events, pdg_map: PdgMap, features: FeatureSpec) -> Self:
        """Prepare all particles of ``events``; ids that ``pdg_map`` lacks become ``<unknown>``."""
        begin = np.repeat(events.offsets[:-1], events.multiplicity)
        return cls(
            features.of_events(events),
            torch.from_numpy(pdg_map.tokens(events.particles["pdg"])),
            torch.from_numpy(events.mothers - begin),
            torch.from_numpy(events.offsets.copy()),
        )

    def __len__(self) -> int:
        return self.offsets.shape[0] - 1

    def to(self, device: torch.device | str) -> Self:
        """The same data on ``device``."""
        return type(self)(
            self.features.to(device), self.tokens.to(device), self.mothers.to(device), self.offsets.to(device)
        )

    def batch(self, events: Tensor) -> PackedBatch:
        """The events numbered by ``events`` (int64, any order, repeats allowed) as one batch."""
        begin = self.offsets[events]
        counts = self.offsets[events + 1] - begin
        offsets = torch.zeros(len(events) + 1, dtype=torch.int64, device=counts.device)
        torch.cumsum(counts, 0, out=offsets[1:])
        n_particles = int(offsets[-1])
        shift = torch.repeat_interleave(
            torch.stack([begin - offsets[:-1], offsets[:-1]], 1), counts, dim=0, output_size=n_particles
        )
        source = torch.arange(n_particles, device=counts.device) + shift[:, 0]
        return PackedBatch(
            self.features.index_select(0, source),
            self.tokens.index_select(0, source),
            self.mothers.index_select(0, source) + shift[:, 1],
            offsets,
        )

    def slice(self, begin: int, end: int) -> PackedBatch:
        """Events ``begin:end`` as one batch; features and tokens are views."""
        offsets = self.offsets[begin : end + 1]
        first, last = int(offsets[0]), int(offsets[-1])
        offsets = offsets - first
        start = torch.repeat_interleave(offsets[:-1], offsets.diff(), output_size=last - first)
        return PackedBatch(
            self.features[first:last], self.tokens[first:last], self.mothers[first:last] + start, offsets
        )

    def batches(self, events: int) -> Iterator[PackedBatch]:
        """All events in order, ``events`` at a time."""
        for begin in range(0, len(self), events):
            yield self.slice(begin, min(begin + events, len(self)))
