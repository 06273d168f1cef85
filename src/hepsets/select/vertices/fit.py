r"""The vertex of some tracks: position, covariance and :math:`\chi^2`, with or without a beam spot.

Each track asks that it pass the point, which is two equations in its five parameters. The least-squares
solution (P. Billoir, S. Qian, Nucl. Instrum. Meth. A 311 (1992) 139, with the momenta eliminated) is found by
linearising every track at the present point until the point stays. N tracks have 2 N - 3 degrees of
freedom, with a beam spot, three measurements more, 2 N.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.select.vertices.approach import APPROACH, approach

Array = NDArray[np.float64]

MAX_ITERATIONS = 20
FAR = 1.0e4
"""Beyond this [cm] from the origin there is no vertex."""
PARALLEL = 1.0e-9
"""Tracks define no vertex if a direction of space is known so much worse than the tracks' errors (in
squares).
"""
FAILED = -1.0
"""Instead of a χ²: there is no vertex."""


@kernel
def add(normal: Array, seen: Record, sign: float) -> None:
    """Add a track, seen from a point, to the normal equations of a step away from that point; or take it out.

    Parameters
    ----------
    normal
        Shape ``(10,)``: the matrix (xx, xy, xz, yy, yz, zz), the right side, the sum of squares at the point.
    seen
        The track from where the step begins, a record :data:`hepsets.select.vertices.approach.APPROACH`.
    sign
        1, or -1 to take it out.
    """
    w_dd, w_dh, w_hh = sign * seen.w_dd, sign * seen.w_dh, sign * seen.w_hh
    ax, ay = seen.sine, -seen.cosine
    bx, by = seen.slope * seen.cosine, seen.slope * seen.sine
    # weights times the derivatives (a, b) by x and y; those by z are (0, -1)
    fx, gx = w_dd * ax + w_dh * bx, w_dh * ax + w_hh * bx
    fy, gy = w_dd * ay + w_dh * by, w_dh * ay + w_hh * by
    normal[0] += ax * fx + bx * gx
    normal[1] += ax * fy + bx * gy
    normal[2] -= gx
    normal[3] += ay * fy + by * gy
    normal[4] -= gy
    normal[5] += w_hh
    normal[6] -= fx * seen.distance + gx * seen.height
    normal[7] -= fy * seen.distance + gy * seen.height
    normal[8] += w_dh * seen.distance + w_hh * seen.height
    normal[9] += (
        w_dd * seen.distance * seen.distance
        + 2.0 * w_dh * seen.distance * seen.height
        + w_hh * seen.height * seen.height
    )


@kernel
def start(normal: Array, beam: Array, x: float, y: float, z: float) -> None:
    """Normal equations, shape ``(10,)``, of a step away from a point that know of nothing but the beam spot.

    Parameters
    ----------
    beam
        Shape ``(6,)``: its centre [cm], and 1/σ² [1/cm²] of each coordinate, zeros for no beam spot.
    """
    for k in range(10):
        normal[k] = 0.0
    dx, dy, dz = beam[0] - x, beam[1] - y, beam[2] - z
    normal[0], normal[3], normal[5] = beam[3], beam[4], beam[5]
    normal[6], normal[7], normal[8] = beam[3] * dx, beam[4] * dy, beam[5] * dz
    normal[9] = beam[3] * dx * dx + beam[4] * dy * dy + beam[5] * dz * dz


@kernel
def solve(normal: Array, step: Array, covariance: Array) -> float:
    """Solve normal equations: the step [cm], and the covariance (xx, xy, yy, xz, yz, zz) of the point.

    Returns
    -------
    chi2
        The smallest sum of squares, or :data:`FAILED` if the tracks are parallel or too few.
    """
    n_xx, n_xy, n_xz, n_yy, n_yz, n_zz = normal[0], normal[1], normal[2], normal[3], normal[4], normal[5]
    if not (n_xx > 0.0 and n_yy > 0.0 and n_zz > 0.0):
        return FAILED
    # L D Lᵀ
    l_10, l_20 = n_xy / n_xx, n_xz / n_xx
    d_1 = n_yy - l_10 * n_xy
    if not d_1 > PARALLEL * n_yy:
        return FAILED
    rest = n_yz - l_20 * n_xy
    l_21 = rest / d_1
    d_2 = n_zz - l_20 * n_xz - l_21 * rest
    if not d_2 > PARALLEL * n_zz:
        return FAILED
    # rows of the inverse of L
    m_20 = l_10 * l_21 - l_20
    v_0, v_1, v_2 = 1.0 / n_xx, 1.0 / d_1, 1.0 / d_2
    covariance[0] = v_0 + l_10 * l_10 * v_1 + m_20 * m_20 * v_2
    covariance[1] = -l_10 * v_1 - l_21 * m_20 * v_2
    covariance[2] = v_1 + l_21 * l_21 * v_2
    covariance[3] = m_20 * v_2
    covariance[4] = -l_21 * v_2
    covariance[5] = v_2
    y_0, y_1 = normal[6], normal[7] - l_10 * normal[6]
    y_2 = normal[8] - l_20 * normal[6] - l_21 * y_1
    step[2] = v_2 * y_2
    step[1] = v_1 * y_1 - l_21 * step[2]
    step[0] = v_0 * y_0 - l_10 * step[1] - l_20 * step[2]
    return float(max(0.0, normal[9] - v_0 * y_0 * y_0 - v_1 * y_1 * y_1 - v_2 * y_2 * y_2))


@kernel
def fit_vertex(
    tracks: Array, members: NDArray[np.int64], beam: Array, point: Array, covariance: Array
) -> float:
    """Fit the vertex of some tracks.

    Parameters
    ----------
    tracks
        Rows of :func:`hepsets.select.vertices.tracks.track_rows`, shape ``(n_tracks, 21)``.
    members
        Which of them, shape ``(n_members,)``.
    beam
        Shape ``(6,)``: centre of the beam spot [cm] and 1/σ² [1/cm²] of each coordinate, zeros for none.
    point
        Where to begin; filled with the vertex [cm], shape ``(3,)``.
    covariance
        Filled with xx, xy, yy, xz, yz, zz [cm²], shape ``(6,)``.

    Returns
    -------
    chi2
        Or :data:`FAILED`: tracks parallel, too few, or the point does not come to rest.
    """
    normal, step, seen = np.empty(10), np.empty(3), np.empty(1, dtype=APPROACH)[0]
    for _ in range(MAX_ITERATIONS):
        start(normal, beam, point[0], point[1], point[2])
        for k in range(len(members)):
            approach(tracks[members[k]], point[0], point[1], point[2], seen)
            add(normal, seen, 1.0)
        chi2 = solve(normal, step, covariance)
        if chi2 == FAILED:
            return FAILED
        for k in range(3):
            point[k] += step[k]
        if not abs(point[0]) + abs(point[1]) + abs(point[2]) < FAR:
            return FAILED
        # what the step has gained, in units of χ²: its length in standard deviations, squared
        if normal[9] - chi2 < 1.0e-4 + 1.0e-10 * normal[9]:
            return chi2
    return FAILED


@kernel
def miss(seen: Record, step: Array, covariance: Array, sign: float) -> float:
    """χ² of two degrees of freedom by which a track misses a vertex whose covariance is known too.

    Parameters
    ----------
    seen
        The track from a point nearby, a record :data:`hepsets.select.vertices.approach.APPROACH`.
    step
        From that point to the vertex [cm], shape ``(3,)``.
    covariance
        Of the vertex, shape ``(6,)``.
    sign
        1 for a track that is not part of the vertex, -1 for one that is: then it is the χ² by which the track
        misses the vertex of all others.
    """
    ax, ay = seen.sine, -seen.cosine
    bx, by = seen.slope * seen.cosine, seen.slope * seen.sine
    d = seen.distance + ax * step[0] + ay * step[1]
    h = seen.height + bx * step[0] + by * step[1] - step[2]
    norm = 1.0 / (seen.w_dd * seen.w_hh - seen.w_dh * seen.w_dh)
    xx, xy, yy = covariance[0], covariance[1], covariance[2]
    xz, yz, zz = covariance[3], covariance[4], covariance[5]
    px, py, pz = xx * ax + xy * ay, xy * ax + yy * ay, xz * ax + yz * ay
    qx, qy, qz = xx * bx + xy * by - xz, xy * bx + yy * by - yz, xz * bx + yz * by - zz
    v_dd = seen.w_hh * norm + sign * (ax * px + ay * py)
    v_dh = -seen.w_dh * norm + sign * (bx * px + by * py - pz)
    v_hh = seen.w_dd * norm + sign * (bx * qx + by * qy - qz)
    determinant = v_dd * v_hh - v_dh * v_dh
    if not (v_dd > 0.0 and determinant > 0.0):
        return FAR
    return float((v_hh * d * d - 2.0 * v_dh * d * h + v_dd * h * h) / determinant)
