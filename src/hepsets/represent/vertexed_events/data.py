"""Features of events with vertices as tensors, cut into batches without padding or a step per event."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose, common, demand
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.represent.particle_sets.data import PackedSet
from hepsets.represent.vertexed_events.inputs import FeatureTable, InputSpec, feature_table

PREPARED_EVENTS = 4096
"""Features are made for so many events at a time, so that memory stays small."""


@dataclass(frozen=True, eq=False)
class VertexedBatch:
    """Some events: particles, vertices, which belongs to which, and numbers of the event as a whole.

    Parameters
    ----------
    particles, vertices
        Their features, the members of all events end to end.
    vertex
        Int64, shape ``(n_particles,)``: place of a particle's vertex in its event, or −1.
    event_features
        Float32, shape ``(n_events, k)``.
    """

    particles: PackedSet
    vertices: PackedSet
    vertex: Tensor
    event_features: Tensor

    @property
    def n_events(self) -> int:
        """Number of events, empty ones included."""
        return self.event_features.shape[0]

    @property
    def vertex_row(self) -> Tensor:
        """Row of each particle's vertex among ``vertices``; their number for a particle without."""
        row = self.vertices.offsets.index_select(0, self.particles.event_of_particle) + self.vertex
        return torch.where(self.vertex < 0, self.vertices.n_particles, row)

    def to(self, device: torch.device | str) -> Self:
        """The same batch on ``device``."""
        return type(self)(
            self.particles.to(device),
            self.vertices.to(device),
            self.vertex.to(device),
            self.event_features.to(device),
        )


@dataclass(frozen=True, eq=False)
class VertexedData:
    """A whole data set, which batches are cut from.

    Parameters
    ----------
    spec
        Names of the features.
    particles, vertices
        Features, float32 or float16, with offsets by event.
    vertex
        Int16, shape ``(n_particles,)``: place of a particle's vertex in its event, or −1.
    event_features
        Float32, shape ``(n_events, k)``.
    purpose
        What the events are for, if that is settled; every choice of them serves the same.
    """

    spec: InputSpec
    particles: PackedSet
    vertices: PackedSet
    vertex: Tensor
    event_features: Tensor
    purpose: Purpose | None = None

    @classmethod
    def from_events(cls, events: VertexedEvents, spec: InputSpec) -> Self:
        """The features of events, see :func:`hepsets.represent.vertexed_events.inputs.feature_table`."""
        starts = range(0, max(len(events), 1), PREPARED_EVENTS)
        found = cls.joined(
            [
                cls.of_table(feature_table(events[start : start + PREPARED_EVENTS], spec), spec)
                for start in starts
            ]
        )
        return found if events.purpose is None else found.used_for(events.purpose)

    @classmethod
    def of_table(cls, table: FeatureTable, spec: InputSpec) -> Self:
        """A table as tensors, without a copy."""
        t = torch.from_numpy
        return cls(
            spec,
            PackedSet(t(table.particles), t(table.particle_offsets)),
            PackedSet(t(table.vertices), t(table.vertex_offsets)),
            t(table.vertex),
            t(table.events),
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Data sets of one spec, end to end.

        Raises
        ------
        InputError
            If they serve different purposes.
        """
        if len(parts) == 1:
            return parts[0]
        return cls(
            parts[0].spec,
            _joined([part.particles for part in parts]),
            _joined([part.vertices for part in parts]),
            torch.cat([part.vertex for part in parts]),
            torch.cat([part.event_features for part in parts]),
            common(part.purpose for part in parts),
        )

    def used_for(self, purpose: Purpose) -> Self:
        """The same events, for a purpose.

        Raises
        ------
        InputError
            If they serve another one already, see :meth:`hepsets.core.ragged.RaggedTable.used_for`.
        """
        demand(self.purpose, purpose, f"{purpose} events are needed")
        return dataclasses.replace(self, purpose=purpose)

    def __len__(self) -> int:
        return self.event_features.shape[0]

    def to(self, device: torch.device | str) -> Self:
        """The same data on ``device``."""
        if str(device) == str(self.event_features.device):
            return self
        return dataclasses.replace(
            self,
            particles=self.particles.to(device),
            vertices=self.vertices.to(device),
            vertex=self.vertex.to(device),
            event_features=self.event_features.to(device),
        )

    def tensors(self) -> tuple[Tensor, ...]:
        """All that it holds: features and offsets of particles and of vertices, of shapes as in the class,
        ``vertex``, ``event_features``.
        """
        sets = (self.particles, self.vertices)
        flat = (tensor for one in sets for tensor in (one.features, one.offsets))
        return (*flat, self.vertex, self.event_features)

    def seeing(self, spec: InputSpec) -> Self:
        """Only the features of ``spec``, in its order.

        Raises
        ------
        InputError
            If one is missing.
        """
        if spec == self.spec:
            return self
        columns = []
        for kind in ("particles", "vertices", "events"):
            have, want = getattr(self.spec, kind), getattr(spec, kind)
            lacking = [name for name in want if name not in have]
            if lacking:
                raise InputError(f"no features {lacking} of {kind} among {list(have)}", "those of the model")
            columns.append(torch.tensor([have.index(name) for name in want], dtype=torch.int64))
        return dataclasses.replace(
            self,
            spec=spec,
            particles=PackedSet(self.particles.features.index_select(1, columns[0]), self.particles.offsets),
            vertices=PackedSet(self.vertices.features.index_select(1, columns[1]), self.vertices.offsets),
            event_features=self.event_features.index_select(1, columns[2]),
        )

    def sorted_by(self, names: Sequence[str]) -> Self:
        """The particles of each event by falling features, the first name before the second one.

        Without names, and where they are in that order already, this is the same data set.
        """
        if not names:
            return self
        columns = [self.particles.features[:, self.spec.particles.index(name)].numpy() for name in names]
        event = self.particles.event_of_particle.numpy()
        places = np.lexsort((*(-column for column in reversed(columns)), event))
        if np.array_equal(places, np.arange(len(places))):
            return self
        order = torch.from_numpy(places)
        return dataclasses.replace(
            self,
            particles=PackedSet(self.particles.features.index_select(0, order), self.particles.offsets),
            vertex=self.vertex.index_select(0, order),
        )

    def batch(self, events: Tensor) -> VertexedBatch:
        """The events numbered by ``events`` (int64, any order, repeats allowed) as one batch."""
        particles = self.particles.choose(events)
        begin = self.particles.offsets[events]
        shift = torch.repeat_interleave(
            begin - particles.offsets[:-1], particles.multiplicity, output_size=particles.n_particles
        )
        source = torch.arange(particles.n_particles, device=shift.device) + shift
        return VertexedBatch(
            _single(particles),
            _single(self.vertices.choose(events)),
            self.vertex.index_select(0, source).long(),
            self.event_features[events].float(),
        )

    def select(self, events: Tensor) -> Self:
        """Some events as a data set of their own."""
        particles = PackedSet(self.vertex[:, None], self.particles.offsets).choose(events)
        return dataclasses.replace(
            self,
            particles=self.particles.choose(events),
            vertices=self.vertices.choose(events),
            vertex=particles.features[:, 0],
            event_features=self.event_features[events],
        )

    def __getitem__(self, which: slice | NDArray[Any]) -> Self:
        """Events by slice, boolean mask or integer array, as a data set of their own."""
        return self.select(torch.from_numpy(np.ascontiguousarray(np.arange(len(self))[which])))

    def batches(self, events: int) -> Iterator[VertexedBatch]:
        """All events in order, ``events`` at a time."""
        for begin in range(0, len(self), events):
            end = min(begin + events, len(self))
            first, last = (int(self.particles.offsets[place]) for place in (begin, end))
            yield VertexedBatch(
                _single(self.particles.slice(begin, end)),
                _single(self.vertices.slice(begin, end)),
                self.vertex[first:last].long(),
                self.event_features[begin:end].float(),
            )


def halved(data: VertexedData) -> VertexedData:
    """The same with features of particles and vertices in half precision: half of the memory."""
    return dataclasses.replace(
        data,
        particles=PackedSet(data.particles.features.half(), data.particles.offsets),
        vertices=PackedSet(data.vertices.features.half(), data.vertices.offsets),
    )


def _single(packed: PackedSet) -> PackedSet:
    return PackedSet(packed.features.float(), packed.offsets)


def _joined(parts: Sequence[PackedSet]) -> PackedSet:
    counts = torch.cat([part.multiplicity for part in parts])
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    return PackedSet(torch.cat([part.features for part in parts]), offsets)
