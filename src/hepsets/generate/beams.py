"""SuperKEKB's beams and the Υ(4S) → B B̄ that they make, before the B decay."""

from __future__ import annotations

import math
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.lorentz import boosted, mass_squared
from hepsets.core.units import SPEED_OF_LIGHT

Floats = NDArray[np.float64]

B0_MIXING_FREQUENCY = 0.507
"""Δm_d [1/ps], the value of Belle II's decay table."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class BeamConfig:
    """SuperKEKB's beams at the Υ(4S), in Belle II's frame.

    Energies, spreads and the crossing angle are those of basf2's ``Y4S`` preset; the size of the
    interaction region is the overlap of its bunches.

    Parameters
    ----------
    electron_energy, positron_energy
        Mean beam energies [GeV].
    electron_spread, positron_spread
        Standard deviations of the beam energies [GeV].
    half_crossing_angle
        Angle of either beam with the z axis, in the horizontal plane [rad].
    spot_size
        Standard deviations of the collision point in x, y, z [cm].
    """

    electron_energy: float = 7.004
    positron_energy: float = 4.002
    electron_spread: float = 0.00513
    positron_spread: float = 0.002375
    half_crossing_angle: float = 0.0415
    spot_size: tuple[float, float, float] = (6.4e-4, 4.2e-6, 1.54e-2)

    @property
    def energy(self) -> float:
        """Mean energy in the centre of mass [GeV]."""
        cosine = math.cos(2 * self.half_crossing_angle)
        return math.sqrt(2 * self.electron_energy * self.positron_energy * (1 + cosine))

    def below(self, gap: float) -> BeamConfig:
        """The beams with so much less energy in the centre of mass [GeV], which moves as before.

        SuperKEKB takes continuum data below the Υ(4S) by lowering both beams by the same factor.
        """
        factor = 1 - gap / self.energy
        return replace(
            self,
            electron_energy=self.electron_energy * factor,
            positron_energy=self.positron_energy * factor,
        )

    @property
    def velocity(self) -> tuple[float, float]:
        """Velocity (x, z) of the centre of mass in the laboratory, c = 1; there is none along y."""
        high, low, half = self.electron_energy, self.positron_energy, self.half_crossing_angle
        return math.sin(half), (high - low) / (high + low) * math.cos(half)

    @property
    def momentum(self) -> Floats:
        """Four-momentum (px, py, pz, E) [GeV] of beams of mean energy, shape (4,)."""
        high, low = self.electron_energy, self.positron_energy
        sine, cosine = math.sin(self.half_crossing_angle), math.cos(self.half_crossing_angle)
        return np.array([(high + low) * sine, 0.0, (high - low) * cosine, high + low])

    def collisions(self, rng: np.random.Generator, n: int, least: float = 0.0) -> Floats:
        """Four-momenta (px, py, pz, E) [GeV] of e⁻ and e⁺ with √s above ``least``, shape ``(n, 2, 4)``."""
        sine, cosine = np.sin(self.half_crossing_angle), np.cos(self.half_crossing_angle)
        kept: list[Floats] = []
        while sum(map(len, kept)) < n:
            energy = rng.normal(
                (self.electron_energy, self.positron_energy),
                (self.electron_spread, self.positron_spread),
                (n, 2),
            )
            momenta = energy[..., None] * np.array([[sine, 0, cosine, 1], [sine, 0, -cosine, 1]])
            kept.append(momenta[mass_squared(momenta.sum(axis=1)) > least**2])
        return np.concatenate(kept)[:n]

    def spots(self, rng: np.random.Generator, n: int) -> Floats:
        """Collision points [cm], shape ``(n, 3)``."""
        return rng.normal(0, self.spot_size, (n, 3))


@plain_dataclass(frozen=True)
class BPairs:
    """Υ(4S) → B B̄ before the B decay.

    Parameters
    ----------
    pdg
        Flavours at decay, int64, shape ``(n, 2)``.
    momentum
        Four-momenta (px, py, pz, E) [GeV] in the laboratory, shape ``(n, 2, 4)``.
    lifetime
        Proper decay times [ns], shape ``(n, 2)``.
    mass
        Of the B [GeV].
    """

    pdg: NDArray[np.int64]
    momentum: Floats
    lifetime: Floats
    mass: float

    def flights(self) -> Floats:
        """From production to decay, (x, y, z [cm], t [ns]), shape ``(n, 2, 4)``."""
        return self.momentum * (self.lifetime / self.mass)[..., None] * ([SPEED_OF_LIGHT] * 3 + [1.0])


def draw_b_pairs(
    rng: np.random.Generator, beam: BeamConfig, n: int, *, pdg: int, mass: float, mean_life: float
) -> BPairs:
    """Draw production, flavours and decay times of ``n`` Υ(4S) → B B̄.

    The pair flies along sin²θ about the beams. A neutral pair evolves coherently: after a
    difference Δt of the decay times both have the same flavour with probability
    (1 − cos Δm Δt)/2 (Bigi and Sanda, Nucl. Phys. B 193 (1981) 85).

    Parameters
    ----------
    rng
        Source of random numbers.
    beam
        The beams.
    n
        Number of pairs.
    pdg
        511 or 521.
    mass, mean_life
        Of the B [GeV, ns].
    """
    beams = beam.collisions(rng, n, least=2 * mass)
    energy = 0.5 * np.sqrt(mass_squared(beams.sum(axis=1)))
    # the inverse of the cumulative distribution (3c − c³)/2 of cos θ, by Viète's formula
    cosine = 2 * np.sin(np.arcsin(rng.uniform(-1, 1, n)) / 3)
    azimuth = rng.uniform(0, 2 * np.pi, n)
    sine = np.sqrt(1 - cosine**2)
    direction = np.column_stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine])
    momentum = np.sqrt(energy**2 - mass**2)[:, None] * direction
    pair = np.stack([np.column_stack([sign * momentum, energy]) for sign in (1, -1)], axis=1)
    pair = np.einsum("nij,nbj->nbi", to_laboratory(beams), pair)

    lifetime = rng.exponential(mean_life, (n, 2))
    flavour = np.tile([1, -1], (n, 1))
    if pdg == 511:
        picoseconds = 1000 * (lifetime[:, 0] - lifetime[:, 1])
        mixed = rng.random(n) < 0.5 * (1 - np.cos(B0_MIXING_FREQUENCY * picoseconds))
        flavour[mixed] = rng.choice([1, -1], n)[mixed, None]
    return BPairs(flavour * pdg, pair, lifetime, mass)


def to_laboratory(beams: Floats) -> Floats:
    """Lorentz transformations from the centre of mass, with e⁻ along z, to the laboratory.

    Parameters
    ----------
    beams
        Four-momenta of e⁻ and e⁺ in the laboratory, shape ``(n, 2, 4)``.

    Returns
    -------
    Floats
        Matrices that act on (px, py, pz, E) or (x, y, z, ct), shape ``(n, 4, 4)``.
    """
    total = beams.sum(axis=1)
    electron = boosted(beams[:, 0], total * [-1, -1, -1, 1])[:, :3]
    z = electron / np.linalg.norm(electron, axis=1, keepdims=True)
    x = np.cross([0.0, 1.0, 0.0], z)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    axes = [boosted(np.column_stack([axis, np.zeros(len(z))]), total) for axis in (x, np.cross(z, x), z)]
    velocity = total / np.sqrt(mass_squared(total))[:, None]
    return np.stack([*axes, velocity], axis=2)
