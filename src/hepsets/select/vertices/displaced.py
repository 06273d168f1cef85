"""Displaced vertices: built up from pairs of tracks, the largest first, until no pair is left.

As LCFIPlus does (T. Suehara, T. Tanabe, Nucl. Instrum. Meth. A 808 (2016) 109, section 3.3): pairs that fit
are seeds, to which the tracks that fit best are attached one by one. Where a c hadron flies on from the
vertex of a b hadron, what does not fit the first vertex makes the second.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.select.vertices.approach import APPROACH, approach
from hepsets.select.vertices.fit import FAILED, add, fit_vertex, miss, solve, start
from hepsets.select.vertices.found import DISPLACED, momentum_and_mass, put_down
from hepsets.select.vertices.tracks import D0, Z0

Array = NDArray[np.float64]
Places = NDArray[np.int64]

CURVED = 20.0
"""Before the curvature is taken into account the χ² of a pair may be so much larger."""


class Primary(NamedTuple):
    """The primary vertex: ``point`` [cm], shape ``(3,)``, and ``covariance``, shape ``(6,)``."""

    point: Array
    covariance: Array


class Seeds(NamedTuple):
    """Pairs of tracks with a common point: ``pairs``, shape ``(n_pairs, 2)``, ``points`` [cm], and their
    ``order``.
    """

    pairs: Places
    points: Array
    order: Places


@kernel
def significance(point: Array, covariance: Array, primary: Primary) -> float:
    """χ² of three degrees of freedom by which a vertex is away from the primary one, by both covariances."""
    other = primary.covariance
    xx, xy, yy = covariance[0] + other[0], covariance[1] + other[1], covariance[2] + other[2]
    xz, yz, zz = covariance[3] + other[3], covariance[4] + other[4], covariance[5] + other[5]
    x, y, z = point[0] - primary.point[0], point[1] - primary.point[1], point[2] - primary.point[2]
    m_xx, m_xy, m_xz = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - yy * xz
    m_yy, m_yz, m_zz = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    total = x * x * m_xx + y * y * m_yy + z * z * m_zz + 2.0 * (x * y * m_xy + x * z * m_xz + y * z * m_yz)
    return float(total / (xx * m_xx + xy * m_xy + xz * m_xz))


@kernel
def is_away(point: Array, covariance: Array, primary: Primary, config: Record) -> bool:
    """Whether a vertex lies at a distance from the primary one that a heavy hadron may fly."""
    x, y, z = point[0] - primary.point[0], point[1] - primary.point[1], point[2] - primary.point[2]
    distance = math.sqrt(x * x + y * y + z * z)
    if not config.min_distance < distance < config.max_distance:
        return False
    return bool(significance(point, covariance, primary) > config.min_significance)


@kernel
def find_seeds(
    tracks: Array, free: NDArray[np.bool_], primary: Primary, config: Record, seen: NDArray[np.void]
) -> Seeds:
    """Pairs of free tracks that fit a point away from the primary vertex and fly away from it.

    Parameters
    ----------
    tracks, free
        Rows of one event, shape ``(n, 21)``, and which may be used.
    primary
        The primary vertex.
    config
        Record of a :class:`hepsets.select.vertices.config.DisplacedConfig`.
    seen
        Room for ``n`` records :data:`hepsets.select.vertices.approach.APPROACH`.
    """
    x, y, z = primary.point[0], primary.point[1], primary.point[2]
    places = np.flatnonzero(free)
    most = len(places) * (len(places) - 1) // 2
    pairs, points, chi2s = np.empty((most, 2), dtype=np.int64), np.empty((most, 3)), np.empty(most)
    n_pairs, covariance, no_beam = 0, np.empty(6), np.zeros(6)
    normal, step = np.empty(10), np.empty(3)
    for i in places:
        approach(tracks[i], x, y, z, seen[i])
    for a in range(len(places)):
        for b in range(a):
            i, j = places[a], places[b]
            pair, point = pairs[n_pairs], points[n_pairs]
            pair[0], pair[1] = i, j
            # all tracks linearised at the primary vertex: good enough to turn most pairs down
            start(normal, no_beam, x, y, z)
            add(normal, seen[i], 1.0)
            add(normal, seen[j], 1.0)
            chi2 = solve(normal, step, covariance)
            if chi2 == FAILED or chi2 > config.max_pair_chi2 + CURVED:
                continue
            forward = 0.0
            for k in pair:
                forward += step[0] * seen[k].cosine + step[1] * seen[k].sine + step[2] * seen[k].slope
            if forward < 0.0:
                continue
            for k in range(3):
                point[k] = primary.point[k] + step[k]
            chi2 = fit_vertex(tracks, pair, no_beam, point, covariance)
            if chi2 != FAILED and chi2 < config.max_pair_chi2 and is_away(point, covariance, primary, config):
                chi2s[n_pairs] = chi2
                n_pairs += 1
    return Seeds(pairs[:n_pairs], points[:n_pairs], np.argsort(chi2s[:n_pairs]))


@kernel
def grow(
    tracks: Array,
    free: NDArray[np.bool_],
    members: Places,
    point: Array,
    config: Record,
    seen: NDArray[np.void],
) -> tuple[int, float]:
    """Attach tracks to a vertex, the best one first, while they fit; all are linearised at the pair's point.

    Parameters
    ----------
    tracks, free
        Rows of one event, shape ``(n, 21)``, and which may be attached.
    members
        Shape ``(n,)``; the first two are the pair to begin with, filled with more.
    point
        That of the pair [cm], shape ``(3,)``.
    config
        Record of a :class:`hepsets.select.vertices.config.DisplacedConfig`.
    seen
        Room for ``n`` records :data:`hepsets.select.vertices.approach.APPROACH`.

    Returns
    -------
    n_members, chi2
    """
    n_members = 2
    left = free.copy()
    normal, step, covariance = np.empty(10), np.empty(3), np.empty(6)
    start(normal, np.zeros(6), point[0], point[1], point[2])
    for i in range(len(tracks)):
        if free[i]:
            approach(tracks[i], point[0], point[1], point[2], seen[i])
    for member in members[:2]:
        add(normal, seen[member], 1.0)
        left[member] = False
    chi2 = solve(normal, step, covariance)
    while True:
        best, smallest = -1, config.max_track_chi2
        for i in range(len(tracks)):
            if left[i]:
                missed = miss(seen[i], step, covariance, 1.0)
                if missed < smallest:
                    best, smallest = i, missed
        if best < 0:
            return n_members, chi2
        left[best] = False
        add(normal, seen[best], 1.0)
        new_chi2 = solve(normal, step, covariance)
        if new_chi2 == FAILED or new_chi2 > config.max_vertex_chi2 * (2 * n_members - 1):
            add(normal, seen[best], -1.0)
            solve(normal, step, covariance)
            continue
        members[n_members] = best
        n_members += 1
        chi2 = new_chi2


@kernel
def largest(
    tracks: Array,
    free: NDArray[np.bool_],
    seeds: Seeds,
    config: Record,
    seen: NDArray[np.void],
    members: Places,
    point: Array,
) -> int:
    """Grow every seed and keep the vertex with most tracks, or the best χ² of several such.

    ``members``, shape ``(n,)``, and ``point``, shape ``(3,)``, are filled with its tracks and its place;
    the number of its tracks is returned, 0 if there is no seed.
    """
    n = len(tracks)
    trial, together = np.empty(n, dtype=np.int64), np.zeros((n, n), dtype=np.bool_)
    n_best, best_chi2 = 0, math.inf
    for k in seeds.order:
        i, j = seeds.pairs[k, 0], seeds.pairs[k, 1]
        if not (free[i] and free[j]) or together[i, j]:
            continue
        trial[0], trial[1] = i, j
        n_trial, chi2 = grow(tracks, free, trial, seeds.points[k], config, seen)
        for a in range(n_trial):
            for b in range(n_trial):
                together[trial[a], trial[b]] = True
        if n_trial > n_best or (n_trial == n_best and chi2 < best_chi2):
            n_best, best_chi2 = n_trial, chi2
            for a in range(n_trial):
                members[a] = trial[a]
            for a in range(3):
                point[a] = seeds.points[k, a]
    return n_best


@kernel
def find_displaced(
    tracks: Array,
    free: NDArray[np.bool_],
    primary: Primary,
    config: Record,
    vertex: NDArray[np.int16],
    vertices: NDArray[np.void],
    first_place: int,
) -> int:
    """Find the displaced vertices of an event, the largest first.

    Parameters
    ----------
    tracks, free
        Rows of one event, shape ``(n, 21)``, and which may be used; left without those that are.
    primary
        The primary vertex.
    config
        Record of a :class:`hepsets.select.vertices.config.DisplacedConfig`.
    vertex, vertices
        Filled: the place of each track's vertex, shape ``(n,)``, and records
        :data:`hepsets.select.vertices.found.VERTEX` from ``first_place`` on.

    Returns
    -------
    n_found
    """
    n = len(tracks)
    for i in range(n):
        height = abs(tracks[i, Z0] - primary.point[2])
        free[i] = free[i] and abs(tracks[i, D0]) < config.max_d0 and height < config.max_height
    seen, members = np.empty(n, dtype=APPROACH), np.empty(n, dtype=np.int64)
    seeds = find_seeds(tracks, free, primary, config, seen)
    point, covariance, no_beam, n_found = np.empty(3), np.empty(6), np.zeros(6), 0
    refused = np.zeros(n, dtype=np.bool_)
    while True:
        n_members = largest(tracks, free, seeds, config, seen, members, point)
        if n_members == 0:
            break
        own = members[:n_members]
        chi2 = fit_vertex(tracks, own, no_beam, point, covariance)
        mass = momentum_and_mass(tracks, own, point)[3]
        if chi2 == FAILED or not is_away(point, covariance, primary, config) or mass > config.max_mass:
            refused[own[0]] = True  # without its first track the others may have a vertex
            free[own[0]] = False
            continue
        place = first_place + n_found
        put_down(vertices[place], point, covariance, chi2, 2 * n_members - 3, n_members, mass, DISPLACED)
        n_found += 1
        for i in own:
            vertex[i] = place
            free[i] = False
    for i in range(n):
        free[i] = free[i] or refused[i]
    return n_found
