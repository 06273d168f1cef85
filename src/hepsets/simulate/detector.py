"""The engine of a parametric detector: which particles leave which tracks and clusters, once per trial."""

from __future__ import annotations

import math
from dataclasses import dataclass as plain_dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.events import Events
from hepsets.core.kernel import Record, integer, kept_record, kernel, part_of_kernel
from hepsets.core.random_stream import Stream, checked_event_numbers, poisson, start, uniform
from hepsets.generate.beams import BeamConfig
from hepsets.simulate.calorimeter import (
    CLUSTER,
    CalorimeterConfig,
    background_cluster,
    hadronic_cluster,
    measure_photon,
)
from hepsets.simulate.particle_id import ELECTRON, KAON, MUON, PION, PROTON, ParticleIdConfig, identify
from hepsets.simulate.tracker import KINKED, LOST, TRACK, TrackerConfig, measure_track


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DetectorConfig:
    """A detector in numbers, part by part: all that :func:`simulate` knows of it."""

    beams: BeamConfig
    tracker: TrackerConfig
    calorimeter: CalorimeterConfig
    particle_id: ParticleIdConfig


@plain_dataclass(frozen=True, eq=False)
class Reconstructed:
    """Tracks and neutral clusters of many events, with links to the truth.

    Parameters
    ----------
    tracks, track_offsets
        Records :data:`~hepsets.simulate.tracker.TRACK`; event ``i`` owns
        ``tracks[track_offsets[i]:track_offsets[i + 1]]``.
    clusters, cluster_offsets
        Records :data:`~hepsets.simulate.calorimeter.CLUSTER`, likewise.
    events
        The generated events; ``particle`` of a track or cluster is a position in their flat columns.
    detector
        The detector that saw them.
    """

    tracks: NDArray[np.void]
    track_offsets: NDArray[np.int64]
    clusters: NDArray[np.void]
    cluster_offsets: NDArray[np.int64]
    events: Events
    detector: DetectorConfig

    def __len__(self) -> int:
        return len(self.track_offsets) - 1

    @cached_property
    def n_leaves(self) -> NDArray[np.int64]:
        """Number of particles without daughters that descend from each particle (itself if it is one),
        shape ``(n_particles,)``.
        """
        return count_leaves(self.events.mothers)


@kernel
def count_leaves(mothers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of final particles below each particle, shape ``(n_particles,)``; one for a final one."""
    n = len(mothers)
    count = np.zeros(n, dtype=np.int64)
    has_daughter = np.zeros(n, dtype=np.bool_)
    for i in range(n):
        if mothers[i] != i:
            has_daughter[mothers[i]] = True
    for i in range(n):
        if not has_daughter[i]:
            at = i
            count[at] += 1
            while mothers[at] != at:
                at = mothers[at]
                count[at] += 1
    return count


MAX_BACKGROUND = 16
"""Bound of the Poisson number of background clusters per event (mean 1.5)."""


PARTICLE = np.dtype([(name, np.float64) for name in ("x", "y", "z", "px", "py", "pz", "energy")])


class _Numbers(NamedTuple):
    """The numbers of the parts of a detector, as kernels take them."""

    tracker: Record
    calorimeter: Record
    particle_id: Record


class _Generated(NamedTuple):
    """The generated particles of all events, end to end."""

    pdg: NDArray[np.int32]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    z: NDArray[np.float32]
    px: NDArray[np.float32]
    py: NDArray[np.float32]
    pz: NDArray[np.float32]
    energy: NDArray[np.float32]
    mothers: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, events: Events) -> _Generated:
        """The columns of an event table."""
        p = events.particles
        momenta = p["px"], p["py"], p["pz"], p["energy"]
        return cls(p["pdg"], p["x"], p["y"], p["z"], *momenta, events.mothers, events.offsets)


class _Made(NamedTuple):
    """What the detector sees, to be filled."""

    tracks: NDArray[np.void]
    track_offsets: NDArray[np.int64]
    clusters: NDArray[np.void]
    cluster_offsets: NDArray[np.int64]

    @classmethod
    def room_for(cls, events: Events) -> _Made:
        """Room for all that these events can leave."""
        # np.empty reserves, it does not touch: the unused part of these upper bounds costs nothing
        return cls(
            np.empty(events.n_particles + 1, dtype=TRACK),
            np.zeros(len(events) + 1, dtype=np.int64),
            np.empty(2 * events.n_particles + MAX_BACKGROUND * len(events) + 1, dtype=CLUSTER),
            np.zeros(len(events) + 1, dtype=np.int64),
        )


_NONE = integer(0)

_NEUTRAL, _UNSEEN = -1, -2


@kernel
def _species(kind: int) -> int:
    """Species of what makes a track, by its absolute id; or whether it makes a cluster or nothing."""
    if kind == 11:
        return ELECTRON
    if kind == 13:
        return MUON
    if kind == 211:
        return PION
    if kind == 321:
        return KAON
    if kind == 2212:
        return PROTON
    if kind == 22 or kind == 130 or kind == 2112:
        return _NEUTRAL
    return _UNSEEN


@part_of_kernel
def _charged(
    stream: Stream,
    numbers: _Numbers,
    species: int,
    charge: int,
    particle: Record,
    likelihood: NDArray[np.float64],
    track: Record,
) -> bool:
    """Measure and identify a charged particle; tell whether it left a track."""
    fate = measure_track(stream, numbers.tracker, species, charge, particle, track)
    if fate == LOST:
        return False
    pt = math.hypot(particle.px, particle.py)
    momentum = math.hypot(pt, particle.pz)
    theta = math.atan2(pt, particle.pz)
    # a pion or kaon that decayed on its way arrives as a muon
    arrived = MUON if fate == KINKED else species
    identify(stream, numbers.particle_id, arrived, momentum, theta, likelihood)
    track.electron, track.muon, track.pion = likelihood[0], likelihood[1], likelihood[2]
    track.kaon, track.proton = likelihood[3], likelihood[4]
    return True


@part_of_kernel
def _split_offs(
    stream: Stream, calorimeter: Record, particle: Record, i: int, clusters: NDArray[np.void], n: int
) -> int:
    """Clusters that a charged hadron leaves apart from its own; return the number of clusters so far."""
    for _ in range(min(poisson(stream, calorimeter.split_off), 2)):
        energy, angle = calorimeter.split_off_energy, calorimeter.split_off_angle
        if hadronic_cluster(stream, calorimeter, particle, energy, angle, clusters[n]):
            clusters[n].particle = i
            n += 1
    return n


@part_of_kernel
def _neutral(stream: Stream, calorimeter: Record, particle: Record, is_photon: bool, cluster: Record) -> bool:
    """Measure a photon, K_L or neutron; tell whether it left a cluster."""
    if is_photon:
        return measure_photon(stream, calorimeter, particle, cluster)
    if uniform(stream) >= calorimeter.neutral_hadron:
        return False
    return hadronic_cluster(stream, calorimeter, particle, calorimeter.neutral_hadron_energy, 0.03, cluster)


@kernel
def _respond(
    generated: _Generated,
    seed: int,
    event_numbers: NDArray[np.int64],
    trial: int,
    numbers: _Numbers,
    truth: NDArray[np.void],
    made: _Made,
) -> None:
    stream, likelihood = np.zeros(1, dtype=np.uint64), np.zeros(5, dtype=np.float64)
    # arrays are taken from their tuples once: within the loop each would be counted as held, again and again
    pdg, mothers, offsets = generated.pdg, generated.mothers, generated.offsets
    x, y, z, energy = generated.x, generated.y, generated.z, generated.energy
    px, py, pz = generated.px, generated.py, generated.pz
    tracks, clusters, calorimeter = made.tracks, made.clusters, numbers.calorimeter
    track_offsets, cluster_offsets = made.track_offsets, made.cluster_offsets
    has_daughter = np.zeros(len(pdg), dtype=np.bool_)
    for i in range(len(pdg)):
        if mothers[i] != i:
            has_daughter[mothers[i]] = True
    n_tracks, n_clusters = _NONE, _NONE
    particle = truth[0]
    for event in range(len(offsets) - 1):
        start(stream, seed, event_numbers[event], trial)
        for i in range(offsets[event], offsets[event + 1]):
            if has_daughter[i]:
                continue
            species = _species(abs(pdg[i]))
            if species == _UNSEEN:
                continue
            particle.x, particle.y, particle.z = x[i], y[i], z[i]
            particle.px, particle.py, particle.pz, particle.energy = px[i], py[i], pz[i], energy[i]
            if species == _NEUTRAL:
                if _neutral(stream, calorimeter, particle, pdg[i] == 22, clusters[n_clusters]):
                    clusters[n_clusters].particle = i
                    n_clusters += 1
                continue
            charge = 1 if pdg[i] > 0 else -1
            if species in (ELECTRON, MUON):
                charge = -charge
            if not _charged(stream, numbers, species, charge, particle, likelihood, tracks[n_tracks]):
                continue
            tracks[n_tracks].particle = i
            n_tracks += 1
            if species >= PION and math.hypot(particle.px, particle.py) > numbers.particle_id.top_min_pt:
                n_clusters = _split_offs(stream, calorimeter, particle, i, clusters, n_clusters)
        for _ in range(min(poisson(stream, calorimeter.background), MAX_BACKGROUND)):
            if background_cluster(stream, calorimeter, clusters[n_clusters]):
                clusters[n_clusters].particle = -1
                n_clusters += 1
        track_offsets[event + 1] = n_tracks
        cluster_offsets[event + 1] = n_clusters


def simulate(
    events: Events,
    *,
    seed: int,
    event_numbers: NDArray[np.int64],
    trial: int = 0,
    detector: DetectorConfig,
) -> Reconstructed:
    """Let the detector see the events once.

    Particles without daughters are what flies: e, mu, pi, K, p make tracks, photons, K_L and neutrons
    make clusters, everything else (neutrinos, unknown ids) leaves nothing.

    Parameters
    ----------
    events
        Generated events, laboratory frame; empty events are allowed.
    seed, event_numbers, trial
        The random stream of an event is fixed by ``(seed, event_numbers[i], trial)`` and by nothing
        else. ``event_numbers`` has shape ``(n_events,)``.
    detector
        The detector's numbers.

    Raises
    ------
    InputError
        If ``event_numbers`` does not have one number per event.
    """
    numbers = checked_event_numbers(event_numbers, events)
    made = _Made.room_for(events)
    parts = (detector.tracker, detector.calorimeter, detector.particle_id)
    _respond(
        _Generated.of(events),
        seed,
        numbers,
        trial,
        _Numbers(*map(kept_record, parts)),
        np.zeros(1, dtype=PARTICLE),
        made,
    )
    return Reconstructed(
        made.tracks[: made.track_offsets[-1]],
        made.track_offsets,
        made.clusters[: made.cluster_offsets[-1]],
        made.cluster_offsets,
        events,
        detector,
    )
