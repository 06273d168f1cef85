"""The record of a candidate, lists of candidates by kind, and what a detector saw in their terms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel, part_of_kernel
from hepsets.simulate.detector import Reconstructed

PION, KAON, PHOTON, PI0, KSHORT, TWO_PI, TWO_PI_SAME, THREE_PI = range(8)


D0, D_PLUS, D_S, DSTAR_PLUS, DSTAR0, D_S_STAR = range(8, 14)


ELECTRON, MUON = range(14, 16)


N_KINDS = 16
"""Kinds of candidates, in the order of the lists; ``TWO_PI`` is neutral, ``TWO_PI_SAME`` doubly
charged, and the pion systems stand for whatever made them."""


KIND_OF = {
    211: PION, 321: KAON, 22: PHOTON, 111: PI0, 310: KSHORT, 11: ELECTRON, 13: MUON,
    421: D0, 411: D_PLUS, 431: D_S, 413: DSTAR_PLUS, 423: DSTAR0, 433: D_S_STAR,
}  # fmt: skip
"""Kind of the candidates of a particle, by its absolute PDG id."""

NAMES = {
    211: "pi+", -211: "pi-", 111: "pi0", 321: "K+", -321: "K-", 310: "KS", 421: "D0", -421: "anti-D0",
    411: "D+", -411: "D-", 431: "Ds+", 413: "D*+", -413: "D*-", -423: "anti-D*0", 433: "Ds*+",
}  # fmt: skip
"""What particles are called in the names of modes."""


def named(content: Sequence[int]) -> str:
    """Particles in words, such as ``K- pi+ pi0``, from their PDG ids."""
    return " ".join(NAMES[pdg] for pdg in content)


def pion_system(content: Sequence[int]) -> tuple[int, int]:
    """Kind and charge of the system of all charged pions among some particles; (-1, 0) without any."""
    pions = [pdg for pdg in content if abs(pdg) == 211]
    charge = sum(1 if pdg > 0 else -1 for pdg in pions)
    two = TWO_PI_SAME if charge else TWO_PI
    return (-1, PION, two, THREE_PI)[len(pions)], charge


_CAPACITY = np.array([32, 32, 64, 12, 6, 128, 128, 320, 20, 20, 8, 12, 20, 10, 32, 32], dtype=np.int64)
"""Most candidates of each kind in an event: the best by quality of those that decay, else the first."""


CANDIDATE = np.dtype(
    [(name, np.float64) for name in ("px", "py", "pz", "energy", "mass", "delta_mass", "quality", "pid")]
    + [(name, np.float64) for name in ("neutral_chi2", "soft_photon", "shower", "vertex_chi2")]
    + [(name, np.uint64) for name in ("tracks", "clusters", "kaons")]
    + [(name, np.int64) for name in ("charge", "flavour", "mode", "matched")]
)
"""A candidate: CM momentum [GeV]; mass [GeV] as measured, ``delta_mass`` to its charm daughter;
``quality`` (larger is better; the signal logit of a charm meson); ``pid``, summed log of the species
probabilities; worst pi0 mass pull squared, softest pi0 photon [GeV] and smallest shower-shape
probability; vertex chi-squared per degree of freedom; bit masks of tracks and clusters, and of those
tracks that are taken for kaons; charge; ``flavour``, the sign of its charm quark (0 if the decay does
not tell); decay mode; ``matched``, whether it is all true."""


NO_PHOTON = 10.0
"""``soft_photon`` of a candidate without photons."""


@plain_dataclass(frozen=True, eq=False)
class ParticleLists:
    """All candidates of many events, by kind.

    Parameters
    ----------
    values
        Records :data:`CANDIDATE`.
    offsets
        int64, shape ``(n_events, N_KINDS + 1)``: kind ``k`` of event ``i`` is
        ``values[offsets[i, k]:offsets[i, k + 1]]``.
    reconstructed
        What they were made from.
    """

    values: NDArray[np.void]
    offsets: NDArray[np.int64]
    reconstructed: Reconstructed

    def of(self, event: int, kind: int) -> NDArray[np.void]:
        """The candidates of one kind in one event, shape ``(n_candidates,)``."""
        return self.values[self.offsets[event, kind] : self.offsets[event, kind + 1]]

    def counts(self, *kinds: int) -> NDArray[np.int64]:
        """How many candidates of these kinds each event has, shape ``(n_events,)``."""
        result = np.zeros(len(self.offsets), dtype=np.int64)
        for kind in kinds:
            result += self.offsets[:, kind + 1] - self.offsets[:, kind]
        return result


class Seen(NamedTuple):
    """What the detector saw of one event, and the generated particles of all events."""

    tracks: NDArray[np.void]
    clusters: NDArray[np.void]
    pdg: NDArray[np.int32]
    mothers: NDArray[np.int64]
    n_leaves: NDArray[np.int64]


class Batch(NamedTuple):
    """What the detector saw of many events, and their generated particles, as kernels take it."""

    tracks: NDArray[np.void]
    track_offsets: NDArray[np.int64]
    clusters: NDArray[np.void]
    cluster_offsets: NDArray[np.int64]
    pdg: NDArray[np.int32]
    mothers: NDArray[np.int64]
    n_leaves: NDArray[np.int64]

    @classmethod
    def of(cls, reconstructed: Reconstructed) -> Batch:
        """The arrays of this batch."""
        return cls(
            reconstructed.tracks,
            reconstructed.track_offsets,
            reconstructed.clusters,
            reconstructed.cluster_offsets,
            reconstructed.events.particles["pdg"],
            reconstructed.events.mothers,
            reconstructed.n_leaves,
        )


@kernel
def seen_in(batch: Batch, event: int) -> Seen:
    """One event of a batch."""
    return Seen(
        batch.tracks[batch.track_offsets[event] : batch.track_offsets[event + 1]],
        batch.clusters[batch.cluster_offsets[event] : batch.cluster_offsets[event + 1]],
        batch.pdg,
        batch.mothers,
        batch.n_leaves,
    )


@part_of_kernel
def clear(c: Record) -> None:
    """Make ``c`` an empty sum: no momentum, no daughters, nothing wrong yet."""
    c.px = c.py = c.pz = c.energy = 0.0
    c.mass = c.delta_mass = c.quality = c.pid = 0.0
    c.neutral_chi2, c.soft_photon, c.shower, c.vertex_chi2 = 0.0, NO_PHOTON, 1.0, 0.0
    c.tracks = c.clusters = c.kaons = np.uint64(0)
    c.charge = c.flavour = c.mode = 0
    c.matched = 1


@part_of_kernel
def copy(source: Record, target: Record) -> None:
    """Copy a candidate (an assignment would only give it a second name)."""
    target.px, target.py, target.pz, target.energy = source.px, source.py, source.pz, source.energy
    target.mass, target.delta_mass = source.mass, source.delta_mass
    target.quality, target.pid = source.quality, source.pid
    target.neutral_chi2, target.soft_photon = source.neutral_chi2, source.soft_photon
    target.shower, target.vertex_chi2 = source.shower, source.vertex_chi2
    target.tracks, target.clusters, target.kaons = source.tracks, source.clusters, source.kaons
    target.charge, target.flavour = source.charge, source.flavour
    target.mode, target.matched = source.mode, source.matched


@part_of_kernel
def overlap(a: Record, b: Record) -> bool:
    """Whether two candidates share a track or a cluster."""
    return bool((a.tracks & b.tracks) | (a.clusters & b.clusters))


@part_of_kernel
def add(c: Record, other: Record) -> bool:
    """Add a daughter to ``c``; False, and nothing is changed, if they overlap."""
    if overlap(c, other):
        return False
    c.px += other.px
    c.py += other.py
    c.pz += other.pz
    c.energy += other.energy
    c.pid += other.pid
    c.neutral_chi2 = max(c.neutral_chi2, other.neutral_chi2)
    c.soft_photon = min(c.soft_photon, other.soft_photon)
    c.shower = min(c.shower, other.shower)
    c.tracks |= other.tracks
    c.clusters |= other.clusters
    c.kaons |= other.kaons
    c.charge += other.charge
    c.matched &= other.matched
    return True


@part_of_kernel
def set_mass(c: Record) -> None:
    """Set the mass from the four-momentum."""
    c.mass = math.sqrt(max(c.energy**2 - c.px**2 - c.py**2 - c.pz**2, 0.0))


class Best(NamedTuple):
    """The best candidates so far, in no order, and their places, the best first."""

    values: NDArray[np.void]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, capacity: int) -> Best:
        """Room for at most so many."""
        return cls(np.zeros(capacity, dtype=CANDIDATE), np.zeros(capacity, dtype=np.int64))


@part_of_kernel
def insert(best: Best, n: int, capacity: int, c: Record) -> int:
    """Keep the ``capacity`` best by quality; return how many there are now, ``n`` having been there."""
    values, places = best.values, best.places
    place = n
    if n == capacity:
        place = places[n - 1]
        if c.quality <= values[place].quality:
            return n
        n -= 1
    at = n
    while at > 0 and values[places[at - 1]].quality < c.quality:
        places[at] = places[at - 1]
        at -= 1
    places[at] = place
    copy(c, values[place])
    return n + 1
