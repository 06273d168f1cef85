"""K_S, Λ and photon conversions: pairs of opposite charge that fly away from the primary vertex."""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.core.masses import M_E, M_P, M_PI
from hepsets.select.vertices.approach import momentum_from, plain_momentum, turn_to
from hepsets.select.vertices.fit import FAILED, fit_vertex
from hepsets.select.vertices.found import CONVERSION, K_SHORT, LAMBDA, put_down
from hepsets.select.vertices.tracks import D0, OMEGA, PHI, TAN_LAMBDA, Z0

Array = NDArray[np.float64]
Momentum: TypeAlias = tuple[float, float, float]

WIDER = 0.02
"""Before the fit the mass windows are so much wider [GeV]."""
MAX_GAP = 0.5
"""Tracks that are farther apart [cm] where their circles meet have no common vertex."""
SAME_ANGLE = 0.03
"""The pair of a photon differs in polar angle [rad] by less."""


class Hypothesis(NamedTuple):
    """What a pair may be: a ``kind`` of vertex, or -1, and its ``mass`` [GeV]."""

    kind: int
    mass: float


@kernel
def crossing(first: Array, second: Array, point: Array) -> float:
    """Where the circles of two tracks meet, or are closest; of two such points that with the smaller gap in
    z.

    Parameters
    ----------
    first, second
        Rows of :func:`hepsets.select.vertices.tracks.track_rows`, of curved tracks.
    point
        Filled with the point [cm], shape ``(3,)``.

    Returns
    -------
    gap
        Distance [cm] of the tracks there.
    """
    k_1, k_2 = 1.0 / first[OMEGA] - first[D0], 1.0 / second[OMEGA] - second[D0]
    r_1, r_2 = abs(1.0 / first[OMEGA]), abs(1.0 / second[OMEGA])
    x_1, y_1 = k_1 * math.sin(first[PHI]), -k_1 * math.cos(first[PHI])
    dx, dy = k_2 * math.sin(second[PHI]) - x_1, -k_2 * math.cos(second[PHI]) - y_1
    distance = math.sqrt(dx * dx + dy * dy)
    if not distance > 0.0:
        return math.inf
    along = (distance * distance + r_1 * r_1 - r_2 * r_2) / (2.0 * distance)
    height2, miss = r_1 * r_1 - along * along, 0.0
    if height2 < 0.0:  # they do not cut each other
        height2 = 0.0
        if distance > r_1 + r_2:
            miss = distance - r_1 - r_2
            along = r_1 + 0.5 * miss
        else:
            miss = abs(r_1 - r_2) - distance
            along = math.copysign(r_1, r_1 - r_2)
    height = math.sqrt(height2)
    best = math.inf
    for side in (-1.0, 1.0):
        x = x_1 + (along * dx - side * height * dy) / distance
        y = y_1 + (along * dy + side * height * dx) / distance
        z_1 = first[Z0] + turn_to(first, x, y).path * first[TAN_LAMBDA]
        z_2 = second[Z0] + turn_to(second, x, y).path * second[TAN_LAMBDA]
        gap = math.sqrt((z_1 - z_2) * (z_1 - z_2) + miss * miss)
        if gap < best:
            best = gap
            point[0], point[1], point[2] = x, y, 0.5 * (z_1 + z_2)
        if height == 0.0:
            break
    return best


@kernel
def pair_mass(m_1: float, p_1: Momentum, m_2: float, p_2: Momentum) -> float:
    """Mass [GeV] of two particles of given masses and momenta."""
    energy = math.sqrt(m_1 * m_1 + p_1[0] ** 2 + p_1[1] ** 2 + p_1[2] ** 2)
    energy += math.sqrt(m_2 * m_2 + p_2[0] ** 2 + p_2[1] ** 2 + p_2[2] ** 2)
    px, py, pz = p_1[0] + p_2[0], p_1[1] + p_2[1], p_1[2] + p_2[2]
    return math.sqrt(max(0.0, energy * energy - px * px - py * py - pz * pz))


@kernel
def hypothesis(
    p_1: Momentum, p_2: Momentum, point: Array, primary: Array, config: Record, wider: float
) -> Hypothesis:
    """What a pair may be, by its momenta [GeV] at the vertex and its flight from the primary vertex [cm].

    The proton of a Λ is the faster one. ``wider`` [GeV] is added to both sides of the mass windows.
    """
    x, y, z = point[0] - primary[0], point[1] - primary[1], point[2] - primary[2]
    px, py, pz = p_1[0] + p_2[0], p_1[1] + p_2[1], p_1[2] + p_2[2]
    distance = math.sqrt(x * x + y * y + z * z)
    cosine = (x * px + y * py + z * pz) / (distance * math.sqrt(px * px + py * py + pz * pz))
    if not (distance > config.min_distance and cosine > config.min_cosine):
        return Hypothesis(-1, 0.0)
    if distance > config.photon_min_distance and cosine > config.photon_min_cosine:
        mass = pair_mass(M_E, p_1, M_E, p_2)
        if mass < config.photon_high + wider:
            return Hypothesis(CONVERSION, mass)
    mass = pair_mass(M_PI, p_1, M_PI, p_2)
    if config.k_short_low - wider < mass < config.k_short_high + wider:
        return Hypothesis(K_SHORT, mass)
    if p_1[0] ** 2 + p_1[1] ** 2 + p_1[2] ** 2 > p_2[0] ** 2 + p_2[1] ** 2 + p_2[2] ** 2:
        mass = pair_mass(M_P, p_1, M_PI, p_2)
    else:
        mass = pair_mass(M_PI, p_1, M_P, p_2)
    if config.lambda_low - wider < mass < config.lambda_high + wider:
        return Hypothesis(LAMBDA, mass)
    return Hypothesis(-1, 0.0)


@kernel
def fit_v0(
    tracks: Array, pair: NDArray[np.int64], primary: Array, config: Record, point: Array, covariance: Array
) -> tuple[float, Hypothesis]:
    """Fit a pair and tell what it may be.

    Parameters
    ----------
    tracks
        Rows of one event, shape ``(n, 21)``.
    pair
        Two of them.
    primary
        The primary vertex [cm], shape ``(3,)``.
    config
        Record of a :class:`hepsets.select.vertices.config.V0Config`.
    point, covariance
        Filled as in :func:`hepsets.select.vertices.fit.fit_vertex`.

    Returns
    -------
    chi2, hypothesis
        Of one degree of freedom; ``kind`` -1 if it is no V0.
    """
    nothing = Hypothesis(-1, 0.0)
    first, second = tracks[pair[0]], tracks[pair[1]]
    gap = crossing(first, second, point)
    if not gap < MAX_GAP or point[0] ** 2 + point[1] ** 2 > config.max_radius**2:
        return FAILED, nothing
    x, y = point[0], point[1]
    what = hypothesis(
        plain_momentum(first, x, y), plain_momentum(second, x, y), point, primary, config, WIDER
    )
    if what.kind < 0:
        return FAILED, nothing
    chi2 = fit_vertex(tracks, pair, np.zeros(6), point, covariance)
    if chi2 == FAILED or chi2 > config.max_chi2:
        return FAILED, nothing
    p_1 = momentum_from(first, point[0], point[1], point[2])
    p_2 = momentum_from(second, point[0], point[1], point[2])
    return chi2, hypothesis(p_1, p_2, point, primary, config, 0.0)


@kernel
def may_be_v0(first: Array, second: Array, smaller_miss: float, min_miss: float) -> bool:
    """Whether two tracks are worth a fit: of opposite charge, and both miss the primary vertex or, as the
    pair of a photon, have about one polar angle.
    """
    if first[OMEGA] * second[OMEGA] >= 0.0:
        return False
    difference = abs(first[TAN_LAMBDA] - second[TAN_LAMBDA])
    return smaller_miss > min_miss or difference < SAME_ANGLE * (1.0 + first[TAN_LAMBDA] ** 2)


@kernel
def find_v0s(
    tracks: Array,
    miss: Array,
    free: NDArray[np.bool_],
    primary: Array,
    config: Record,
    vertex: NDArray[np.int16],
    vertices: NDArray[np.void],
    first_place: int,
) -> int:
    """Find the V0s of an event; of two that share a track the one with the smaller χ² stays.

    Parameters
    ----------
    tracks
        Rows of one event, shape ``(n, 21)``.
    miss
        χ² by which each misses the primary vertex, shape ``(n,)``.
    free
        Which tracks may be used, shape ``(n,)``; left without those of V0s.
    primary, config
        See :func:`fit_v0`.
    vertex, vertices
        Filled: the place of each track's vertex, shape ``(n,)``, and records
        :data:`hepsets.select.vertices.found.VERTEX` from ``first_place`` on.

    Returns
    -------
    n_found
    """
    n = len(tracks)
    pairs, chi2s = np.empty((n * n // 2, 2), dtype=np.int64), np.empty(n * n // 2)
    point, covariance, n_pairs = np.empty(3), np.empty(6), 0
    pair = np.empty(2, dtype=np.int64)
    for i in range(n):
        for j in range(i):
            smaller = min(miss[i], miss[j])
            if not (free[i] and free[j]) or not may_be_v0(tracks[i], tracks[j], smaller, config.min_miss):
                continue
            pair[0], pair[1] = i, j
            chi2, what = fit_v0(tracks, pair, primary, config, point, covariance)
            if what.kind < 0 or (what.kind != CONVERSION and smaller < config.min_miss):
                continue
            pairs[n_pairs, 0], pairs[n_pairs, 1] = i, j
            chi2s[n_pairs] = chi2
            n_pairs += 1
    n_found = 0
    for k in np.argsort(chi2s[:n_pairs]):
        i, j = pairs[k, 0], pairs[k, 1]
        if free[i] and free[j]:
            chi2, what = fit_v0(tracks, pairs[k], primary, config, point, covariance)
            place = first_place + n_found
            put_down(vertices[place], point, covariance, chi2, 1, 2, what.mass, what.kind)
            vertex[i], vertex[j] = place, place
            free[i], free[j] = False, False
            n_found += 1
    return n_found
