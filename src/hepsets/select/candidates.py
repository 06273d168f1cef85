"""Combine tracks and clusters into pions, kaons, pi0, KS, D and D* candidates.

Everything is per event, in the centre-of-mass frame, and kept in one table of records in which every
candidate knows its momentum, what it is made of (bit masks of tracks and clusters, so that nothing is
used twice) and how well it looks. Only the first 64 tracks and 64 clusters of an event take part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass as plain_dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, as_record, kernel
from hepsets.select.classifier import Classifiers, default_classifiers, logit
from hepsets.simulate.belle2 import Reconstructed
from hepsets.simulate.vertexing import add_to_vertex, intersect, vertex_chi2

PION, KAON, PHOTON, PI0, KSHORT, TWO_PI, TWO_PI_SAME, THREE_PI = range(8)
D0, D_PLUS, D_S, DSTAR_PLUS, DSTAR0, D_S_STAR = range(8, 14)
N_KINDS = 14
"""Kinds of candidates, in the order of the lists; ``TWO_PI`` is neutral, ``TWO_PI_SAME`` doubly
charged, and the pion systems stand for whatever made them."""

_CAPACITY = np.array([32, 32, 64, 12, 6, 128, 128, 320, 20, 20, 8, 12, 20, 10], dtype=np.int64)
"""Most candidates of each kind in an event; composite ones are the best by quality."""

CANDIDATE = np.dtype(
    [(name, np.float64) for name in ("px", "py", "pz", "energy", "mass", "delta_mass", "quality", "pid")]
    + [(name, np.float64) for name in ("neutral_chi2", "soft_photon", "shower", "vertex_chi2")]
    + [(name, np.uint64) for name in ("tracks", "clusters")]
    + [(name, np.int64) for name in ("charge", "flavour", "mode", "matched")]
)
"""A candidate: CM momentum [GeV]; mass [GeV] as measured, ``delta_mass`` to its charm daughter;
``quality`` (larger is better; the signal logit of a charm meson); ``pid``, summed log of the species
probabilities; worst pi0 mass pull squared, softest pi0 photon [GeV] and smallest shower-shape
probability; vertex chi-squared per degree of freedom; bit masks; charge; ``flavour``, the sign of
its charm quark (0 if the decay does not tell); decay mode; ``matched``, whether it is all true."""

M_PI, M_K, M_PI0, M_KS = 0.13957039, 0.493677, 0.1349768, 0.497611
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
CHARM_MODE_NAMES = tuple(mode[0] for mode in CHARM_MODES)
_MODES = np.array([mode[1:] for mode in CHARM_MODES], dtype=np.int64)
_CHARM_MASS = np.zeros(N_KINDS)
_CHARM_MASS[D0], _CHARM_MASS[D_PLUS], _CHARM_MASS[D_S] = M_D0, M_DPLUS, M_DS
_CHARM_PDG = np.zeros(N_KINDS, dtype=np.int64)
_CHARM_PDG[[D0, D_PLUS, D_S, DSTAR_PLUS, DSTAR0, D_S_STAR]] = 421, 411, 431, 413, 423, 433

N_CHARM_FEATURES = 9
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
    dstar_min: float = 0.1400
    """Windows [GeV] of the mass difference: D*+ -> D0 pi+, …"""
    dstar_max: float = 0.1510
    dstar0_pi0_half: float = 0.0040
    """… D*0 -> D0 pi0 (half width around 0.1421) …"""
    dstar0_gamma_half: float = 0.0150
    """… and D*0 -> D0 gamma; Ds* -> Ds gamma around 0.1438."""
    min_photon: float = 0.09
    """Smallest laboratory energy [GeV] of the photon of a D*0 or Ds*."""
    min_charm_logit: float = -6.0
    """Charm candidates below this logit of signal probability are dropped."""


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


@kernel
def boost(
    px: float, py: float, pz: float, energy: float, bx: float, bz: float, gamma: float
) -> tuple[float, float, float, float]:
    """Momentum in a frame that moves with velocity (bx, 0, bz)."""
    along = bx * px + bz * pz
    shift = gamma * (gamma / (gamma + 1.0) * along - energy)
    return px + bx * shift, py, pz + bz * shift, gamma * (energy - along)


@kernel
def true_mother(
    used_tracks: int,
    used_clusters: int,
    tracks: NDArray[np.void],
    clusters: NDArray[np.void],
    pdg: NDArray[np.int32],
    mothers: NDArray[np.int64],
    n_leaves: NDArray[np.int64],
    expected: int,
    either_sign: bool,
) -> int:
    """Position of the true particle whose final particles are exactly the used ones, or -1.

    Parameters
    ----------
    used_tracks, used_clusters
        Bit masks into ``tracks`` and ``clusters``, the records of this event.
    expected, either_sign
        PDG id that the particle must have, or also its antiparticle.
    """
    found = -1
    count = 0
    one = np.uint64(1)
    for round_ in range(2):  # first find the ancestor, then check that all descend from it
        for which in range(2):
            n = len(tracks) if which == 0 else len(clusters)
            mask = used_tracks if which == 0 else used_clusters
            for i in range(min(n, 64)):
                if not (mask >> np.uint64(i)) & one:
                    continue
                leaf = tracks[i].particle if which == 0 else clusters[i].particle
                if leaf < 0:
                    return -1
                if round_ == 0:
                    count += 1
                    found = leaf
                    continue
                while leaf != found and mothers[leaf] != leaf:
                    leaf = mothers[leaf]
                if leaf != found:
                    return -1
        if round_ == 0:
            if found < 0:
                return -1
            at = found
            while True:
                right = pdg[at] == expected or (either_sign and pdg[at] == -expected)
                if right and n_leaves[at] == count:
                    break
                if mothers[at] == at:
                    return -1
                at = mothers[at]
            found = at
    return found


@kernel
def charm_features(candidate: Record, n_pi0: int, nominal: float, out: NDArray[np.float64]) -> None:
    """What the charm classifier sees (:data:`CHARM_FEATURES`)."""
    pull = (candidate.mass - nominal) / (0.014 if n_pi0 else 0.006)
    out[0] = pull
    out[1] = min(pull * pull, 16.0)
    out[2] = max(candidate.pid, -8.0)
    out[3] = math.log(min(max(candidate.vertex_chi2, 0.05), 100.0))
    out[4] = min(candidate.neutral_chi2, 12.0)
    out[5] = math.log(candidate.soft_photon / 0.1) if n_pi0 else 0.0
    out[6] = math.log(max(candidate.shower, 1.0e-3))
    out[7] = math.sqrt(candidate.px**2 + candidate.py**2 + candidate.pz**2)


@kernel
def _insert(best: NDArray[np.void], n: int, capacity: int, candidate: Record) -> int:
    """Keep the ``capacity`` best by quality, sorted downwards; return how many there are now."""
    if n == capacity:
        if candidate.quality <= best[n - 1].quality:
            return n
        n -= 1
    at = n
    while at > 0 and best[at - 1].quality < candidate.quality:
        best[at] = best[at - 1]
        at -= 1
    best[at] = candidate
    return n + 1


@kernel
def _clear(c: Record) -> None:
    c.mass = 0.0
    c.delta_mass = 0.0
    c.quality = 0.0
    c.pid = 0.0
    c.neutral_chi2 = 0.0
    c.soft_photon = 10.0
    c.shower = 1.0
    c.vertex_chi2 = 0.0
    c.px = 0.0
    c.py = 0.0
    c.pz = 0.0
    c.energy = 0.0
    c.tracks = np.uint64(0)
    c.clusters = np.uint64(0)
    c.charge = 0
    c.flavour = 0
    c.mode = 0
    c.matched = 1


@kernel
def add(c: Record, other: Record) -> bool:
    """Add a daughter to ``c``; False, and nothing is changed, if they share a track or cluster."""
    if (c.tracks & other.tracks) | (c.clusters & other.clusters):
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
    c.charge += other.charge
    c.matched &= other.matched
    return True


@kernel
def set_mass(c: Record) -> None:
    """Set the mass from the four-momentum."""
    c.mass = math.sqrt(max(c.energy * c.energy - c.px * c.px - c.py * c.py - c.pz * c.pz, 0.0))


@kernel
def reduced_vertex_chi2(mask: int, tracks: NDArray[np.void], equations: NDArray[np.float64]) -> float:
    """Vertex chi-squared per degree of freedom of the masked tracks; one if there are fewer than two."""
    n = 0
    for i in range(10):
        equations[i] = 0.0
    for i in range(min(len(tracks), 64)):
        if (mask >> np.uint64(i)) & np.uint64(1):
            add_to_vertex(tracks[i], equations)
            n += 1
    return vertex_chi2(equations) / (2 * n - 3) if n > 1 else 1.0


@kernel
def _combine(
    all_tracks: NDArray[np.void],
    track_offsets: NDArray[np.int64],
    all_clusters: NDArray[np.void],
    cluster_offsets: NDArray[np.int64],
    pdg: NDArray[np.int32],
    mothers: NDArray[np.int64],
    n_leaves: NDArray[np.int64],
    event_numbers: NDArray[np.int64],
    cuts: Record,
    bx: float,
    bz: float,
    field: float,
    mode_shift: NDArray[np.float64],
    hidden: NDArray[np.float64],
    output: NDArray[np.float64],
    scratch: NDArray[np.void],
    lists: NDArray[np.void],
    offsets: NDArray[np.int64],
) -> None:
    gamma = 1.0 / math.sqrt(1.0 - bx * bx - bz * bz)
    vertex = np.zeros(3)
    equations = np.zeros(10)
    features = np.zeros(N_CHARM_FEATURES)
    one = np.uint64(1)
    new = scratch[0]
    kaons = scratch[1]
    core = scratch[2]
    best = scratch[3:]
    n = 0
    for event in range(len(track_offsets) - 1):
        tracks = all_tracks[track_offsets[event] : track_offsets[event + 1]]
        clusters = all_clusters[cluster_offsets[event] : cluster_offsets[event + 1]]
        n_tracks, n_clusters = min(len(tracks), 64), min(len(clusters), 64)
        at = offsets[event]
        fold = event_numbers[event] & 1

        # -- charged pions and kaons from near the axis ------------------------------------------
        for kind in (PION, KAON):
            at[kind] = n
            mass = M_PI if kind == PION else M_K
            for i in range(n_tracks):
                track = tracks[i]
                if abs(track.d0) > cuts.max_d0 or abs(track.z0) > cuts.max_z0:
                    continue
                ratio = (track.pion if kind == PION else track.kaon) / (track.pion + track.kaon)
                if ratio < (cuts.min_pion if kind == PION else cuts.min_kaon):
                    continue
                if n - at[kind] == _CAPACITY[kind]:
                    break
                c = lists[n]
                _clear(c)
                energy = math.sqrt(track.px**2 + track.py**2 + track.pz**2 + mass * mass)
                c.px, c.py, c.pz, c.energy = boost(track.px, track.py, track.pz, energy, bx, bz, gamma)
                own = track.pion if kind == PION else track.kaon
                c.pid = math.log(max(own, 1.0e-4))
                c.mass = mass
                c.tracks = one << np.uint64(i)
                c.charge = track.charge
                c.matched = 1 if pdg[track.particle] == (211 if kind == PION else 321) * track.charge else 0
                n += 1

        # -- photons and neutral pions --------------------------------------------------------------
        at[PHOTON] = n
        for i in range(n_clusters):
            cluster = clusters[i]
            c = lists[n]
            _clear(c)
            c.px, c.py, c.pz, c.energy = boost(
                cluster.px, cluster.py, cluster.pz, cluster.energy, bx, bz, gamma
            )
            c.soft_photon = cluster.energy
            c.shower = cluster.shape
            c.clusters = one << np.uint64(i)
            c.matched = 1 if cluster.particle >= 0 and pdg[cluster.particle] == 22 else 0
            n += 1
        at[PI0] = n
        n_best = 0
        for i in range(n_clusters):
            for j in range(i):
                a, b = clusters[i], clusters[j]
                mass2 = 2.0 * (a.energy * b.energy - a.px * b.px - a.py * b.py - a.pz * b.pz)
                if mass2 < cuts.pi0_mass_min**2 or mass2 > cuts.pi0_mass_max**2:
                    continue
                if a.energy + b.energy < cuts.pi0_min_energy:
                    continue
                _clear(new)
                add(new, lists[at[PHOTON] + i])
                add(new, lists[at[PHOTON] + j])
                new.mass = math.sqrt(mass2)
                # scaling both energies to the nominal mass is what a mass-constrained fit mostly does
                scale = M_PI0 / new.mass
                new.px *= scale
                new.py *= scale
                new.pz *= scale
                new.energy *= scale
                new.neutral_chi2 = ((new.mass - M_PI0) / cuts.pi0_mass_sigma) ** 2
                new.quality = (
                    -0.5 * new.neutral_chi2
                    + math.log(max(a.shape * b.shape, 1.0e-6))
                    + math.log(new.soft_photon)
                )
                n_best = _insert(best, n_best, _CAPACITY[PI0], new)
        for k in range(n_best):
            lists[n] = best[k]
            if best[k].matched:
                mother = true_mother(
                    best[k].tracks, best[k].clusters, tracks, clusters, pdg, mothers, n_leaves, 111, False
                )
                lists[n].matched = 1 if mother >= 0 else 0
            n += 1

        # -- KS from any two tracks ------------------------------------------------------------------
        at[KSHORT] = n
        n_best = 0
        for i in range(n_tracks):
            for j in range(n_tracks):
                a, b = tracks[i], tracks[j]
                if a.charge != 1 or b.charge != -1:
                    continue
                e_a = math.sqrt(a.px**2 + a.py**2 + a.pz**2 + M_PI * M_PI)
                e_b = math.sqrt(b.px**2 + b.py**2 + b.pz**2 + M_PI * M_PI)
                mass2 = (e_a + e_b) ** 2 - (a.px + b.px) ** 2 - (a.py + b.py) ** 2 - (a.pz + b.pz) ** 2
                if mass2 > 0.8**2:  # turning to the vertex changes the mass by less than this
                    continue
                gap, turn_a, turn_b = intersect(a, b, field, vertex)
                if gap > cuts.ks_max_gap:
                    continue
                radius = math.hypot(vertex[0], vertex[1])
                if radius < cuts.ks_min_radius:
                    continue
                px = a.px * math.cos(turn_a) - a.py * math.sin(turn_a)
                px += b.px * math.cos(turn_b) - b.py * math.sin(turn_b)
                py = a.px * math.sin(turn_a) + a.py * math.cos(turn_a)
                py += b.px * math.sin(turn_b) + b.py * math.cos(turn_b)
                pz = a.pz + b.pz
                mass = math.sqrt(max((e_a + e_b) ** 2 - px * px - py * py - pz * pz, 0.0))
                if abs(mass - M_KS) > cuts.ks_mass_window:
                    continue
                pointing = (px * vertex[0] + py * vertex[1]) / (radius * math.hypot(px, py))
                if pointing < cuts.ks_min_pointing:
                    continue
                _clear(new)
                new.px, new.py, new.pz, new.energy = boost(px, py, pz, e_a + e_b, bx, bz, gamma)
                new.mass = mass
                new.pid = math.log(max(a.pion * b.pion, 1.0e-4))
                new.tracks = (one << np.uint64(i)) | (one << np.uint64(j))
                new.quality = -abs(mass - M_KS)
                right = pdg[a.particle] == 211 and pdg[b.particle] == -211
                new.matched = 1 if right else 0
                n_best = _insert(best, n_best, _CAPACITY[KSHORT], new)
        for k in range(n_best):
            lists[n] = best[k]
            if best[k].matched:
                mother = true_mother(
                    best[k].tracks, best[k].clusters, tracks, clusters, pdg, mothers, n_leaves, 310, False
                )
                lists[n].matched = 1 if mother >= 0 else 0
            n += 1

        # -- systems of two and three charged pions ---------------------------------------------------
        pions = lists[at[PION] : at[PION + 1]]
        for kind in (TWO_PI, TWO_PI_SAME):
            at[kind] = n
            for i in range(len(pions)):
                for j in range(i):
                    if (pions[i].charge + pions[j].charge == 0) != (kind == TWO_PI):
                        continue
                    if n - at[kind] == _CAPACITY[kind]:
                        break
                    c = lists[n]
                    _clear(c)
                    if add(c, pions[i]) and add(c, pions[j]):
                        n += 1
        at[THREE_PI] = n
        for i in range(at[TWO_PI_SAME], at[TWO_PI_SAME + 1]):
            for j in range(len(pions)):
                if lists[i].charge * pions[j].charge > 0 or n - at[THREE_PI] == _CAPACITY[THREE_PI]:
                    continue
                c = lists[n]
                _clear(c)
                if add(c, lists[i]) and add(c, pions[j]):
                    n += 1

        # -- D0, D+, Ds ----------------------------------------------------------------------------------
        ks_begin, ks_end = at[KSHORT], at[KSHORT + 1]
        pi0_begin, pi0_end = at[PI0], at[PI0 + 1]
        k_begin, k_end = at[KAON], at[KAON + 1]
        for charm in (D0, D_PLUS, D_S):
            at[charm] = n
            n_best = 0
            nominal = _CHARM_MASS[charm]
            for mode in range(len(_MODES)):
                if _MODES[mode, 0] != charm:
                    continue
                n_k_minus, n_k_plus, pion_kind = _MODES[mode, 1], _MODES[mode, 2], _MODES[mode, 3]
                pion_charge, n_ks, n_pi0 = _MODES[mode, 4], _MODES[mode, 5], _MODES[mode, 6]
                if n_ks and ks_begin == ks_end:
                    continue
                if n_pi0 and pi0_begin == pi0_end:
                    continue
                window = cuts.charm_window_pi0 if n_pi0 else cuts.charm_window
                highest = nominal + window
                tells = charm != D0 or (n_k_minus == 1 and n_k_plus == 0)
                for sign in (1, -1):
                    if sign < 0 and not tells:
                        continue
                    for i in range(k_begin if n_k_minus else k_end - 1, k_end):
                        if n_k_minus and lists[i].charge != -sign:
                            continue
                        for j in range(k_begin if n_k_plus else k_end - 1, k_end):
                            if n_k_plus and lists[j].charge != sign:
                                continue
                            _clear(kaons)
                            if n_k_minus and not add(kaons, lists[i]):
                                continue
                            if n_k_plus and not add(kaons, lists[j]):
                                continue
                            p_begin, p_end = 0, 1
                            if pion_kind >= 0:
                                p_begin, p_end = at[pion_kind], at[pion_kind + 1]
                            for p in range(p_begin, p_end):
                                if pion_kind >= 0 and lists[p].charge != sign * pion_charge:
                                    continue
                                for k in range(ks_begin if n_ks else 0, ks_end if n_ks else 1):
                                    _copy(kaons, core)
                                    if pion_kind >= 0 and not add(core, lists[p]):
                                        continue
                                    if n_ks and not add(core, lists[k]):
                                        continue
                                    set_mass(core)
                                    if core.mass > highest:
                                        continue
                                    for q in range(pi0_begin if n_pi0 else 0, pi0_end if n_pi0 else 1):
                                        _copy(core, new)
                                        if n_pi0 and not add(new, lists[q]):
                                            continue
                                        set_mass(new)
                                        if abs(new.mass - nominal) > window:
                                            continue
                                        new.mode = mode
                                        new.flavour = sign if tells else 0
                                        prompt = new.tracks
                                        if n_ks:
                                            prompt = prompt & ~lists[k].tracks
                                        new.vertex_chi2 = reduced_vertex_chi2(prompt, tracks, equations)
                                        charm_features(new, n_pi0, nominal, features)
                                        features[8] = 0.1 * n_tracks
                                        new.quality = logit(features, mode, fold, mode_shift, hidden, output)
                                        if new.quality > cuts.min_charm_logit:
                                            n_best = _insert(best, n_best, _CAPACITY[charm], new)
            for k in range(n_best):
                lists[n] = best[k]
                if best[k].matched:
                    expected = _CHARM_PDG[charm] * (-1 if best[k].flavour < 0 else 1)
                    mother = true_mother(
                        best[k].tracks,
                        best[k].clusters,
                        tracks,
                        clusters,
                        pdg,
                        mothers,
                        n_leaves,
                        expected,
                        best[k].flavour == 0,
                    )
                    lists[n].matched = 1 if mother >= 0 else 0
                n += 1

        # -- D*+ -> D0 pi+, D*0 -> D0 pi0 and D0 gamma, Ds* -> Ds gamma --------------------------------------
        for star in (DSTAR_PLUS, DSTAR0, D_S_STAR):
            at[star] = n
            n_best = 0
            charm = D_S if star == D_S_STAR else D0
            for soft_kind in (PION, PI0, PHOTON):
                if (star == DSTAR_PLUS) != (soft_kind == PION):
                    continue
                if star == D_S_STAR and soft_kind != PHOTON:
                    continue
                middle, half = 0.1438, cuts.dstar0_gamma_half
                if star == DSTAR_PLUS:
                    middle, half = (
                        0.5 * (cuts.dstar_min + cuts.dstar_max),
                        0.5 * (cuts.dstar_max - cuts.dstar_min),
                    )
                elif star == DSTAR0:
                    middle = 0.14201
                    if soft_kind == PI0:
                        half = cuts.dstar0_pi0_half
                for i in range(at[charm], at[charm + 1]):
                    for j in range(at[soft_kind], at[soft_kind + 1]):
                        soft = lists[j]
                        if soft_kind == PHOTON and soft.soft_photon < cuts.min_photon:
                            continue
                        if soft_kind == PION and lists[i].flavour * soft.charge < 0:
                            continue
                        _copy(lists[i], new)
                        if not add(new, soft):
                            continue
                        set_mass(new)
                        new.delta_mass = new.mass - lists[i].mass
                        if abs(new.delta_mass - middle) > half:
                            continue
                        if soft_kind == PION:
                            new.flavour = soft.charge
                        if soft_kind == PHOTON:
                            new.mode += len(_MODES)
                        pull = (new.delta_mass - middle) / (0.4 * half)
                        new.quality = lists[i].quality - 0.5 * pull * pull
                        if star == DSTAR_PLUS:
                            pull = (new.delta_mass - 0.14543) / 0.0008
                            new.quality = lists[i].quality - 0.5 * min(pull * pull, 25.0)
                        n_best = _insert(best, n_best, _CAPACITY[star], new)
            for k in range(n_best):
                lists[n] = best[k]
                if best[k].matched:
                    expected = _CHARM_PDG[star] * (-1 if best[k].flavour < 0 else 1)
                    mother = true_mother(
                        best[k].tracks,
                        best[k].clusters,
                        tracks,
                        clusters,
                        pdg,
                        mothers,
                        n_leaves,
                        expected,
                        best[k].flavour == 0,
                    )
                    lists[n].matched = 1 if mother >= 0 else 0
                n += 1
        at[N_KINDS] = n


@kernel
def _copy(source: Record, target: Record) -> None:
    target.px = source.px
    target.py = source.py
    target.pz = source.pz
    target.energy = source.energy
    target.mass = source.mass
    target.delta_mass = source.delta_mass
    target.quality = source.quality
    target.pid = source.pid
    target.neutral_chi2 = source.neutral_chi2
    target.soft_photon = source.soft_photon
    target.shower = source.shower
    target.vertex_chi2 = source.vertex_chi2
    target.tracks = source.tracks
    target.clusters = source.clusters
    target.charge = source.charge
    target.flavour = source.flavour
    target.mode = source.mode
    target.matched = source.matched


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
    truth = reconstructed.events
    values = np.empty(n_events * int(_CAPACITY.sum()) + 1, dtype=CANDIDATE)
    offsets = np.zeros((n_events, N_KINDS + 1), dtype=np.int64)
    bx, bz = reconstructed.detector.boost
    _combine(
        reconstructed.tracks,
        reconstructed.track_offsets,
        reconstructed.clusters,
        reconstructed.cluster_offsets,
        truth.particles["pdg"],
        truth.mothers,
        reconstructed.n_leaves,
        np.ascontiguousarray(event_numbers, dtype=np.int64),
        as_record(cuts or CandidateConfig()),
        bx,
        bz,
        reconstructed.detector.tracker.field,
        *(classifiers or default_classifiers()).charm.arrays,
        np.zeros(3 + int(_CAPACITY.max()), dtype=CANDIDATE),
        values,
        offsets,
    )
    return ParticleLists(values[: offsets[-1, -1] if n_events else 0], offsets, reconstructed)
