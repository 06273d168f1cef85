"""Reconstructed events with vertices: particles, vertices, and which particle belongs to which vertex."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.parquet import TableWriter, arrow_table, iter_row_groups
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.purpose import Purpose
from hepsets.core.screen import column_lines, on_screen

NO_VERTEX = -1
"""``vertex`` of a particle that belongs to none."""


@dataclass(frozen=True, eq=False)
class VertexedEvents:
    """Particles and vertices of many events.

    Parameters
    ----------
    particles
        The particles, and the event columns. ``vertex``, an integer per particle, is the place of its vertex
        among those of its event, from 0, or :data:`NO_VERTEX`.
    vertices
        The vertices of the same events, without event columns. An event may have none.

    Raises
    ------
    InputError
        For unlike numbers of events, event columns of vertices, a missing column ``vertex``, or one that
        names a vertex that its event does not have.

    Examples
    --------
    >>> import numpy as np
    >>> particles = ParticleSets({"px": np.ones(3), "vertex": np.array([0, 0, -1])}, [0, 2, 3])
    >>> vertices = ParticleSets({"z": np.array([0.1])}, [0, 1, 1])
    >>> events = VertexedEvents(particles, vertices)
    >>> len(events), events.vertex_row.tolist(), len(events[1:].vertices.particles["z"])
    (2, [0, 0, -1], 0)
    """

    particles: ParticleSets
    vertices: ParticleSets

    def __post_init__(self) -> None:
        if len(self.particles) != len(self.vertices):
            raise InputError(
                f"vertices of {len(self.vertices)} events beside particles of {len(self.particles)}",
                "those of the same events",
            )
        if self.vertices.columns:
            raise InputError(
                f"event columns {', '.join(self.vertices.columns)} of vertices", "event columns of particles"
            )
        vertex = self.particles.particles.get("vertex")
        if vertex is None or vertex.dtype.kind != "i":
            raise InputError("no column 'vertex' of integers", "the place of each particle's vertex, or -1")
        limit = np.repeat(self.vertices.multiplicity, self.particles.multiplicity)
        bad = np.flatnonzero((vertex < NO_VERTEX) | (vertex >= limit))
        if len(bad):
            event = self.particles.event_of_particle[bad[0]]
            raise InputError(
                f"vertex {vertex[bad[0]]} of a particle in event {event}, which has {limit[bad[0]]}",
                "its place among the vertices of its event, from 0, or -1 for none",
            )

    def __repr__(self) -> str:
        """Numbers of events, particles and vertices, and what the event columns hold."""
        parts = (("particles", self.particles), ("vertices", self.vertices))
        return on_screen(
            (
                f"VertexedEvents: {len(self):,} events",
                *(f"{part.n_particles:,} {name}: {', '.join(part.particles)}" for name, part in parts),
                *column_lines(self.columns),
            )
        )

    def __len__(self) -> int:
        return len(self.particles)

    @property
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """The event columns, of shapes ``(n_events, ...)``."""
        return self.particles.columns

    @property
    def purpose(self) -> Purpose | None:
        """What the events are for, if that is settled."""
        return self.particles.purpose

    @property
    def vertex_row(self) -> NDArray[np.int64]:
        """Place of each particle's vertex among the vertices of all events, or :data:`NO_VERTEX`; shape
        ``(n_particles,)``.
        """
        vertex = self.particles.particles["vertex"].astype(np.int64)
        start = np.repeat(self.vertices.offsets[:-1], self.particles.multiplicity)
        return np.where(vertex == NO_VERTEX, NO_VERTEX, vertex + start)

    def valid(self) -> Self:
        """Without the particles and vertices that a column ``is_valid`` marks as no numbers, or never fitted.

        A particle of a vertex that is left out belongs to none. Events stay, even empty ones.
        """
        kept, fitted = (
            np.asarray(one.particles.get("is_valid", np.ones(one.n_particles)), dtype=bool)
            for one in (self.particles, self.vertices)
        )
        if kept.all() and fitted.all():
            return self
        row, before = self.vertex_row, np.concatenate([[0], np.cumsum(fitted)])
        first = np.repeat(before[self.vertices.offsets[:-1]], self.particles.multiplicity)
        belongs = (row != NO_VERTEX) & np.append(fitted, False)[row]
        vertex = np.where(belongs, before[row] - first, NO_VERTEX)
        columns = dict(self.particles.particles)
        columns["vertex"] = vertex.astype(columns["vertex"].dtype)
        particles = dataclasses.replace(self.particles, particles=columns)
        return type(self)(particles.select_particles(kept), self.vertices.select_particles(fitted))

    def __getitem__(self, which: slice | NDArray[Any]) -> Self:
        """Events by slice, boolean mask or integer array; all that belongs to them comes along."""
        return type(self)(self.particles[which], self.vertices[which])

    def with_columns(self, **columns: NDArray[Any]) -> Self:
        """The same events with event columns added or replaced, of shapes ``(n_events, ...)``."""
        return type(self)(self.particles.with_columns(**columns), self.vertices)

    def used_for(self, purpose: Purpose) -> Self:
        """The same events, for a purpose.

        Raises
        ------
        InputError
            If they serve another one already, see :meth:`hepsets.core.ragged.RaggedTable.used_for`.
        """
        return type(self)(self.particles.used_for(purpose), self.vertices)

    def held_out(self, which: NDArray[np.int64]) -> Self:
        """Training events, by places of shape ``(n_chosen,)``, that become validation events, see
        :meth:`hepsets.core.ragged.RaggedTable.held_out`.

        Raises
        ------
        InputError
            If these are events for something else than training.
        """
        return type(self)(self.particles.held_out(which), self.vertices[which])

    @staticmethod
    def concatenate(parts: Sequence[VertexedEvents]) -> VertexedEvents:
        """Join tables end to end.

        Raises
        ------
        InputError
            For no table, or unless all have the same columns and one purpose.
        """
        return VertexedEvents(
            ParticleSets.concatenate([part.particles for part in parts]),
            ParticleSets.concatenate([part.vertices for part in parts]),
        )


# -- parquet ---------------------------------------------------------------------------------------


def read_vertexed_events(path: str | Path) -> VertexedEvents:
    """Read a file that :func:`write_vertexed_events` made.

    Raises
    ------
    InputError
        For anything that is not a readable file of particles and vertices.
    """
    return VertexedEvents.concatenate(list(iter_vertexed_events(path)))


def iter_vertexed_events(path: str | Path) -> Iterator[VertexedEvents]:
    """Yield the events of a file, one table per row group; memory does not grow with the file.

    Raises
    ------
    InputError
        As :func:`read_vertexed_events`.
    """
    for table in iter_row_groups(path):
        yield _from_arrow(table, str(path))


def write_vertexed_events(
    parts: VertexedEvents | Iterator[VertexedEvents],
    path: str | Path,
    *,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write events as parquet, whole or not at all: lists ``particles`` and ``vertices``, and event columns.

    Parameters
    ----------
    parts
        The events, at once or table by table.
    path
        Where they shall stand.
    metadata
        Provenance, for the schema of the file.
    """
    with TableWriter(path, metadata=metadata) as writer:
        for part in [parts] if isinstance(parts, VertexedEvents) else parts:
            writer.write_table(_to_arrow(part))


def _to_arrow(events: VertexedEvents) -> pa.Table:
    table = events.particles.to_arrow()
    vertices = arrow_table(events.vertices.particles, events.vertices.offsets, {})
    field = vertices.schema.field("particles").with_name("vertices")
    return table.add_column(1, field, vertices.column("particles"))


def _from_arrow(table: pa.Table, source: str) -> VertexedEvents:
    if "vertices" not in table.column_names:
        raise InputError(
            f"{source} has columns {table.column_names}", "lists 'particles' and 'vertices'",
            "write it with hepsets",
        )  # fmt: skip
    try:
        return VertexedEvents(
            ParticleSets.from_arrow(table.drop_columns(["vertices"]), source=source).validate(),
            ParticleSets.from_arrow(
                table.select(["vertices"]).rename_columns(["particles"]), source=source
            ).validate("vertex column"),
        )
    except InputError as error:
        raise error.within(source) from error
