"""Seeded vertices: the tracks of each true production point, fitted as found vertices are.

What files of simulated events hold whose vertices were seeded from the truth: nothing is missed, and
nothing is mixed up. How much that tells beyond what a vertex finder can know is itself a question.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.core.reconstructed import FROM_PRIMARY
from hepsets.select.vertices.approach import momentum_from
from hepsets.select.vertices.fit import FAILED, fit_vertex
from hepsets.select.vertices.found import DISPLACED, PRIMARY, momentum_and_mass, put_down
from hepsets.select.vertices.tracks import OMEGA
from hepsets.select.vertices.v0 import hypothesis

Array = NDArray[np.float64]
Places = NDArray[np.int64]

SAME_POINT = 3.0e-4
"""Production points that are closer [cm] are one."""
NOWHERE = -1


@kernel
def group_by_origin(
    points: Array, origin: NDArray[np.int8], is_track: NDArray[np.bool_], group: Places
) -> int:
    """Group the tracks of an event by their production points; that of the primary vertex comes first.

    Parameters
    ----------
    points, origin, is_track
        True production points [cm], shape ``(n, 3)``; where each particle comes from, see
        :mod:`hepsets.core.reconstructed`; and whether it is a track, shape ``(n,)``.
    group
        Filled with the number of each track's group, from 0; -1 for what is none.

    Returns
    -------
    n_groups
        At least 1: the first one is that of the primary vertex, even if it has no track.
    """
    n = len(points)
    first = np.empty(n + 1, dtype=np.int64)  # a track of each group
    votes = np.zeros(n + 1, dtype=np.int64)
    n_groups = 1
    for i in range(n):
        group[i] = NOWHERE
        if not is_track[i]:
            continue
        for g in range(1, n_groups):
            other = points[first[g]]
            dx, dy, dz = points[i, 0] - other[0], points[i, 1] - other[1], points[i, 2] - other[2]
            if dx * dx + dy * dy + dz * dz < SAME_POINT * SAME_POINT:
                group[i] = g
                break
        if group[i] == NOWHERE:
            group[i] = n_groups
            first[n_groups] = i
            n_groups += 1
        votes[group[i]] += origin[i] == FROM_PRIMARY
    primary = 0
    for g in range(1, n_groups):
        if votes[g] > votes[primary]:
            primary = g
    if primary > 0:  # the last group takes its place
        for i in range(n):
            if group[i] == primary:
                group[i] = 0
            elif group[i] == n_groups - 1:
                group[i] = primary
        n_groups -= 1
    return n_groups


@kernel
def _kind_and_mass(
    tracks: Array, members: Places, point: Array, primary: Array, config: Record
) -> tuple[int, float]:
    """Kind of a vertex, and its mass [GeV] if it were that."""
    if len(members) == 2 and tracks[members[0], OMEGA] * tracks[members[1], OMEGA] < 0.0:
        p_1 = momentum_from(tracks[members[0]], point[0], point[1], point[2])
        p_2 = momentum_from(tracks[members[1]], point[0], point[1], point[2])
        what = hypothesis(p_1, p_2, point, primary, config, 0.0)
        if what.kind >= 0:
            return what.kind, what.mass
    return DISPLACED, momentum_and_mass(tracks, members, point)[3]


@kernel
def fit_groups(
    tracks: Array,
    points: Array,
    group: Places,
    n_groups: int,
    beam: Array,
    config: Record,
    vertex: NDArray[np.int16],
    vertices: NDArray[np.void],
) -> int:
    """Fit every group of at least two tracks, and, with the beam spot, the first one whatever it has.

    Parameters
    ----------
    tracks, points
        Rows of one event, shape ``(n, 21)``, and true production points [cm], shape ``(n, 3)``.
    group, n_groups
        From :func:`group_by_origin`.
    beam
        See :func:`hepsets.select.vertices.fit.fit_vertex`.
    config
        Record of a :class:`hepsets.select.vertices.config.V0Config`: masses tell K_S, Λ and conversions.
    vertex, vertices
        Filled: the place of each track's vertex, shape ``(n,)``, and records
        :data:`hepsets.select.vertices.found.VERTEX`.

    Returns
    -------
    n_fitted
        Groups whose tracks are parallel have no vertex.
    """
    n_fitted, no_beam = 0, np.zeros(6)
    primary, point, covariance = beam[:3].copy(), np.empty(3), np.empty(6)
    for g in range(n_groups):
        members = np.flatnonzero(group == g)
        if g > 0 and len(members) < 2:
            continue
        for k in range(3):
            point[k] = points[members[0], k] if g > 0 else beam[k]
        chi2 = fit_vertex(tracks, members, beam if g == 0 else no_beam, point, covariance)
        if chi2 == FAILED:
            continue
        if g == 0:
            for k in range(3):
                primary[k] = point[k]
            kind, mass, ndf = PRIMARY, momentum_and_mass(tracks, members, point)[3], 2 * len(members)
        else:
            kind, mass = _kind_and_mass(tracks, members, point, primary, config)
            ndf = 2 * len(members) - 3
        put_down(vertices[n_fitted], point, covariance, chi2, ndf, len(members), mass, kind)
        for member in members:
            vertex[member] = n_fitted
        n_fitted += 1
    return n_fitted
