r"""Decay time and oscillation of a neutral B as a detector of finite resolution sees them.

A flavour-specific decay has :math:`e^{-\Gamma t} [\cosh(\Delta\Gamma t/2) + q \cos(\Delta m\, t)]`, q = 1
if the flavours of production and decay are alike and -1 if not (Review of Particle Physics, "B⁰-B̄⁰
mixing"), folded with a Gaussian of the candidate's own resolution. Times in ps, rates in 1/ps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import wofz

Array = NDArray[np.float64]

_FAR = 6.0
"""Where erfc(-6) is 2 to all digits."""
_LEAST = 1e-300


@dataclass(frozen=True)
class MeanLife:
    """What the time distribution of both flavours together follows.

    Parameters
    ----------
    gamma
        Mean of the widths of the light and the heavy state [1/ps].
    delta_gamma
        Their difference [1/ps].
    """

    gamma: float
    delta_gamma: float = 0.0


BS = MeanLife(1 / 1.520, 0.084)
"""The B_s⁰ of our generator (docs/lhcb_events.md)."""


def folded(time: Array, resolution: Array, rate: complex) -> NDArray[np.complex128]:
    r"""The integral of :math:`e^{-z t'}` over :math:`t' > 0` with a Gaussian around each time.

    Parameters
    ----------
    time
        Measured, of any sign [ps], any shape.
    resolution
        Standard deviation of each [ps], above 0, same shape.
    rate
        z, with a positive real part [1/ps].

    Returns
    -------
    ndarray
        Of the same shape as ``time``.
    """
    rate = complex(rate)
    u = (rate * resolution**2 - time) / (math.sqrt(2) * resolution)
    far = u.real < 0  # there erfc(u) = 2 - erfc(-u), or it overflows
    made = np.where(far, np.exp(np.where(far, 0.5 * (rate * resolution) ** 2 - rate * time, 0)), 0)
    near = u.real > -_FAR
    tail = np.exp(-0.5 * (time[near] / resolution[near]) ** 2) / 2
    tail = tail * wofz(1j * np.where(far[near], -u[near], u[near]))
    made[near] += np.where(far[near], -tail, tail)
    return np.asarray(made)


def even(time: Array, resolution: Array, life: MeanLife = BS) -> Array:
    """The part of the density that both flavours have in common, not normalised; shapes as :func:`folded`."""
    light, heavy = life.gamma + life.delta_gamma / 2, life.gamma - life.delta_gamma / 2
    both = folded(time, resolution, light).real + folded(time, resolution, heavy).real
    return np.asarray(np.maximum(both / 2, _LEAST))


def odd(time: Array, resolution: Array, delta_m: float, life: MeanLife = BS) -> Array:
    """The part that is taken off in mixed and added in unmixed decays; shapes as :func:`folded`."""
    return np.asarray(folded(time, resolution, complex(life.gamma, delta_m)).real)


def time_density(time: Array, resolution: Array, life: MeanLife = BS) -> Array:
    """Density [1/ps] of measured times of both flavours, without acceptance; shapes as :func:`folded`."""
    light, heavy = life.gamma + life.delta_gamma / 2, life.gamma - life.delta_gamma / 2
    return np.asarray(2 * even(time, resolution, life) / (1 / light + 1 / heavy))


def asymmetry(time: Array, resolution: Array, delta_m: float, life: MeanLife = BS) -> Array:
    """(unmixed − mixed)/(unmixed + mixed) at measured times for perfect tags; shapes as :func:`folded`.

    An acceptance that is a function of the measured time is the same for both, and so is not in it.
    """
    return np.asarray(odd(time, resolution, delta_m, life) / even(time, resolution, life))
