"""Features of events with vertices as tensors, cut into batches without padding or a step per event."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose, common, demand
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.core.whole_file import whole_file
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


def write_features(data: VertexedData, path: Path) -> None:
    """Write features to one file, half precision where they are logarithms, shares and masks."""
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            particles=data.particles.features.numpy(),
            vertices=data.vertices.features.numpy(),
            events=data.event_features.numpy(),
            particle_offsets=data.particles.offsets.numpy(),
            vertex_offsets=data.vertices.offsets.numpy(),
            vertex=data.vertex.numpy(),
            **{f"{kind}_names": np.array(getattr(data.spec, kind)) for kind in _KINDS},
        )


def read_features(path: Path) -> VertexedData:
    """What :func:`write_features` wrote."""
    with np.load(path, allow_pickle=False) as file:
        spec = InputSpec(*(tuple(map(str, file[f"{kind}_names"])) for kind in _KINDS))
        table = FeatureTable(
            file["particles"],
            file["vertices"],
            file["events"],
            file["particle_offsets"],
            file["vertex_offsets"],
            file["vertex"],
        )
    return VertexedData.of_table(table, spec)


def gather_features(
    paths: Sequence[Path],
    chosen: Sequence[NDArray[np.int64]],
    spec: InputSpec | None = None,
    sort_by: Sequence[str] = (),
) -> VertexedData:
    """Some events of several files as one data set, with no more memory than it needs.

    Parameters
    ----------
    paths
        Files of :func:`write_features`, with the same features.
    chosen
        For each file the numbers of its events, rising, shape ``(n_chosen,)``.
    spec
        The features that are wanted, all by default.
    sort_by
        How the particles of each event are sorted, see :meth:`VertexedData.sorted_by`: to sort them later
        takes the memory once more.
    """
    sizes = np.zeros(2, dtype=np.int64)
    for path, events in zip(paths, chosen, strict=True):
        with np.load(path, allow_pickle=False) as file:
            names = ("particle_offsets", "vertex_offsets")
            sizes += [int(np.diff(file[name])[events].sum()) for name in names]
    result: VertexedData | None = None
    at = np.zeros(3, dtype=np.int64)
    for path, events in zip(paths, chosen, strict=True):
        part = read_features(path)
        part = (part if spec is None else part.seeing(spec)).select(torch.from_numpy(events))
        part = part.sorted_by(sort_by)
        if result is None:
            result = _empty_like(part, int(sizes[0]), int(sizes[1]), sum(map(len, chosen)))
        at = _put(part, result, at)
    assert result is not None  # there is a file
    return result


def _empty_like(part: VertexedData, particles: int, vertices: int, events: int) -> VertexedData:
    def packed(one: PackedSet, members: int) -> PackedSet:
        offsets = torch.zeros(events + 1, dtype=torch.int64)
        return PackedSet(torch.empty(members, one.features.shape[1], dtype=one.features.dtype), offsets)

    return VertexedData(
        part.spec,
        packed(part.particles, particles),
        packed(part.vertices, vertices),
        torch.empty(particles, dtype=part.vertex.dtype),
        torch.empty(events, part.event_features.shape[1], dtype=part.event_features.dtype),
    )


def _put(part: VertexedData, whole: VertexedData, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Copy a part into the whole, from these particles, vertices and events on; where the next one goes."""
    particle, vertex, event = (int(place) for place in at)
    end = particle + part.particles.n_particles, vertex + part.vertices.n_particles, event + len(part)
    whole.particles.features[particle : end[0]] = part.particles.features
    whole.vertex[particle : end[0]] = part.vertex
    whole.vertices.features[vertex : end[1]] = part.vertices.features
    whole.event_features[event : end[2]] = part.event_features
    whole.particles.offsets[event + 1 : end[2] + 1] = part.particles.offsets[1:] + particle
    whole.vertices.offsets[event + 1 : end[2] + 1] = part.vertices.offsets[1:] + vertex
    return np.array(end, dtype=np.int64)


_KINDS = ("particles", "vertices", "events")


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
