"""Combine tracks and clusters into pions, kaons, leptons, pi0, KS, D and D* candidates.

Everything is per event, in the centre-of-mass frame, and kept in one table of records in which every
candidate knows its momentum, what it is made of (bit masks of tracks and clusters, so that nothing is
used twice) and how well it looks. Only the first 64 tracks and 64 clusters of an event take part.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, integer, kept_record, kernel, part_of_kernel
from hepsets.core.lorentz import Frame
from hepsets.core.lorentz_kernels import boost
from hepsets.core.masses import M_E, M_K, M_KS, M_MU, M_PI, M_PI0
from hepsets.select.candidates.charm import (
    _CHARM_PDG,
    _EXCITED,
    _MODES,
    N_CHARM_MODES,
    Judge,
    Room,
    find_charm,
    find_excited,
    prepare_vertices,
)
from hepsets.select.candidates.classifier import Classifier, Classifiers, default_classifiers
from hepsets.select.candidates.record import (
    _CAPACITY,
    CANDIDATE,
    D0,
    D_PLUS,
    D_S,
    D_S_STAR,
    DSTAR0,
    DSTAR_PLUS,
    ELECTRON,
    KAON,
    KSHORT,
    MUON,
    N_KINDS,
    PHOTON,
    PI0,
    PION,
    THREE_PI,
    TWO_PI,
    TWO_PI_SAME,
    Batch,
    Best,
    ParticleLists,
    Seen,
    add,
    clear,
    copy,
    insert,
    seen_in,
)
from hepsets.select.candidates.truth import true_mother
from hepsets.simulate.detector import Reconstructed
from hepsets.simulate.vertexing import CURVATURE, intersect


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


_NONE, _PI0_PDG, _KSHORT_PDG = integer(0), integer(111), integer(310)


@part_of_kernel
def _store(best: Best, n_best: int, lists: NDArray[np.void], n: int, seen: Seen, expected: int) -> int:
    """Append the best to the lists and match them: ``expected`` times the flavour, or either sign."""
    values, places = best.values, best.places
    for k in range(n_best):
        c = lists[n + k]
        copy(values[places[k]], c)
        if c.matched:
            sign = -1 if c.flavour < 0 else 1
            either = c.flavour == 0 and expected > 400
            c.matched = 1 if true_mother(c.tracks, c.clusters, seen, sign * expected, either) >= 0 else 0
    return n + n_best


@part_of_kernel
def _stable(kind: int, seen: Seen, frame: Frame, cuts: Record, lists: NDArray[np.void], n: int) -> int:
    """Charged pions, kaons, electrons or muons from near the axis."""
    begin, tracks, pdg = n, seen.tracks, seen.pdg
    if kind == PION:
        mass, species = M_PI, 211
    elif kind == KAON:
        mass, species = M_K, 321
    elif kind == ELECTRON:
        mass, species = M_E, -11
    else:
        mass, species = M_MU, -13
    for i in range(min(len(tracks), 64)):
        track = tracks[i]
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
        c.matched = 1 if pdg[track.particle] == species * track.charge else 0
        n += 1
    return n


@part_of_kernel
def _photons(seen: Seen, frame: Frame, lists: NDArray[np.void], n: int) -> int:
    """Every cluster as a photon."""
    clusters, pdg = seen.clusters, seen.pdg
    for i in range(min(len(clusters), 64)):
        cluster = clusters[i]
        c = lists[n]
        clear(c)
        c.px, c.py, c.pz, c.energy = boost(cluster.px, cluster.py, cluster.pz, cluster.energy, frame)
        c.soft_photon = cluster.energy
        c.shower = cluster.shape
        c.clusters = np.uint64(1) << np.uint64(i)
        c.matched = 1 if cluster.particle >= 0 and pdg[cluster.particle] == 22 else 0
        n += 1
    return n


@part_of_kernel
def _neutral_pions(seen: Seen, cuts: Record, photons: NDArray[np.void], new: Record, best: Best) -> int:
    """Pairs of photons in the mass window, with energies scaled to the nominal mass."""
    n_best, clusters = _NONE, seen.clusters
    for i in range(len(photons)):
        a = clusters[i]
        for j in range(i):
            b = clusters[j]
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
            n_best = insert(best, n_best, _CAPACITY[PI0], new)
    return n_best


@part_of_kernel
def _mass2_where_they_meet(a: Record, b: Record, energy: float, field: float) -> float:
    """Mass squared of two opposite tracks where they meet, up to rounding, before the place is known.

    Two circles cross at the same angle in both their points; if they miss each other, the tracks are parallel
    or antiparallel at their closest points.
    """
    pt_a, pt_b = math.sqrt(a.px**2 + a.py**2), math.sqrt(b.px**2 + b.py**2)
    r_a, r_b = pt_a / (CURVATURE * field), pt_b / (CURVATURE * field)
    k_a, k_b = a.charge * r_a - a.d0, b.charge * r_b - b.d0
    cosine = (a.px * b.px + a.py * b.py) / (pt_a * pt_b)
    distance2 = k_a * k_a + k_b * k_b - 2.0 * k_a * k_b * cosine
    cos_meeting = min(max((distance2 - r_a * r_a - r_b * r_b) / (2.0 * r_a * r_b), -1.0), 1.0)
    pt2 = pt_a * pt_a + pt_b * pt_b + 2.0 * pt_a * pt_b * cos_meeting
    return float(energy**2 - (a.pz + b.pz) ** 2 - pt2)


@part_of_kernel
def _kshorts(
    seen: Seen,
    frame: Frame,
    cuts: Record,
    field: float,
    vertex: NDArray[np.float64],
    new: Record,
    best: Best,
) -> int:
    """Pairs of opposite tracks that meet away from the axis, taken as pions."""
    n_best, tracks, pdg = _NONE, seen.tracks, seen.pdg
    n_tracks = min(len(tracks), 64)
    # the quick test of the mass leaves room for rounding
    low, high = M_KS - cuts.ks_mass_window - 1.0e-6, M_KS + cuts.ks_mass_window + 1.0e-6
    for i in range(n_tracks):
        a = tracks[i]
        if a.charge < 0:
            continue
        e_a = math.sqrt(a.px**2 + a.py**2 + a.pz**2 + M_PI * M_PI)
        for j in range(n_tracks):
            b = tracks[j]
            if b.charge > 0:
                continue
            energy = e_a + math.sqrt(b.px**2 + b.py**2 + b.pz**2 + M_PI * M_PI)
            pz = a.pz + b.pz
            mass2 = energy**2 - (a.px + b.px) ** 2 - (a.py + b.py) ** 2 - pz * pz
            if mass2 > 0.8**2:  # turning to the vertex changes the mass by much less than this allows
                continue
            quick = _mass2_where_they_meet(a, b, energy, field)
            if (low > 0.0 and quick < low * low) or quick > high * high:
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
            right = pdg[a.particle] == 211 and pdg[b.particle] == -211
            new.matched = 1 if right else 0
            n_best = insert(best, n_best, _CAPACITY[KSHORT], new)
    return n_best


@part_of_kernel
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


@part_of_kernel
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


class _Reader(NamedTuple):
    """How events are read: cuts, the frame of the centre of mass, field [T], classifier of charm mesons."""

    cuts: Record
    frame: Frame
    field: float
    network: Classifier


@kernel
def _light(
    seen: Seen,
    how: _Reader,
    vertex: NDArray[np.float64],
    room: Room,
    lists: NDArray[np.void],
    at: NDArray[np.int64],
) -> int:
    """Fill the lists from pions to systems of three pions; return where they end."""
    frame, cuts, new, best = how.frame, how.cuts, room.work[2], room.best
    n = at[PION]
    for kind in (PION, KAON):
        n = at[kind + 1] = _stable(kind, seen, frame, cuts, lists, n)
    n = at[PI0] = _photons(seen, frame, lists, n)
    n_best = _neutral_pions(seen, cuts, lists[at[PHOTON] : n], new, best)
    n = at[KSHORT] = _store(best, n_best, lists, n, seen, _PI0_PDG)
    n_best = _kshorts(seen, frame, cuts, how.field, vertex, new, best)
    n = at[TWO_PI] = _store(best, n_best, lists, n, seen, _KSHORT_PDG)
    pions = lists[at[PION] : at[KAON]]
    for kind in (TWO_PI, TWO_PI_SAME):
        n = at[kind + 1] = _pion_pairs(kind, pions, lists, n)
    n = at[D0] = _pion_triplets(lists[at[TWO_PI_SAME] : n], pions, lists, n)
    return n


@kernel
def _combine(
    batch: Batch,
    event_numbers: NDArray[np.int64],
    how: _Reader,
    room: Room,
    lists: NDArray[np.void],
    offsets: NDArray[np.int64],
) -> None:
    vertex = np.zeros(3)
    n = _NONE
    for event in range(len(offsets)):
        seen = seen_in(batch, event)
        at = offsets[event]
        judge = Judge(how.cuts, how.network, event_numbers[event] & 1)
        at[PION] = n
        n = _light(seen, how, vertex, room, lists, at)
        prepare_vertices(seen.tracks, room.parts)
        for charm in (D0, D_PLUS, D_S):
            n_best = _NONE
            for mode in range(N_CHARM_MODES):
                if _MODES[mode, 0] == charm:
                    n_best = find_charm(mode, n_best, lists, at, len(seen.tracks), judge, room)
            n = at[charm + 1] = _store(room.best, n_best, lists, n, seen, _CHARM_PDG[charm])
        for star in (DSTAR_PLUS, DSTAR0, D_S_STAR):
            n_best = _NONE
            for row in range(len(_EXCITED)):
                if _EXCITED[row, 0] == star:
                    n_best = find_excited(row, n_best, lists, at, how.cuts, room)
            n = at[star + 1] = _store(room.best, n_best, lists, n, seen, _CHARM_PDG[star])
        for kind in (ELECTRON, MUON):
            n = at[kind + 1] = _stable(kind, seen, how.frame, how.cuts, lists, n)


def room_for_lists(n_events: int) -> NDArray[np.void]:
    """Memory for the lists of so many events, records of candidates, shape ``(n_most,)``."""
    # np.empty reserves, it does not touch: the unused part of this upper bound costs nothing
    return np.empty(n_events * int(_CAPACITY.sum()) + 1, dtype=CANDIDATE)


def combine(
    reconstructed: Reconstructed,
    *,
    event_numbers: NDArray[np.int64],
    cuts: CandidateConfig | None = None,
    classifiers: Classifiers | None = None,
    room: NDArray[np.void] | None = None,
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
    room
        Memory from :func:`room_for_lists` for as many events at least, which the lists take and the next call
        with it takes again; by default their own.
    """
    n_events = len(reconstructed)
    values = room_for_lists(n_events) if room is None else room
    offsets = np.zeros((n_events, N_KINDS + 1), dtype=np.int64)
    _combine(
        Batch.of(reconstructed),
        np.ascontiguousarray(event_numbers, dtype=np.int64),
        _Reader(
            kept_record(cuts or CandidateConfig()),
            Frame.moving(*reconstructed.detector.beams.velocity),
            reconstructed.detector.tracker.field,
            (classifiers or default_classifiers()).charm,
        ),
        Room.new(),
        values,
        offsets,
    )
    return ParticleLists(values[: offsets[-1, -1] if n_events else 0], offsets, reconstructed)
