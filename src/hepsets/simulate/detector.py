"""The engine of a parametric detector: which particles leave which tracks and clusters, once per trial."""

from __future__ import annotations

import math
from dataclasses import dataclass as plain_dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.kernel import Record, as_record, kernel
from hepsets.core.random_stream import poisson, start, uniform
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
    """Belle II in numbers, part by part; each part names its sources."""

    beams: BeamConfig = Field(default_factory=BeamConfig)
    tracker: TrackerConfig = Field(default_factory=TrackerConfig)
    calorimeter: CalorimeterConfig = Field(default_factory=CalorimeterConfig)
    particle_id: ParticleIdConfig = Field(default_factory=ParticleIdConfig)


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
        """Number of particles without daughters that descend from each particle (itself if it is one)."""
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


@kernel
def _respond(
    pdg: NDArray[np.int32],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    z: NDArray[np.float32],
    px: NDArray[np.float32],
    py: NDArray[np.float32],
    pz: NDArray[np.float32],
    energy: NDArray[np.float32],
    mothers: NDArray[np.int64],
    offsets: NDArray[np.int64],
    seed: int,
    event_numbers: NDArray[np.int64],
    trial: int,
    tracker: Record,
    calorimeter: Record,
    particle_id: Record,
    truth: NDArray[np.void],
    tracks: NDArray[np.void],
    track_offsets: NDArray[np.int64],
    clusters: NDArray[np.void],
    cluster_offsets: NDArray[np.int64],
) -> None:
    stream = np.zeros(1, dtype=np.uint64)
    likelihood = np.zeros(5, dtype=np.float64)
    has_daughter = np.zeros(len(pdg), dtype=np.bool_)
    for i in range(len(pdg)):
        if mothers[i] != i:
            has_daughter[mothers[i]] = True
    n_tracks = 0
    n_clusters = 0
    particle = truth[0]
    for event in range(len(offsets) - 1):
        start(stream, seed, event_numbers[event], trial)
        for i in range(offsets[event], offsets[event + 1]):
            if has_daughter[i]:
                continue
            kind = abs(pdg[i])
            species = -1
            if kind == 11:
                species = ELECTRON
            elif kind == 13:
                species = MUON
            elif kind == 211:
                species = PION
            elif kind == 321:
                species = KAON
            elif kind == 2212:
                species = PROTON
            elif kind != 22 and kind != 130 and kind != 2112:
                continue
            particle.x, particle.y, particle.z = x[i], y[i], z[i]
            particle.px, particle.py, particle.pz, particle.energy = px[i], py[i], pz[i], energy[i]
            if species >= 0:
                charge = 1 if pdg[i] > 0 else -1
                if species in (ELECTRON, MUON):
                    charge = -charge
                track = tracks[n_tracks]
                fate = measure_track(stream, tracker, species, charge, particle, track)
                if fate == LOST:
                    continue
                pt = math.hypot(particle.px, particle.py)
                momentum = math.hypot(pt, particle.pz)
                theta = math.atan2(pt, particle.pz)
                # a pion or kaon that decayed on its way arrives as a muon
                arrived = MUON if fate == KINKED else species
                identify(stream, particle_id, arrived, momentum, theta, likelihood)
                track.electron, track.muon, track.pion = likelihood[0], likelihood[1], likelihood[2]
                track.kaon, track.proton = likelihood[3], likelihood[4]
                track.particle = i
                n_tracks += 1
                if species >= PION and pt > particle_id.top_min_pt:
                    for _ in range(min(poisson(stream, calorimeter.split_off), 2)):
                        cluster = clusters[n_clusters]
                        if hadronic_cluster(
                            stream,
                            calorimeter,
                            particle,
                            calorimeter.split_off_energy,
                            calorimeter.split_off_angle,
                            cluster,
                        ):
                            cluster.particle = i
                            n_clusters += 1
            elif kind == 22:
                cluster = clusters[n_clusters]
                if measure_photon(stream, calorimeter, particle, cluster):
                    cluster.particle = i
                    n_clusters += 1
            else:
                cluster = clusters[n_clusters]
                if uniform(stream) < calorimeter.neutral_hadron and hadronic_cluster(
                    stream, calorimeter, particle, calorimeter.neutral_hadron_energy, 0.03, cluster
                ):
                    cluster.particle = i
                    n_clusters += 1
        for _ in range(min(poisson(stream, calorimeter.background), MAX_BACKGROUND)):
            cluster = clusters[n_clusters]
            if background_cluster(stream, calorimeter, cluster):
                cluster.particle = -1
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
    numbers = np.ascontiguousarray(event_numbers, dtype=np.int64)
    if numbers.shape != (len(events),):
        raise InputError(f"event numbers of shape {numbers.shape}", f"({len(events)},), one per event")
    particles = events.particles
    n_events, n_particles = len(events), events.n_particles
    # np.empty reserves, it does not touch: the unused part of these upper bounds costs nothing
    tracks = np.empty(n_particles + 1, dtype=TRACK)
    clusters = np.empty(2 * n_particles + MAX_BACKGROUND * n_events + 1, dtype=CLUSTER)
    track_offsets = np.zeros(n_events + 1, dtype=np.int64)
    cluster_offsets = np.zeros(n_events + 1, dtype=np.int64)
    _respond(
        particles["pdg"],
        particles["x"],
        particles["y"],
        particles["z"],
        particles["px"],
        particles["py"],
        particles["pz"],
        particles["energy"],
        events.mothers,
        events.offsets,
        seed,
        numbers,
        trial,
        as_record(detector.tracker),
        as_record(detector.calorimeter),
        as_record(detector.particle_id),
        np.zeros(1, dtype=PARTICLE),
        tracks,
        track_offsets,
        clusters,
        cluster_offsets,
    )
    return Reconstructed(
        tracks[: track_offsets[-1]],
        track_offsets,
        clusters[: cluster_offsets[-1]],
        cluster_offsets,
        events,
        detector,
    )
