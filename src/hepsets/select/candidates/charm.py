"""D and D* candidates: their decay modes, and what their classifier sees."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel, part_of_kernel
from hepsets.core.masses import M_D0, M_DPLUS, M_DS, M_PI0
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
    Best,
    add,
    clear,
    copy,
    insert,
    named,
    overlap,
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
    for k in range(10):
        equations[k] = 0.0
    for i in range(min(len(tracks), 64)):
        if (mask >> np.uint64(i)) & np.uint64(1):
            add_to_vertex(tracks[i], equations)
            n += 1
    return float(vertex_chi2(equations) / (2 * n - 3)) if n > 1 else 1.0


@part_of_kernel
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


_ROUNDING = 1.0e-9
"""Relative room that quick tests of a mass leave to rounding, before the test that decides."""


class Judge(NamedTuple):
    """What decides on charm candidates of an event: cuts, classifier and its fold."""

    cuts: Record
    network: Classifier
    fold: int


class Room(NamedTuple):
    """Room to work in: three candidates, what the classifier sees, equations of a vertex and each track's
    part in them, the best so far.
    """

    work: NDArray[np.void]
    features: NDArray[np.float64]
    equations: NDArray[np.float64]
    parts: NDArray[np.float64]
    best: Best

    @classmethod
    def new(cls) -> Room:
        """Room for the candidates of one kind."""
        best = Best.of(int(_CAPACITY.max()))
        work = np.zeros(3, dtype=CANDIDATE)
        return cls(work, np.zeros(N_CHARM_FEATURES), np.zeros(10), np.zeros((64, 10)), best)


@part_of_kernel
def prepare_vertices(tracks: NDArray[np.void], parts: NDArray[np.float64]) -> None:
    """What each of the first 64 tracks adds to equations of a vertex, into ``parts``, shape ``(64, 10)``."""
    for i in range(min(len(tracks), 64)):
        part = parts[i]
        for k in range(10):
            part[k] = 0.0
        add_to_vertex(tracks[i], part)


@part_of_kernel
def _vertex_chi2(mask: int, n_tracks: int, room: Room) -> float:
    """As :func:`reduced_vertex_chi2`, of tracks whose parts are prepared."""
    equations, parts = room.equations, room.parts
    n = 0
    for k in range(10):
        equations[k] = 0.0
    for i in range(min(n_tracks, 64)):
        if (mask >> np.uint64(i)) & np.uint64(1):
            for k in range(10):
                equations[k] += parts[i, k]
            n += 1
    return float(vertex_chi2(equations) / (2 * n - 3)) if n > 1 else 1.0


@part_of_kernel
def _span(at: NDArray[np.int64], kind: int, wanted: bool) -> tuple[int, int]:
    """Where the candidates of a kind stand; a loop over them runs once if none is wanted."""
    return (at[kind], at[kind + 1]) if wanted else (0, 1)


@part_of_kernel
def _judged(mode: int, flavour: int, n_tracks: int, judge: Judge, room: Room, n_best: int) -> int:
    """Judge and rank the candidate in ``room.work[2]``, whose vertex is known."""
    new = room.work[2]
    charm, n_pi0 = _MODES[mode, 0], _MODES[mode, 6]
    new.mode = mode
    new.flavour = flavour
    charm_features(new, n_pi0, _CHARM_MASS[charm], n_tracks, room.features)
    new.quality = logit(judge.network, room.features, mode, judge.fold)
    if new.quality > judge.cuts.min_charm_logit:
        n_best = insert(room.best, n_best, _CAPACITY[charm], new)
    return n_best


@part_of_kernel
def _sum_of_charged(p: int, k: int, n_tracks: int, lists: NDArray[np.void], room: Room) -> float:
    """Make ``room.work[1]`` the kaons of ``room.work[0]``, pions and KS (-1: without); return its mass."""
    core = room.work[1]
    copy(room.work[0], core)
    if p >= 0:
        add(core, lists[p])
    core.vertex_chi2 = _vertex_chi2(core.tracks, n_tracks, room)
    if k >= 0:
        add(core, lists[k])
    set_mass(core)
    return float(core.mass)


@part_of_kernel
def _mass2(px: float, py: float, pz: float, energy: float) -> float:
    return energy**2 - px**2 - py**2 - pz**2


@part_of_kernel
def _with_pi0(
    mode: int,
    flavour: int,
    charged: tuple[int, int],
    momentum: tuple[float, float, float, float],
    lists: NDArray[np.void],
    at: NDArray[np.int64],
    n_tracks: int,
    judge: Judge,
    room: Room,
    n_best: int,
) -> int:
    """Judge a sum of charged particles and KS, with each pi0 if the mode has one.

    ``charged`` are the places of its pions and KS (-1: none), ``momentum`` is its px, py, pz, energy.
    """
    charm, n_pi0 = _MODES[mode, 0], _MODES[mode, 6]
    begin, end = _span(at, PI0, n_pi0 > 0)
    nominal = _CHARM_MASS[charm]
    window = judge.cuts.charm_window_pi0 if n_pi0 else judge.cuts.charm_window
    # most are far from the window, which is seen before anything is built
    low, high = (nominal - window) * (1.0 - _ROUNDING), (nominal + window) * (1.0 + _ROUNDING)
    core, new = room.work[1], room.work[2]
    is_built = False
    px, py, pz, energy = momentum
    for q in range(begin, end):
        mass2 = _mass2(px, py, pz, energy)
        if n_pi0:
            pi0 = lists[q]
            mass2 = _mass2(px + pi0.px, py + pi0.py, pz + pi0.pz, energy + pi0.energy)
        if mass2 < low * low or mass2 > high * high:
            continue
        if not is_built:
            is_built = True
            if _sum_of_charged(charged[0], charged[1], n_tracks, lists, room) > nominal + window:
                break
        copy(core, new)
        if n_pi0 and not add(new, lists[q]):
            continue
        set_mass(new)
        if abs(new.mass - nominal) <= window:
            n_best = _judged(mode, flavour, n_tracks, judge, room, n_best)
    return n_best


@part_of_kernel
def _with_kaons(
    mode: int,
    flavour: int,
    sign: int,
    lists: NDArray[np.void],
    at: NDArray[np.int64],
    n_tracks: int,
    judge: Judge,
    room: Room,
    n_best: int,
) -> int:
    """Add pions, KS and pi0 of a mode to the kaons in ``room.work[0]``, all charges times ``sign``."""
    charm, pion_kind, pion_charge = _MODES[mode, 0], _MODES[mode, 3], _MODES[mode, 4]
    n_ks, n_pi0 = _MODES[mode, 5], _MODES[mode, 6]
    has_pions = pion_kind >= 0
    pion_begin, pion_end = _span(at, pion_kind, has_pions)
    ks_begin, ks_end = _span(at, KSHORT, n_ks > 0)
    highest = _CHARM_MASS[charm] + (judge.cuts.charm_window_pi0 if n_pi0 else judge.cuts.charm_window)
    if n_pi0:
        highest -= M_PI0  # a pi0 adds its own mass at least
    highest *= 1.0 + _ROUNDING
    kaons = room.work[0]
    for p in range(pion_begin, pion_end):
        used = kaons.tracks
        px, py, pz, energy = kaons.px, kaons.py, kaons.pz, kaons.energy
        if has_pions:
            pions = lists[p]
            if pions.charge != sign * pion_charge or used & pions.tracks:
                continue
            used |= pions.tracks
            px, py, pz, energy = px + pions.px, py + pions.py, pz + pions.pz, energy + pions.energy
        for k in range(ks_begin, ks_end):
            x, y, z, e = px, py, pz, energy
            if n_ks:
                ks = lists[k]
                if used & ks.tracks:
                    continue
                x, y, z, e = x + ks.px, y + ks.py, z + ks.pz, e + ks.energy
            if _mass2(x, y, z, e) > highest * highest:
                continue
            charged = (p if has_pions else -1, k if n_ks else -1)
            n_best = _with_pi0(mode, flavour, charged, (x, y, z, e), lists, at, n_tracks, judge, room, n_best)
    return n_best


@part_of_kernel
def find_charm(
    mode: int,
    n_best: int,
    lists: NDArray[np.void],
    at: NDArray[np.int64],
    n_tracks: int,
    judge: Judge,
    room: Room,
) -> int:
    """All candidates of one mode of D0, D+ or Ds, judged and ranked, into ``room.best``.

    ``at`` is the event's row of :attr:`ParticleLists.offsets`, shape ``(N_KINDS + 1,)``; the event has
    ``n_tracks`` tracks, of which :func:`prepare_vertices` knows. Each loop over daughters of a kind runs once
    if the mode has none of them.
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
                n_best = _with_kaons(
                    mode, sign if tells_flavour else 0, sign, lists, at, n_tracks, judge, room, n_best
                )
    return n_best


@part_of_kernel
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
            if overlap(lists[i], soft):
                continue
            charmed = lists[i]
            mass2 = _mass2(
                charmed.px + soft.px, charmed.py + soft.py, charmed.pz + soft.pz, charmed.energy + soft.energy
            )
            mass = math.sqrt(max(mass2, 0.0))
            if abs(mass - charmed.mass - middle) > half:
                continue
            copy(charmed, new)
            add(new, soft)
            new.mass = mass
            new.delta_mass = mass - charmed.mass
            if soft_kind == PION:
                new.flavour = soft.charge
            if soft_kind == PHOTON:
                new.mode += N_CHARM_MODES
            pull = (new.delta_mass - middle) / sigma
            new.quality = lists[i].quality - 0.5 * min(pull * pull, 25.0)
            n_best = insert(room.best, n_best, _CAPACITY[star], new)
    return n_best
