r"""Thrust of the particles of each event, in the frame of their momenta (usually the centre of mass)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


@kernel
def _thrust(p: Any, offsets: Any) -> Any:
    value = np.zeros(len(offsets) - 1)
    axis = np.zeros((len(offsets) - 1, 3))
    most = 0
    for event in range(len(value)):
        most = max(most, offsets[event + 1] - offsets[event])
    x, y, z, size = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    side, turn = np.empty(most), np.empty(most)
    order = np.empty(most, np.int64)
    for event in range(len(value)):
        n = 0
        scalar = 0.0
        for i in range(offsets[event], offsets[event + 1]):
            x[n], y[n], z[n] = p[i, 0], p[i, 1], p[i, 2]
            size[n] = np.sqrt(x[n] * x[n] + y[n] * y[n] + z[n] * z[n])
            scalar += size[n]
            n += size[n] > 0.0
        if n == 0:
            continue
        largest = -1.0
        bx, by, bz = 0.0, 0.0, 0.0
        # two momenta at least border on each way to split the event: one of them can be left out
        for i in range(max(n - 1, 1)):
            # u along p_i; v and w span the plane across it
            ux, uy, uz = x[i] / size[i], y[i] / size[i], z[i] / size[i]
            if abs(uz) < 0.7:
                root = np.sqrt(ux * ux + uy * uy)
                vx, vy, vz = uy / root, -ux / root, 0.0
            else:
                root = np.sqrt(uy * uy + uz * uz)
                vx, vy, vz = 0.0, uz / root, -uy / root
            wx, wy, wz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
            # signs for a plane whose normal is w, and a number that rises with the angle between v
            # and the signed momentum seen along p_i, which is how far the plane can turn
            for k in range(n):
                a = x[k] * vx + y[k] * vy + z[k] * vz
                b = x[k] * wx + y[k] * wy + z[k] * wz
                span = abs(a) + abs(b)
                along = x[k] * ux + y[k] * uy + z[k] * uz
                on_line = span <= 1e-12 * size[k]
                side[k] = np.copysign(1.0, along if on_line else b)
                turn[k] = 2.0 if on_line else -side[k] * a / span
            ox, oy, oz = 0.0, 0.0, 0.0  # all on the line of p_i: they change sides together
            sx, sy, sz = 0.0, 0.0, 0.0  # all others
            n_flips = 0
            for k in range(n):
                kx, ky, kz = side[k] * x[k], side[k] * y[k], side[k] * z[k]
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
                    largest = square
                    sign = np.copysign(1.0, along)
                    bx, by, bz = sx + sign * ox, sy + sign * oy, sz + sign * oz
                if flip < n_flips:
                    k = order[flip]
                    twice = 2.0 * side[k]
                    sx, sy, sz = sx - twice * x[k], sy - twice * y[k], sz - twice * z[k]
        sx, sy, sz = 0.0, 0.0, 0.0  # the best sum once more, without what has rounded on the way
        for k in range(n):
            sign = np.copysign(1.0, x[k] * bx + y[k] * by + z[k] * bz)
            sx, sy, sz = sx + sign * x[k], sy + sign * y[k], sz + sign * z[k]
        total = np.sqrt(sx * sx + sy * sy + sz * sz)
        value[event] = min(total / scalar, 1.0)
        upward = -total if sz < 0.0 else total
        axis[event, 0], axis[event, 1], axis[event, 2] = sx / upward, sy / upward, sz / upward
    return value, axis
