"""Hadronic B tag: a charm meson and a system of light mesons make a fully reconstructed B.

The modes are pairs (charm meson, companion), so a skim is a table of allowed pairs. Selection as in
Belle II's skim of the Full Event Interpretation: Mbc > 5.24 GeV, |Delta E| < 0.2 GeV, and a signal
probability above 0.001 from a classifier that knows neither Mbc nor Delta E.
"""

from __future__ import annotations

import math
from dataclasses import dataclass as plain_dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, integer, kept_record, kernel, part_of_kernel
from hepsets.generate import tag_modes
from hepsets.generate.tag_modes import Content
from hepsets.select.candidates.charm import (
    DELTA_MASS_DSTAR0,
    DELTA_MASS_DSTAR_PLUS,
    SIGMA_DSTAR0,
    SIGMA_DSTAR_PLUS,
    reduced_vertex_chi2,
)
from hepsets.select.candidates.classifier import Classifier, Classifiers, default_classifiers, logit, sigmoid
from hepsets.select.candidates.record import (
    CANDIDATE,
    D0,
    D_S,
    D_S_STAR,
    DSTAR0,
    KIND_OF,
    NAMES,
    NO_PHOTON,
    PI0,
    Batch,
    ParticleLists,
    Seen,
    add,
    copy,
    named,
    overlap,
    pion_system,
    seen_in,
    set_mass,
)
from hepsets.select.candidates.truth import true_mother
from hepsets.select.skims.record import SkimCandidates, begin, candidate_dtype, join, skim

_CHARM_IDS = (-411, -413, -421, -423)
CHARM_KINDS = tuple(KIND_OF[-pdg] for pdg in _CHARM_IDS)
CHARM_NAMES = tuple(NAMES[pdg] for pdg in _CHARM_IDS)


def _companion(content: Content) -> tuple[str, int, int, int, int]:
    """Name, first list, charge, number of pi0 and second list (-1: none) of a companion."""
    first, charge = pion_system(content)
    second = -1
    others = [KIND_OF[pdg] for pdg in content if pdg not in (211, -211, 111)]
    if others:
        (first, charge), second = (others[-1], 1), others[0] if len(others) > 1 else -1
    return named(content), first, charge, content.count(111), second


_COMPANION_IDS = (*tag_modes.COMPANIONS, (211, -211), (211, 211))
COMPANIONS = tuple(_companion(content) for content in _COMPANION_IDS)
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
        """Beam-constrained mass [GeV], shape ``(n_candidates,)``."""
        return self.values["mbc"]

    @property
    def delta_e(self) -> NDArray[np.float64]:
        """Energy minus beam energy [GeV], shape ``(n_candidates,)``."""
        return self.values["delta_e"]


@part_of_kernel
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
            pull = abs(charm.delta_mass - DELTA_MASS_DSTAR_PLUS) / SIGMA_DSTAR_PLUS
        else:
            pull = abs(charm.delta_mass - DELTA_MASS_DSTAR0) / SIGMA_DSTAR0
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


class _Rules(NamedTuple):
    """What makes a B: allowed pairs, cuts, beam energy [GeV], classifier; whether one per event is enough."""

    allowed: NDArray[np.bool_]
    cuts: Record
    beam_energy: float
    network: Classifier
    first_only: bool


class _Event(NamedTuple):
    """One event: its place in the batch, the classifier's fold, where its lists begin, what was seen."""

    number: int
    fold: int
    at: NDArray[np.int64]
    seen: Seen


class _Scratch(NamedTuple):
    """Room to work in: a companion, what the classifier sees, and the equations of a vertex."""

    other: NDArray[np.void]
    features: NDArray[np.float64]
    equations: NDArray[np.float64]


class _Table(NamedTuple):
    """The candidates to be filled; those beyond its capacity are counted but not stored."""

    found: NDArray[np.void]
    features: NDArray[np.float64]
    built: NDArray[np.void]

    @classmethod
    def with_room_for(cls, capacity: int) -> _Table:
        """An empty table."""
        return cls(
            np.empty(capacity, dtype=B_CANDIDATE),
            np.empty((capacity, N_BEAUTY_FEATURES)),
            np.empty(capacity, dtype=BUILT),
        )


@part_of_kernel
def _write(
    table: _Table,
    n: int,
    event: _Event,
    mode: int,
    charm: Record,
    other: Record,
    flavour: int,
    probability: float,
    beam_energy: float,
) -> None:
    """Make entry ``n`` of the table a B of two particles."""
    px, py, pz = charm.px + other.px, charm.py + other.py, charm.pz + other.pz
    b = table.found[n]
    begin(b, event.number, mode, charm)
    join(b, other)
    b.mbc = math.sqrt(beam_energy * beam_energy - (px * px + py * py + pz * pz))
    b.delta_e = charm.energy + other.energy - beam_energy
    b.signal_probability = probability
    b.charm_mode = charm.mode
    b.flavour = 1 if flavour > 0 else (-1 if flavour < 0 else 0)
    if charm.matched and other.matched:
        expected = (511 if b.charge == 0 else 521) * (-1 if flavour < 0 else 1)
        b.is_correct = true_mother(b.tracks, b.clusters, event.seen, expected, flavour == 0) >= 0
    built = table.built[n]
    built.px, built.py, built.pz = px, py, pz
    built.kaons = charm.kaons | other.kaons


@part_of_kernel
def _join(
    companion: int,
    second_logit: float,
    lists: NDArray[np.void],
    event: _Event,
    rules: _Rules,
    scratch: _Scratch,
    table: _Table,
    n: int,
) -> int:
    """Join one companion with every allowed charm meson; return the number of candidates so far."""
    other, at, cuts, beam_energy = scratch.other[0], event.at, rules.cuts, rules.beam_energy
    allowed, features = rules.allowed, scratch.features
    n_tracks, n_clusters = len(event.seen.tracks), len(event.seen.clusters)
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
                other.vertex_chi2 = reduced_vertex_chi2(other.tracks, event.seen.tracks, scratch.equations)
            mode = charm_index * N_COMPANIONS + companion
            p = math.sqrt(p2)
            _features(charm, other, second_logit, p, pz, n_tracks, n_clusters, features)
            probability = sigmoid(logit(rules.network, features, mode, event.fold))
            if probability <= cuts.min_signal_probability:
                continue
            if n < len(table.found):
                _write(table, n, event, mode, charm, other, flavour, probability, beam_energy)
                for i in range(N_BEAUTY_FEATURES):
                    table.features[n, i] = features[i]
            n += 1
            if rules.first_only:
                return n
    return n


@part_of_kernel
def _energies(
    companion: int, lists: NDArray[np.void], at: NDArray[np.int64], rules: _Rules
) -> tuple[float, float]:
    """Within which energies [GeV] a companion can make a B with any of the charm mesons."""
    lowest, highest, allowed = np.inf, -np.inf, rules.allowed
    for charm_index in range(len(_CHARM_KINDS)):
        if allowed[charm_index, companion]:
            kind = _CHARM_KINDS[charm_index]
            for k in range(at[kind], at[kind + 1]):
                rest = rules.beam_energy - lists[k].energy
                lowest = min(lowest, rest - rules.cuts.max_delta_e)
                highest = max(highest, rest + rules.cuts.max_delta_e)
    return lowest, highest


@part_of_kernel
def _some_charm_fits(
    companion: int,
    energy: float,
    allowed: NDArray[np.bool_],
    lists: NDArray[np.void],
    at: NDArray[np.int64],
    beam_energy: float,
    max_delta_e: float,
) -> bool:
    """Whether a companion of this energy [GeV] makes a B's energy with any of the charm mesons."""
    for charm_index in range(len(_CHARM_KINDS)):
        if allowed[charm_index, companion]:
            kind = _CHARM_KINDS[charm_index]
            for k in range(at[kind], at[kind + 1]):
                if abs(lists[k].energy + energy - beam_energy) <= max_delta_e:
                    return True
    return False


@part_of_kernel
def _with_companions(
    companion: int,
    lists: NDArray[np.void],
    event: _Event,
    rules: _Rules,
    scratch: _Scratch,
    table: _Table,
    n: int,
) -> int:
    """Build all companions of one kind and join them; return the number of candidates so far.

    Each loop over optional daughters runs once if the companion has none of them.
    """
    at, allowed = event.at, rules.allowed
    beam_energy, max_delta_e = rules.beam_energy, rules.cuts.max_delta_e
    lowest, highest = _energies(companion, lists, at, rules)
    if lowest > highest:
        return n
    first_list, charge, n_pi0, second_list = _COMPANIONS[companion]
    begin_second, end_second = (at[second_list], at[second_list + 1]) if second_list >= 0 else (0, 1)
    pi0_begin, pi0_end = (at[PI0], at[PI0 + 1]) if n_pi0 > 0 else (0, 1)
    other = scratch.other[0]
    for i in range(at[first_list], at[first_list + 1]):
        if abs(lists[i].charge) != charge or lists[i].energy > highest:
            continue
        second_logit = lists[i].quality if first_list in (D_S, D_S_STAR) else 0.0
        for j in range(begin_second, end_second):
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
                    if not _some_charm_fits(companion, total, allowed, lists, at, beam_energy, max_delta_e):
                        continue
                    copy(lists[i], other)
                    if second_list >= 0:
                        add(other, lists[j])
                    if n_pi0 > 0 and not add(other, lists[q]):
                        continue
                    if n_pi0 > 1 and not add(other, lists[r]):
                        continue
                    n = _join(companion, second_logit, lists, event, rules, scratch, table, n)
                    if rules.first_only and n > 0:
                        return n
    return n


_NONE = integer(0)


@kernel
def _tag(
    lists: NDArray[np.void],
    offsets: NDArray[np.int64],
    batch: Batch,
    event_numbers: NDArray[np.int64],
    rules: _Rules,
    other: NDArray[np.void],
    table: _Table,
) -> int:
    scratch = _Scratch(other, np.zeros(N_BEAUTY_FEATURES), np.zeros(10))
    n = _NONE
    for number in range(len(offsets)):
        at = offsets[number]
        if at[D0] == at[DSTAR0 + 1]:
            continue
        event = _Event(number, event_numbers[number] & 1, at, seen_in(batch, number))
        for companion in range(N_COMPANIONS):
            n = _with_companions(companion, lists, event, rules, scratch, table, n)
    return n


@kernel
def _passing(
    lists: NDArray[np.void],
    offsets: NDArray[np.int64],
    batch: Batch,
    event_numbers: NDArray[np.int64],
    rules: _Rules,
    other: NDArray[np.void],
    table: _Table,
    passes: NDArray[np.bool_],
) -> None:
    """Which events have a candidate: each is left at the first one, and none is written."""
    scratch = _Scratch(other, np.zeros(N_BEAUTY_FEATURES), np.zeros(10))
    for number in range(len(offsets)):
        at = offsets[number]
        if at[D0] == at[DSTAR0 + 1]:
            continue
        event = _Event(number, event_numbers[number] & 1, at, seen_in(batch, number))
        for companion in range(N_COMPANIONS):
            if _with_companions(companion, lists, event, rules, scratch, table, _NONE) > 0:
                passes[number] = True
                break


def _allowed_pairs(b: int) -> NDArray[np.bool_]:
    """Which pairs of charm meson and companion are modes of a B, shape ``(4, 10)``."""
    table = np.zeros((len(_CHARM_IDS), N_COMPANIONS), dtype=np.bool_)
    for charm, *companion in tag_modes.B_MODES[b]:
        table[_CHARM_IDS.index(charm), _COMPANION_IDS.index(tuple(companion))] = True
    return table


NEUTRAL_B, CHARGED_B = _allowed_pairs(511), _allowed_pairs(521)
"""The modes of :data:`hepsets.generate.tag_modes.B_MODES` as pairs of charm meson and companion."""


def _rules(
    lists: ParticleLists,
    allowed: NDArray[np.bool_],
    cuts: TagConfig | None,
    classifiers: Classifiers | None,
    *,
    first_only: bool,
) -> _Rules:
    return _Rules(
        allowed,
        kept_record(cuts or TagConfig()),
        0.5 * lists.reconstructed.detector.beams.energy,
        (classifiers or default_classifiers()).beauty,
        first_only,
    )


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
    rules = _rules(lists, allowed, cuts, classifiers, first_only=False)
    capacity = 8 * len(seen) + 64
    while True:
        table = _Table.with_room_for(capacity)
        n = _tag(
            lists.values,
            lists.offsets,
            Batch.of(seen),
            event_numbers,
            rules,
            np.zeros(1, dtype=CANDIDATE),
            table,
        )
        if n <= capacity:
            return Candidates(
                table.found[:n].copy(),
                event_numbers,
                MODE_NAMES,
                table.features[:n].copy(),
                table.built[:n].copy(),
            )
        capacity = n


def have_b_mesons(
    lists: ParticleLists, event_numbers: NDArray[np.int64], allowed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether each event has an accepted candidate of :func:`find_b_mesons`, shape ``(n_events,)``.

    Parameters
    ----------
    lists, event_numbers, allowed
        As there.
    """
    passes = np.zeros(len(event_numbers), dtype=np.bool_)
    _passing(
        lists.values,
        lists.offsets,
        Batch.of(lists.reconstructed),
        event_numbers,
        _rules(lists, allowed, None, None, first_only=True),
        np.zeros(1, dtype=CANDIDATE),
        _Table.with_room_for(0),
        passes,
    )
    return passes


@skim(keep=0.25, place=0, passing=lambda lists, numbers: have_b_mesons(lists, numbers, NEUTRAL_B))
def hadronic_b0(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> SkimCandidates:
    """Fully reconstructed hadronic B0 decays.

    See :data:`~hepsets.select.skims.record.Find` for what it takes and gives.
    """
    return find_b_mesons(lists, event_numbers, NEUTRAL_B)


@skim(keep=0.16, place=1, passing=lambda lists, numbers: have_b_mesons(lists, numbers, CHARGED_B))
def hadronic_bplus(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> SkimCandidates:
    """Fully reconstructed hadronic B+ decays.

    See :data:`~hepsets.select.skims.record.Find` for what it takes and gives.
    """
    return find_b_mesons(lists, event_numbers, CHARGED_B)
