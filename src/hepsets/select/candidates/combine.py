"""Combine tracks and clusters into pions, kaons, leptons, pi0, KS, D and D* candidates.

Everything is per event, in the centre-of-mass frame, and kept in one table of records in which every
candidate knows its momentum, what it is made of (bit masks of tracks and clusters, so that nothing is
used twice) and how well it looks. Only the first 64 tracks and 64 clusters of an event take part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass as plain_dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, as_record, kernel
from hepsets.select.candidates.classifier import Classifier, Classifiers, default_classifiers, logit
from hepsets.simulate.belle2 import Reconstructed
from hepsets.simulate.vertexing import add_to_vertex, intersect, vertex_chi2

PION, KAON, PHOTON, PI0, KSHORT, TWO_PI, TWO_PI_SAME, THREE_PI = range(8)
D0, D_PLUS, D_S, DSTAR_PLUS, DSTAR0, D_S_STAR = range(8, 14)
ELECTRON, MUON = range(14, 16)
N_KINDS = 16
"""Kinds of candidates, in the order of the lists; ``TWO_PI`` is neutral, ``TWO_PI_SAME`` doubly
charged, and the pion systems stand for whatever made them."""

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

M_E, M_MU, M_PI, M_K, M_PI0, M_KS = 0.00051099895, 0.1056583755, 0.13957039, 0.493677, 0.1349768, 0.497611
M_D0, M_DPLUS, M_DS = 1.86484, 1.86966, 1.96835

CHARM_MODES = (
    # name, kind, K-, K+, pions (kind of the system and its charge), KS, pi0
    ("D0 -> K- pi+", D0, 1, 0, PION, 1, 0, 0),
    ("D0 -> K- pi+ pi0", D0, 1, 0, PION, 1, 0, 1),
    ("D0 -> K- pi+ pi+ pi-", D0, 1, 0, THREE_PI, 1, 0, 0),
    ("D0 -> K- pi+ pi+ pi- pi0", D0, 1, 0, THREE_PI, 1, 0, 1),
    ("D0 -> KS pi+ pi-", D0, 0, 0, TWO_PI, 0, 1, 0),
    ("D0 -> KS pi+ pi- pi0", D0, 0, 0, TWO_PI, 0, 1, 1),
    ("D0 -> KS pi0", D0, 0, 0, -1, 0, 1, 1),
    ("D0 -> K- K+", D0, 1, 1, -1, 0, 0, 0),
    ("D+ -> K- pi+ pi+", D_PLUS, 1, 0, TWO_PI_SAME, 2, 0, 0),
    ("D+ -> K- pi+ pi+ pi0", D_PLUS, 1, 0, TWO_PI_SAME, 2, 0, 1),
    ("D+ -> KS pi+", D_PLUS, 0, 0, PION, 1, 1, 0),
    ("D+ -> KS pi+ pi0", D_PLUS, 0, 0, PION, 1, 1, 1),
    ("D+ -> KS pi+ pi+ pi-", D_PLUS, 0, 0, THREE_PI, 1, 1, 0),
    ("D+ -> K- K+ pi+", D_PLUS, 1, 1, PION, 1, 0, 0),
    ("Ds+ -> K- K+ pi+", D_S, 1, 1, PION, 1, 0, 0),
    ("Ds+ -> KS K+", D_S, 0, 1, -1, 0, 1, 0),
)
N_CHARM_MODES = len(CHARM_MODES)
CHARM_MODE_NAMES = tuple(mode[0] for mode in CHARM_MODES)
_MODES = np.array([mode[1:] for mode in CHARM_MODES], dtype=np.int64)
_CHARM_MASS = np.zeros(N_KINDS)
_CHARM_MASS[D0], _CHARM_MASS[D_PLUS], _CHARM_MASS[D_S] = M_D0, M_DPLUS, M_DS
_CHARM_PDG = np.zeros(N_KINDS, dtype=np.int64)
_CHARM_PDG[[D0, D_PLUS, D_S, DSTAR_PLUS, DSTAR0, D_S_STAR]] = 421, 411, 431, 413, 423, 433

CHARM_FEATURES = (
    "mass pull",
    "mass pull squared",
    "pid",
    "vertex",
    "pi0 mass pull",
    "softest photon",
    "shower shape",
    "momentum",
    "multiplicity",
)
N_CHARM_FEATURES = len(CHARM_FEATURES)

_EXCITED = np.array([(DSTAR_PLUS, PION), (DSTAR0, PI0), (DSTAR0, PHOTON), (D_S_STAR, PHOTON)])
_EXCITED_MASS = np.array(
    [(0.1454, 0.0055, 0.0008), (0.1420, 0.0040, 0.0016), (0.1420, 0.0150, 0.0060), (0.1438, 0.0150, 0.0060)]
)
"""Excited charm mesons, the soft particle of their decay, and mass difference, half width of its
window and typical resolution [GeV]."""

NO_PHOTON = 10.0
"""``soft_photon`` of a candidate without photons."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CandidateConfig:
    """Selections, of the kind that Belle II's Full Event Interpretation makes before its classifiers
    (Keck et al., Comput. Softw. Big Sci. 3 (2019) 6): loose, then the best few of each list.
    """

    max_d0: float = 0.5
    """Largest impact parameters [cm] of tracks that do not come from a KS."""
    max_z0: float = 2.0
    min_kaon: float = 0.20
    """Smallest K/(K+pi) probability of kaons."""
    min_pion: float = 0.10
    """Smallest pi/(K+pi) probability of pions."""
    min_electron: float = 0.5
    """Smallest probability of electrons, among all five species."""
    min_muon: float = 0.5
    """… and of muons."""
    pi0_mass_min: float = 0.120
    """Window [GeV] of the two-photon mass."""
    pi0_mass_max: float = 0.145
    pi0_mass_sigma: float = 0.0065
    pi0_min_energy: float = 0.20
    """Smallest laboratory energy [GeV] of a pi0."""
    ks_mass_window: float = 0.012
    """Half width [GeV] of the two-pion mass."""
    ks_min_radius: float = 0.15
    """Smallest distance [cm] of the vertex from the z axis."""
    ks_max_gap: float = 0.6
    """Largest distance [cm] of the two tracks at the vertex."""
    ks_min_pointing: float = 0.98
    """Smallest cosine between flight and momentum, transverse plane."""
    charm_window: float = 0.020
    """Half width [GeV] of the charm mass window without pi0."""
    charm_window_pi0: float = 0.035
    """… and with a pi0."""
    min_photon: float = 0.09
    """Smallest laboratory energy [GeV] of the photon of a D*0 or Ds*."""
    min_charm_logit: float = -6.9
    """Charm candidates below this logit of signal probability (0.001) are dropped."""


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
        """The candidates of one kind in one event."""
        return self.values[self.offsets[event, kind] : self.offsets[event, kind + 1]]

    def counts(self, *kinds: int) -> NDArray[np.int64]:
        """How many candidates of these kinds each event has, shape ``(n_events,)``."""
        result = np.zeros(len(self.offsets), dtype=np.int64)
        for kind in kinds:
            result += self.offsets[:, kind + 1] - self.offsets[:, kind]
        return result


class Frame(NamedTuple):
    """A frame that moves with velocity (bx, 0, bz) in the laboratory."""

    bx: float
    bz: float
    gamma: float

    @classmethod
    def moving(cls, bx: float, bz: float) -> Frame:
        """The frame of this velocity."""
        return cls(bx, bz, 1.0 / math.sqrt(1.0 - bx * bx - bz * bz))


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


@kernel
def boost(px: float, py: float, pz: float, energy: float, frame: Frame) -> tuple[float, float, float, float]:
    """A laboratory momentum in the frame."""
    along = frame.bx * px + frame.bz * pz
    shift = frame.gamma * (frame.gamma / (frame.gamma + 1.0) * along - energy)
    return px + frame.bx * shift, py, pz + frame.bz * shift, frame.gamma * (energy - along)


@kernel
def _is_below(leaf: int, ancestor: int, mothers: NDArray[np.int64]) -> bool:
    while leaf != ancestor and mothers[leaf] != leaf:
        leaf = mothers[leaf]
    return leaf == ancestor


@kernel
def true_mother(used_tracks: int, used_clusters: int, seen: Seen, expected: int, either: bool) -> int:
    """Position of the true particle whose final particles are exactly the used ones, or -1.

    Parameters
    ----------
    used_tracks, used_clusters
        Bit masks into the tracks and clusters of this event.
    expected, either
        PDG id that the particle must have; with ``either`` also its antiparticle's.
    """
    one = np.uint64(1)
    n_tracks, n_clusters = min(len(seen.tracks), 64), min(len(seen.clusters), 64)
    count, found = 0, -1
    for i in range(n_tracks):
        if (used_tracks >> np.uint64(i)) & one:
            count += 1
            found = seen.tracks[i].particle
    for i in range(n_clusters):
        if (used_clusters >> np.uint64(i)) & one:
            count += 1
            found = seen.clusters[i].particle
            if found < 0:
                return -1
    while seen.n_leaves[found] != count or not (
        seen.pdg[found] == expected or (either and seen.pdg[found] == -expected)
    ):
        if seen.mothers[found] == found:
            return -1
        found = seen.mothers[found]
    for i in range(n_tracks):
        if (used_tracks >> np.uint64(i)) & one and not _is_below(
            seen.tracks[i].particle, found, seen.mothers
        ):
            return -1
    for i in range(n_clusters):
        if (used_clusters >> np.uint64(i)) & one and not _is_below(
            seen.clusters[i].particle, found, seen.mothers
        ):
            return -1
    return found


@kernel
def clear(c: Record) -> None:
    """Make ``c`` an empty sum: no momentum, no daughters, nothing wrong yet."""
    c.px = c.py = c.pz = c.energy = 0.0
    c.mass = c.delta_mass = c.quality = c.pid = 0.0
    c.neutral_chi2, c.soft_photon, c.shower, c.vertex_chi2 = 0.0, NO_PHOTON, 1.0, 0.0
    c.tracks = c.clusters = c.kaons = np.uint64(0)
    c.charge = c.flavour = c.mode = 0
    c.matched = 1


@kernel
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


@kernel
def overlap(a: Record, b: Record) -> bool:
    """Whether two candidates share a track or a cluster."""
    return bool((a.tracks & b.tracks) | (a.clusters & b.clusters))


@kernel
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


@kernel
def set_mass(c: Record) -> None:
    """Set the mass from the four-momentum."""
    c.mass = math.sqrt(max(c.energy**2 - c.px**2 - c.py**2 - c.pz**2, 0.0))


@kernel
def reduced_vertex_chi2(mask: int, tracks: NDArray[np.void], equations: NDArray[np.float64]) -> float:
    """Vertex chi-squared per degree of freedom of the masked tracks; one if there are fewer than two."""
    n = 0
    equations[:] = 0.0
    for i in range(min(len(tracks), 64)):
        if (mask >> np.uint64(i)) & np.uint64(1):
            add_to_vertex(tracks[i], equations)
            n += 1
    return float(vertex_chi2(equations) / (2 * n - 3)) if n > 1 else 1.0


@kernel
def charm_features(c: Record, n_pi0: int, nominal: float, n_tracks: int, out: NDArray[np.float64]) -> None:
    """What the charm classifier sees (:data:`CHARM_FEATURES`)."""
    pull = (c.mass - nominal) / (0.014 if n_pi0 else 0.006)
    out[0] = pull
    out[1] = min(pull * pull, 16.0)
    out[2] = max(c.pid, -8.0)
    out[3] = math.log(min(max(c.vertex_chi2, 0.05), 100.0))
    out[4] = min(c.neutral_chi2, 12.0)
    out[5] = math.log(c.soft_photon / 0.1) if n_pi0 else 0.0
    out[6] = math.log(max(c.shower, 1.0e-3))
    out[7] = math.sqrt(c.px**2 + c.py**2 + c.pz**2)
    out[8] = 0.1 * n_tracks


@kernel
def _insert(best: NDArray[np.void], n: int, capacity: int, c: Record) -> int:
    """Keep the ``capacity`` best by quality, sorted downwards; return how many there are now."""
    if n == capacity:
        if c.quality <= best[n - 1].quality:
            return n
        n -= 1
    at = n
    while at > 0 and best[at - 1].quality < c.quality:
        copy(best[at - 1], best[at])
        at -= 1
    copy(c, best[at])
    return n + 1


@kernel
def _store(
    best: NDArray[np.void], n_best: int, lists: NDArray[np.void], n: int, seen: Seen, expected: int
) -> int:
    """Append the best to the lists and match them: ``expected`` times the flavour, or either sign."""
    for k in range(n_best):
        c = lists[n + k]
        copy(best[k], c)
        if c.matched:
            sign = -1 if c.flavour < 0 else 1
            either = c.flavour == 0 and expected > 400
            c.matched = 1 if true_mother(c.tracks, c.clusters, seen, sign * expected, either) >= 0 else 0
    return n + n_best


@kernel
def _stable(kind: int, seen: Seen, frame: Frame, cuts: Record, lists: NDArray[np.void], n: int) -> int:
    """Charged pions, kaons, electrons or muons from near the axis."""
    begin = n
    if kind == PION:
        mass, species = M_PI, 211
    elif kind == KAON:
        mass, species = M_K, 321
    elif kind == ELECTRON:
        mass, species = M_E, -11
    else:
        mass, species = M_MU, -13
    for i in range(min(len(seen.tracks), 64)):
        track = seen.tracks[i]
        if abs(track.d0) > cuts.max_d0 or abs(track.z0) > cuts.max_z0:
            continue
        if kind == PION:
            own, least = track.pion, cuts.min_pion * (track.pion + track.kaon)
        elif kind == KAON:
            own, least = track.kaon, cuts.min_kaon * (track.pion + track.kaon)
        elif kind == ELECTRON:
            own, least = track.electron, cuts.min_electron
        else:
            own, least = track.muon, cuts.min_muon
        if own < least:
            continue
        if n - begin == _CAPACITY[kind]:
            break
        c = lists[n]
        clear(c)
        energy = math.sqrt(track.px**2 + track.py**2 + track.pz**2 + mass * mass)
        c.px, c.py, c.pz, c.energy = boost(track.px, track.py, track.pz, energy, frame)
        c.pid = math.log(max(own, 1.0e-4))
        c.mass = mass
        c.tracks = np.uint64(1) << np.uint64(i)
        if kind == KAON:
            c.kaons = c.tracks
        c.charge = track.charge
        c.matched = 1 if seen.pdg[track.particle] == species * track.charge else 0
        n += 1
    return n


@kernel
def _photons(seen: Seen, frame: Frame, lists: NDArray[np.void], n: int) -> int:
    """Every cluster as a photon."""
    for i in range(min(len(seen.clusters), 64)):
        cluster = seen.clusters[i]
        c = lists[n]
        clear(c)
        c.px, c.py, c.pz, c.energy = boost(cluster.px, cluster.py, cluster.pz, cluster.energy, frame)
        c.soft_photon = cluster.energy
        c.shower = cluster.shape
        c.clusters = np.uint64(1) << np.uint64(i)
        c.matched = 1 if cluster.particle >= 0 and seen.pdg[cluster.particle] == 22 else 0
        n += 1
    return n


@kernel
def _neutral_pions(
    seen: Seen, cuts: Record, photons: NDArray[np.void], new: Record, best: NDArray[np.void]
) -> int:
    """Pairs of photons in the mass window, with energies scaled to the nominal mass."""
    n_best = 0
    for i in range(len(photons)):
        a = seen.clusters[i]
        for j in range(i):
            b = seen.clusters[j]
            mass2 = 2.0 * (a.energy * b.energy - a.px * b.px - a.py * b.py - a.pz * b.pz)
            if mass2 < cuts.pi0_mass_min**2 or mass2 > cuts.pi0_mass_max**2:
                continue
            if a.energy + b.energy < cuts.pi0_min_energy:
                continue
            clear(new)
            add(new, photons[i])
            add(new, photons[j])
            new.mass = math.sqrt(mass2)
            # scaling both energies is most of what a mass-constrained fit does
            scale = M_PI0 / new.mass
            new.px *= scale
            new.py *= scale
            new.pz *= scale
            new.energy *= scale
            new.neutral_chi2 = ((new.mass - M_PI0) / cuts.pi0_mass_sigma) ** 2
            shape = math.log(max(a.shape * b.shape, 1.0e-6))
            new.quality = shape + math.log(new.soft_photon) - 0.5 * new.neutral_chi2
            n_best = _insert(best, n_best, _CAPACITY[PI0], new)
    return n_best


@kernel
def _kshorts(
    seen: Seen,
    frame: Frame,
    cuts: Record,
    field: float,
    vertex: NDArray[np.float64],
    new: Record,
    best: NDArray[np.void],
) -> int:
    """Pairs of opposite tracks that meet away from the axis, taken as pions."""
    n_best = 0
    n_tracks = min(len(seen.tracks), 64)
    for i in range(n_tracks):
        a = seen.tracks[i]
        if a.charge < 0:
            continue
        e_a = math.sqrt(a.px**2 + a.py**2 + a.pz**2 + M_PI * M_PI)
        for j in range(n_tracks):
            b = seen.tracks[j]
            if b.charge > 0:
                continue
            energy = e_a + math.sqrt(b.px**2 + b.py**2 + b.pz**2 + M_PI * M_PI)
            pz = a.pz + b.pz
            mass2 = energy**2 - (a.px + b.px) ** 2 - (a.py + b.py) ** 2 - pz * pz
            if mass2 > 0.8**2:  # turning to the vertex changes the mass by much less than this allows
                continue
            gap, turn_a, turn_b = intersect(a, b, field, vertex)
            radius = math.hypot(vertex[0], vertex[1])
            if gap > cuts.ks_max_gap or radius < cuts.ks_min_radius:
                continue
            cos_a, sin_a, cos_b, sin_b = (
                math.cos(turn_a),
                math.sin(turn_a),
                math.cos(turn_b),
                math.sin(turn_b),
            )
            px = a.px * cos_a - a.py * sin_a + b.px * cos_b - b.py * sin_b
            py = a.px * sin_a + a.py * cos_a + b.px * sin_b + b.py * cos_b
            mass = math.sqrt(max(energy**2 - px * px - py * py - pz * pz, 0.0))
            if abs(mass - M_KS) > cuts.ks_mass_window:
                continue
            if px * vertex[0] + py * vertex[1] < cuts.ks_min_pointing * radius * math.hypot(px, py):
                continue
            clear(new)
            new.px, new.py, new.pz, new.energy = boost(px, py, pz, energy, frame)
            new.mass = mass
            new.pid = math.log(max(a.pion * b.pion, 1.0e-4))
            new.tracks = (np.uint64(1) << np.uint64(i)) | (np.uint64(1) << np.uint64(j))
            new.quality = -abs(mass - M_KS)
            right = seen.pdg[a.particle] == 211 and seen.pdg[b.particle] == -211
            new.matched = 1 if right else 0
            n_best = _insert(best, n_best, _CAPACITY[KSHORT], new)
    return n_best


@kernel
def _pion_pairs(kind: int, pions: NDArray[np.void], lists: NDArray[np.void], n: int) -> int:
    """Two pions of opposite or of the same charge."""
    begin = n
    for i in range(len(pions)):
        for j in range(i):
            if (pions[i].charge + pions[j].charge == 0) != (kind == TWO_PI):
                continue
            if n - begin == _CAPACITY[kind]:
                return n
            clear(lists[n])
            add(lists[n], pions[i])
            add(lists[n], pions[j])
            n += 1
    return n


@kernel
def _pion_triplets(pairs: NDArray[np.void], pions: NDArray[np.void], lists: NDArray[np.void], n: int) -> int:
    """Two pions of the same charge and one of the other."""
    begin = n
    for i in range(len(pairs)):
        for j in range(len(pions)):
            if pairs[i].charge * pions[j].charge > 0:
                continue
            if n - begin == _CAPACITY[THREE_PI]:
                return n
            copy(pairs[i], lists[n])
            add(lists[n], pions[j])
            n += 1
    return n


@kernel
def _charm(
    mode: int,
    n_best: int,
    seen: Seen,
    cuts: Record,
    network: Classifier,
    fold: int,
    lists: NDArray[np.void],
    at: NDArray[np.int64],
    work: NDArray[np.void],
    features: NDArray[np.float64],
    equations: NDArray[np.float64],
    best: NDArray[np.void],
) -> int:
    """All candidates of one mode of D0, D+ or Ds, judged and ranked.

    Each loop over daughters of a kind runs once if the mode has none of them.
    """
    charm, n_k_minus, n_k_plus, pion_kind, pion_charge, n_ks, n_pi0 = _MODES[mode]
    k_begin, k_end = at[KAON], at[KAON + 1]
    minus_begin, minus_end = (k_begin, k_end) if n_k_minus else (0, 1)
    plus_begin, plus_end = (k_begin, k_end) if n_k_plus else (0, 1)
    pion_begin, pion_end = (at[pion_kind], at[pion_kind + 1]) if pion_kind >= 0 else (0, 1)
    ks_begin, ks_end = (at[KSHORT], at[KSHORT + 1]) if n_ks else (0, 1)
    pi0_begin, pi0_end = (at[PI0], at[PI0 + 1]) if n_pi0 else (0, 1)
    if ks_begin == ks_end or pi0_begin == pi0_end:
        return n_best
    nominal = _CHARM_MASS[charm]
    window = cuts.charm_window_pi0 if n_pi0 else cuts.charm_window
    tells_flavour = charm != D0 or (n_k_minus == 1 and n_k_plus == 0)
    kaons, core, new = work[0], work[1], work[2]
    for sign in (1, -1):
        if sign < 0 and not tells_flavour:
            break
        for i in range(minus_begin, minus_end):
            if n_k_minus and lists[i].charge != -sign:
                continue
            for j in range(plus_begin, plus_end):
                if n_k_plus and lists[j].charge != sign:
                    continue
                clear(kaons)
                if n_k_minus:
                    add(kaons, lists[i])
                if n_k_plus:
                    add(kaons, lists[j])  # the other charge, so never the same track
                for p in range(pion_begin, pion_end):
                    if pion_kind >= 0 and lists[p].charge != sign * pion_charge:
                        continue
                    for k in range(ks_begin, ks_end):
                        copy(kaons, core)
                        if pion_kind >= 0 and not add(core, lists[p]):
                            continue
                        if n_ks and not add(core, lists[k]):
                            continue
                        set_mass(core)
                        if core.mass > nominal + window:
                            continue
                        for q in range(pi0_begin, pi0_end):
                            copy(core, new)
                            if n_pi0 and not add(new, lists[q]):
                                continue
                            set_mass(new)
                            if abs(new.mass - nominal) > window:
                                continue
                            new.mode = mode
                            new.flavour = sign if tells_flavour else 0
                            prompt = new.tracks & ~lists[k].tracks if n_ks else new.tracks
                            new.vertex_chi2 = reduced_vertex_chi2(prompt, seen.tracks, equations)
                            charm_features(new, n_pi0, nominal, len(seen.tracks), features)
                            new.quality = logit(network, features, mode, fold)
                            if new.quality > cuts.min_charm_logit:
                                n_best = _insert(best, n_best, _CAPACITY[charm], new)
    return n_best


@kernel
def _excited(
    star: int,
    soft_kind: int,
    n_best: int,
    middle: float,
    half: float,
    sigma: float,
    cuts: Record,
    lists: NDArray[np.void],
    at: NDArray[np.int64],
    new: Record,
    best: NDArray[np.void],
) -> int:
    """A charm meson and a soft particle within a window of the mass difference."""
    charm = D_S if star == D_S_STAR else D0
    for i in range(at[charm], at[charm + 1]):
        for j in range(at[soft_kind], at[soft_kind + 1]):
            soft = lists[j]
            if soft_kind == PHOTON and soft.soft_photon < cuts.min_photon:
                continue
            if soft_kind == PION and lists[i].flavour * soft.charge < 0:
                continue
            copy(lists[i], new)
            if not add(new, soft):
                continue
            set_mass(new)
            new.delta_mass = new.mass - lists[i].mass
            if abs(new.delta_mass - middle) > half:
                continue
            if soft_kind == PION:
                new.flavour = soft.charge
            if soft_kind == PHOTON:
                new.mode += N_CHARM_MODES
            pull = (new.delta_mass - middle) / sigma
            new.quality = lists[i].quality - 0.5 * min(pull * pull, 25.0)
            n_best = _insert(best, n_best, _CAPACITY[star], new)
    return n_best


@kernel
def _combine(
    batch: Batch,
    event_numbers: NDArray[np.int64],
    cuts: Record,
    frame: Frame,
    field: float,
    network: Classifier,
    scratch: NDArray[np.void],
    lists: NDArray[np.void],
    offsets: NDArray[np.int64],
) -> None:
    vertex, equations, features = np.zeros(3), np.zeros(10), np.zeros(N_CHARM_FEATURES)
    work, best = scratch[:3], scratch[3:]
    new = work[2]
    n = 0
    for event in range(len(offsets)):
        seen = seen_in(batch, event)
        at = offsets[event]
        fold = event_numbers[event] & 1
        at[PION] = n
        n = at[KAON] = _stable(PION, seen, frame, cuts, lists, n)
        n = at[PHOTON] = _stable(KAON, seen, frame, cuts, lists, n)
        n = at[PI0] = _photons(seen, frame, lists, n)
        n_best = _neutral_pions(seen, cuts, lists[at[PHOTON] : n], new, best)
        n = at[KSHORT] = _store(best, n_best, lists, n, seen, 111)
        n_best = _kshorts(seen, frame, cuts, field, vertex, new, best)
        n = at[TWO_PI] = _store(best, n_best, lists, n, seen, 310)
        pions = lists[at[PION] : at[KAON]]
        n = at[TWO_PI_SAME] = _pion_pairs(TWO_PI, pions, lists, n)
        n = at[THREE_PI] = _pion_pairs(TWO_PI_SAME, pions, lists, n)
        n = at[D0] = _pion_triplets(lists[at[TWO_PI_SAME] : n], pions, lists, n)
        for charm in (D0, D_PLUS, D_S):
            n_best = 0
            for mode in range(N_CHARM_MODES):
                if _MODES[mode, 0] == charm:
                    n_best = _charm(
                        mode,
                        n_best,
                        seen,
                        cuts,
                        network,
                        fold,
                        lists,
                        at,
                        work,
                        features,
                        equations,
                        best,
                    )
            n = at[charm + 1] = _store(best, n_best, lists, n, seen, _CHARM_PDG[charm])
        for star in (DSTAR_PLUS, DSTAR0, D_S_STAR):
            n_best = 0
            for row in range(len(_EXCITED)):
                if _EXCITED[row, 0] == star:
                    n_best = _excited(
                        star,
                        _EXCITED[row, 1],
                        n_best,
                        _EXCITED_MASS[row, 0],
                        _EXCITED_MASS[row, 1],
                        _EXCITED_MASS[row, 2],
                        cuts,
                        lists,
                        at,
                        new,
                        best,
                    )
            n = at[star + 1] = _store(best, n_best, lists, n, seen, _CHARM_PDG[star])
        n = at[MUON] = _stable(ELECTRON, seen, frame, cuts, lists, n)
        n = at[N_KINDS] = _stable(MUON, seen, frame, cuts, lists, n)


def combine(
    reconstructed: Reconstructed,
    *,
    event_numbers: NDArray[np.int64],
    cuts: CandidateConfig | None = None,
    classifiers: Classifiers | None = None,
) -> ParticleLists:
    """Build all candidate lists.

    Parameters
    ----------
    reconstructed
        Tracks and clusters.
    event_numbers
        Shape ``(n_events,)``; their parity chooses the classifier's fold.
    cuts, classifiers
        By default those of the package.
    """
    n_events = len(reconstructed)
    # np.empty reserves, it does not touch: the unused part of this upper bound costs nothing
    values = np.empty(n_events * int(_CAPACITY.sum()) + 1, dtype=CANDIDATE)
    offsets = np.zeros((n_events, N_KINDS + 1), dtype=np.int64)
    _combine(
        Batch.of(reconstructed),
        np.ascontiguousarray(event_numbers, dtype=np.int64),
        as_record(cuts or CandidateConfig()),
        Frame.moving(*reconstructed.detector.boost),
        reconstructed.detector.tracker.field,
        (classifiers or default_classifiers()).charm,
        np.zeros(3 + int(_CAPACITY.max()), dtype=CANDIDATE),
        values,
        offsets,
    )
    return ParticleLists(values[: offsets[-1, -1] if n_events else 0], offsets, reconstructed)
