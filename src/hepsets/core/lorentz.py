"""Lorentz boosts of four-momenta as arrays, and frames by their velocity; compiled: lorentz_kernels.

Each function here and there keeps its own order of operations, so that no result changes in its last bit; a
test holds them against each other.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError

Array = NDArray[np.float64]


class Frame(NamedTuple):
    """A frame that moves with velocity (bx, 0, bz) in the laboratory, and its Lorentz factor."""

    bx: float
    bz: float
    gamma: float

    @classmethod
    def moving(cls, bx: float, bz: float) -> Frame:
        """The frame of this velocity."""
        return cls(bx, bz, 1.0 / math.sqrt(1.0 - bx * bx - bz * bz))


def mass_squared(p: Array) -> Array:
    """Invariant mass squared [GeV²] of four-momenta of shape ``(n, 4)``."""
    squared: Array = p[:, 3] ** 2 - (p[:, :3] ** 2).sum(axis=1)
    return squared


def boosted(p: Array, frame: Array) -> Array:
    """Four-momenta given in the rest frame of ``frame``, in the frame in which ``frame`` is given.

    Parameters
    ----------
    p, frame
        (px, py, pz, E) [GeV], shape ``(n, 4)``.
    """
    mass = np.sqrt(mass_squared(frame))
    energy = (p[:, 3] * frame[:, 3] + (p[:, :3] * frame[:, :3]).sum(axis=1)) / mass
    factor = (p[:, 3] + energy) / (frame[:, 3] + mass)
    return np.column_stack([p[:, :3] + frame[:, :3] * factor[:, None], energy])


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
    square = mass_squared(total)
    if not ((square > 0) & (total[:, 3] > 0)).all():
        raise InputError("a frame with a spacelike four-momentum", "energy above momentum")
    mass = np.sqrt(square)
    along = np.sum(p * total[:, :3], axis=1)
    # p' = p - P [e - p·P / (E + m)] / m
    shifted = p - total[:, :3] * ((e - along / (total[:, 3] + mass)) / mass)[:, None]
    return shifted, (e * total[:, 3] - along) / mass
