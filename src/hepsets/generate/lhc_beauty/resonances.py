r"""Masses of resonances in decays to three hadrons: amplitudes on phase space, drawn by inversion.

In M → R c, R → a b the density in the mass m of R is that of phase space, p q, times the amplitude squared

.. math::

    \left|\frac{p^{L} q^{J} F_L(p) F_J(q)}{m_0^2 - m^2 - i m_0 \Gamma(m)}\right|^2, \qquad
    \Gamma(m) = \Gamma_0 \left(\frac{q}{q_0}\right)^{2 J + 1} \frac{m_0}{m} \frac{F_J^2(q)}{F_J^2(q_0)}

with the momenta p of c in the frame of M and q of a in that of R, and Blatt–Weisskopf factors F (Review of
Particle Physics, "Resonances" and "Dalitz plot analysis formalism"). What is left of the Dalitz plot is the
angle in the frame of R, whose density factorises: :mod:`hepsets.generate.lhc_beauty.decays`. Resonances do
not interfere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GRID = 20_000
"""Steps of the cumulative distribution: 0.04 MeV wide for K K in D_s, where the φ is 4 MeV wide."""

QUANTILES = 4096
"""Numbers of an inverse cumulative distribution …"""

RADIUS_OF_RESONANCE, RADIUS_OF_MOTHER = 1.5, 5.0
"""Radii in the Blatt–Weisskopf factors [1/GeV], as of BaBar's analysis of D_s → K K π (arXiv:1011.4190)."""


@dataclass(frozen=True)
class Resonance:
    """What a resonance is in a decay M → R c, R → a b.

    Parameters
    ----------
    mother, other
        Masses of M and c [GeV].
    daughters
        Masses of a and b [GeV].
    mass, width
        Of the resonance [GeV]; a width of 0 stands for none at all: phase space.
    spin
        Angular momentum of a and b.
    wave
        Angular momentum of R and c.
    """

    mother: float
    other: float
    daughters: tuple[float, float]
    mass: float = 0.0
    width: float = 0.0
    spin: int = 0
    wave: int = 0

    def density(self, mass: Floats) -> Floats:
        """Probability density in the mass [GeV] of R, not normalised; same shape as ``mass``."""
        p = break_up_momentum(self.mother, mass, self.other)
        q = break_up_momentum(mass, *self.daughters)
        if not self.width:
            return p * q
        q_0 = float(break_up_momentum(np.array([self.mass]), *self.daughters)[0])
        barrier, barrier_0 = (_barrier(self.spin, RADIUS_OF_RESONANCE * momentum) for momentum in (q, q_0))
        width = self.width * (q / q_0) ** (2 * self.spin + 1) * self.mass / mass * barrier / barrier_0
        propagator = 1 / ((self.mass**2 - mass**2) ** 2 + (self.mass * width) ** 2)
        outer = p ** (2 * self.wave) * _barrier(self.wave, RADIUS_OF_MOTHER * p)
        return p * q * propagator * outer * q ** (2 * self.spin) * barrier

    def quantiles(self) -> Floats:
        """Masses [GeV] at equal steps of the cumulative distribution, shape ``(QUANTILES,)``."""
        edges = np.linspace(sum(self.daughters), self.mother - self.other, GRID + 1)
        cumulative = np.concatenate([[0.0], np.cumsum(self.density(0.5 * (edges[1:] + edges[:-1])))])
        return np.interp(np.linspace(0, cumulative[-1], QUANTILES), cumulative, edges)


def break_up_momentum(mother: Floats | float, first: Floats | float, second: Floats | float) -> Floats:
    """Momentum [GeV] of the daughters of a two-body decay at rest; 0 where it is not allowed.

    Examples
    --------
    >>> float(break_up_momentum(1.0, 0.3, 0.3).round(3))
    0.4
    """
    mother = np.asarray(mother, dtype=np.float64)
    square = (mother**2 - (first + second) ** 2) * (mother**2 - (first - second) ** 2)
    momentum: Floats = np.sqrt(np.maximum(square, 0)) / (2 * mother)
    return momentum


def _barrier(wave: int, z: Floats | float) -> Floats:
    """Blatt–Weisskopf factor squared, 1 at rest, of z = momentum · radius."""
    square = np.asarray(z, dtype=np.float64) ** 2
    return 1 / (1 + square if wave == 1 else 1 + square / 3 + square**2 / 9 if wave == 2 else 1 + 0 * square)
