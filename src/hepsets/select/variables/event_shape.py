r"""Thrust of the particles of each event, in the frame of their momenta (usually the centre of mass)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.kernel import kernel
from hepsets.select.variables.fox_wolfram import checked_momenta

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Thrust:
    r"""Thrust of each event.

    Parameters
    ----------
    value
        Shape ``(n_events,)``, from 1/2 (isotropic) to 1 (two back-to-back directions); 0 for an
        event without momentum.
    axis
        Shape ``(n_events, 3)``, unit vectors with :math:`z \ge 0`; the null vector for an event
        without momentum.
    """

    value: Array
    axis: Array


def thrust(momenta: ArrayLike, offsets: ArrayLike) -> Thrust:
    r"""Thrust :math:`\max_n \sum |p \cdot n| / \sum |p|` and its axis n, exact, for each event.

    The best axis is the direction of the sum of the momenta in its hemisphere, and the plane that
    splits the hemispheres can be turned until it holds a momentum (Brandt and Dahmen, Z. Phys. C 1
    (1979) 61). So for each momentum a plane through it turns once around it, and the sum is updated
    whenever the plane passes another one: with these sorted by angle, all n (n - 1) ways to split n
    particles by a plane cost little more than n² operations.

    Parameters
    ----------
    momenta
        Shape ``(n_particles, 3)``.
    offsets
        Shape ``(n_events + 1,)``.

    Raises
    ------
    InputError
        If the offsets do not fit the momenta.
    """
    p, edge = checked_momenta(momenta, offsets)
    value, axis = _thrust(p, edge)
    return Thrust(value, axis)


class _Momenta(NamedTuple):
    """Momenta of one event that are not null, and their sizes; room for as many as the largest has."""

    x: Array
    y: Array
    z: Array
    size: Array


class _Turning(NamedTuple):
    """Of each momentum its side of the turning plane, how far the plane turns to it, and their order."""

    side: Array
    turn: Array
    order: NDArray[np.int64]


@kernel
def _across(ux: float, uy: float, uz: float) -> tuple[float, float, float, float, float, float]:
    """Two unit vectors that span the plane across the unit vector u, the second u × the first."""
    if abs(uz) < 0.7:
        root = np.sqrt(ux * ux + uy * uy)
        vx, vy, vz = uy / root, -ux / root, 0.0
    else:
        root = np.sqrt(uy * uy + uz * uz)
        vx, vy, vz = 0.0, uz / root, -uy / root
    return vx, vy, vz, uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx


@kernel
def _sides(i: int, n: int, p: _Momenta, plane: _Turning) -> None:
    """Sides of a plane through momentum ``i``, and how far it can turn before each momentum changes its side.

    That is a number that rises with the angle between v and the signed momentum seen along p_i.
    """
    ux, uy, uz = p.x[i] / p.size[i], p.y[i] / p.size[i], p.z[i] / p.size[i]
    vx, vy, vz, wx, wy, wz = _across(ux, uy, uz)
    for k in range(n):
        a = p.x[k] * vx + p.y[k] * vy + p.z[k] * vz
        b = p.x[k] * wx + p.y[k] * wy + p.z[k] * wz
        span = abs(a) + abs(b)
        along = p.x[k] * ux + p.y[k] * uy + p.z[k] * uz
        on_line = span <= 1e-12 * p.size[k]
        plane.side[k] = np.copysign(1.0, along if on_line else b)
        plane.turn[k] = 2.0 if on_line else -plane.side[k] * a / span


@kernel
def _turned_once(
    n: int, p: _Momenta, plane: _Turning, largest: float, best: tuple[float, float, float]
) -> tuple[float, tuple[float, float, float]]:
    """The largest square of the sum of a hemisphere while the plane turns once, and that sum."""
    side, turn, order = plane.side, plane.turn, plane.order
    ox, oy, oz = 0.0, 0.0, 0.0  # all on the line it turns around: they change sides together
    sx, sy, sz = 0.0, 0.0, 0.0  # all others
    n_flips = 0
    for k in range(n):
        kx, ky, kz = side[k] * p.x[k], side[k] * p.y[k], side[k] * p.z[k]
        if turn[k] > 1.5:
            ox, oy, oz = ox + kx, oy + ky, oz + kz
            continue
        sx, sy, sz = sx + kx, sy + ky, sz + kz
        place = n_flips
        while place > 0 and turn[order[place - 1]] > turn[k]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = k
        n_flips += 1
    own = ox * ox + oy * oy + oz * oz
    for flip in range(max(n_flips, 1)):
        along = sx * ox + sy * oy + sz * oz
        square = sx * sx + sy * sy + sz * sz + own + 2.0 * abs(along)
        if square > largest:
            sign = np.copysign(1.0, along)
            largest, best = square, (sx + sign * ox, sy + sign * oy, sz + sign * oz)
        if flip < n_flips:
            k = order[flip]
            twice = 2.0 * side[k]
            sx, sy, sz = sx - twice * p.x[k], sy - twice * p.y[k], sz - twice * p.z[k]
    return largest, best


@kernel
def _thrust(momenta: Any, offsets: Any) -> Any:
    value = np.zeros(len(offsets) - 1)
    axis = np.zeros((len(offsets) - 1, 3))
    most = 0
    for event in range(len(value)):
        most = max(most, offsets[event + 1] - offsets[event])
    p = _Momenta(np.empty(most), np.empty(most), np.empty(most), np.empty(most))
    plane = _Turning(np.empty(most), np.empty(most), np.empty(most, np.int64))
    for event in range(len(value)):
        n = 0
        scalar = 0.0
        for i in range(offsets[event], offsets[event + 1]):
            p.x[n], p.y[n], p.z[n] = momenta[i, 0], momenta[i, 1], momenta[i, 2]
            p.size[n] = np.sqrt(p.x[n] * p.x[n] + p.y[n] * p.y[n] + p.z[n] * p.z[n])
            scalar += p.size[n]
            n += p.size[n] > 0.0
        if n == 0:
            continue
        largest, best = -1.0, (0.0, 0.0, 0.0)
        # two momenta at least border on each way to split the event: one of them can be left out
        for i in range(max(n - 1, 1)):
            _sides(i, n, p, plane)
            largest, best = _turned_once(n, p, plane, largest, best)
        sx, sy, sz = 0.0, 0.0, 0.0  # the best sum once more, without what has rounded on the way
        for k in range(n):
            sign = np.copysign(1.0, p.x[k] * best[0] + p.y[k] * best[1] + p.z[k] * best[2])
            sx, sy, sz = sx + sign * p.x[k], sy + sign * p.y[k], sz + sign * p.z[k]
        total = np.sqrt(sx * sx + sy * sy + sz * sz)
        value[event] = min(total / scalar, 1.0)
        upward = -total if sz < 0.0 else total
        axis[event, 0], axis[event, 1], axis[event, 2] = sx / upward, sy / upward, sz / upward
    return value, axis
