"""What a detector saw of each event as one set: its tracks, then its clusters, in the Υ(4S)'s frame.

The set is of the whole event, or of what a caller leaves of it, such as all but the daughters of one B.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.lorentz import Frame, boosted
from hepsets.core.particle_sets import ParticleSets
from hepsets.simulate.detector import Reconstructed
from hepsets.simulate.particle_id import MASSES, PDG_IDS, SPECIES_NAMES

MOMENTUM = ("px", "py", "pz", "energy")
"""Momentum and energy in the centre-of-mass frame [GeV]: of a track with the mass of its most probable
species, of a cluster as of a photon from the origin."""

LABORATORY = ("pt", "cos_theta")
"""Transverse momentum [GeV] and cosine of the polar angle in the laboratory, where the detector stands."""

IMPACT = ("d0", "z0", "d0_error", "z0_error")
"""Impact parameters of a track with respect to the z axis, and their errors [cm]; 0 for clusters."""

CLUSTER_SHAPE = ("shape", "region")
"""Of a cluster: probability of its shower to be a photon's, and where it is (1 forward, 2 barrel, 3
backward); 0 for tracks."""

COLUMNS = (*MOMENTUM, *LABORATORY, "charge", *SPECIES_NAMES, *IMPACT, *CLUSTER_SHAPE)
"""Particle columns that a detector gives; a particle with a charge is a track, one without a cluster."""

TRUTH = "truth"
"""Particle column that no detector gives: the place of the generated particle in its event, −1 for none."""

TRUE_SPECIES = "true_species"
"""Likewise: which of the species a track truly is, by its place among them; −1 for clusters."""


def whole_events(
    seen: Reconstructed,
    tracks: NDArray[np.bool_] | None = None,
    clusters: NDArray[np.bool_] | None = None,
    **columns: NDArray[Any],
) -> ParticleSets:
    """Everything that a detector saw of each event, or some of it, as one set.

    Parameters
    ----------
    seen
        What the detector saw.
    tracks, clusters
        Which tracks and clusters are taken, shapes ``(n_tracks,)`` and ``(n_clusters,)``; all by default.
    columns
        Event columns, each of first dimension ``n_events``.

    Returns
    -------
    ParticleSets
        Particle columns :data:`COLUMNS`, :data:`TRUTH` and :data:`TRUE_SPECIES`, tracks before clusters in
        each event.
    """
    of_tracks, track_counts = _taken(seen.track_offsets, tracks)
    of_clusters, cluster_counts = _taken(seen.cluster_offsets, clusters)
    track, cluster = seen.tracks[of_tracks], seen.clusters[of_clusters]
    track_event = np.repeat(np.arange(len(seen)), track_counts)
    cluster_event = np.repeat(np.arange(len(seen)), cluster_counts)
    first = seen.events.offsets[:-1]
    there = cluster["particle"] >= 0
    truth = (
        track["particle"] - first[track_event],
        np.where(there, cluster["particle"] - first[cluster_event], -1),
    )
    values = _values(seen, track, cluster)
    values[TRUTH] = (*truth, np.dtype(np.int32))
    species = true_species(seen.events.particles["pdg"][track["particle"]])
    values[TRUE_SPECIES] = species, np.full(len(cluster), -1), np.dtype(np.int8)
    # stable: tracks stand before clusters in what is sorted, and so in each event
    order = np.argsort(np.concatenate([track_event, cluster_event]), kind="stable")
    particles = {
        name: np.concatenate([of_track, of_cluster])[order].astype(dtype)
        for name, (of_track, of_cluster, dtype) in values.items()
    }
    offsets = np.concatenate([[0], np.cumsum(track_counts + cluster_counts)])
    return ParticleSets(particles, offsets, columns)


def true_species(pdg: NDArray[np.integer]) -> NDArray[np.int64]:
    """Places among the species of tracks, −1 for what leaves none; of any shape.

    Examples
    --------
    >>> true_species(np.array([-211, 11, 22])).tolist()
    [2, 0, -1]
    """
    size, found = np.abs(pdg), np.full(np.shape(pdg), -1, dtype=np.int64)
    for place, number in enumerate(PDG_IDS):
        found[size == number] = place
    return found


def _taken(
    offsets: NDArray[np.int64], which: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of what is taken, and how many of each event."""
    keep = np.ones(offsets[-1], dtype=bool) if which is None else which
    before = np.concatenate([[0], np.cumsum(keep)])
    return np.flatnonzero(keep), np.diff(before[offsets])


def _values(
    seen: Reconstructed, track: NDArray[np.void], cluster: NDArray[np.void]
) -> dict[str, tuple[NDArray[Any], NDArray[Any], np.dtype[Any]]]:
    """Columns of tracks and of clusters, and of which type they are."""
    single, small = np.dtype(np.float32), np.dtype(np.int8)
    none = np.zeros(len(cluster))
    probability = np.column_stack([track[name] for name in SPECIES_NAMES])
    mass = np.array(MASSES)[probability.argmax(axis=1)]
    energy = np.sqrt(track["px"] ** 2 + track["py"] ** 2 + track["pz"] ** 2 + mass**2)
    frame = Frame.moving(*seen.detector.beams.velocity)
    momenta = in_centre_of_mass(track, energy, frame), in_centre_of_mass(cluster, cluster["energy"], frame)
    values: dict[str, tuple[NDArray[Any], NDArray[Any], np.dtype[Any]]] = {
        name: (momenta[0][:, k], momenta[1][:, k], single) for k, name in enumerate(MOMENTUM)
    }
    pt = [np.hypot(one["px"], one["py"]) for one in (track, cluster)]
    cosine = [
        one["pz"] / np.hypot(across, one["pz"]) for one, across in zip((track, cluster), pt, strict=True)
    ]
    values["pt"] = pt[0], pt[1], single
    values["cos_theta"] = cosine[0], cosine[1], single
    values["charge"] = track["charge"], none, small
    values |= {name: (track[name], none, single) for name in SPECIES_NAMES}
    for name, column in zip(IMPACT, ("d0", "z0", "sigma_d0", "sigma_z0"), strict=True):
        values[name] = track[column], none, single
    values["shape"] = np.zeros(len(track)), cluster["shape"], single
    values["region"] = np.zeros(len(track)), cluster["region"], small
    return values


def in_centre_of_mass(
    particles: NDArray[np.void], energy: NDArray[np.float64], frame: Frame
) -> NDArray[np.float64]:
    """Four-momenta (px, py, pz, E) [GeV] in the frame, shape ``(n, 4)``, of tracks or clusters whose energies
    have the shape ``(n,)``.
    """
    momentum = np.column_stack([particles["px"], particles["py"], particles["pz"], energy])
    laboratory = frame.gamma * np.array([[-frame.bx, 0.0, -frame.bz, 1.0]])  # as the frame sees it
    return boosted(momentum, laboratory)
