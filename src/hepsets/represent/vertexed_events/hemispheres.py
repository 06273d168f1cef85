"""Events cut in two by the plane across their thrust axis: each hemisphere an event of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import NO_VERTEX, VertexedEvents
from hepsets.represent.vertexed_events.geometry import Geometry


def hemispheres(events: VertexedEvents) -> VertexedEvents:
    """Both hemispheres of each event: first the one that the thrust axis points to, then the other.

    The axis of each points to it. The primary vertex belongs to both; other vertices to where their members
    go. A particle whose vertex is in the other hemisphere belongs to none. ``quark_cos``, where there is one,
    becomes that of the hemisphere's axis: the quark is where it is positive. Further event columns are those
    of the event; ``hemisphere`` is 0 for the first and 1 for the second. What is marked as not valid is left
    out.

    Parameters
    ----------
    events
        ``n`` events.

    Returns
    -------
    VertexedEvents
        ``2 n`` hemispheres.
    """
    events = events.valid()
    seen = Geometry(events)
    of_particle = 2 * seen.event_of_particle + (seen.side < 0)
    on_both = seen.vertex_side == 0
    of_vertex = 2 * seen.event_of_vertex + (seen.vertex_side < 0)
    rows = np.concatenate([np.arange(len(of_vertex)), np.flatnonzero(on_both)])
    owner = np.concatenate([of_vertex, of_vertex[on_both] + 1])
    order = np.argsort(owner, kind="stable")  # places within the event keep their order
    order = order[np.lexsort((rows[order], owner[order]))]
    rows, owner = rows[order], owner[order]
    vertex_offsets = _offsets(owner, 2 * len(events))
    particle_order = np.argsort(of_particle, kind="stable")
    particles = {name: column[particle_order] for name, column in events.particles.particles.items()}
    place = _places(rows, owner, vertex_offsets, seen, particle_order, of_particle[particle_order])
    particles["vertex"] = place.astype(events.particles.particles["vertex"].dtype)
    sets = ParticleSets(
        particles,
        _offsets(of_particle, 2 * len(events)),
        _columns(events.columns, seen.axis),
        events.purpose,
    )
    vertices = ParticleSets(
        {name: column[rows] for name, column in events.vertices.particles.items()}, vertex_offsets
    )
    return VertexedEvents(sets, vertices)


def _offsets(owner: NDArray[Any], number: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=number))]).astype(np.int64)


def _places(
    rows: NDArray[Any],
    owner: NDArray[Any],
    offsets: NDArray[np.int64],
    seen: Geometry,
    particle_order: NDArray[Any],
    of_particle: NDArray[Any],
) -> NDArray[np.int64]:
    """Place of each particle's vertex in its hemisphere, or none if it is in the other one."""
    n_vertices = len(seen.event_of_vertex)
    new = np.full((n_vertices, 2), NO_VERTEX, dtype=np.int64)  # by vertex and hemisphere
    new[rows, owner % 2] = np.arange(len(rows)) - offsets[owner]
    row = seen.vertex_row[particle_order]
    if not n_vertices:
        return np.full(len(row), NO_VERTEX, dtype=np.int64)
    return np.where(row == NO_VERTEX, NO_VERTEX, new[np.maximum(row, 0), of_particle % 2])


def _columns(columns: Any, axis: NDArray[Any]) -> dict[str, NDArray[Any]]:
    found = {name: np.repeat(column, 2, axis=0) for name, column in columns.items()}
    sign = np.tile([1.0, -1.0], len(axis))
    for place, name in enumerate(("thrust_x", "thrust_y", "thrust_z")):
        found[name] = (np.repeat(axis[:, place], 2) * sign).astype(np.float32)
    if "quark_cos" in columns:
        found["quark_cos"] = (found["quark_cos"] * sign).astype(columns["quark_cos"].dtype)
    found["hemisphere"] = np.tile(np.array([0, 1], dtype=np.int8), len(axis))
    return found
