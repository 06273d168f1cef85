"""Hadronic B tag: a charm meson and a system of light mesons make a fully reconstructed B.

The modes are pairs (charm meson, companion), so a skim is a table of allowed pairs. Selection as in
Belle II's skim of the Full Event Interpretation: Mbc > 5.24 GeV, |Delta E| < 0.2 GeV, and a signal
probability above 0.001 from a classifier that knows neither Mbc nor Delta E.
"""

from __future__ import annotations

import math
from dataclasses import dataclass as plain_dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, as_record, kernel
from hepsets.select.candidates.charm import reduced_vertex_chi2
from hepsets.select.candidates.classifier import Classifier, Classifiers, default_classifiers, logit, sigmoid
from hepsets.select.candidates.record import (
    CANDIDATE,
    D0,
    D_PLUS,
    D_S,
    D_S_STAR,
    DSTAR0,
    DSTAR_PLUS,
    KAON,
    NO_PHOTON,
    PI0,
    PION,
    THREE_PI,
    TWO_PI,
    TWO_PI_SAME,
    Batch,
    ParticleLists,
    Seen,
    add,
    copy,
    overlap,
    seen_in,
    set_mass,
)
from hepsets.select.candidates.truth import true_mother
from hepsets.select.skims.record import SkimCandidates, candidate_dtype

CHARM_KINDS = (D_PLUS, DSTAR_PLUS, D0, DSTAR0)
CHARM_NAMES = ("D-", "D*-", "anti-D0", "anti-D*0")
COMPANIONS = (
    # name, first list, charge, number of pi0, second list (-1: none)
    ("pi+", PION, 1, 0, -1),
    ("pi+ pi0", PION, 1, 1, -1),
    ("pi+ pi0 pi0", PION, 1, 2, -1),
    ("pi+ pi+ pi-", THREE_PI, 1, 0, -1),
    ("pi+ pi+ pi- pi0", THREE_PI, 1, 1, -1),
    ("Ds+", D_S, 1, 0, -1),
    ("Ds*+", D_S_STAR, 1, 0, -1),
    ("D0 K+", KAON, 1, 0, D0),
    ("pi+ pi-", TWO_PI, 0, 0, -1),
    ("pi+ pi+", TWO_PI_SAME, 2, 0, -1),
)
"""What a charm meson may be joined with, written for a B that holds an anti-charm quark."""

N_COMPANIONS = len(COMPANIONS)
N_MODES = len(CHARM_KINDS) * N_COMPANIONS
MODE_NAMES = tuple(f"{charm} {companion[0]}" for charm in CHARM_NAMES for companion in COMPANIONS)
_COMPANIONS = np.array([row[1:] for row in COMPANIONS], dtype=np.int64)
_CHARM_KINDS = np.array(CHARM_KINDS, dtype=np.int64)

BEAUTY_FEATURES = (
    "charm logit",
    "D* mass difference pull",
    "companion pid",
    "companion mass",
    "companion vertex",
    "pi0 mass pull",
    "softest photon",
    "shower shape",
    "second charm logit",
    "cos theta",
    "multiplicity",
    "clusters",
)
N_BEAUTY_FEATURES = len(BEAUTY_FEATURES)

B_CANDIDATE = candidate_dtype("mbc", "delta_e")
"""A B candidate: Mbc and Delta E [GeV], and what every skim tells. ``mode`` is an index into
:data:`MODE_NAMES`; ``flavour`` is +1 for a B that holds an anti-b quark, -1 for its antiparticle, 0 if
the decay does not tell; it is correct if every final particle of a true B, and nothing else, was used
rightly."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TagConfig:
    """Cuts on B candidates, those of Belle II's hadronic FEI skim."""

    min_mbc: float = 5.24
    """[GeV]"""
    max_delta_e: float = 0.2
    """[GeV]"""
    min_signal_probability: float = 0.001


BUILT = np.dtype([(name, np.float64) for name in ("px", "py", "pz")] + [("kaons", np.uint64)])
"""How a B candidate was built: its CM momentum [GeV], and the bit mask of those of its tracks that it
takes for kaons (the others are pions)."""


@plain_dataclass(frozen=True, eq=False)
class Candidates(SkimCandidates):
    """Accepted B candidates of many events: records :data:`B_CANDIDATE` and what judged them.

    Parameters
    ----------
    features
        float64, shape ``(n_candidates, N_BEAUTY_FEATURES)``: what the classifier saw.
    built
        Records :data:`BUILT`, shape ``(n_candidates,)``.
    """

    features: NDArray[np.float64]
    built: NDArray[np.void]

    @property
    def mbc(self) -> NDArray[np.float64]:
        """Beam-constrained mass [GeV] of each candidate."""
        return self.values["mbc"]

    @property
    def delta_e(self) -> NDArray[np.float64]:
        """Energy minus beam energy [GeV] of each candidate."""
        return self.values["delta_e"]


@kernel
def _features(
    charm: Record,
    other: Record,
    second_logit: float,
    p: float,
    pz: float,
    n_tracks: int,
    n_clusters: int,
    out: NDArray[np.float64],
) -> None:
    """What the B classifier sees (:data:`BEAUTY_FEATURES`); nothing that gives Mbc or Delta E away."""
    pull = 0.0
    if charm.delta_mass > 0.0:
        if charm.charge != 0:
            pull = abs(charm.delta_mass - 0.1454) / 0.0008
        else:
            pull = abs(charm.delta_mass - 0.1420) / 0.002
    out[0] = min(max(charm.quality, -8.0), 6.0)
    out[1] = min(pull, 6.0)
    out[2] = max(other.pid, -8.0)
    out[3] = other.mass
    out[4] = math.log(min(max(other.vertex_chi2, 0.05), 100.0))
    out[5] = min(other.neutral_chi2, 12.0)
    out[6] = math.log(other.soft_photon / 0.1) if other.soft_photon < NO_PHOTON else 0.0
    out[7] = math.log(max(other.shower, 1.0e-3))
    out[8] = min(max(second_logit, -8.0), 6.0)
    out[9] = (pz / p) ** 2 if p > 0.0 else 0.0
    out[10] = 0.1 * n_tracks
    out[11] = 0.1 * n_clusters


@kernel
def _join(
    companion: int,
    other: Record,
    second_logit: float,
    event: int,
    seen: Seen,
    lists: NDArray[np.void],
    at: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    cuts: Record,
    beam_energy: float,
    network: Classifier,
    fold: int,
    features: NDArray[np.float64],
    equations: NDArray[np.float64],
    found: NDArray[np.void],
    feature_table: NDArray[np.float64],
    built: NDArray[np.void],
    n: int,
) -> int:
    """Join one companion with every allowed charm meson; return the number of candidates so far.

    Candidates beyond the capacity of ``found`` are counted but not stored.
    """
    max_p2 = beam_energy * beam_energy - cuts.min_mbc * cuts.min_mbc
    prepared = False
    for charm_index in range(len(_CHARM_KINDS)):
        if not allowed[charm_index, companion]:
            continue
        kind = _CHARM_KINDS[charm_index]
        for k in range(at[kind], at[kind + 1]):
            charm = lists[k]
            energy = charm.energy + other.energy
            if abs(energy - beam_energy) > cuts.max_delta_e or overlap(charm, other):
                continue
            px, py, pz = charm.px + other.px, charm.py + other.py, charm.pz + other.pz
            p2 = px * px + py * py + pz * pz
            if p2 > max_p2:
                continue
            # a positive companion goes with an anti-charm quark
            flavour = other.charge if other.charge != 0 else -charm.flavour
            if charm.flavour * flavour > 0:
                continue
            if charm.charge * other.charge > 0 or abs(charm.charge + other.charge) > 1:
                continue
            if not prepared:
                prepared = True
                set_mass(other)
                other.vertex_chi2 = reduced_vertex_chi2(other.tracks, seen.tracks, equations)
            mode = charm_index * N_COMPANIONS + companion
            p = math.sqrt(p2)
            _features(charm, other, second_logit, p, pz, len(seen.tracks), len(seen.clusters), features)
            probability = sigmoid(logit(network, features, mode, fold))
            if probability <= cuts.min_signal_probability:
                continue
            if n < len(found):
                b = found[n]
                b.mbc = math.sqrt(beam_energy * beam_energy - p2)
                b.delta_e = energy - beam_energy
                b.signal_probability = probability
                b.tracks = charm.tracks | other.tracks
                b.clusters = charm.clusters | other.clusters
                b.event = event
                b.mode = mode
                b.charm_mode = charm.mode
                b.charge = charm.charge + other.charge
                b.flavour = 1 if flavour > 0 else (-1 if flavour < 0 else 0)
                b.is_correct = False
                if charm.matched and other.matched:
                    expected = (511 if b.charge == 0 else 521) * (-1 if flavour < 0 else 1)
                    b.is_correct = true_mother(b.tracks, b.clusters, seen, expected, flavour == 0) >= 0
                feature_table[n] = features
                built[n].px, built[n].py, built[n].pz = px, py, pz
                built[n].kaons = charm.kaons | other.kaons
            n += 1
    return n


@kernel
def _tag(
    lists: NDArray[np.void],
    offsets: NDArray[np.int64],
    batch: Batch,
    event_numbers: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    cuts: Record,
    beam_energy: float,
    network: Classifier,
    scratch: NDArray[np.void],
    found: NDArray[np.void],
    feature_table: NDArray[np.float64],
    built: NDArray[np.void],
) -> int:
    features, equations = np.zeros(N_BEAUTY_FEATURES), np.zeros(10)
    other = scratch[0]
    n = 0
    for event in range(len(offsets)):
        at = offsets[event]
        if at[D0] == at[DSTAR0 + 1]:
            continue
        seen = seen_in(batch, event)
        fold = event_numbers[event] & 1
        for companion in range(N_COMPANIONS):
            first_list, charge, n_pi0, second_list = _COMPANIONS[companion]
            # only companions within these energies can make a B with any of the charm mesons
            lowest, highest = np.inf, -np.inf
            for charm_index in range(len(_CHARM_KINDS)):
                if allowed[charm_index, companion]:
                    kind = _CHARM_KINDS[charm_index]
                    for k in range(at[kind], at[kind + 1]):
                        rest = beam_energy - lists[k].energy
                        lowest = min(lowest, rest - cuts.max_delta_e)
                        highest = max(highest, rest + cuts.max_delta_e)
            if lowest > highest:
                continue
            # each loop over optional daughters runs once if the companion has none of them
            begin, end = (at[second_list], at[second_list + 1]) if second_list >= 0 else (0, 1)
            pi0_begin, pi0_end = (at[PI0], at[PI0 + 1]) if n_pi0 > 0 else (0, 1)
            for i in range(at[first_list], at[first_list + 1]):
                if abs(lists[i].charge) != charge or lists[i].energy > highest:
                    continue
                second_logit = 0.0
                if first_list in (D_S, D_S_STAR):
                    second_logit = lists[i].quality
                for j in range(begin, end):
                    energy = lists[i].energy
                    if second_list >= 0:
                        energy += lists[j].energy
                        second_logit = lists[j].quality
                        if lists[j].flavour * lists[i].charge < 0 or overlap(lists[i], lists[j]):
                            continue
                    for q in range(pi0_begin, pi0_end):
                        with_pi0 = energy + lists[q].energy if n_pi0 > 0 else energy
                        if with_pi0 > highest:
                            continue
                        for r in range(pi0_begin if n_pi0 > 1 else 0, q if n_pi0 > 1 else 1):
                            total = with_pi0 + lists[r].energy if n_pi0 > 1 else with_pi0
                            if total < lowest or total > highest:
                                continue
                            copy(lists[i], other)
                            if second_list >= 0:
                                add(other, lists[j])
                            if n_pi0 > 0 and not add(other, lists[q]):
                                continue
                            if n_pi0 > 1 and not add(other, lists[r]):
                                continue
                            n = _join(
                                companion,
                                other,
                                second_logit,
                                event,
                                seen,
                                lists,
                                at,
                                allowed,
                                cuts,
                                beam_energy,
                                network,
                                fold,
                                features,
                                equations,
                                found,
                                feature_table,
                                built,
                                n,
                            )
    return n


def allowed_pairs(rows: dict[str, tuple[str, ...]]) -> NDArray[np.bool_]:
    """Table of allowed (charm meson, companion) pairs, shape ``(4, 10)``, from their names."""
    table = np.zeros((len(CHARM_NAMES), len(COMPANIONS)), dtype=np.bool_)
    companions = [row[0] for row in COMPANIONS]
    for charm, names in rows.items():
        for name in names:
            table[CHARM_NAMES.index(charm), companions.index(name)] = True
    return table


_LIGHT = tuple(row[0] for row in COMPANIONS[:8])
NEUTRAL_B = allowed_pairs({"D-": _LIGHT, "D*-": _LIGHT, "anti-D0": ("pi+ pi-",)})
CHARGED_B = allowed_pairs({"anti-D0": _LIGHT, "anti-D*0": _LIGHT, "D-": ("pi+ pi+",), "D*-": ("pi+ pi+",)})


def find_b_mesons(
    lists: ParticleLists,
    event_numbers: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    *,
    cuts: TagConfig | None = None,
    classifiers: Classifiers | None = None,
) -> Candidates:
    """All accepted B candidates with an allowed pair of charm meson and companion.

    Parameters
    ----------
    lists
        The particle lists of a batch of events.
    event_numbers
        Shape ``(n_events,)``; their parity chooses the classifier's fold.
    allowed
        Shape ``(4, 10)``: which companion may join which charm meson.
    cuts, classifiers
        By default those of the package.
    """
    seen = lists.reconstructed
    capacity = 8 * len(seen) + 64
    while True:
        found = np.empty(capacity, dtype=B_CANDIDATE)
        features = np.empty((capacity, N_BEAUTY_FEATURES))
        built = np.empty(capacity, dtype=BUILT)
        n = _tag(
            lists.values,
            lists.offsets,
            Batch.of(seen),
            event_numbers,
            allowed,
            as_record(cuts or TagConfig()),
            0.5 * seen.detector.beams.energy,
            (classifiers or default_classifiers()).beauty,
            np.zeros(1, dtype=CANDIDATE),
            found,
            features,
            built,
        )
        if n <= capacity:
            return Candidates(
                found[:n].copy(), event_numbers, MODE_NAMES, features[:n].copy(), built[:n].copy()
            )
        capacity = n
