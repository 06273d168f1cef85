"""What tells the kinds of particles apart: detector's guess, cluster counts, time of flight, or the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from hepsets.core.masses import M_K, M_P, M_PI
from hepsets.core.units import SPEED_OF_LIGHT
from hepsets.represent.vertexed_events.geometry import Array, Geometry, squeezed
from hepsets.simulate.cluster_counting import cluster_density

Identification = Literal["truth", "dndx+tof", "dndx", "none"]
"""What features may know of kinds. ``none``: the charge, so whether a particle is a track or a cluster, and
no more. Else what calorimeters and muon chambers say, and besides counted clusters; these and time of flight;
or the true kind. What a vertex is, a K_S say, is told by its mass and flight in all four."""

KINDS = ("is_charged_hadron", "is_electron", "is_muon", "is_photon", "is_neutral_hadron")
"""What calorimeters and muon chambers say a particle is, in the order of the column ``kind``."""

DNDX = (
    "has_clusters",
    "clusters_per_cm",
    "clusters_error",
    "clusters_pion",
    "clusters_kaon",
    "clusters_proton",
)
"""Whether clusters were counted; then ln of clusters per cm, in units of ten, and its relative error times
ten; and how much denser they are than those of a pion, a kaon, a proton of the same momentum, over the error,
asinh."""

COUNTED = 0.8
"""Share of the clusters that is counted, for that comparison."""

TOF = ("has_flight_time", "flight_mass", "flight_pion", "flight_kaon", "flight_proton")
"""Whether the time of flight was measured; then asinh(m² / 0.1 GeV²) of the mass squared that it means with
the momentum; and how much later the particle came than a pion, a kaon, a proton, asinh of units of 30 ps."""

TRUTH = (
    "truth_known",
    "truth_electron",
    "truth_muon",
    "truth_pion",
    "truth_kaon",
    "truth_proton",
    "truth_photon",
    "truth_neutron",
    "truth_long_kaon",
)
"""Whether the true kind is known; and which it is."""

FEATURES: Mapping[Identification, tuple[str, ...]] = {
    "truth": (*KINDS, *TRUTH),
    "dndx+tof": (*KINDS, *DNDX, *TOF),
    "dndx": (*KINDS, *DNDX),
    "none": (),
}
"""The features that tell kinds of particles, by what may be known of them."""

TIME_UNIT = 0.03
"""Differences of times are in units of 30 ps."""

MASSES: Mapping[str, float] = {"pion": M_PI, "kaon": M_K, "proton": M_P}
"""Masses [GeV] that clusters and times of flight are compared with."""

_PDG: Mapping[str, tuple[int, ...]] = {
    "truth_electron": (11,),
    "truth_muon": (13,),
    "truth_pion": (211,),
    "truth_kaon": (321,),
    "truth_proton": (2212,),
    "truth_photon": (22,),
    "truth_neutron": (2112,),
    "truth_long_kaon": (130,),
}


def kinds(seen: Geometry) -> dict[str, Array]:
    """:data:`KINDS` of each particle; by charge alone where a file has no column ``kind``."""
    by_charge = np.where(seen.particle("charge") != 0, 0.0, 3.0)
    kind = np.where(seen.known("kind"), seen.particle("kind"), by_charge)
    return {name: (kind == number).astype(np.float64) for number, name in enumerate(KINDS)}


def dndx(seen: Geometry) -> dict[str, Array]:
    """:data:`DNDX` of each particle, zeros where no clusters were counted."""
    clusters, length = seen.particle("n_clusters"), seen.particle("track_length")
    counted = (seen.particle("has_clusters", 1.0) != 0) & (clusters > 0) & (length > 0)
    clusters, length = np.where(counted, clusters, 1.0), np.where(counted, length, 1.0)
    density = clusters / length
    found = {
        "has_clusters": np.ones(len(density)),
        "clusters_per_cm": 10 * np.log(density / 10),
        "clusters_error": 10 / np.sqrt(clusters),
    }
    for name, mass in MASSES.items():
        expected = COUNTED * cluster_density(np.clip(seen.momentum / mass, 0.05, 1e4))
        found[f"clusters_{name}"] = squeezed(np.log(density / expected) * np.sqrt(clusters), 1.0)
    return {name: np.where(counted, values, 0.0) for name, values in found.items()}


def time_of_flight(seen: Geometry) -> dict[str, Array]:
    """:data:`TOF` of each particle, zeros where no time was measured."""
    time, length = seen.particle("flight_time"), seen.particle("flight_length")
    measured = (seen.particle("has_flight_time", 1.0) != 0) & (time > 0) & (length > 0)
    time, length = np.where(measured, time, 1.0), np.where(measured, length, SPEED_OF_LIGHT)
    squared = seen.momentum**2 * ((SPEED_OF_LIGHT * time / length) ** 2 - 1)
    found = {"has_flight_time": np.ones(len(time)), "flight_mass": squeezed(squared, 0.1)}
    for name, mass in MASSES.items():
        expected = length / SPEED_OF_LIGHT * np.sqrt(1 + (mass / seen.momentum) ** 2)
        found[f"flight_{name}"] = squeezed((time - expected) / TIME_UNIT, 1.0)
    return {name: np.where(measured, value, 0.0) for name, value in found.items()}


def truth(seen: Geometry) -> dict[str, Array]:
    """:data:`TRUTH` of each particle, zeros where the true kind is unknown: 0 or not told."""
    pdg = np.abs(seen.particle("true_pdg"))
    which = {name: np.isin(pdg, ids).astype(np.float64) for name, ids in _PDG.items()}
    return {"truth_known": (pdg != 0).astype(np.float64), **which}
