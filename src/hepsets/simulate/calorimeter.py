"""Measure photons: regions, thresholds, conversions, resolution, and clusters that are no photons."""

from __future__ import annotations

import math

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, kernel, part_of_kernel
from hepsets.core.random_stream import Stream, exponential, normal, uniform

CLUSTER = np.dtype(
    [
        ("px", np.float64),
        ("py", np.float64),
        ("pz", np.float64),
        ("energy", np.float64),
        ("shape", np.float64),
        ("region", np.int64),
        ("particle", np.int64),
    ]
)
"""A neutral cluster: momentum [GeV, lab] as of a photon from the origin, energy [GeV], shower-shape
probability to be a photon, region (:data:`FORWARD` …), flat position of the true particle or -1 for
beam background."""

OUTSIDE, FORWARD, BARREL, BACKWARD = range(4)
"""Regions of the calorimeter."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CalorimeterConfig:
    """Numbers of an electromagnetic calorimeter: a barrel and two endcaps."""

    forward_min: float
    """Limits of forward endcap, barrel and backward endcap [deg]; cracks between them."""
    forward_max: float
    barrel_min: float
    barrel_max: float
    backward_min: float
    backward_max: float
    threshold_forward: float
    """Smallest energy [GeV] of a cluster that is kept."""
    threshold_barrel: float
    threshold_backward: float
    efficiency: float
    """Probability that a photon above threshold gives its own cluster."""
    energy_scale: float
    """Measured over true energy of photons, on average."""
    noise: float
    """sigma(E)/E = noise/E + stochastic/E^(1/4) + constant, in quadrature, E in GeV."""
    stochastic: float
    constant: float
    tail_fraction: float
    """Photons with leakage, material losses or conversions close to the crystals …"""
    tail_mean: float
    """… lose this share of their energy on average (exponential)."""
    angle: float
    """Angular resolution [rad] at 1 GeV, rising as 1/sqrt(E)."""
    angle_constant: float
    shell_radius: float
    """Distance [cm] of the showers from the origin, for photons that start elsewhere."""
    conversion_length: float
    """Material before the chamber in radiation lengths at normal incidence; 7/9 of it converts photons, and
    a converted photon gives no cluster."""
    split_off: float
    """Mean number of split-off clusters per charged hadron that reaches the calorimeter."""
    split_off_energy: float
    """Mean energy [GeV] of a split-off (exponential)."""
    split_off_angle: float
    """Typical distance [rad] of a split-off from its hadron."""
    neutral_hadron: float
    """Probability that a K_L or a neutron gives a cluster …"""
    neutral_hadron_energy: float
    """… and its mean energy [GeV] (exponential)."""
    background: float
    """Mean number of beam-background clusters above threshold …"""
    background_energy: float
    """… and their mean energy [GeV] above the threshold (exponential)."""
    photon_shape: float
    """Shower-shape scores s in [0, 1] are distributed as a s^(a-1): photons with this a …"""
    other_shape: float
    """… and everything else with this one."""


@kernel
def region(config: Record, theta: float) -> int:
    """Region of a polar angle [rad]; cracks and holes are :data:`OUTSIDE`."""
    degrees = math.degrees(theta)
    if config.barrel_min < degrees < config.barrel_max:
        return BARREL
    if config.forward_min < degrees < config.forward_max:
        return FORWARD
    if config.backward_min < degrees < config.backward_max:
        return BACKWARD
    return OUTSIDE


@kernel
def threshold(config: Record, where: int) -> float:
    """Smallest cluster energy [GeV] of a region."""
    if where == FORWARD:
        return float(config.threshold_forward)
    if where == BARREL:
        return float(config.threshold_barrel)
    return float(config.threshold_backward)


@kernel
def energy_resolution(config: Record, energy: float) -> float:
    """sigma(E)/E of the Gaussian core."""
    stochastic = config.stochastic / energy**0.25
    return math.sqrt((config.noise / energy) ** 2 + stochastic * stochastic + config.constant**2)


@kernel
def angle_resolution(config: Record, energy: float) -> float:
    """Resolution [rad] of each of the two angles."""
    return math.hypot(config.angle / math.sqrt(energy), config.angle_constant)


@part_of_kernel
def _store(
    stream: Stream, config: Record, energy: float, theta: float, phi: float, shape: float, cluster: Record
) -> bool:
    where = region(config, theta)
    if where == OUTSIDE or energy < threshold(config, where):
        return False
    sine = math.sin(theta)
    cluster.px = energy * sine * math.cos(phi)
    cluster.py = energy * sine * math.sin(phi)
    cluster.pz = energy * math.cos(theta)
    cluster.energy = energy
    score = max(uniform(stream), 1.0e-12) ** (1.0 / shape)
    ratio = config.photon_shape / config.other_shape * score ** (config.photon_shape - config.other_shape)
    cluster.shape = ratio / (1.0 + ratio)
    cluster.region = where
    return True


@part_of_kernel
def measure_photon(stream: Stream, config: Record, particle: Record, cluster: Record) -> bool:
    """Measure one photon into ``cluster``; tell whether it left one."""
    energy = particle.energy
    momentum = math.sqrt(particle.px**2 + particle.py**2 + particle.pz**2)
    if energy < 0.01 or momentum <= 0.0:
        return False
    sine = max(math.hypot(particle.px, particle.py) / momentum, 0.05)
    if uniform(stream) < 1.0 - math.exp(-7.0 / 9.0 * config.conversion_length / sine):
        return False
    if uniform(stream) >= config.efficiency:
        return False
    # a photon from a displaced vertex is taken for one from the origin
    far = config.shell_radius / momentum
    x, y, z = particle.x + far * particle.px, particle.y + far * particle.py, particle.z + far * particle.pz
    sigma = angle_resolution(config, energy)
    theta = math.atan2(math.hypot(x, y), z) + sigma * normal(stream)
    phi = math.atan2(y, x) + sigma / sine * normal(stream)
    seen = config.energy_scale * energy * (1.0 + energy_resolution(config, energy) * normal(stream))
    if uniform(stream) < config.tail_fraction:
        seen *= math.exp(-config.tail_mean * exponential(stream))
    return _store(stream, config, seen, theta, phi, config.photon_shape, cluster)


@part_of_kernel
def hadronic_cluster(
    stream: Stream, config: Record, particle: Record, mean_energy: float, spread: float, cluster: Record
) -> bool:
    """A neutral cluster that a hadron leaves near its direction; tell whether it is above threshold."""
    momentum = math.hypot(particle.px, particle.py)
    theta = math.atan2(momentum, particle.pz) + spread * normal(stream)
    phi = math.atan2(particle.py, particle.px) + spread * normal(stream)
    energy = mean_energy * exponential(stream)
    return _store(stream, config, energy, theta, phi, config.other_shape, cluster)


@part_of_kernel
def background_cluster(stream: Stream, config: Record, cluster: Record) -> bool:
    """A cluster from beam background, uniform in solid angle over the calorimeter."""
    low = math.cos(math.radians(config.backward_max))
    high = math.cos(math.radians(config.forward_min))
    theta = math.acos(low + (high - low) * uniform(stream))
    phi = 2.0 * math.pi * uniform(stream) - math.pi
    floor = threshold(config, region(config, theta))
    energy = floor + config.background_energy * exponential(stream)
    return _store(stream, config, energy, theta, phi, config.other_shape, cluster)
