r"""Shapes of events in momentum space: the Fox–Wolfram ratio R2 and thrust.

All functions take the momenta of any particles of each event, in the frame that the shape refers
to (usually the centre-of-mass frame), as flat columns with event offsets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.kernel import kernel
from hepsets.core.ragged import checked_offsets

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


def checked_momenta(momenta: ArrayLike, offsets: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    """Momenta as float64 of shape ``(n_particles, 3)`` and event offsets as int64, both contiguous.

    Raises
    ------
    InputError
        If the offsets do not rise from 0 to the number of particles.
    """
    p = np.ascontiguousarray(momenta, dtype=np.float64).reshape(-1, 3)
    edge = checked_offsets(np.asarray(offsets))
    if edge[-1] != len(p):
        raise InputError(f"offsets up to {edge[-1]} for {len(p)} momenta", "offsets from 0 to their number")
    return p, edge


def boost_to_rest(momenta: ArrayLike, energy: ArrayLike, frame: ArrayLike) -> tuple[Array, Array]:
    """Momenta and energies in the rest frame of other four-momenta.

    Parameters
    ----------
    momenta
        Shape ``(n, 3)`` [GeV].
    energy
        Shape ``(n,)`` [GeV].
    frame
        Shape ``(n, 4)`` or ``(4,)``: px, py, pz, energy [GeV] of what shall be at rest.

    Returns
    -------
    tuple[Array, Array]
        Momenta ``(n, 3)`` and energies ``(n,)`` [GeV].

    Raises
    ------
    InputError
        If a frame is not timelike.
    """
    p, e = np.asarray(momenta, dtype=np.float64), np.asarray(energy, dtype=np.float64)
    total = np.atleast_2d(np.asarray(frame, dtype=np.float64))
    square = total[:, 3] ** 2 - np.sum(total[:, :3] ** 2, axis=1)
    if not ((square > 0) & (total[:, 3] > 0)).all():
        raise InputError("a frame with a spacelike four-momentum", "energy above momentum")
    mass = np.sqrt(square)
    along = np.sum(p * total[:, :3], axis=1)
    # p' = p - P [e - p·P / (E + m)] / m
    shifted = p - total[:, :3] * ((e - along / (total[:, 3] + mass)) / mass)[:, None]
    return shifted, (e * total[:, 3] - along) / mass


def fox_wolfram_r2(momenta: ArrayLike, offsets: ArrayLike) -> Array:
    r"""Ratio R2 = H2 / H0 of Fox–Wolfram moments of each event.

    :math:`H_l = \sum_{ij} |p_i| |p_j| P_l(\cos\theta_{ij})` over all pairs, each particle with
    itself included (Fox and Wolfram, Phys. Rev. Lett. 41 (1978) 1581).

    Parameters
    ----------
    momenta
        Shape ``(n_particles, 3)``.
    offsets
        Shape ``(n_events + 1,)``.

    Returns
    -------
    Array
        Shape ``(n_events,)``, between 0 and 1; 0 for an event without momentum.

    Raises
    ------
    InputError
        If the offsets do not fit the momenta.

    Examples
    --------
    >>> fox_wolfram_r2([[0, 0, 1], [0, 0, -1]], [0, 2])
    array([1.])
    """
    p, edge = checked_momenta(momenta, offsets)
    return np.asarray(_r2(p, edge))


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
def _r2(p: Any, offsets: Any) -> Any:
    out = np.zeros(len(offsets) - 1)
    tensor = np.empty((3, 3))
    for event in range(len(out)):
        # Σ |p_i||p_j| cos² θ_ij is the squared norm of Σ p pᵀ / |p|, so no pairs are needed
        tensor[:] = 0.0
        scalar = 0.0
        for i in range(offsets[event], offsets[event + 1]):
            size = np.sqrt(p[i, 0] ** 2 + p[i, 1] ** 2 + p[i, 2] ** 2)
            if size > 0.0:
                scalar += size
                for a in range(3):
                    for b in range(3):
                        tensor[a, b] += p[i, a] * p[i, b] / size
        if scalar > 0.0:
            out[event] = min(max(1.5 * np.sum(tensor**2) / scalar**2 - 0.5, 0.0), 1.0)
    return out


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
