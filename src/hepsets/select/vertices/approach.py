r"""A track seen from a point: by how much it misses the point, how well that is known, how it changes.

The two numbers are those of the helix's own parameters if the point were the origin: the signed distance in
the transverse plane at the closest approach, and the height above the point there. Their derivatives are
those of V. Karimäki, Nucl. Instrum. Meth. A 305 (1991) 187 and P. Billoir, S. Qian, Nucl. Instrum. Meth. A
311 (1992) 139, written so that straight tracks, of no curvature, need no case of their own.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.select.vertices.tracks import COV, D0, OMEGA, PHI, PT, TAN_LAMBDA, Z0

Array = NDArray[np.float64]


APPROACH = np.dtype(
    [(name, np.float64) for name in ("distance", "height", "w_dd", "w_dh", "w_hh", "sine", "cosine", "slope")]
)
"""How a track passes a point: ``distance`` and ``height`` [cm] and their inverse covariance ``w_dd w_dh
w_hh``; the direction ``sine``, ``cosine`` of the momentum there. When the point moves, the distance grows
by sine dx - cosine dy, the height by ``slope`` (cosine dx + sine dy) - dz.
"""


class Turn(NamedTuple):
    """How a helix gets from its point closest to the z axis to that closest to another point.

    ``distance`` [cm] to that point; ``path`` [cm] in the transverse plane, and its derivative by the
    curvature; ``stretch``, 1 - curvature * distance; ``sine`` and ``cosine`` of the azimuth there;
    ``by_curvature``, the derivative of the distance.
    """

    distance: float
    path: float
    path_by_curvature: float
    stretch: float
    sine: float
    cosine: float
    by_curvature: float


@kernel
def turn_to(track: Array, x: float, y: float) -> Turn:
    """Follow a track, a row of :func:`hepsets.select.vertices.tracks.track_rows`, to its closest approach to
    the line through x, y along z.
    """
    omega = track[OMEGA]
    sin_phi, cos_phi = math.sin(track[PHI]), math.cos(track[PHI])
    ux = -track[D0] * sin_phi - x
    uy = track[D0] * cos_phi - y
    aside = ux * sin_phi - uy * cos_phi
    ahead = ux * cos_phi + uy * sin_phi
    u2 = ux * ux + uy * uy
    across, along = 1.0 + omega * aside, omega * ahead
    stretch = math.sqrt(across * across + along * along)
    twice, rest = 2.0 * aside + u2 * omega, 1.0 + stretch
    distance = -twice / rest
    by_curvature = -u2 / rest + twice / (rest * rest) * (aside + u2 * omega) / stretch
    cos_turn, sin_turn = across / stretch, along / stretch
    if abs(along) + abs(across - 1.0) < 1.0e-5:
        back = ahead * (1.0 - omega * aside)
        back_by_curvature = ahead * aside
    else:
        back = math.atan2(along, across) / omega
        back_by_curvature = (back - ahead / (stretch * stretch)) / omega
    return Turn(
        distance,
        -back,
        back_by_curvature,
        stretch,
        sin_phi * cos_turn + cos_phi * sin_turn,
        cos_phi * cos_turn - sin_phi * sin_turn,
        by_curvature,
    )


@kernel
def _derivatives(track: Array, turn: Turn, x: float, y: float) -> tuple[float, ...]:
    """Derivatives of the distance by d0, phi, omega, and of the height by d0, phi, omega, tan_lambda."""
    sin_phi, cos_phi = math.sin(track[PHI]), math.cos(track[PHI])
    slope = track[TAN_LAMBDA] / turn.stretch
    return (
        turn.cosine * cos_phi + turn.sine * sin_phi,
        x * turn.cosine + y * turn.sine,
        turn.by_curvature,
        -slope * (turn.sine * cos_phi - turn.cosine * sin_phi),
        slope * (y * turn.cosine - x * turn.sine),
        track[TAN_LAMBDA] * turn.path_by_curvature,
        turn.path,
    )


@kernel
def approach(track: Array, x: float, y: float, z: float, seen: Record) -> None:
    """Fill a record :data:`APPROACH` with how a track, a row of
    :func:`hepsets.select.vertices.tracks.track_rows`, passes a point.
    """
    turn = turn_to(track, x, y)
    a0, a1, a2, b0, b1, b2, b4 = _derivatives(track, turn, x, y)
    c = track[COV:]
    # covariance times each of the two rows of derivatives, as far as needed
    k0 = c[0] * a0 + c[1] * a1 + c[3] * a2
    k1 = c[1] * a0 + c[2] * a1 + c[4] * a2
    k2 = c[3] * a0 + c[4] * a1 + c[5] * a2
    k3 = c[6] * a0 + c[7] * a1 + c[8] * a2
    k4 = c[10] * a0 + c[11] * a1 + c[12] * a2
    v_dd = a0 * k0 + a1 * k1 + a2 * k2
    v_dh = b0 * k0 + b1 * k1 + b2 * k2 + k3 + b4 * k4
    h0 = c[0] * b0 + c[1] * b1 + c[3] * b2 + c[6] + c[10] * b4
    h1 = c[1] * b0 + c[2] * b1 + c[4] * b2 + c[7] + c[11] * b4
    h2 = c[3] * b0 + c[4] * b1 + c[5] * b2 + c[8] + c[12] * b4
    h3 = c[6] * b0 + c[7] * b1 + c[8] * b2 + c[9] + c[13] * b4
    h4 = c[10] * b0 + c[11] * b1 + c[12] * b2 + c[13] + c[14] * b4
    v_hh = b0 * h0 + b1 * h1 + b2 * h2 + h3 + b4 * h4
    determinant = v_dd * v_hh - v_dh * v_dh
    seen.distance = turn.distance
    seen.height = track[Z0] + turn.path * track[TAN_LAMBDA] - z
    seen.w_dd, seen.w_dh, seen.w_hh = v_hh / determinant, -v_dh / determinant, v_dd / determinant
    seen.sine, seen.cosine, seen.slope = turn.sine, turn.cosine, track[TAN_LAMBDA] / turn.stretch


@kernel
def plain_momentum(track: Array, x: float, y: float) -> tuple[float, float, float]:
    """Momentum [GeV] of a track, as measured, where it is closest to the line through x, y along z."""
    there = turn_to(track, x, y)
    return track[PT] * there.cosine, track[PT] * there.sine, track[PT] * track[TAN_LAMBDA]


@kernel
def momentum_from(track: Array, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Momentum [GeV] at a point that the track is known to come from.

    The parameters give way as their covariance lets them until the helix meets the point; so angles become
    better known for tracks from a fitted vertex.
    """
    turn = turn_to(track, x, y)
    a0, a1, a2, b0, b1, b2, b4 = _derivatives(track, turn, x, y)
    seen = np.empty(1, dtype=APPROACH)[0]
    approach(track, x, y, z, seen)
    f = seen.w_dd * seen.distance + seen.w_dh * seen.height
    g = seen.w_dh * seen.distance + seen.w_hh * seen.height
    p0, p1, p2 = a0 * f + b0 * g, a1 * f + b1 * g, a2 * f + b2 * g
    p3, p4 = g, b4 * g
    c = track[COV:]
    moved = np.empty(5)
    moved[D0] = track[D0] - (c[0] * p0 + c[1] * p1 + c[3] * p2 + c[6] * p3 + c[10] * p4)
    moved[PHI] = track[PHI] - (c[1] * p0 + c[2] * p1 + c[4] * p2 + c[7] * p3 + c[11] * p4)
    moved[OMEGA] = track[OMEGA] - (c[3] * p0 + c[4] * p1 + c[5] * p2 + c[8] * p3 + c[12] * p4)
    tan_lambda = track[TAN_LAMBDA] - (c[10] * p0 + c[11] * p1 + c[12] * p2 + c[13] * p3 + c[14] * p4)
    there = turn_to(moved, x, y)
    pt = track[PT] * abs(track[OMEGA] / moved[OMEGA]) if moved[OMEGA] * track[OMEGA] > 0.0 else track[PT]
    return pt * there.cosine, pt * there.sine, pt * tan_lambda
