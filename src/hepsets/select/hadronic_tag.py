"""Hadronic B tag: a charm meson and a system of light mesons make a fully reconstructed B.

The modes are pairs (charm meson, companion), so a skim is a table of allowed pairs. Selection as in
Belle II's skim of the Full Event Interpretation: Mbc > 5.24 GeV, |Delta E| < 0.2 GeV, and a signal
probability above 0.001 from a classifier that knows neither Mbc nor Delta E.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, as_record, kernel
from hepsets.select.candidates import (
    CANDIDATE,
    CHARM_MODE_NAMES,
    D0,
    D_PLUS,
    D_S,
    D_S_STAR,
    DSTAR0,
    DSTAR_PLUS,
    KAON,
    PI0,
    PION,
    THREE_PI,
    TWO_PI,
    TWO_PI_SAME,
    ParticleLists,
    _copy,
    add,
    reduced_vertex_chi2,
    set_mass,
    true_mother,
)
from hepsets.select.classifier import Classifiers, default_classifiers, logit, sigmoid

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

N_MODES = len(CHARM_KINDS) * len(COMPANIONS)
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

B_CANDIDATE = np.dtype(
    [(name, np.float64) for name in ("mbc", "delta_e", "signal_probability")]
    + [(name, np.uint64) for name in ("tracks", "clusters")]
    + [(name, np.int64) for name in ("event", "mode", "charm_mode", "charge", "flavour")]
    + [("is_correct", np.bool_)]
)
"""A B candidate: Mbc and Delta E [GeV]; signal probability; bit masks of the event's tracks and
clusters that it uses; position of the event in the batch; index into :data:`MODE_NAMES`; charm mode
(:data:`~hepsets.select.candidates.CHARM_MODE_NAMES`, plus their number if a D* or Ds* radiates a
photon); charge; +1 for a B that holds an anti-b quark, -1 for its antiparticle, 0 if the decay does
not tell; whether every final particle of a true B, and nothing else, was used rightly."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TagConfig:
    """Cuts on B candidates, those of Belle II's hadronic FEI skim."""

    min_mbc: float = 5.24
    """[GeV]"""
    max_delta_e: float = 0.2
    """[GeV]"""
    min_signal_probability: float = 0.001


@plain_dataclass(frozen=True, eq=False)
class Candidates:
    """Accepted B candidates of many events.

    Parameters
    ----------
    values
        Records :data:`B_CANDIDATE`, ordered by event.
    features
        float64, shape ``(n_candidates, N_BEAUTY_FEATURES)``: what the classifier saw.
    event_numbers
        int64, shape ``(n_events,)``: the caller's number of each event in the batch.
    """

    values: NDArray[np.void]
    features: NDArray[np.float64]
    event_numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def event_number(self) -> NDArray[np.int64]:
        """Event number of each candidate, shape ``(n_candidates,)``."""
        numbers: NDArray[np.int64] = self.event_numbers[self.values["event"]]
        return numbers

    @property
    def mbc(self) -> NDArray[np.float64]:
        """Beam-constrained mass [GeV] of each candidate."""
        return self.values["mbc"]

    @property
    def delta_e(self) -> NDArray[np.float64]:
        """Energy minus beam energy [GeV] of each candidate."""
        return self.values["delta_e"]

    @property
    def signal_probability(self) -> NDArray[np.float64]:
        """What the classifier says, in (0, 1)."""
        return self.values["signal_probability"]

    @property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether the candidate is a true B, wholly and rightly reconstructed."""
        return self.values["is_correct"]

    @property
    def passes(self) -> NDArray[np.bool_]:
        """Whether each event has a candidate, shape ``(n_events,)``."""
        result = np.zeros(len(self.event_numbers), dtype=np.bool_)
        result[self.values["event"]] = True
        return result

    @staticmethod
    def concatenate(parts: Sequence[Candidates], event_numbers: NDArray[np.int64]) -> Candidates:
        """Join batches whose ``event`` already counts through all of ``event_numbers``."""
        return Candidates(
            np.concatenate([np.empty(0, dtype=B_CANDIDATE), *(part.values for part in parts)]),
            np.concatenate([np.empty((0, N_BEAUTY_FEATURES)), *(part.features for part in parts)]),
            event_numbers,
        )

    def to_arrow(self) -> pa.Table:
        """A flat table, one row per candidate, with event numbers and mode names."""
        values = self.values
        charm = [
            CHARM_MODE_NAMES[mode % len(CHARM_MODE_NAMES)]
            + (" (photon)" if mode >= len(CHARM_MODE_NAMES) else "")
            for mode in values["charm_mode"]
        ]
        return pa.table(
            {
                "event_number": self.event_numbers[values["event"]],
                "mbc": values["mbc"].copy(),
                "delta_e": values["delta_e"].copy(),
                "signal_probability": values["signal_probability"].copy(),
                "is_correct": pa.array(values["is_correct"].copy()),
                "mode_index": values["mode"].copy(),
                "mode": [MODE_NAMES[mode] for mode in values["mode"]],
                "charm_mode": charm,
                "charge": values["charge"].copy(),
                "flavour": values["flavour"].copy(),
                "track_mask": values["tracks"].copy(),
                "cluster_mask": values["clusters"].copy(),
            }
        )


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
    out[0] = min(max(charm.quality, -8.0), 6.0)
    delta = charm.delta_mass
    if delta > 0.0:
        pull = abs(delta - 0.1454) / 0.0008 if charm.charge != 0 else abs(delta - 0.1420) / 0.002
        delta = min(pull, 6.0)
    out[1] = delta
    out[2] = max(other.pid, -8.0)
    out[3] = other.mass
    out[4] = math.log(min(max(other.vertex_chi2, 0.05), 100.0))
    out[5] = min(other.neutral_chi2, 12.0)
    out[6] = math.log(other.soft_photon / 0.1) if other.soft_photon < 9.0 else 0.0
    out[7] = math.log(max(other.shower, 1.0e-3))
    out[8] = min(max(second_logit, -8.0), 6.0)
    out[9] = (pz / p) ** 2 if p > 0.0 else 0.0
    out[10] = 0.1 * n_tracks
    out[11] = 0.1 * n_clusters


@kernel
def _reconstruct(
    lists: NDArray[np.void],
    offsets: NDArray[np.int64],
    all_tracks: NDArray[np.void],
    track_offsets: NDArray[np.int64],
    all_clusters: NDArray[np.void],
    cluster_offsets: NDArray[np.int64],
    pdg: NDArray[np.int32],
    mothers: NDArray[np.int64],
    n_leaves: NDArray[np.int64],
    event_numbers: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    cuts: Record,
    beam_energy: float,
    first_only: bool,
    mode_shift: NDArray[np.float64],
    hidden: NDArray[np.float64],
    output: NDArray[np.float64],
    scratch: NDArray[np.void],
    found: NDArray[np.void],
    feature_table: NDArray[np.float64],
    passes: NDArray[np.bool_],
) -> int:
    equations = np.zeros(10)
    features = np.zeros(N_BEAUTY_FEATURES)
    base = scratch[0]
    one_pi0 = scratch[1]
    other = scratch[2]
    max_p2 = beam_energy * beam_energy - cuts.min_mbc * cuts.min_mbc
    n = 0
    for event in range(len(offsets)):
        at = offsets[event]
        tracks = all_tracks[track_offsets[event] : track_offsets[event + 1]]
        clusters = all_clusters[cluster_offsets[event] : cluster_offsets[event + 1]]
        fold = event_numbers[event] & 1
        if at[D0] == at[DSTAR0 + 1]:
            continue
        for companion in range(len(_COMPANIONS)):
            first_list, charge, n_pi0, second_list = _COMPANIONS[companion]
            possible = False
            for charm_index in range(len(_CHARM_KINDS)):
                kind = _CHARM_KINDS[charm_index]
                if allowed[charm_index, companion] and at[kind] < at[kind + 1]:
                    possible = True
            if not possible:
                continue
            for i in range(at[first_list], at[first_list + 1]):
                if abs(lists[i].charge) != charge:
                    continue
                begin, end = 0, 1
                if second_list >= 0:
                    begin, end = at[second_list], at[second_list + 1]
                for j in range(begin, end):
                    _copy(lists[i], base)
                    second_logit = 0.0
                    if second_list >= 0:
                        if lists[j].flavour * lists[i].charge < 0 or not add(base, lists[j]):
                            continue
                        second_logit = lists[j].quality
                    elif first_list in (D_S, D_S_STAR):
                        second_logit = lists[i].quality
                    for q in range(at[PI0] if n_pi0 > 0 else 0, at[PI0 + 1] if n_pi0 > 0 else 1):
                        _copy(base, one_pi0)
                        if n_pi0 > 0 and not add(one_pi0, lists[q]):
                            continue
                        for r in range(at[PI0] if n_pi0 > 1 else 0, q if n_pi0 > 1 else 1):
                            _copy(one_pi0, other)
                            if n_pi0 > 1 and not add(other, lists[r]):
                                continue
                            prepared = False
                            for charm_index in range(len(_CHARM_KINDS)):
                                if not allowed[charm_index, companion]:
                                    continue
                                kind = _CHARM_KINDS[charm_index]
                                for k in range(at[kind], at[kind + 1]):
                                    charm = lists[k]
                                    energy = charm.energy + other.energy
                                    if abs(energy - beam_energy) > cuts.max_delta_e:
                                        continue
                                    if (charm.tracks & other.tracks) | (charm.clusters & other.clusters):
                                        continue
                                    px, py = charm.px + other.px, charm.py + other.py
                                    pz = charm.pz + other.pz
                                    p2 = px * px + py * py + pz * pz
                                    if p2 > max_p2:
                                        continue
                                    # the B holds an anti-charm quark when its companion is positive
                                    sign = other.charge
                                    if sign == 0:
                                        sign = -charm.flavour
                                    elif charm.flavour * sign > 0:
                                        continue
                                    if not prepared:
                                        prepared = True
                                        set_mass(other)
                                        other.vertex_chi2 = reduced_vertex_chi2(
                                            other.tracks, tracks, equations
                                        )
                                    mode = charm_index * len(_COMPANIONS) + companion
                                    _features(
                                        charm,
                                        other,
                                        second_logit,
                                        math.sqrt(p2),
                                        pz,
                                        len(tracks),
                                        len(clusters),
                                        features,
                                    )
                                    probability = sigmoid(
                                        logit(features, mode, fold, mode_shift, hidden, output)
                                    )
                                    if probability <= cuts.min_signal_probability:
                                        continue
                                    passes[event] = True
                                    if first_only:
                                        break
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
                                        b.flavour = 1 if sign > 0 else (-1 if sign < 0 else 0)
                                        b.is_correct = False
                                        if charm.matched and other.matched:
                                            expected = 511 if b.charge == 0 else 521
                                            mother = true_mother(
                                                b.tracks,
                                                b.clusters,
                                                tracks,
                                                clusters,
                                                pdg,
                                                mothers,
                                                n_leaves,
                                                -expected if sign < 0 else expected,
                                                sign == 0,
                                            )
                                            b.is_correct = mother >= 0
                                        for f in range(N_BEAUTY_FEATURES):
                                            feature_table[n, f] = features[f]
                                    n += 1
                                if first_only and passes[event]:
                                    break
                            if first_only and passes[event]:
                                break
                        if first_only and passes[event]:
                            break
                    if first_only and passes[event]:
                        break
                if first_only and passes[event]:
                    break
            if first_only and passes[event]:
                break
    return n


def _run(
    lists: ParticleLists,
    event_numbers: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    cuts: TagConfig | None,
    classifiers: Classifiers | None,
    first_only: bool,
    capacity: int,
) -> tuple[int, NDArray[np.bool_], NDArray[np.void], NDArray[np.float64]]:
    seen = lists.reconstructed
    truth = seen.events
    found = np.empty(capacity, dtype=B_CANDIDATE)
    features = np.empty((capacity, N_BEAUTY_FEATURES))
    passes = np.zeros(len(seen), dtype=np.bool_)
    n = _reconstruct(
        lists.values,
        lists.offsets,
        seen.tracks,
        seen.track_offsets,
        seen.clusters,
        seen.cluster_offsets,
        truth.particles["pdg"],
        truth.mothers,
        seen.n_leaves,
        event_numbers,
        allowed,
        as_record(cuts or TagConfig()),
        0.5 * seen.detector.beams.energy,
        first_only,
        *(classifiers or default_classifiers()).beauty.arrays,
        np.zeros(3, dtype=CANDIDATE),
        found,
        features,
        passes,
    )
    return n, passes, found, features


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


def tag_passes(
    lists: ParticleLists,
    event_numbers: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    *,
    cuts: TagConfig | None = None,
    classifiers: Classifiers | None = None,
) -> NDArray[np.bool_]:
    """Whether each event has at least one accepted candidate, shape ``(n_events,)``."""
    return _run(lists, event_numbers, allowed, cuts, classifiers, True, 0)[1]


def tag_candidates(
    lists: ParticleLists,
    event_numbers: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    *,
    cuts: TagConfig | None = None,
    classifiers: Classifiers | None = None,
) -> Candidates:
    """All accepted candidates."""
    capacity = 16 * len(lists.offsets) + 1024
    while True:
        n, _, found, features = _run(lists, event_numbers, allowed, cuts, classifiers, False, capacity)
        if n <= capacity:
            return Candidates(found[:n].copy(), features[:n].copy(), event_numbers)
        capacity = n
