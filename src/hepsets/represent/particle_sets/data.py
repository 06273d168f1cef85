"""Several sets per event as tensors, cut into batches without padding or a Python step per event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.represent.particle_sets.features import SetSpec, set_tables
from hepsets.represent.sums import EventSums


@dataclass(frozen=True, eq=False)
class PackedSet(EventSums):
    """One set of each event, the members of all events end to end.

    Parameters
    ----------
    features
        Float32, shape ``(n_members, n_features)``, in physical units.
    offsets
        Int64, shape ``(n_events + 1,)``: event ``i`` owns members ``offsets[i]:offsets[i + 1]``.
    """

    features: Tensor
    offsets: Tensor

    @property
    def n_particles(self) -> int:
        """Number of members of all events together."""
        return self.features.shape[0]

    def to(self, device: torch.device | str) -> Self:
        """The same set on ``device``."""
        return type(self)(self.features.to(device), self.offsets.to(device))

    def choose(self, events: Tensor) -> Self:
        """The set of the events numbered by ``events``, int64, in any order, repeats allowed."""
        begin = self.offsets[events]
        counts = self.offsets[events + 1] - begin
        offsets = torch.zeros(len(events) + 1, dtype=torch.int64, device=counts.device)
        torch.cumsum(counts, 0, out=offsets[1:])
        n_members = int(offsets[-1])
        shift = torch.repeat_interleave(begin - offsets[:-1], counts, output_size=n_members)
        source = torch.arange(n_members, device=counts.device) + shift
        return type(self)(self.features.index_select(0, source), offsets)

    def slice(self, begin: int, end: int) -> Self:
        """The set of the events ``begin:end``; features are a view."""
        offsets = self.offsets[begin : end + 1]
        return type(self)(self.features[int(offsets[0]) : int(offsets[-1])], offsets - offsets[0])


@dataclass(frozen=True, eq=False)
class SetBatch:
    """Some events: their sets, and numbers of the event as a whole.

    Parameters
    ----------
    sets
        One entry per set, each with all events.
    event_features
        Float32, shape ``(n_events, n_event_features)``, in physical units; no columns if there are none.
    """

    sets: tuple[PackedSet, ...]
    event_features: Tensor

    @property
    def n_events(self) -> int:
        """Number of events, empty ones included."""
        return self.event_features.shape[0]

    def to(self, device: torch.device | str) -> Self:
        """The same batch on ``device``."""
        return type(self)(tuple(one.to(device) for one in self.sets), self.event_features.to(device))


@dataclass(frozen=True, eq=False)
class SetData(SetBatch):
    """A whole data set, which batches are cut from; a batch of everything, too."""

    @classmethod
    def from_events(
        cls, events: ParticleSets, specs: Sequence[SetSpec], event_features: Sequence[str] = ()
    ) -> Self:
        """The sets of each event, and event columns as features.

        Parameters
        ----------
        events
            Events with a candidate.
        specs
            Which sets.
        event_features
            Names of event columns.

        Raises
        ------
        InputError
            For a feature, condition or event column that does not exist.
        """
        missing = [name for name in event_features if name not in events.columns]
        if missing:
            raise InputError(
                f"no event columns {missing}", "those that the model takes", "add them with with_columns()"
            )
        columns = np.empty((len(events), len(event_features)), dtype=np.float32)
        for place, name in enumerate(event_features):
            columns[:, place] = events.columns[name]
        tables = set_tables(events, specs)
        return cls(
            tuple(PackedSet(*map(torch.from_numpy, (table.features, table.offsets))) for table in tables),
            torch.from_numpy(columns),
        )

    def __len__(self) -> int:
        return self.n_events

    def tensors(self) -> tuple[Tensor, ...]:
        """All that it holds: shapes as in :class:`SetBatch`."""
        return (
            *(tensor for one in self.sets for tensor in (one.features, one.offsets)),
            self.event_features,
        )

    def batch(self, events: Tensor) -> SetBatch:
        """The events numbered by ``events`` (int64, any order, repeats allowed) as one batch."""
        return SetBatch(tuple(one.choose(events) for one in self.sets), self.event_features[events])

    def select(self, events: Tensor) -> Self:
        """Some events as a data set of their own."""
        batch = self.batch(events)
        return type(self)(batch.sets, batch.event_features)

    def slice(self, begin: int, end: int) -> SetBatch:
        """Events ``begin:end`` as one batch; features are views."""
        return SetBatch(tuple(one.slice(begin, end) for one in self.sets), self.event_features[begin:end])

    def batches(self, events: int) -> Iterator[SetBatch]:
        """All events in order, ``events`` at a time."""
        for begin in range(0, len(self), events):
            yield self.slice(begin, min(begin + events, len(self)))
