"""Tracks beside displaced vertices: some that the primary vertex has taken, and single ones on the way.

LCFIPlus does both (T. Suehara, T. Tanabe, Nucl. Instrum. Meth. A 808 (2016) 109, section 3.3): tracks that
fit a displaced vertex better change to it, and a track that is left over and crosses the line of flight, as
from a c hadron with one charged daughter, makes a vertex of its own.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.core.masses import M_PI
from hepsets.select.vertices.approach import APPROACH, approach
from hepsets.select.vertices.displaced import Primary, is_away
from hepsets.select.vertices.fit import FAILED, add, fit_vertex, miss, solve
from hepsets.select.vertices.found import DISPLACED, momentum_and_mass, put_down, take_up

Array = NDArray[np.float64]
Records = NDArray[np.void]


@kernel
def _is_forward(seen: Record, point: Array, primary: Primary) -> bool:
    """Whether a track flies along with what decays at a point."""
    along = (point[0] - primary.point[0]) * seen.cosine + (point[1] - primary.point[1]) * seen.sine
    return bool(along + (point[2] - primary.point[2]) * seen.slope > 0.0)


@kernel
def _join(
    tracks: Array, i: int, place: int, config: Record, vertex: NDArray[np.int16], vertices: Records
) -> bool:
    """Fit a vertex with one track more; keep it and tell so if it is still a good one."""
    members = np.append(np.flatnonzero(vertex == place), i)
    point, covariance = np.empty(3), np.empty(6)
    take_up(vertices[place], point, covariance)
    chi2, n = fit_vertex(tracks, members, np.zeros(6), point, covariance), len(members)
    if chi2 == FAILED or chi2 > config.max_vertex_chi2 * (2 * n - 3):
        return False
    mass = momentum_and_mass(tracks, members, point)[3]
    if mass > config.max_mass:
        return False
    put_down(vertices[place], point, covariance, chi2, 2 * n - 3, n, mass, DISPLACED)
    vertex[i] = place
    return True


@kernel
def claim_shared(
    tracks: Array,
    missed: Array,
    inside: NDArray[np.bool_],
    primary: Primary,
    config: Record,
    vertex: NDArray[np.int16],
    vertices: Records,
    places: tuple[int, int],
) -> bool:
    """Let tracks change from the primary vertex to displaced ones that they fit better.

    Parameters
    ----------
    tracks, missed
        Rows of one event, shape ``(n, 21)``, and the χ² by which each misses the primary vertex, shape
        ``(n,)``.
    inside
        Which tracks the primary vertex has, shape ``(n,)``; left without those that change.
    primary
        The primary vertex.
    config
        Record of a :class:`hepsets.select.vertices.config.DisplacedConfig`.
    vertex, vertices
        The vertices that were found; kept up to date.
    places
        The displaced ones are from the first to before the second.

    Returns
    -------
    changed
        Whether the primary vertex has lost a track.
    """
    changed = False
    seen, here = np.empty(1, dtype=APPROACH)[0], np.zeros(3)
    point, covariance = np.empty(3), np.empty(6)
    for i in range(len(tracks)):
        if not inside[i] or missed[i] < config.min_shared_miss:
            continue
        best, smallest = -1, min(config.max_track_chi2, missed[i] / config.shared_ratio)
        for place in range(places[0], places[1]):
            take_up(vertices[place], point, covariance)
            approach(tracks[i], point[0], point[1], point[2], seen)
            chi2 = miss(seen, here, covariance, 1.0)
            if chi2 < smallest and _is_forward(seen, point, primary):
                best, smallest = place, chi2
        if best >= 0 and _join(tracks, i, best, config, vertex, vertices):
            inside[i], changed = False, True
    return changed


@kernel
def fit_on_line(track: Array, primary: Primary, config: Record, point: Array, covariance: Array) -> float:
    """Where a track crosses the line from the primary vertex through a point.

    Parameters
    ----------
    track
        A row of :func:`hepsets.select.vertices.tracks.track_rows`, shape ``(21,)``.
    primary, config
        See :func:`claim_shared`.
    point, covariance
        A point of the line [cm], shape ``(3,)``; filled with the crossing and its covariance, shape ``(6,)``.

    Returns
    -------
    chi2
        Of one degree of freedom, or :data:`hepsets.select.vertices.fit.FAILED`.
    """
    x, y, z = point[0] - primary.point[0], point[1] - primary.point[1], point[2] - primary.point[2]
    length = math.sqrt(x * x + y * y + z * z)
    x, y, z = x / length, y / length, z / length
    weight = 1.0 / (config.line_width**2 + (config.line_angle * length) ** 2)
    normal, step, seen = np.empty(10), np.empty(3), np.empty(1, dtype=APPROACH)[0]
    chi2 = FAILED
    off_x, off_y, off_z = 0.0, 0.0, 0.0  # from the line to the point
    for _ in range(3):
        along = x * off_x + y * off_y + z * off_z
        off_x, off_y, off_z = off_x - along * x, off_y - along * y, off_z - along * z
        normal[0], normal[1], normal[2] = weight * (1.0 - x * x), -weight * x * y, -weight * x * z
        normal[3], normal[4], normal[5] = weight * (1.0 - y * y), -weight * y * z, weight * (1.0 - z * z)
        normal[6], normal[7], normal[8] = -weight * off_x, -weight * off_y, -weight * off_z
        normal[9] = weight * (off_x * off_x + off_y * off_y + off_z * off_z)
        approach(track, point[0], point[1], point[2], seen)
        add(normal, seen, 1.0)
        chi2 = solve(normal, step, covariance)
        if chi2 == FAILED:
            break
        for k in range(3):
            point[k] += step[k]
        off_x, off_y, off_z = off_x + step[0], off_y + step[1], off_z + step[2]
    return chi2


@kernel
def find_singles(
    tracks: Array,
    free: NDArray[np.bool_],
    primary: Primary,
    config: Record,
    vertex: NDArray[np.int16],
    vertices: Records,
    places: tuple[int, int],
) -> int:
    """Make a vertex of each free track that crosses a line of flight behind the primary vertex.

    Parameters
    ----------
    tracks, free
        Rows of one event, shape ``(n, 21)``, and which may be used.
    primary, config, vertex, vertices, places
        See :func:`claim_shared`; new vertices, of one degree of freedom, are put behind those.

    Returns
    -------
    n_found
    """
    n_found = 0
    point, covariance = np.empty(3), np.empty(6)
    best_point, best_covariance = np.empty(3), np.empty(6)
    seen = np.empty(1, dtype=APPROACH)[0]
    for i in range(len(tracks)):
        smallest = config.max_single_chi2
        if not free[i]:
            continue
        for place in range(places[0], places[1]):
            take_up(vertices[place], point, covariance)
            approach(tracks[i], point[0], point[1], point[2], seen)
            if not _is_forward(seen, point, primary):
                continue
            chi2 = fit_on_line(tracks[i], primary, config, point, covariance)
            if chi2 == FAILED or chi2 > smallest or not is_away(point, covariance, primary, config):
                continue
            if _is_forward(seen, point, primary):
                smallest = chi2
                for k in range(3):
                    best_point[k] = point[k]
                for k in range(6):
                    best_covariance[k] = covariance[k]
        if smallest < config.max_single_chi2:
            place = places[1] + n_found
            put_down(vertices[place], best_point, best_covariance, smallest, 1, 1, M_PI, DISPLACED)
            vertex[i] = place
            n_found += 1
    return n_found
