"""Lorentz boosts of single four-momenta within compiled loops; of arrays: :mod:`hepsets.core.lorentz`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel
from hepsets.core.lorentz import Frame

Array = NDArray[np.float64]


@kernel
def boost(px: float, py: float, pz: float, energy: float, frame: Frame) -> tuple[float, float, float, float]:
    """A four-momentum [GeV] of the laboratory in a frame."""
    along = frame.bx * px + frame.bz * pz
    shift = frame.gamma * (frame.gamma / (frame.gamma + 1.0) * along - energy)
    return px + frame.bx * shift, py, pz + frame.bz * shift, frame.gamma * (energy - along)


@kernel
def boost_from(p: Array, frame: Array, sign: float) -> None:
    """Boost a four-momentum in place: for ``sign`` 1 out of the rest frame of ``frame``, for −1 into it.

    Parameters
    ----------
    p, frame
        (px, py, pz, E) [GeV], shape ``(4,)``.
    sign
        1 or −1.
    """
    mass = math.sqrt(frame[3] ** 2 - frame[0] ** 2 - frame[1] ** 2 - frame[2] ** 2)
    along = sign * (p[0] * frame[0] + p[1] * frame[1] + p[2] * frame[2])
    energy = (p[3] * frame[3] + along) / mass
    factor = sign * (p[3] + energy) / (frame[3] + mass)
    p[0] += factor * frame[0]
    p[1] += factor * frame[1]
    p[2] += factor * frame[2]
    p[3] = energy
