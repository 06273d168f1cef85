"""Helices and vertices: closest approach to the axis, V0 intersections, straight-line vertex fits.

A helix is given at its point closest to the z axis, ``(-d0 sin phi, d0 cos phi, z0)``, where it
points along azimuth ``phi``. A positive charge in a field along +z turns clockwise.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.core.units import SPEED_OF_LIGHT

CURVATURE = SPEED_OF_LIGHT / 1e4
"""Radius [cm] of a unit charge = pT [GeV] / (CURVATURE * field [T])."""


@kernel
def wrap(angle: float) -> float:
    """The same angle in (-pi, pi]."""
    return angle - 2.0 * math.pi * math.floor((angle + math.pi) / (2.0 * math.pi))


@kernel
def closest_approach(
    x: float, y: float, z: float, pt: float, phi: float, tan_lambda: float, charge: int, field: float
) -> tuple[float, float, float]:
    """Follow a helix from a point on it to its point closest to the z axis.

    Returns
    -------
    phi, d0, z0
        Azimuth [rad] of the momentum, signed distance and height [cm] at that point.
    """
    radius = pt / (CURVATURE * field)
    # centre of the circle, seen from the axis
    cx = x + charge * radius * math.sin(phi)
    cy = y - charge * radius * math.cos(phi)
    phi_0 = math.atan2(charge * cx, -charge * cy)
    d0 = charge * (radius - math.hypot(cx, cy))
    z0 = z + charge * radius * wrap(phi - phi_0) * tan_lambda
    return phi_0, d0, z0


@kernel
def _chord(r_1: float, r_2: float, distance: float) -> tuple[float, float, float]:
    """Where two circles at a distance meet: how far along, how high, and by how much
    they miss each other, seen from the first centre.
    """
    along = (distance * distance + r_1 * r_1 - r_2 * r_2) / (2.0 * distance)
    height2 = r_1 * r_1 - along * along
    miss = 0.0
    if height2 < 0.0:
        height2 = 0.0
        if distance > r_1 + r_2:
            miss = distance - r_1 - r_2
            along = r_1 + 0.5 * miss
        else:
            miss = abs(r_1 - r_2) - distance
            along = math.copysign(r_1, r_1 - r_2)
    return along, math.sqrt(height2), miss


@kernel
def intersect(
    first: Record, second: Record, field: float, vertex: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Where two tracks of opposite curvature meet: the V0 vertex.

    The circles are intersected in the transverse plane (or, if they just miss each other, taken at
    their closest points); of two solutions the one with the smaller gap in z wins.

    Parameters
    ----------
    first, second
        Track records (``px py pz d0 z0 charge``).
    field
        Solenoid field [T].
    vertex
        Filled with ``x y z`` [cm], shape ``(3,)``.

    Returns
    -------
    gap, turn_first, turn_second
        Distance of the tracks at the vertex [cm] and the angles by which each momentum must be turned
        about z to be the one at the vertex [rad].
    """
    pt_1 = math.hypot(first.px, first.py)
    pt_2 = math.hypot(second.px, second.py)
    r_1 = pt_1 / (CURVATURE * field)
    r_2 = pt_2 / (CURVATURE * field)
    # centre = (signed radius - d0) * (sin phi, -cos phi)
    k_1 = first.charge * r_1 - first.d0
    k_2 = second.charge * r_2 - second.d0
    cx_1, cy_1 = k_1 * first.py / pt_1, -k_1 * first.px / pt_1
    cx_2, cy_2 = k_2 * second.py / pt_2, -k_2 * second.px / pt_2
    dx, dy = cx_2 - cx_1, cy_2 - cy_1
    distance = math.hypot(dx, dy)
    along, height, miss = _chord(r_1, r_2, distance)
    ux, uy = dx / distance, dy / distance
    phi_1 = math.atan2(first.py, first.px)
    phi_2 = math.atan2(second.py, second.px)
    best_gap, best_turn_1, best_turn_2 = 1.0e9, 0.0, 0.0
    for side in (-1.0, 1.0):
        x = cx_1 + along * ux - side * height * uy
        y = cy_1 + along * uy + side * height * ux
        at_1 = math.atan2(first.charge * (cx_1 - x), -first.charge * (cy_1 - y))
        at_2 = math.atan2(second.charge * (cx_2 - x), -second.charge * (cy_2 - y))
        turn_1, turn_2 = wrap(at_1 - phi_1), wrap(at_2 - phi_2)
        z_1 = first.z0 - first.charge * r_1 * turn_1 * first.pz / pt_1
        z_2 = second.z0 - second.charge * r_2 * turn_2 * second.pz / pt_2
        gap = math.hypot(z_1 - z_2, miss)
        if gap < best_gap:
            best_gap, best_turn_1, best_turn_2 = gap, turn_1, turn_2
            vertex[0], vertex[1], vertex[2] = x, y, 0.5 * (z_1 + z_2)
        if height == 0.0:
            break
    return best_gap, best_turn_1, best_turn_2


@kernel
def add_to_vertex(track: Record, normal_equations: NDArray[np.float64]) -> None:
    """Add a track to the normal equations of a straight-line vertex fit.

    Near the axis a track is a line with the two constraints ``-vx sin phi + vy cos phi = d0`` and
    ``vz - (vx cos phi + vy sin phi) tan lambda = z0``.

    Parameters
    ----------
    normal_equations
        Of shape ``(10,)``: six elements of the symmetric matrix (xx, xy, xz, yy, yz, zz), three of the right
        side and the sum of squares.
    """
    pt = math.hypot(track.px, track.py)
    cos_phi, sin_phi, tan_lambda = track.px / pt, track.py / pt, track.pz / pt
    w = 1.0 / (track.sigma_d0 * track.sigma_d0)
    v = 1.0 / (track.sigma_z0 * track.sigma_z0)
    ax, ay = -cos_phi * tan_lambda, -sin_phi * tan_lambda
    normal_equations[0] += w * sin_phi * sin_phi + v * ax * ax
    normal_equations[1] += -w * sin_phi * cos_phi + v * ax * ay
    normal_equations[2] += v * ax
    normal_equations[3] += w * cos_phi * cos_phi + v * ay * ay
    normal_equations[4] += v * ay
    normal_equations[5] += v
    normal_equations[6] += -w * sin_phi * track.d0 + v * ax * track.z0
    normal_equations[7] += w * cos_phi * track.d0 + v * ay * track.z0
    normal_equations[8] += v * track.z0
    normal_equations[9] += w * track.d0 * track.d0 + v * track.z0 * track.z0


@kernel
def vertex_chi2(n: NDArray[np.float64]) -> float:
    """Smallest chi-squared of the normal equations, shape ``(10,)``, with 2 N - 3 degrees of freedom for N
    tracks.
    """
    # Cholesky of the 3 x 3 matrix; with y = L^-1 b the minimum is c - |y|^2
    l_00 = math.sqrt(n[0])
    l_10, l_20 = n[1] / l_00, n[2] / l_00
    l_11 = math.sqrt(max(n[3] - l_10 * l_10, 1.0e-12))
    l_21 = (n[4] - l_10 * l_20) / l_11
    l_22 = math.sqrt(max(n[5] - l_20 * l_20 - l_21 * l_21, 1.0e-12))
    y_0 = n[6] / l_00
    y_1 = (n[7] - l_10 * y_0) / l_11
    y_2 = (n[8] - l_20 * y_0 - l_21 * y_1) / l_22
    return float(max(0.0, n[9] - y_0 * y_0 - y_1 * y_1 - y_2 * y_2))
