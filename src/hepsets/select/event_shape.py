r"""Shapes of events in momentum space: the Fox–Wolfram ratio R2 and thrust.

All functions take the momenta of any particles of each event, in the frame that the shape refers
to (usually the centre-of-mass frame), as flat columns with event offsets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError

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
    p, edge = _checked(momenta, offsets)
    return np.asarray(_r2(p, edge))


def thrust(momenta: ArrayLike, offsets: ArrayLike) -> Thrust:
    r"""Thrust :math:`\max_n \sum |p \cdot n| / \sum |p|` and its axis n, exact, for each event.

    The best axis is the direction of the sum of the momenta in its hemisphere, and the plane that
    splits the hemispheres can be turned until it holds two momenta (Brandt and Dahmen, Z. Phys. C
    1 (1979) 61): all pairs are tried, which costs n³ operations for n particles.

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
    p, edge = _checked(momenta, offsets)
    value, axis = _thrust(p, edge)
    return Thrust(value, axis)


@numba.njit(cache=True)
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
            out[event] = max(1.5 * np.sum(tensor**2) / scalar**2 - 0.5, 0.0)
    return out


@numba.njit(cache=True)
def _thrust(p: Any, offsets: Any) -> Any:
    value = np.zeros(len(offsets) - 1)
    axis = np.zeros((len(offsets) - 1, 3))
    best = np.empty(3)
    for event in range(len(value)):
        begin, end = offsets[event], offsets[event + 1]
        scalar = 0.0
        for i in range(begin, end):
            scalar += np.sqrt(p[i, 0] ** 2 + p[i, 1] ** 2 + p[i, 2] ** 2)
        if scalar == 0.0:
            continue
        largest = -1.0
        best[:] = 0.0
        for i in range(begin, end):
            # j = i: all other momenta on this line, a case in which no plane is found
            for j in range(i, end):
                nx = p[i, 1] * p[j, 2] - p[i, 2] * p[j, 1]
                ny = p[i, 2] * p[j, 0] - p[i, 0] * p[j, 2]
                nz = p[i, 0] * p[j, 1] - p[i, 1] * p[j, 0]
                if j == i:
                    nx, ny, nz = p[i, 0], p[i, 1], p[i, 2]
                normal = nx * nx + ny * ny + nz * nz
                sx, sy, sz = 0.0, 0.0, 0.0
                for k in range(begin, end):
                    if j != i and k in (i, j):
                        continue
                    height = p[k, 0] * nx + p[k, 1] * ny + p[k, 2] * nz
                    if height * height <= 1e-24 * normal * (p[k, 0] ** 2 + p[k, 1] ** 2 + p[k, 2] ** 2):
                        # in the plane of i and j as well: tilt that plane around i
                        height = (
                            p[k, 0] * (ny * p[i, 2] - nz * p[i, 1])
                            + p[k, 1] * (nz * p[i, 0] - nx * p[i, 2])
                            + p[k, 2] * (nx * p[i, 1] - ny * p[i, 0])
                        )
                    side = 1.0 if height >= 0.0 else -1.0
                    sx += side * p[k, 0]
                    sy += side * p[k, 1]
                    sz += side * p[k, 2]
                for signs in range(4 if j != i else 1):
                    tx, ty, tz = sx, sy, sz
                    if j != i:
                        si = 1.0 if signs & 1 else -1.0
                        sj = 1.0 if signs & 2 else -1.0
                        tx += si * p[i, 0] + sj * p[j, 0]
                        ty += si * p[i, 1] + sj * p[j, 1]
                        tz += si * p[i, 2] + sj * p[j, 2]
                    size = tx * tx + ty * ty + tz * tz
                    if size > largest:
                        largest = size
                        best[0], best[1], best[2] = tx, ty, tz
        size = np.sqrt(largest)
        value[event] = size / scalar
        flip = -1.0 if best[2] < 0.0 else 1.0
        for a in range(3):
            axis[event, a] = flip * best[a] / size
    return value, axis


def _checked(momenta: ArrayLike, offsets: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    p = np.ascontiguousarray(momenta, dtype=np.float64).reshape(-1, 3)
    edge = np.ascontiguousarray(offsets, dtype=np.int64)
    if edge.ndim != 1 or not len(edge) or edge[0] != 0 or edge[-1] != len(p) or (np.diff(edge) < 0).any():
        raise InputError(
            f"offsets of shape {edge.shape} for {len(p)} momenta", "offsets from 0 to their number"
        )
    return p, edge
