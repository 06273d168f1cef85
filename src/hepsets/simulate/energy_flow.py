"""Photons and neutral hadrons in an electromagnetic and a hadron calorimeter: energy and direction."""

from __future__ import annotations

import math

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, kernel
from hepsets.core.random_stream import Stream, normal, uniform


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class EnergyFlowConfig:
    """Two calorimeters that begin at one cylinder; showers of tracks are taken out without remains."""

    radius: float
    """Inner radius [cm]."""
    half_length: float
    """|z| of the endcaps [cm]."""
    max_eta: float
    """Acceptance in pseudorapidity."""
    em_stochastic: float
    """σ(E) of photons: stochastic √E ⊕ constant E ⊕ noise, E in GeV."""
    em_constant: float
    em_noise: float
    em_significance: float
    """Photons with less energy than so many σ(E) are not seen."""
    hadron_stochastic: float
    """As for photons."""
    hadron_constant: float
    hadron_noise: float
    hadron_significance: float
    cell: float
    """Size of a cell in η and φ; directions are uniform in it."""
    photon_min_energy: float
    """Above this energy [GeV] …"""
    photon_efficiency: float
    """… this share of the photons is called photon, the others neutral hadron; below it all are."""


@kernel
def calorimeter_sigma(config: Record, energy: float, is_photon: bool) -> float:
    """σ(E) [GeV]."""
    if is_photon:
        a, b, c = config.em_stochastic, config.em_constant, config.em_noise
    else:
        a, b, c = config.hadron_stochastic, config.hadron_constant, config.hadron_noise
    return math.sqrt(a * a * energy + b * b * energy * energy + c * c)


@kernel
def way_to_calorimeter(config: Record, particle: Record) -> float:
    """Straight way of a neutral particle to the calorimeter, in units of its momentum [cm / GeV]."""
    px, py, pz = particle.px, particle.py, particle.pz
    pt2 = px * px + py * py
    way = math.inf
    if pt2 > 0.0:
        half = (particle.x * px + particle.y * py) / pt2
        rest = (config.radius**2 - particle.x**2 - particle.y**2) / pt2
        way = math.sqrt(max(half * half + rest, 0.0)) - half
    if pz != 0.0:
        way = min(way, (config.half_length - math.copysign(1.0, pz) * particle.z) / abs(pz))
    return max(way, 0.0)


@kernel
def measure_neutral(stream: Stream, config: Record, particle: Record, is_photon: bool, seen: Record) -> bool:
    """Measure energy and direction of a neutral particle into ``seen``; tell whether it is seen.

    Parameters
    ----------
    particle
        Anything with ``x y z`` [cm], ``px py pz energy`` [GeV] of the true particle.
    seen
        Filled with ``px py pz energy`` [GeV], as of a massless particle from the origin.
    """
    way = way_to_calorimeter(config, particle)
    if not way < math.inf:
        return False  # at rest
    x, y = particle.x + way * particle.px, particle.y + way * particle.py
    z = particle.z + way * particle.pz
    rho = math.hypot(x, y)
    if rho <= 0.0:
        return False
    eta = math.asinh(z / rho) + config.cell * (uniform(stream) - 0.5)
    phi = math.atan2(y, x) + config.cell * (uniform(stream) - 0.5)
    energy = particle.energy + calorimeter_sigma(config, particle.energy, is_photon) * normal(stream)
    if abs(eta) > config.max_eta or energy <= 0.0:
        return False
    significance = config.em_significance if is_photon else config.hadron_significance
    if energy < significance * calorimeter_sigma(config, energy, is_photon):
        return False
    pt = energy / math.cosh(eta)
    seen.px, seen.py, seen.pz = pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)
    seen.energy = energy
    return True
