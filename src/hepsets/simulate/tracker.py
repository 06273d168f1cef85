"""Measure charged particles: acceptance, efficiency, decay in flight, momentum, impact parameters."""

from __future__ import annotations

import math

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, kernel, part_of_kernel
from hepsets.core.masses import FLIGHT_K, FLIGHT_PI
from hepsets.core.random_stream import Stream, exponential, normal, uniform
from hepsets.simulate.particle_id import ELECTRON, KAON, MASSES, PION
from hepsets.simulate.vertexing import closest_approach

TRACK = np.dtype(
    [
        ("px", np.float64),
        ("py", np.float64),
        ("pz", np.float64),
        ("d0", np.float64),
        ("z0", np.float64),
        ("sigma_d0", np.float64),
        ("sigma_z0", np.float64),
        ("electron", np.float64),
        ("muon", np.float64),
        ("pion", np.float64),
        ("kaon", np.float64),
        ("proton", np.float64),
        ("charge", np.int64),
        ("particle", np.int64),
    ]
)
"""A reconstructed track: momentum [GeV, lab] at the point closest to the z axis; signed distance
``d0`` and height ``z0`` [cm] of that point with their errors; probability of each species; charge;
flat position of the true particle."""

LOST, FOUND, KINKED = range(3)
"""What became of a charged particle; a kinked one decayed in the outer tracker but was found."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrackerConfig:
    """Numbers of a tracker in a solenoid: a vertex detector and, around it, a chamber."""

    theta_min: float
    """Polar acceptance [deg]."""
    theta_max: float
    field: float
    """Solenoid field [T]."""
    plateau: float
    """Efficiency at high transverse momentum, material and hit losses included."""
    turn_on_pt: float
    """Transverse momentum [GeV] of half efficiency."""
    turn_on_width: float
    """Width [GeV] of the turn-on (a normal integral)."""
    displaced_full: float
    """Up to this distance [cm] from the axis a particle may start without loss: in the vertex detector."""
    displaced_none: float
    """From this distance on too few layers are left."""
    momentum_scale: float
    """Measured over true momentum, on average."""
    momentum_pt: float
    """Measurement term of sigma(pT)/pT per GeV."""
    momentum_scattering: float
    """Multiple-scattering term of sigma(pT)/pT, divided by beta."""
    tail_fraction: float
    """Tracks with wrong or missing hits: all errors are ``tail_scale`` times wider."""
    tail_scale: float
    angle_constant: float
    """Angular resolution [rad] at high momentum."""
    angle_scattering: float
    """Angular resolution [rad GeV] from multiple scattering, divided by p beta."""
    d0_constant: float
    """Transverse impact parameter resolution [cm] at high momentum."""
    d0_scattering: float
    """Its multiple-scattering part [cm GeV], divided by p beta sin^(3/2) theta."""
    z0_constant: float
    z0_scattering: float
    """As for d0, divided by p beta sin^(5/2) theta."""
    no_pixel_radius: float
    """A particle starting beyond [cm] leaves no hit in the first pixel layer …"""
    no_pixel_scale: float
    """… and its impact parameters are so much worse."""
    bremsstrahlung: float
    """Mean share of its energy that an electron radiates before the chamber ends, per normal incidence."""
    kink_radius: float
    """A particle that decays before this radius [cm] is lost, beyond it is found with a kink."""
    outer_radius: float
    """Outer radius [cm] of the chamber."""
    kink_smearing: float
    """Additional relative momentum error of kinked tracks."""


@kernel
def tracking_efficiency(config: Record, pt: float, theta: float, radius: float) -> float:
    """Probability that a charged particle that does not decay becomes a track.

    Parameters
    ----------
    pt, theta, radius
        Transverse momentum [GeV], polar angle [rad], distance of the origin from the z axis [cm].
    """
    degrees = math.degrees(theta)
    if degrees < config.theta_min or degrees > config.theta_max:
        return 0.0
    efficiency = (
        config.plateau
        * 0.5
        * (1.0 + math.erf((pt - config.turn_on_pt) / (1.41421356 * config.turn_on_width)))
    )
    if radius > config.displaced_full:
        left = (config.displaced_none - radius) / (config.displaced_none - config.displaced_full)
        efficiency *= max(0.0, left)
    return float(efficiency)


@kernel
def momentum_resolution(config: Record, pt: float, beta: float) -> float:
    """sigma(pT)/pT of the Gaussian core."""
    return math.hypot(config.momentum_pt * pt, config.momentum_scattering / beta)


@kernel
def impact_resolution(constant: float, scattering: float, p_beta: float, sine: float, power: float) -> float:
    """Impact parameter resolution [cm], constant and multiple-scattering term in quadrature."""
    return math.hypot(constant, scattering / (p_beta * sine**power))


@part_of_kernel
def _fate_in_flight(
    stream: Stream, config: Record, species: int, momentum: float, pt: float, radius: float
) -> int:
    """Whether a particle that begins at a radius [cm] is lost, kinked or found, for it may decay."""
    if species != PION and species != KAON:
        return FOUND
    mean_flight = FLIGHT_PI if species == PION else FLIGHT_K
    flight = exponential(stream) * mean_flight * momentum / MASSES[species]
    decay_radius = radius + flight * pt / momentum
    if decay_radius < config.kink_radius:
        return LOST
    return KINKED if decay_radius < config.outer_radius else FOUND


@part_of_kernel
def measure_track(
    stream: Stream,
    config: Record,
    species: int,
    charge: int,
    particle: Record,
    track: Record,
) -> int:
    """Measure one charged particle into ``track``; tell whether it was lost, found or kinked.

    Parameters
    ----------
    particle
        Anything with ``x y z`` [cm] and ``px py pz`` [GeV] of the true particle.
    track
        A :data:`TRACK` record; its particle identification is left to
        :func:`hepsets.simulate.particle_id.identify`.
    """
    px, py, pz = particle.px, particle.py, particle.pz
    pt = math.hypot(px, py)
    momentum = math.hypot(pt, pz)
    if pt < 0.01:
        return LOST
    theta = math.atan2(pt, pz)
    radius = math.hypot(particle.x, particle.y)
    if uniform(stream) >= tracking_efficiency(config, pt, theta, radius):
        return LOST
    fate = _fate_in_flight(stream, config, species, momentum, pt, radius)
    if fate == LOST:
        return LOST

    beta = momentum / math.hypot(momentum, MASSES[species])
    p_beta = momentum * beta
    sine = pt / momentum
    scale = config.tail_scale if uniform(stream) < config.tail_fraction else 1.0
    sigma_pt = momentum_resolution(config, pt, beta)
    if fate == KINKED:
        sigma_pt = math.hypot(sigma_pt, config.kink_smearing)
    factor = config.momentum_scale * (1.0 + scale * sigma_pt * normal(stream))
    if species == ELECTRON:
        # most electrons lose little, a few lose much: an exponential in log energy
        factor *= math.exp(-exponential(stream) * config.bremsstrahlung / sine)
    pt_seen = pt * max(factor, 0.1)
    sigma_angle = scale * math.hypot(config.angle_constant, config.angle_scattering / p_beta)
    phi = math.atan2(py, px) + sigma_angle / sine * normal(stream)
    theta_seen = min(max(theta + sigma_angle * normal(stream), 0.01), math.pi - 0.01)
    tan_lambda = 1.0 / math.tan(theta_seen)

    sigma_d0 = impact_resolution(config.d0_constant, config.d0_scattering, p_beta, sine, 1.5)
    sigma_z0 = impact_resolution(config.z0_constant, config.z0_scattering, p_beta, sine, 2.5)
    if radius > config.no_pixel_radius:
        sigma_d0 *= config.no_pixel_scale
        sigma_z0 *= config.no_pixel_scale
    phi_0, d0, z0 = closest_approach(
        particle.x, particle.y, particle.z, pt_seen, phi, tan_lambda, charge, config.field
    )
    track.px = pt_seen * math.cos(phi_0)
    track.py = pt_seen * math.sin(phi_0)
    track.pz = pt_seen * tan_lambda
    track.d0 = d0 + scale * sigma_d0 * normal(stream)
    track.z0 = z0 + scale * sigma_z0 * normal(stream)
    track.sigma_d0 = sigma_d0
    track.sigma_z0 = sigma_z0
    track.charge = charge
    return fate
