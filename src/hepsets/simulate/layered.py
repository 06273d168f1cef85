"""The engine of a detector with a layered tracker: which particles it reconstructs, once per trial."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.events import Events
from hepsets.core.kernel import Record, as_record, kernel
from hepsets.core.masses import M_E, M_K, M_MU, M_P, M_PI
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.random_stream import Stream, checked_event_numbers, normal, start, uniform
from hepsets.core.reconstructed import (
    CHARGED_HADRON,
    COVARIANCE,
    ELECTRON,
    FROM_MATERIAL,
    MUON,
    NEUTRAL_HADRON,
    PHOTON,
    TRACK_PARAMETERS,
)
from hepsets.core.units import SPEED_OF_LIGHT
from hepsets.simulate.cluster_counting import ClusterCountingConfig, count_clusters, length_in_gas
from hepsets.simulate.conversions import conversion_way, energy_share
from hepsets.simulate.energy_flow import EnergyFlowConfig, measure_neutral
from hepsets.simulate.layers import (
    CovarianceGrid,
    LayeredTrackerConfig,
    covariance_grid,
    covariance_of,
    find_factor,
    smear,
    surfaces,
)
from hepsets.simulate.origins import origins
from hepsets.simulate.time_of_flight import TimeOfFlightConfig, way_to_timing_layer
from hepsets.simulate.vertexing import CURVATURE, closest_approach, wrap

Floats = NDArray[np.float64]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LayeredConfig:
    """A detector in numbers, part by part: all that :func:`see_z_events` knows of it."""

    tracker: LayeredTrackerConfig
    cluster_counting: ClusterCountingConfig
    time_of_flight: TimeOfFlightConfig
    energy_flow: EnergyFlowConfig
    lepton_min_momentum: float
    """Electrons and muons above this momentum [GeV] …"""
    lepton_efficiency: float
    """… are identified with this probability; hadrons are never taken for leptons."""


SEEN = np.dtype(
    [(name, np.float32) for name in ("px", "py", "pz", "energy")]
    + [("charge", np.int8), ("is_track", np.bool_), ("kind", np.int8)]
    + [(name, np.float32) for name in (*TRACK_PARAMETERS, *COVARIANCE)]
    + [("n_clusters", np.float32), ("has_clusters", np.bool_), ("track_length", np.float32)]
    + [("flight_time", np.float32), ("flight_length", np.float32), ("has_flight_time", np.bool_)]
    + [(name, np.float64) for name in ("true_x", "true_y", "true_z")]
    + [("true_pdg", np.int32), ("origin", np.int8), ("particle", np.int64)]
)
"""A reconstructed particle.

``px py pz`` [GeV] at the point closest to the z axis (of tracks) or as from the origin; ``energy`` [GeV], of
tracks from the pion mass; ``charge``; ``is_track``; ``kind`` (:mod:`hepsets.core.reconstructed`); track
parameters and covariance, zero for neutral particles; ``n_clusters`` counted on ``track_length`` [cm];
``flight_time`` [ns] since the collision at the timing layer, ``flight_length`` [cm] to there from the point
closest to the axis; truth: ``true_x true_y true_z`` [cm], where it was produced, ``true_pdg``, ``origin``,
and ``particle``, the position among the generated ones (of a conversion that of the photon)."""

_SPECIES = np.array([11, 13, 211, 321, 2212, 3112, 3222, 3312, 3334])
_MASSES = np.array([M_E, M_MU, M_PI, M_K, M_P, 1.197449, 1.18937, 1.32171, 1.67245])
_CHARGES = np.array([-1, -1, 1, 1, 1, -1, 1, -1, -1])
_NEUTRAL_HADRONS = np.array([130, 310, 2112, 3122, 3322])

_FLYING = np.dtype(
    [(name, np.float64) for name in ("x", "y", "z", "time", "px", "py", "pz", "energy", "mass")]
    + [("charge", np.int64), ("pdg", np.int64)]
)


class _Parts(NamedTuple):
    """The parts of a detector, as kernels take them."""

    layers: NDArray[np.void]
    grid: CovarianceGrid
    tracker: Record
    counting: Record
    flight: Record
    calorimeters: Record
    leptons: Record


class _Generated(NamedTuple):
    """The generated particles of all events, end to end."""

    pdg: NDArray[np.int32]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    z: NDArray[np.float32]
    time: NDArray[np.float32]
    px: NDArray[np.float32]
    py: NDArray[np.float32]
    pz: NDArray[np.float32]
    energy: NDArray[np.float32]
    mothers: NDArray[np.int64]
    origin: NDArray[np.int8]
    offsets: NDArray[np.int64]


@dataclass(frozen=True)
class _Tracker:
    field: float
    min_pt: float
    max_eta: float
    radius: float
    half_length: float


@dataclass(frozen=True)
class _Leptons:
    min_momentum: float
    efficiency: float


def _parts(detector: LayeredConfig) -> _Parts:
    t = detector.tracker
    numbers = (
        _Tracker(t.field, t.min_pt, t.max_eta, t.radius, t.half_length),
        detector.cluster_counting,
        detector.time_of_flight,
        detector.energy_flow,
        _Leptons(detector.lepton_min_momentum, detector.lepton_efficiency),
    )
    return _Parts(surfaces(t.layers), covariance_grid(t), *map(as_record, numbers))


@kernel
def _place(table: NDArray[np.int64], value: int) -> int:
    for i in range(len(table)):
        if table[i] == value:
            return i
    return -1


@kernel
def _measure_track(
    stream: Stream, parts: _Parts, flying: Record, factor: Floats, work: Floats, seen: Record
) -> bool:
    """Measure one charged particle into ``seen``; tell whether it left a track."""
    tracker = parts.tracker
    pt = math.hypot(flying.px, flying.py)
    if pt < tracker.min_pt:
        return False
    eta, tan_lambda = math.asinh(flying.pz / pt), flying.pz / pt
    radius = math.hypot(flying.x, flying.y)
    if abs(eta) > tracker.max_eta or not find_factor(parts.grid, pt, eta, flying.charge, radius, factor):
        return False
    phi = math.atan2(flying.py, flying.px)
    omega = CURVATURE * tracker.field / pt
    phi_0, d0, z0 = closest_approach(
        flying.x, flying.y, flying.z, pt, phi, tan_lambda, flying.charge, tracker.field
    )
    parameters, covariance = work[:5], work[5:20]
    parameters[0], parameters[1], parameters[2] = d0, phi_0, flying.charge * omega
    parameters[3], parameters[4] = z0, tan_lambda
    smear(stream, factor, parameters)
    covariance_of(factor, covariance)
    _store_track(parameters, covariance, tracker.field, seen)

    momentum = math.hypot(pt, flying.pz)
    seen.track_length = length_in_gas(parts.counting, omega, tan_lambda, radius)
    seen.has_clusters = seen.track_length > 0.0
    seen.n_clusters = 0.0
    if seen.has_clusters:
        seen.n_clusters = count_clusters(stream, parts.counting, momentum / flying.mass, seen.track_length)
    # from the point closest to the axis to the production, and to the timing layer
    begun = -flying.charge * wrap(phi - phi_0) / omega
    way = way_to_timing_layer(parts.flight, omega, tan_lambda, z0)
    seen.has_flight_time = way > begun
    seen.flight_time = seen.flight_length = 0.0
    if seen.has_flight_time:
        slope = momentum / pt
        beta = momentum / math.hypot(momentum, flying.mass)
        flown = (way - begun) * slope / (beta * SPEED_OF_LIGHT)
        seen.flight_time = flying.time + flown + parts.flight.resolution * normal(stream)
        seen.flight_length = way * slope
    seen.true_x, seen.true_y, seen.true_z = flying.x, flying.y, flying.z
    seen.kind = CHARGED_HADRON
    is_lepton = abs(flying.pdg) == 11 or abs(flying.pdg) == 13
    if is_lepton and momentum > parts.leptons.min_momentum and uniform(stream) < parts.leptons.efficiency:
        seen.kind = ELECTRON if abs(flying.pdg) == 11 else MUON
    return True


@kernel
def _store_track(parameters: Floats, covariance: Floats, field: float, seen: Record) -> None:
    seen.d0, seen.phi, seen.omega = parameters[0], wrap(parameters[1]), parameters[2]
    seen.z0, seen.tan_lambda = parameters[3], parameters[4]
    pt = CURVATURE * field / abs(parameters[2])
    seen.px, seen.py = pt * math.cos(parameters[1]), pt * math.sin(parameters[1])
    seen.pz = pt * parameters[4]
    seen.energy = math.sqrt(pt * pt * (1.0 + parameters[4] ** 2) + M_PI * M_PI)
    seen.charge = 1 if parameters[2] > 0.0 else -1
    seen.is_track = True
    c = covariance
    seen.cov_d0_d0 = c[0]
    seen.cov_d0_phi, seen.cov_phi_phi = c[1], c[2]
    seen.cov_d0_omega, seen.cov_phi_omega, seen.cov_omega_omega = c[3], c[4], c[5]
    seen.cov_d0_z0, seen.cov_phi_z0, seen.cov_omega_z0, seen.cov_z0_z0 = c[6], c[7], c[8], c[9]
    seen.cov_d0_tan_lambda, seen.cov_phi_tan_lambda, seen.cov_omega_tan_lambda = c[10], c[11], c[12]
    seen.cov_z0_tan_lambda, seen.cov_tan_lambda_tan_lambda = c[13], c[14]


@kernel
def _convert(
    stream: Stream,
    parts: _Parts,
    photon: Record,
    electron: Record,
    factor: Floats,
    work: Floats,
    seen: NDArray[np.void],
) -> int:
    """Let a photon convert, perhaps; return how many tracks its pair left in ``seen``."""
    way = conversion_way(stream, parts.layers, parts.tracker.radius, parts.tracker.half_length, photon)
    if way < 0.0:
        return 0
    share, found = energy_share(stream), 0
    for charge in (-1, 1):
        energy = photon.energy * (share if charge < 0 else 1.0 - share)
        if energy <= M_E:
            continue
        scale = math.sqrt(energy * energy - M_E * M_E) / photon.energy
        electron.x, electron.y = photon.x + way * photon.px, photon.y + way * photon.py
        electron.z = photon.z + way * photon.pz
        electron.time = photon.time + way * photon.energy / SPEED_OF_LIGHT
        electron.px, electron.py, electron.pz = scale * photon.px, scale * photon.py, scale * photon.pz
        electron.energy, electron.mass = energy, M_E
        electron.charge, electron.pdg = charge, -11 * charge
        if _measure_track(stream, parts, electron, factor, work, seen[found]):
            seen[found].true_pdg = electron.pdg
            seen[found].origin = FROM_MATERIAL
            found += 1
    return found


@kernel
def _measure_neutral(stream: Stream, parts: _Parts, flying: Record, is_photon: bool, seen: Record) -> bool:
    calorimeters = parts.calorimeters
    if not measure_neutral(stream, calorimeters, flying, is_photon, seen):
        return False
    seen.true_x, seen.true_y, seen.true_z = flying.x, flying.y, flying.z
    seen.kind = NEUTRAL_HADRON
    if is_photon and (
        flying.energy < calorimeters.photon_min_energy or uniform(stream) < calorimeters.photon_efficiency
    ):
        seen.kind = PHOTON
    return True


@kernel
def _load(generated: _Generated, i: int, flying: Record) -> None:
    flying.x, flying.y, flying.z = generated.x[i], generated.y[i], generated.z[i]
    flying.px, flying.py, flying.pz = generated.px[i], generated.py[i], generated.pz[i]
    flying.time, flying.energy = generated.time[i], generated.energy[i]
    flying.pdg, flying.charge, flying.mass = generated.pdg[i], 0, 0.0


@kernel
def _see_particle(
    stream: Stream,
    parts: _Parts,
    generated: _Generated,
    i: int,
    flying: NDArray[np.void],
    work: Floats,
    seen: NDArray[np.void],
) -> int:
    """Fill ``seen`` with what one final particle leaves; return how much that is, at most two."""
    pdg = generated.pdg[i]
    species = _place(_SPECIES, abs(pdg))
    is_photon = pdg == 22
    if species < 0 and not is_photon and _place(_NEUTRAL_HADRONS, abs(pdg)) < 0:
        return 0
    particle = flying[0]
    _load(generated, i, particle)
    if species >= 0:
        particle.charge = _CHARGES[species] if pdg > 0 else -_CHARGES[species]
        particle.mass = _MASSES[species]
        n = 1 if _measure_track(stream, parts, particle, work[20:35], work[:20], seen[0]) else 0
    else:
        n = _convert(stream, parts, particle, flying[1], work[20:35], work[:20], seen) if is_photon else 0
        if n:
            return n
        n = 1 if _measure_neutral(stream, parts, particle, is_photon, seen[0]) else 0
    if n:
        seen[0].true_pdg, seen[0].origin = pdg, generated.origin[i]
    return n


@kernel
def _see(
    generated: _Generated,
    seed: int,
    event_numbers: NDArray[np.int64],
    trial: int,
    parts: _Parts,
    flying: NDArray[np.void],
    seen: NDArray[np.void],
    seen_offsets: NDArray[np.int64],
) -> None:
    stream, work = np.zeros(1, dtype=np.uint64), np.zeros(35)
    offsets, mothers = generated.offsets, generated.mothers
    inside = np.zeros(len(mothers), dtype=np.bool_)
    decayed = np.zeros(len(mothers), dtype=np.bool_)
    for i in range(len(mothers)):
        radius = math.hypot(generated.x[i], generated.y[i])
        inside[i] = radius < parts.tracker.radius and abs(generated.z[i]) < parts.tracker.half_length
        if inside[i] and mothers[i] != i:
            decayed[mothers[i]] = True
    n = 0
    for event in range(len(offsets) - 1):
        start(stream, seed, event_numbers[event], trial)
        for i in range(offsets[event], offsets[event + 1]):
            if inside[i] and not decayed[i]:
                made = _see_particle(stream, parts, generated, i, flying, work, seen[n:])
                for k in range(n, n + made):
                    seen[k].particle = i
                n += made
        seen_offsets[event + 1] = n


def see_z_events(
    events: Events,
    *,
    seed: int,
    event_numbers: NDArray[np.int64],
    trial: int = 0,
    detector: LayeredConfig,
) -> ParticleSets:
    """Let a detector with a layered tracker see the events once.

    What flies is what has no daughters within the tracker: e, μ, π, K, p and charged hyperons leave tracks,
    photons clusters or, converted, two tracks, K_L, n, and K_S, Λ, Ξ⁰ that decay farther out clusters;
    everything else leaves nothing.

    Parameters
    ----------
    events
        Generated events, laboratory frame; empty events are allowed.
    seed, event_numbers, trial
        The random stream of an event is fixed by ``(seed, event_numbers[i], trial)`` and by nothing
        else. ``event_numbers`` has shape ``(n_events,)``.
    detector
        The detector's numbers.

    Returns
    -------
    ParticleSets
        Reconstructed particles with the columns of :data:`SEEN` except ``particle``, event columns as of
        ``events`` and ``event_number``.

    Raises
    ------
    InputError
        If ``event_numbers`` does not have one number per event.
    """
    numbers = checked_event_numbers(event_numbers, events)
    p = events.particles
    place = p["x"], p["y"], p["z"], p["prod_time"]
    momentum = p["px"], p["py"], p["pz"], p["energy"]
    generated = _Generated(p["pdg"], *place, *momentum, events.mothers, origins(events), events.offsets)
    # np.zeros reserves, it does not touch: the unused part of this upper bound costs nothing
    seen = np.zeros(2 * events.n_particles + 2, dtype=SEEN)
    offsets = np.zeros(len(events) + 1, dtype=np.int64)
    _see(generated, seed, numbers, trial, _parts(detector), np.zeros(2, dtype=_FLYING), seen, offsets)
    seen = seen[: offsets[-1]]
    return ParticleSets(
        {name: np.ascontiguousarray(seen[name]) for name in SEEN.names or () if name != "particle"},
        offsets,
        {**events.columns, "event_number": numbers},
        events.purpose,
    )
