"""A whole data set as tensors, cut into packed batches without a Python step per event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.kernel import kernel, kernel_of_separate_arrays
from hepsets.core.pdg import PdgMap
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.features import FeatureSpec
from hepsets.represent.decay_trees.graph import runs_kernels


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
    event_types
        Int64, shape ``(n_events,)``, 0 where unknown.
    """

    features: Tensor
    tokens: Tensor
    mothers: Tensor
    offsets: Tensor
    event_types: Tensor

    @classmethod
    def from_events(cls, events: Events, pdg_map: PdgMap, features: FeatureSpec) -> Self:
        """Prepare all particles of ``events``; ids that ``pdg_map`` lacks become ``<unknown>``.

        Raises
        ------
        InputError
            If there is an event column ``event_type`` that is no column of numbers from 0 up.
        """
        begin = np.repeat(events.offsets[:-1], events.multiplicity)
        return cls(
            features.of_events(events),
            torch.from_numpy(pdg_map.tokens(events.particles["pdg"])),
            torch.from_numpy(events.mothers - begin),
            torch.from_numpy(events.offsets.copy()),
            torch.from_numpy(event_types(events)),
        )

    def __len__(self) -> int:
        return self.offsets.shape[0] - 1

    def tensors(self) -> tuple[Tensor, ...]:
        """All that it holds: shapes as in the parameters of the class."""
        return self.features, self.tokens, self.mothers, self.offsets, self.event_types

    def to(self, device: torch.device | str) -> Self:
        """The same data on ``device``."""
        return type(self)(
            self.features.to(device),
            self.tokens.to(device),
            self.mothers.to(device),
            self.offsets.to(device),
            self.event_types.to(device),
        )

    def batch(self, events: Tensor) -> PackedBatch:
        """The events numbered by ``events`` (int64, any order, repeats allowed) as one batch."""
        if runs_kernels(self.features) and not self.features.requires_grad:
            return self._gathered(events)
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
            self.event_types[events],
        )

    def _gathered(self, events: Tensor) -> PackedBatch:
        """The same in one pass, on a CPU."""
        offsets = torch.empty(len(events) + 1, dtype=torch.int64)
        strange = _begins(self.offsets.numpy(), events.numpy(), offsets.numpy())
        if strange >= 0:
            raise IndexError(f"event {int(events[strange])} of {len(self)}")
        n_particles = int(offsets[-1])
        features = torch.empty(n_particles, self.features.shape[1])
        tokens, mothers = torch.empty(2, n_particles, dtype=torch.int64)
        whole = self.features.numpy(), self.tokens.numpy(), self.mothers.numpy(), self.offsets.numpy()
        part = features.numpy(), tokens.numpy(), mothers.numpy(), offsets.numpy()
        _gather(*whole, events.numpy(), *part)
        return PackedBatch(features, tokens, mothers, offsets, self.event_types[events])

    def select(self, events: Tensor) -> Self:
        """Some events as a data set of their own."""
        batch = self.batch(events)
        begin = torch.repeat_interleave(batch.offsets[:-1], batch.multiplicity)
        return type(self)(
            batch.features, batch.tokens, batch.mothers - begin, batch.offsets, self.event_types[events]
        )

    def slice(self, begin: int, end: int) -> PackedBatch:
        """Events ``begin:end`` as one batch; features and tokens are views."""
        offsets = self.offsets[begin : end + 1]
        first, last = int(offsets[0]), int(offsets[-1])
        offsets = offsets - first
        start = torch.repeat_interleave(offsets[:-1], offsets.diff(), output_size=last - first)
        return PackedBatch(
            self.features[first:last],
            self.tokens[first:last],
            self.mothers[first:last] + start,
            offsets,
            self.event_types[begin:end],
        )

    def batches(self, events: int) -> Iterator[PackedBatch]:
        """All events in order, ``events`` at a time."""
        for begin in range(0, len(self), events):
            yield self.slice(begin, min(begin + events, len(self)))


@kernel
def _begins(offsets: NDArray[np.int64], events: NDArray[np.int64], chosen: NDArray[np.int64]) -> int:
    """Write the offsets of chosen events; the place of one that does not exist, or -1."""
    chosen[0] = 0
    for place in range(len(events)):
        event = events[place]
        if not 0 <= event < len(offsets) - 1:
            return place
        chosen[place + 1] = chosen[place] + offsets[event + 1] - offsets[event]
    return -1


@kernel_of_separate_arrays
def _gather(
    features: NDArray[np.float32],
    tokens: NDArray[np.int64],
    mothers: NDArray[np.int64],
    offsets: NDArray[np.int64],
    events: NDArray[np.int64],
    own_features: NDArray[np.float32],
    own_tokens: NDArray[np.int64],
    own_mothers: NDArray[np.int64],
    own_offsets: NDArray[np.int64],
) -> None:
    """Write what belongs to the events; mothers are then counted from the first particle of all."""
    for place in range(len(events)):
        source, first = offsets[events[place]], own_offsets[place]
        for i in range(own_offsets[place + 1] - first):
            own_tokens[first + i] = tokens[source + i]
            own_mothers[first + i] = mothers[source + i] + first
            for k in range(features.shape[1]):
                own_features[first + i, k] = features[source + i, k]


def event_types(events: Events) -> NDArray[np.int64]:
    """The event column ``event_type``, int64 of shape ``(n_events,)``; 0, unknown, where there is none.

    Raises
    ------
    InputError
        If it is no column of numbers from 0 up.
    """
    if "event_type" not in events.columns:
        return np.zeros(len(events), dtype=np.int64)
    column = events.columns["event_type"]
    if column.ndim != 1 or column.dtype.kind not in "iu" or (len(column) and column.min() < 0):
        raise InputError(
            f"an event column event_type of {column.dtype} that is no list of numbers from 0 up",
            "0 for an unknown type, 1 for the first one that the model knows, and so on",
        )
    return column.astype(np.int64)
