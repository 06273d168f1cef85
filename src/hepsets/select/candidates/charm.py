"""D and D* candidates: their decay modes, and what their classifier sees."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.core.masses import M_D0, M_DPLUS, M_DS
from hepsets.generate.tag_modes import CHARM_MODES as TAG_CHARM_MODES
from hepsets.generate.tag_modes import EXCITED_MODES, Content
from hepsets.select.candidates.classifier import Classifier, logit
from hepsets.select.candidates.record import (
    _CAPACITY,
    CANDIDATE,
    D0,
    D_PLUS,
    D_S,
    D_S_STAR,
    KAON,
    KIND_OF,
    KSHORT,
    N_KINDS,
    NAMES,
    PHOTON,
    PI0,
    PION,
    Seen,
    _insert,
    add,
    clear,
    copy,
    named,
    pion_system,
    set_mass,
)
from hepsets.simulate.vertexing import add_to_vertex, vertex_chi2


def _charm_mode(meson: int, content: Content) -> tuple[str, int, int, int, int, int, int, int]:
    """Name, kind, K-, K+, pions (kind of the system and its charge), KS and pi0 of a mode."""
    name = f"{NAMES[meson]} -> {named(content)}"
    pions, charge = pion_system(content)
    minus, plus, ks, pi0 = (content.count(pdg) for pdg in (-321, 321, 310, 111))
    return name, KIND_OF[meson], minus, plus, pions, charge, ks, pi0


CHARM_MODES = tuple(
    _charm_mode(meson, content) for meson in (421, 411, 431) for content in TAG_CHARM_MODES[meson]
)
"""The decays of :data:`hepsets.generate.tag_modes.CHARM_MODES` in terms of lists of candidates."""


N_CHARM_MODES = len(CHARM_MODES)


CHARM_MODE_NAMES = tuple(mode[0] for mode in CHARM_MODES)


_MODES = np.array([mode[1:] for mode in CHARM_MODES], dtype=np.int64)


_CHARM_MASS = np.zeros(N_KINDS)


_CHARM_MASS[D0], _CHARM_MASS[D_PLUS], _CHARM_MASS[D_S] = M_D0, M_DPLUS, M_DS


_CHARM_PDG = np.zeros(N_KINDS, dtype=np.int64)


for _pdg in (421, 411, 431, 413, 423, 433):
    _CHARM_PDG[KIND_OF[_pdg]] = _pdg


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


_EXCITED = np.array(
    [(KIND_OF[star], KIND_OF[soft]) for star, modes in EXCITED_MODES.items() for _, soft in modes]
)


DELTA_MASS_DSTAR_PLUS, SIGMA_DSTAR_PLUS = 0.1454, 0.0008
"""Mass difference of D*+ and D0, and its resolution [GeV]."""

DELTA_MASS_DSTAR0, SIGMA_DSTAR0 = 0.1420, 0.0020
"""Mass difference of D*0 and D0, and the resolution [GeV] in which the tag's classifier was taught to see it,
whether the D*0 made a pi0 or a photon. Candidates of either are ranked with its own, below."""

_EXCITED_MASS = np.array(
    [
        (DELTA_MASS_DSTAR_PLUS, 0.0055, SIGMA_DSTAR_PLUS),
        (DELTA_MASS_DSTAR0, 0.0040, 0.0016),
        (DELTA_MASS_DSTAR0, 0.0150, 0.0060),
        (0.1438, 0.0150, 0.0060),
    ]
)
"""Excited charm mesons, the soft particle of their decay, and mass difference, half width of its
window and typical resolution [GeV]."""


@kernel
def reduced_vertex_chi2(mask: int, tracks: NDArray[np.void], equations: NDArray[np.float64]) -> float:
    """Vertex chi-squared per degree of freedom of the masked tracks; one if there are fewer than two.

    ``equations`` is scratch space, shape ``(10,)``.
    """
    n = 0
    equations[:] = 0.0
    for i in range(min(len(tracks), 64)):
        if (mask >> np.uint64(i)) & np.uint64(1):
            add_to_vertex(tracks[i], equations)
            n += 1
    return float(vertex_chi2(equations) / (2 * n - 3)) if n > 1 else 1.0


@kernel
def charm_features(c: Record, n_pi0: int, nominal: float, n_tracks: int, out: NDArray[np.float64]) -> None:
    """What the charm classifier sees (:data:`CHARM_FEATURES`) into ``out``, shape ``(N_CHARM_FEATURES,)``."""
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


class Judge(NamedTuple):
    """What decides on charm candidates of an event: cuts, classifier and its fold."""

    cuts: Record
    network: Classifier
    fold: int


class Room(NamedTuple):
    """Room to work in: three candidates, what the classifier sees, equations of a vertex, the best so far."""

    work: NDArray[np.void]
    features: NDArray[np.float64]
    equations: NDArray[np.float64]
    best: NDArray[np.void]

    @classmethod
    def new(cls) -> Room:
        """Room for the candidates of one kind."""
        records = np.zeros(3 + int(_CAPACITY.max()), dtype=CANDIDATE)
        return cls(records[:3], np.zeros(N_CHARM_FEATURES), np.zeros(10), records[3:])


@kernel
def _span(at: NDArray[np.int64], kind: int, wanted: bool) -> tuple[int, int]:
    """Where the candidates of a kind stand; a loop over them runs once if none is wanted."""
    return (at[kind], at[kind + 1]) if wanted else (0, 1)


@kernel
def _judged(mode: int, sign: int, used_ks: int, seen: Seen, judge: Judge, room: Room, n_best: int) -> int:
    """Judge and rank the candidate in ``room.work[2]``; ``used_ks`` are the tracks of its KS."""
    new = room.work[2]
    charm, n_pi0 = _MODES[mode, 0], _MODES[mode, 6]
    new.mode = mode
    new.flavour = sign
    new.vertex_chi2 = reduced_vertex_chi2(new.tracks & ~used_ks, seen.tracks, room.equations)
    charm_features(new, n_pi0, _CHARM_MASS[charm], len(seen.tracks), room.features)
    new.quality = logit(judge.network, room.features, mode, judge.fold)
    if new.quality > judge.cuts.min_charm_logit:
        n_best = _insert(room.best, n_best, _CAPACITY[charm], new)
    return n_best


@kernel
def _with_kaons(
    mode: int,
    sign: int,
    lists: NDArray[np.void],
    at: NDArray[np.int64],
    seen: Seen,
    judge: Judge,
    room: Room,
    n_best: int,
) -> int:
    """Add pions, KS and pi0 of a mode to the kaons in ``room.work[0]``."""
    charm, n_k_minus, n_k_plus, pion_kind, pion_charge, n_ks, n_pi0 = _MODES[mode]
    pion_begin, pion_end = _span(at, pion_kind, pion_kind >= 0)
    ks_begin, ks_end = _span(at, KSHORT, n_ks > 0)
    pi0_begin, pi0_end = _span(at, PI0, n_pi0 > 0)
    nominal = _CHARM_MASS[charm]
    window = judge.cuts.charm_window_pi0 if n_pi0 else judge.cuts.charm_window
    told = sign if charm != D0 or (n_k_minus == 1 and n_k_plus == 0) else 0
    kaons, core, new = room.work[0], room.work[1], room.work[2]
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
            used_ks: Any = lists[k].tracks if n_ks else np.uint64(0)
            for q in range(pi0_begin, pi0_end):
                copy(core, new)
                if n_pi0 and not add(new, lists[q]):
                    continue
                set_mass(new)
                if abs(new.mass - nominal) <= window:
                    n_best = _judged(mode, told, used_ks, seen, judge, room, n_best)
    return n_best


@kernel
def find_charm(
    mode: int,
    n_best: int,
    lists: NDArray[np.void],
    at: NDArray[np.int64],
    seen: Seen,
    judge: Judge,
    room: Room,
) -> int:
    """All candidates of one mode of D0, D+ or Ds, judged and ranked, into ``room.best``.

    ``at`` is the event's row of :attr:`ParticleLists.offsets`, shape ``(N_KINDS + 1,)``. Each loop over
    daughters of a kind runs once if the mode has none of them.
    """
    charm, n_k_minus, n_k_plus = _MODES[mode, 0], _MODES[mode, 1], _MODES[mode, 2]
    needs_ks, needs_pi0 = _MODES[mode, 5] > 0, _MODES[mode, 6] > 0
    if (needs_ks and at[KSHORT] == at[KSHORT + 1]) or (needs_pi0 and at[PI0] == at[PI0 + 1]):
        return n_best
    minus_begin, minus_end = _span(at, KAON, n_k_minus > 0)
    plus_begin, plus_end = _span(at, KAON, n_k_plus > 0)
    tells_flavour = charm != D0 or (n_k_minus == 1 and n_k_plus == 0)
    kaons = room.work[0]
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
                n_best = _with_kaons(mode, sign, lists, at, seen, judge, room, n_best)
    return n_best


@kernel
def find_excited(
    row: int, n_best: int, lists: NDArray[np.void], at: NDArray[np.int64], cuts: Record, room: Room
) -> int:
    """A charm meson and a soft particle within a window of the mass difference, into ``room.best``.

    ``row`` is that of the table of excited charm mesons; ``at`` is the event's row of
    :attr:`ParticleLists.offsets`, shape ``(N_KINDS + 1,)``.
    """
    star, soft_kind = _EXCITED[row, 0], _EXCITED[row, 1]
    middle, half, sigma = _EXCITED_MASS[row, 0], _EXCITED_MASS[row, 1], _EXCITED_MASS[row, 2]
    new = room.work[2]
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
            n_best = _insert(room.best, n_best, _CAPACITY[star], new)
    return n_best
