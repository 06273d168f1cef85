"""One B candidate per event, and all that the detector saw beside it: the input of continuum suppression.

The candidate is the best of the hadronic tag, charged or neutral, or of one specific mode. Its tracks and
clusters and those of the rest of the event stand in one set per event, in the centre-of-mass frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.lorentz import Frame
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.ragged import choose, places
from hepsets.select.candidates.record import ParticleLists
from hepsets.select.skims.hadronic_tag import CHARGED_B, NEUTRAL_B, Candidates, find_b_mesons
from hepsets.select.whole_events.particles import in_centre_of_mass
from hepsets.simulate.detector import Reconstructed
from hepsets.simulate.particle_id import KAON, MASSES, PION, SPECIES_NAMES

ANY_B = NEUTRAL_B | CHARGED_B
"""Modes of neutral and charged B; no pair of charm meson and companion is in both tables."""

_MOMENTUM = ("px", "py", "pz", "energy")
_FROM_TAG = ("mbc", "delta_e", "signal_probability")
PARTICLE_COLUMNS = (*_MOMENTUM, "charge", "from_candidate", *SPECIES_NAMES, "dr", "dz", "species")
"""Particle columns of :func:`candidate_events`."""
EVENT_COLUMNS = (
    *(*_FROM_TAG, "mode", "charm_mode", "candidate_charge"),
    *("candidate_px", "candidate_py", "candidate_pz", "candidate_energy"),
)
"""Its event columns that say what a candidate is, without truth and number."""
_POSITIVE_PDG = np.array([-11, -13, 211, 321, 2212], dtype=np.int16)
"""PDG ids of the positive particles, in the order of the species."""


def find_any_b(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> Candidates:
    """The candidates of the hadronic tag, of either B; ``event_numbers`` has shape ``(n_events,)``."""
    return find_b_mesons(lists, event_numbers, ANY_B)


def candidate_events(
    lists: ParticleLists,
    event_numbers: NDArray[np.int64],
    find: Callable[[ParticleLists, NDArray[np.int64]], Candidates] = find_any_b,
) -> ParticleSets:
    """The events with a B candidate, each with its best one.

    Parameters
    ----------
    lists
        The particle lists of a batch of events.
    event_numbers
        Shape ``(n_events,)``; their parity chooses the classifier's fold.
    find
        What finds the candidates; by default the hadronic tag.

    Returns
    -------
    ParticleSets
        Tracks, then clusters of each event. Particle columns: CM momentum ``px py pz energy`` [GeV]
        (the energy follows from ``species``), ``charge``, ``from_candidate``; probabilities
        ``electron muon pion kaon proton`` and impact parameters ``dr dz`` [cm] (0 for photons), ``dr``
        without sign; ``species``, PDG id of the hypothesis: what the candidate takes its daughters for,
        the most probable one in the rest of the event, 22 for clusters.

        Event columns: ``mbc delta_e`` [GeV], ``signal_probability``, ``mode`` (index into
        :data:`~hepsets.select.skims.hadronic_tag.MODE_NAMES`), ``charm_mode``, ``candidate_charge``,
        ``is_correct``, ``event_number``, and the candidate's CM momentum
        ``candidate_px candidate_py candidate_pz candidate_energy`` [GeV], in which each pi0 has its
        nominal mass.
    """
    found = find(lists, event_numbers)
    best = best_candidates(found)
    values, built = found.values[best], found.built[best]
    seen = lists.reconstructed
    particles, offsets = _particles(seen, values, built["kaons"])
    columns: dict[str, NDArray[Any]] = {name: values[name].copy() for name in _FROM_TAG}
    columns |= {name: values[name].astype(np.int16) for name in ("mode", "charm_mode")}
    columns["candidate_charge"] = values["charge"].astype(np.int8)
    columns["is_correct"] = values["is_correct"].copy()
    columns["event_number"] = event_numbers[values["event"]]
    columns |= {f"candidate_{name}": built[name].copy() for name in ("px", "py", "pz")}
    columns["candidate_energy"] = values["delta_e"] + 0.5 * seen.detector.beams.energy
    return ParticleSets(particles, offsets, columns)


def best_candidates(found: Candidates) -> NDArray[np.int64]:
    """Positions of the candidates of greatest signal probability, shape ``(n_events_with_any,)``."""
    order = np.lexsort((-found.signal_probability, found.values["event"]))
    _, first = np.unique(found.values["event"][order], return_index=True)
    best: NDArray[np.int64] = order[first]
    return best


def _particles(
    seen: Reconstructed, values: NDArray[np.void], kaons: NDArray[np.uint64]
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """Particle columns and offsets of the events in which the candidates ``values`` are."""
    _, of_tracks, track_offsets = choose(seen.track_offsets, values["event"])
    _, of_clusters, cluster_offsets = choose(seen.cluster_offsets, values["event"])
    tracks, clusters = seen.tracks[of_tracks], seen.clusters[of_clusters]
    used_track, used_cluster = (
        _bits(values["tracks"], track_offsets),
        _bits(values["clusters"], cluster_offsets),
    )

    probability = np.column_stack([tracks[name] for name in SPECIES_NAMES])
    as_kaon = _bits(kaons, track_offsets)
    species = np.where(used_track, np.where(as_kaon, KAON, PION), probability.argmax(axis=1))
    mass = np.array(MASSES)[species]
    p2 = tracks["px"] ** 2 + tracks["py"] ** 2 + tracks["pz"] ** 2

    frame = Frame.moving(*seen.detector.beams.velocity)
    track_momentum = in_centre_of_mass(tracks, np.sqrt(p2 + mass**2), frame)
    cluster_momentum = in_centre_of_mass(clusters, clusters["energy"], frame)

    none = np.zeros(len(clusters))
    columns: dict[str, tuple[NDArray[Any], NDArray[Any], type[np.generic]]] = {
        name: (track_momentum[:, k], cluster_momentum[:, k], np.float32) for k, name in enumerate(_MOMENTUM)
    }
    columns["charge"] = tracks["charge"], none, np.int8
    columns["from_candidate"] = used_track, used_cluster, np.bool_
    columns |= {name: (tracks[name], none, np.float32) for name in SPECIES_NAMES}
    columns["dr"] = np.abs(tracks["d0"]), none, np.float32
    columns["dz"] = tracks["z0"], none, np.float32
    columns["species"] = _POSITIVE_PDG[species] * tracks["charge"], none + 22, np.int16

    # the tracks of each event, then its clusters
    offsets = track_offsets + cluster_offsets
    place = np.concatenate(
        [
            np.arange(len(tracks)) + np.repeat(cluster_offsets[:-1], np.diff(track_offsets)),
            np.arange(len(clusters)) + np.repeat(track_offsets[1:], np.diff(cluster_offsets)),
        ]
    )
    particles = {}
    for name, (of_track, of_cluster, dtype) in columns.items():
        particles[name] = np.empty(offsets[-1], dtype)
        particles[name][place] = np.concatenate([of_track, of_cluster])
    return particles, offsets


def _bits(masks: NDArray[np.uint64], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For each particle whether the mask of its event has it; only the first 64 can be in a mask."""
    counts = np.diff(offsets)
    place = places(counts)
    bit = np.repeat(masks, counts) >> np.minimum(place, 63).astype(np.uint64) & np.uint64(1)
    used: NDArray[np.bool_] = (bit == 1) & (place < 64)
    return used
