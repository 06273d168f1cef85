"""Lists of candidates by trying every combination, without the quick tests that kernels begin with."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np

from hepsets.core.masses import M_KS, M_PI
from hepsets.select.candidates.charm import (
    _CHARM_MASS,
    _EXCITED,
    _EXCITED_MASS,
    _MODES,
    N_CHARM_FEATURES,
    charm_features,
    reduced_vertex_chi2,
)
from hepsets.select.candidates.classifier import default_classifiers, logit, sigmoid
from hepsets.select.candidates.combine import CandidateConfig
from hepsets.select.candidates.record import (
    _CAPACITY,
    CANDIDATE,
    D0,
    D_S,
    D_S_STAR,
    KAON,
    KSHORT,
    PHOTON,
    PI0,
    PION,
    add,
    clear,
    overlap,
    set_mass,
)
from hepsets.select.skims.hadronic_tag import (
    _CHARM_KINDS,
    _COMPANIONS,
    N_BEAUTY_FEATURES,
    N_COMPANIONS,
    TagConfig,
    _features,
)
from hepsets.simulate.vertexing import intersect

CUTS = CandidateConfig()


def _sum(parts):
    """The candidate of these parts, or None if they overlap."""
    new = np.zeros(1, dtype=CANDIDATE)[0]
    clear(new)
    if not all(add(new, part) for part in parts):
        return None
    set_mass(new)
    return new


def _daughters(lists, event, mode, sign):
    """Kinds of the kaons, pions, KS and pi0 of a mode, and each way to take them from the lists."""
    _, minus, plus, pion_kind, pion_charge, n_ks, n_pi0 = _MODES[mode]
    wanted = [(KAON, -sign)] * minus + [(KAON, sign)] * plus
    wanted += [(pion_kind, sign * pion_charge)] if pion_kind >= 0 else []
    wanted += [(KSHORT, 0)] * n_ks + [(PI0, 0)] * n_pi0
    choices = ([c for c in lists.of(event, kind) if c["charge"] == charge] for kind, charge in wanted)
    return [kind for kind, _ in wanted], product(*choices)


def charm(lists, event, number, kind):
    """(mode, flavour, tracks, clusters, mass, quality) of the D0, D+ or Ds of an event, the best first."""
    tracks = lists.reconstructed.tracks[slice(*lists.reconstructed.track_offsets[event : event + 2])]
    found = []
    for mode in np.flatnonzero(_MODES[:, 0] == kind):
        tells = kind != D0 or tuple(_MODES[mode, 1:3]) == (1, 0)
        window = CUTS.charm_window_pi0 if _MODES[mode, 6] else CUTS.charm_window
        for sign in (1, -1) if tells else (1,):
            kinds, choices = _daughters(lists, event, mode, sign)
            for parts in choices:
                new = _sum(parts)
                if new is None or abs(new["mass"] - _CHARM_MASS[kind]) > window:
                    continue
                straight = np.uint64(0)
                for part, of_kind in zip(parts, kinds, strict=True):
                    if of_kind != KSHORT:
                        straight |= part["tracks"]
                new["vertex_chi2"] = reduced_vertex_chi2(straight, tracks, np.zeros(10))
                features = np.zeros(N_CHARM_FEATURES)
                charm_features(new, _MODES[mode, 6], _CHARM_MASS[kind], len(tracks), features)
                quality = logit(default_classifiers().charm, features, mode, number & 1)
                if quality > CUTS.min_charm_logit:
                    flavour = sign if tells else 0
                    found.append((mode, flavour, new["tracks"], new["clusters"], new["mass"], quality))
    return sorted(found, key=lambda row: -row[-1])[: _CAPACITY[kind]]


def excited(lists, event, star):
    """(tracks, clusters, mass, quality) of the D*+, D*0 or Ds* of an event, the best first."""
    found = []
    for (kind, soft_kind), (middle, half, sigma) in zip(_EXCITED, _EXCITED_MASS, strict=True):
        if kind != star:
            continue
        for meson, soft in product(
            lists.of(event, D_S if star == D_S_STAR else D0), lists.of(event, soft_kind)
        ):
            if soft_kind == PHOTON and soft["soft_photon"] < CUTS.min_photon:
                continue
            if soft_kind == PION and meson["flavour"] * soft["charge"] < 0:
                continue
            new = _sum([meson, soft])
            if new is None or abs(new["mass"] - meson["mass"] - middle) > half:
                continue
            pull = (new["mass"] - meson["mass"] - middle) / sigma
            quality = meson["quality"] - 0.5 * min(pull * pull, 25.0)
            found.append((new["tracks"], new["clusters"], new["mass"], quality))
    return sorted(found, key=lambda row: -row[-1])[: _CAPACITY[star]]


def kshorts(lists, event):
    """(tracks, mass) of the KS of an event, the best first."""
    seen = lists.reconstructed
    tracks = seen.tracks[slice(*seen.track_offsets[event : event + 2])][:64]
    vertex, found = np.zeros(3), []
    for (i, a), (j, b) in product(enumerate(tracks), repeat=2):
        if a["charge"] < 0 or b["charge"] > 0:
            continue
        gap, *turns = intersect(a, b, seen.detector.tracker.field, vertex)
        radius = np.hypot(vertex[0], vertex[1])
        turned = [(c["px"] + 1j * c["py"]) * np.exp(1j * turn) for c, turn in zip((a, b), turns, strict=True)]
        energy = sum(np.sqrt(c["px"] ** 2 + c["py"] ** 2 + c["pz"] ** 2 + M_PI**2) for c in (a, b))
        pt = sum(turned)
        mass = np.sqrt(max(energy**2 - abs(pt) ** 2 - (a["pz"] + b["pz"]) ** 2, 0.0))
        pointing = (pt * np.conj(vertex[0] + 1j * vertex[1])).real / (radius * abs(pt))
        if (
            gap <= CUTS.ks_max_gap
            and radius >= CUTS.ks_min_radius
            and abs(mass - M_KS) <= CUTS.ks_mass_window
            and pointing >= CUTS.ks_min_pointing
        ):
            found.append(((1 << i) | (1 << j), mass))
    return sorted(found, key=lambda row: abs(row[-1] - M_KS))[: _CAPACITY[KSHORT]]


def b_mesons(lists, event, number, allowed):
    """(mode, tracks, clusters, probability) of the hadronic tag's candidates in an event, sorted."""
    seen, cuts = lists.reconstructed, TagConfig()
    tracks = seen.tracks[slice(*seen.track_offsets[event : event + 2])]
    n_clusters = int(np.diff(seen.cluster_offsets)[event])
    beam, network = 0.5 * seen.detector.beams.energy, default_classifiers().beauty
    found = []
    for companion, (parts, second_logit) in _companions(lists, event):
        other = _sum(parts)
        if other is None:
            continue
        other["vertex_chi2"] = reduced_vertex_chi2(other["tracks"], tracks, np.zeros(10))
        for row in np.flatnonzero(allowed[:, companion]):
            for meson in lists.of(event, _CHARM_KINDS[row]):
                flavour = other["charge"] or -meson["flavour"]
                charges = int(meson["charge"]), int(other["charge"])
                p = np.array([meson[name] + other[name] for name in ("px", "py", "pz")])
                if (
                    overlap(meson, other)
                    or abs(meson["energy"] + other["energy"] - beam) > cuts.max_delta_e
                    or p @ p > beam**2 - cuts.min_mbc**2
                    or meson["flavour"] * flavour > 0
                    or charges[0] * charges[1] > 0
                    or abs(sum(charges)) > 1
                ):
                    continue
                features, mode = np.zeros(N_BEAUTY_FEATURES), int(row) * N_COMPANIONS + companion
                size = float(np.sqrt(p @ p))
                _features(meson, other, second_logit, size, float(p[2]), len(tracks), n_clusters, features)
                probability = sigmoid(logit(network, features, mode, number & 1))
                if probability > cuts.min_signal_probability:
                    used = [int(meson[name] | other[name]) for name in ("tracks", "clusters")]
                    found.append((mode, *used, probability))
    return sorted(found)


def _companions(lists, event):
    """Kind of each companion, what it is made of, and the quality of a second charm meson."""
    for companion, (first, charge, n_pi0, second) in enumerate(_COMPANIONS):
        for one in lists.of(event, first):
            if abs(one["charge"]) != charge:
                continue
            for two in lists.of(event, second) if second >= 0 else (None,):
                if two is not None and two["flavour"] * one["charge"] < 0:
                    continue
                quality = two["quality"] if two is not None else 0.0
                if first in (D_S, D_S_STAR):
                    quality = one["quality"]
                for pi0 in combinations(lists.of(event, PI0), n_pi0):
                    parts = [one, *([two] if two is not None else []), *reversed(pi0)]
                    yield companion, (parts, float(quality))
