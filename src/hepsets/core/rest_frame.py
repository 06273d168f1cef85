"""Momenta in the rest frame of other four-momenta, without compiled code."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError

Array = NDArray[np.float64]


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
