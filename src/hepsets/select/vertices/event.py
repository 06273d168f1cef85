"""Whole events: from what a detector saw to particles and vertices, in one call."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.kernel import Record, as_record, kernel
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.reconstructed import FROM_B, FROM_C_OF_B, FROM_PRIMARY
from hepsets.core.vertexed_events import NO_VERTEX, VertexedEvents
from hepsets.select.vertices.axis import BATCH, with_thrust
from hepsets.select.vertices.config import VertexingConfig
from hepsets.select.vertices.displaced import Primary, find_displaced
from hepsets.select.vertices.found import PRIMARY, VERTEX, momentum_and_mass, put_down
from hepsets.select.vertices.leftovers import claim_shared, find_singles
from hepsets.select.vertices.primary import find_primary, misses
from hepsets.select.vertices.seeded import fit_groups, group_by_origin
from hepsets.select.vertices.tracks import track_rows
from hepsets.select.vertices.v0 import find_v0s

Array = NDArray[np.float64]

TRUE_POINT = ("true_x", "true_y", "true_z")
"""Columns of true production points [cm]: seeded vertices are made of them, events do not keep them."""


def vertexed(
    seen: ParticleSets, *, vertices: Literal["seeded", "found"], config: VertexingConfig | None = None
) -> VertexedEvents:
    """Events with vertices and thrust axis.

    Parameters
    ----------
    seen
        What a detector saw: momenta, helices with covariances, kinds; for seeded vertices also the truth:
        ``origin`` and :data:`TRUE_POINT`.
    vertices
        ``found``: by the finder alone. ``seeded``: the tracks of each true production point, fitted.
    config
        Settings; the defaults are meant for FCC-ee at the Z pole.

    Returns
    -------
    events
        Particles in their order, with ``vertex``; vertices with position and covariance [cm], ``chi2``,
        ``ndf``, ``n_tracks``, ``mass`` [GeV], ``kind`` and, where the truth is known, ``origin``; event
        columns with ``thrust …``. The primary vertex comes first; without tracks it is the beam spot. Found
        vertices of a single track lie where it crosses a line of flight, with one degree of freedom.

    Raises
    ------
    InputError
        For missing columns and numbers that are not finite.
    """
    config = VertexingConfig() if config is None else config
    wanted = ["is_track", *(("origin", *TRUE_POINT) if vertices == "seeded" else ())]
    missing = [name for name in wanted if name not in seen.particles]
    if missing:
        raise InputError(
            f"no column {', '.join(missing)}", "the truth that seeded vertices are made of", "take found ones"
        )
    seen.validate()
    places = range(0, len(seen), BATCH)
    parts = [_with_vertices(seen[begin : begin + BATCH], vertices, config) for begin in places]
    vertex, found, counts = (np.concatenate(column) for column in zip(*parts, strict=True))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    columns = {name: np.ascontiguousarray(found[name]) for name in found.dtype.names or ()}
    if "origin" in seen.particles:
        columns["origin"] = true_origin(vertex, seen, offsets, columns["kind"])
    seen = with_thrust(seen, config.axis)
    particles = {name: column for name, column in seen.particles.items() if name not in TRUE_POINT}
    return VertexedEvents(
        ParticleSets({**particles, "vertex": vertex}, seen.offsets, seen.columns, seen.purpose),
        ParticleSets(columns, offsets),
    )


def _with_vertices(seen: ParticleSets, vertices: Literal["seeded", "found"], config: VertexingConfig) -> Any:
    """Of each particle its vertex; records of vertices; their number in each event."""
    rows, is_track = track_rows(seen.particles), seen.particles["is_track"].astype(np.bool_)
    beam, v0 = config.beam.constraint, as_record(config.v0)
    if vertices == "found":
        settings = as_record(config.primary), v0, as_record(config.displaced)
        return _find(rows, is_track, seen.offsets, beam, *settings)
    points = np.stack([seen.particles[name] for name in TRUE_POINT], axis=1).astype(np.float64)
    return _seed(rows, points, seen.particles["origin"], is_track, seen.offsets, beam, v0)


def true_origin(
    vertex: NDArray[np.int16], seen: ParticleSets, offsets: NDArray[np.int64], kind: NDArray[np.int8]
) -> NDArray[np.int8]:
    """Where most tracks of each vertex come from, shape ``(n_vertices,)``; -1 for a fake.

    Tracks of a b hadron and of the c hadron that it decayed to are of one chain: together they can be most,
    and then the more frequent of the two is the origin. Fake is a vertex without a majority, and one that
    is not the primary one but of primary tracks.
    """
    used = vertex != NO_VERTEX
    place = vertex[used] + offsets[seen.event_of_particle[used]]
    votes = np.zeros((len(kind), 6), dtype=np.int64)
    np.add.at(votes, (place, seen.particles["origin"][used]), 1)
    chain = votes[:, FROM_B] + votes[:, FROM_C_OF_B]
    merged = votes.copy()
    of_b = votes[:, FROM_B] >= votes[:, FROM_C_OF_B]
    merged[:, FROM_B] = np.where(of_b, chain, 0)
    merged[:, FROM_C_OF_B] = np.where(of_b, 0, chain)
    origin = np.argmax(merged, axis=1)
    majority = 2 * merged.max(axis=1, initial=0) > votes.sum(axis=1)
    genuine = majority & ((origin != FROM_PRIMARY) | (kind == PRIMARY))
    return np.where(genuine, origin, -1).astype(np.int8)


@kernel
def _find_in_event(
    tracks: Array,
    is_track: NDArray[np.bool_],
    beam: Array,
    primary_config: Record,
    v0_config: Record,
    displaced_config: Record,
    vertex: NDArray[np.int16],
    vertices: NDArray[np.void],
) -> int:
    """Find the vertices of one event; return their number."""
    primary = Primary(np.empty(3), np.empty(6))
    inside, free, missed = is_track.copy(), is_track.copy(), np.empty(len(tracks))
    chi2 = find_primary(tracks, inside, beam, primary_config, primary.point, primary.covariance)
    misses(tracks, is_track, inside, primary.point, primary.covariance, missed)
    n_found = 1 + find_v0s(tracks, missed, free, primary.point, v0_config, vertex, vertices, 1)
    taken = False
    for i in range(len(tracks)):
        if inside[i] and not free[i]:
            inside[i], taken = False, True
    if taken:
        chi2 = find_primary(tracks, inside, beam, primary_config, primary.point, primary.covariance)
    for i in range(len(tracks)):
        free[i] = free[i] and not inside[i]
    n_v0s = n_found
    n_found += find_displaced(tracks, free, primary, displaced_config, vertex, vertices, n_found)
    places = (n_v0s, n_found)
    if claim_shared(tracks, missed, inside, primary, displaced_config, vertex, vertices, places):
        chi2 = find_primary(tracks, inside, beam, primary_config, primary.point, primary.covariance)
    n_found += find_singles(tracks, free, primary, displaced_config, vertex, vertices, places)
    members = np.flatnonzero(inside)
    n = len(members)
    mass = momentum_and_mass(tracks, members, primary.point)[3]
    put_down(vertices[0], primary.point, primary.covariance, chi2, 2 * n, n, mass, PRIMARY)
    for member in members:
        vertex[member] = 0
    return n_found


@kernel
def _find(
    tracks: Array,
    is_track: NDArray[np.bool_],
    offsets: NDArray[np.int64],
    beam: Array,
    primary: Record,
    v0: Record,
    displaced: Record,
) -> Any:
    vertex = np.full(len(tracks), NO_VERTEX, dtype=np.int16)
    vertices = np.zeros(len(tracks) + len(offsets), dtype=VERTEX)
    counts = np.zeros(len(offsets) - 1, dtype=np.int64)
    total = 0
    for event in range(len(counts)):
        own = slice(offsets[event], offsets[event + 1])
        counts[event] = _find_in_event(
            tracks[own], is_track[own], beam, primary, v0, displaced, vertex[own], vertices[total:]
        )
        total += counts[event]
    return vertex, vertices[:total], counts


@kernel
def _seed(
    tracks: Array,
    points: Array,
    origin: NDArray[np.int8],
    is_track: NDArray[np.bool_],
    offsets: NDArray[np.int64],
    beam: Array,
    v0: Record,
) -> Any:
    vertex = np.full(len(tracks), NO_VERTEX, dtype=np.int16)
    vertices = np.zeros(len(tracks) + len(offsets), dtype=VERTEX)
    counts = np.zeros(len(offsets) - 1, dtype=np.int64)
    total = 0
    group = np.empty(len(tracks), dtype=np.int64)
    for event in range(len(counts)):
        own = slice(offsets[event], offsets[event + 1])
        n_groups = group_by_origin(points[own], origin[own], is_track[own], group[own])
        counts[event] = fit_groups(
            tracks[own], points[own], group[own], n_groups, beam, v0, vertex[own], vertices[total:]
        )
        total += counts[event]
    return vertex, vertices[:total], counts
