"""D and D* candidates: their decay modes, and what their classifier sees."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.core.masses import M_D0, M_DPLUS, M_DS
from hepsets.select.candidates.classifier import Classifier, logit
from hepsets.select.candidates.record import (
    _CAPACITY,
    D0,
    D_PLUS,
    D_S,
    D_S_STAR,
    DSTAR0,
    DSTAR_PLUS,
    KAON,
    KSHORT,
    N_KINDS,
    PHOTON,
    PI0,
    PION,
    THREE_PI,
    TWO_PI,
    TWO_PI_SAME,
    Seen,
    _insert,
    add,
    clear,
    copy,
    set_mass,
)
from hepsets.simulate.vertexing import add_to_vertex, vertex_chi2

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
