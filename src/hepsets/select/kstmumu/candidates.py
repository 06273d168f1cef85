"""Combine the tracks of any events into K⁺π⁻μ⁺μ⁻ candidates: where the background comes from."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.core.event_frame import EventFrame
from hepsets.core.kernel import Record, as_record, kernel
from hepsets.core.lorentz_kernels import boost_from
from hepsets.core.masses import M_K, M_MU, M_PI
from hepsets.core.parallel import map_in_order
from hepsets.core.progress import progress_bar
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.pythia import event_types, generate_block
from hepsets.select.candidates.record import Batch, Seen, seen_in
from hepsets.select.candidates.truth import true_mother
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import Reconstructed, simulate
from hepsets.simulate.kstmumu import CANDIDATE, candidate_frame, fill_candidate

Floats = NDArray[np.float64]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CandidateCuts:
    """What every candidate fulfils; wider than the selection, so that more candidates tell the shapes.

    Parameters
    ----------
    min_muon_momentum
        Of either muon [GeV, lab].
    min_muon, min_kaon, min_pion
        Least probabilities, as in :class:`~hepsets.select.kstmumu.cuts.SelectionConfig`.
    kstar_mass, kstar_window
        Middle and half width [GeV] of the window of m(Kπ).
    max_delta_e, min_mbc
        Largest |ΔE| and least Mbc [GeV].
    max_dr, max_dz
        Largest distance from the axis and height [cm] of each track.
    """

    min_muon_momentum: float = Field(default=0.6, ge=0)
    min_muon: float = Field(default=0.2, ge=0, lt=1)
    min_kaon: float = Field(default=0.1, ge=0, lt=1)
    min_pion: float = Field(default=0.1, ge=0, lt=1)
    kstar_mass: float = 0.892
    kstar_window: float = Field(default=0.2, gt=0)
    max_delta_e: float = Field(default=0.4, gt=0)
    min_mbc: float = 4.8
    max_dr: float = Field(default=0.5, gt=0)
    max_dz: float = Field(default=2.0, gt=0)


ORIGIN = np.dtype(
    [("event", np.int64), ("is_signal", np.bool_), ("true_muons", np.int8), ("one_b", np.bool_)]
)
"""Where a candidate comes from: number of its event; whether a B decayed to exactly its four particles (by
way of the signal or of a charmonium); how many of its muons are muons; whether all four come from one B."""


@kernel
def _is_near(track: Record, cuts: Record) -> bool:
    return bool(abs(track.d0) < cuts.max_dr and abs(track.z0) < cuts.max_dz)


@kernel
def _b_of(particle: int, pdg: NDArray[np.int32], mothers: NDArray[np.int64]) -> int:
    """Position of the B that a particle comes from, or -1."""
    at = particle
    while abs(pdg[at]) != 511 and abs(pdg[at]) != 521:
        if mothers[at] == at:
            return -1
        at = mothers[at]
    return at


@kernel
def _into(momenta: Floats, track: Record, mass: float, collision: Floats) -> None:
    momenta[0], momenta[1], momenta[2] = track.px, track.py, track.pz
    momenta[3] = math.sqrt(track.px**2 + track.py**2 + track.pz**2 + mass * mass)
    boost_from(momenta, collision, -1.0)


class _Hypotheses(NamedTuple):
    """The tracks of one event that may be muons, kaons and pions, and their CM momenta as such."""

    muons: NDArray[np.int64]
    kaons: NDArray[np.int64]
    pions: NDArray[np.int64]
    as_muon: Floats
    as_kaon: Floats
    as_pion: Floats


@kernel
def _sort_tracks(seen: Seen, cuts: Record, collision: Floats, may_be: _Hypotheses) -> tuple[int, int, int]:
    """Fill ``may_be`` with the tracks of an event; how many muons, kaons and pions there are."""
    n_muons, n_kaons, n_pions = 0, 0, 0
    for i in range(min(len(seen.tracks), 64)):
        track = seen.tracks[i]
        if not _is_near(track, cuts):
            continue
        hadron = max(track.kaon + track.pion, 1.0e-30)
        p = math.sqrt(track.px**2 + track.py**2 + track.pz**2)
        if track.muon > cuts.min_muon and p > cuts.min_muon_momentum:
            _into(may_be.as_muon[i], track, M_MU, collision)
            may_be.muons[n_muons] = i
            n_muons += 1
        if track.kaon > cuts.min_kaon * hadron:
            _into(may_be.as_kaon[i], track, M_K, collision)
            may_be.kaons[n_kaons] = i
            n_kaons += 1
        if track.pion > cuts.min_pion * hadron:
            _into(may_be.as_pion[i], track, M_PI, collision)
            may_be.pions[n_pions] = i
            n_pions += 1
    return n_muons, n_kaons, n_pions


@kernel
def _passes(pair: Floats, kaon: Floats, pion: Floats, half: float, cuts: Record) -> bool:
    """Whether CM momenta of a muon pair, kaon and pion make a B at half the energy of the collision."""
    energy = kaon[3] + pion[3]
    if abs(pair[3] + energy - half) > cuts.max_delta_e:
        return False
    mass2, momentum2 = energy * energy, 0.0
    for j in range(3):
        kstar = kaon[j] + pion[j]
        mass2 -= kstar**2
        momentum2 += (pair[j] + kstar) ** 2
    if half * half - momentum2 < cuts.min_mbc**2:
        return False
    return bool(abs(math.sqrt(max(mass2, 0.0)) - cuts.kstar_mass) <= cuts.kstar_window)


@kernel
def _trace(event: int, k: int, pi: int, plus: int, minus: int, seen: Seen, origin: Record) -> None:
    """Fill the origin of a candidate of four tracks."""
    one = np.uint64(1)
    nothing: Any = np.uint64(0)
    used: Any = (one << np.uint64(k)) | (one << np.uint64(pi))
    used |= (one << np.uint64(plus)) | (one << np.uint64(minus))
    origin.event = event
    origin.is_signal = (
        true_mother(used, nothing, seen, 511, True) >= 0
        and seen.pdg[seen.tracks[plus].particle] == -13
        and seen.pdg[seen.tracks[minus].particle] == 13
        and abs(seen.pdg[seen.tracks[k].particle]) == 321
    )
    origin.true_muons = 0
    b = _b_of(seen.tracks[k].particle, seen.pdg, seen.mothers)
    origin.one_b = b >= 0 and b == _b_of(seen.tracks[pi].particle, seen.pdg, seen.mothers)
    for i in (plus, minus):
        particle = seen.tracks[i].particle
        if abs(seen.pdg[particle]) == 13:
            origin.true_muons += 1
        if _b_of(particle, seen.pdg, seen.mothers) != b:
            origin.one_b = False


@kernel
def _combine(
    batch: Batch,
    collision: Floats,
    cuts: Record,
    candidates: NDArray[np.void],
    origins: NDArray[np.void],
) -> int:
    """Fill what fits into ``candidates``; tell how many there are."""
    n = 0
    work = np.zeros((14, 4))
    half = 0.5 * math.sqrt(collision[3] ** 2 - collision[0] ** 2 - collision[1] ** 2 - collision[2] ** 2)
    muons, kaons, pions = np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64)
    as_muon, as_kaon, as_pion = np.zeros((64, 4)), np.zeros((64, 4)), np.zeros((64, 4))
    may_be = _Hypotheses(muons, kaons, pions, as_muon, as_kaon, as_pion)
    for event in range(len(batch.track_offsets) - 1):
        seen = seen_in(batch, event)
        tracks = seen.tracks
        n_muons, n_kaons, n_pions = _sort_tracks(seen, cuts, collision, may_be)
        for plus in muons[:n_muons]:
            if tracks[plus].charge < 0:
                continue
            for minus in muons[:n_muons]:
                if tracks[minus].charge > 0:
                    continue
                pair = as_muon[plus] + as_muon[minus]
                for k in kaons[:n_kaons]:
                    if k in (plus, minus):
                        continue
                    for pi in pions[:n_pions]:
                        if pi in (plus, minus) or tracks[k].charge * tracks[pi].charge > 0:
                            continue
                        if not _passes(pair, as_kaon[k], as_pion[pi], half, cuts):
                            continue
                        if n < len(candidates):
                            fill_candidate(
                                tracks[k], tracks[pi], tracks[plus], tracks[minus],
                                collision, work, candidates[n],
                            )  # fmt: skip
                            _trace(event, k, pi, plus, minus, seen, origins[n])
                        n += 1
    return n


def find_candidates(reconstructed: Reconstructed, cuts: CandidateCuts | None = None) -> EventFrame:
    """All K⁺π⁻μ⁺μ⁻ candidates of the events, by either flavour, each with its measured columns.

    Parameters
    ----------
    reconstructed
        What the detector saw; the first 64 tracks of an event take part.
    cuts
        By default those of the package.

    Returns
    -------
    EventFrame
        The columns of :data:`~hepsets.simulate.kstmumu.CANDIDATE` and of :data:`ORIGIN`.
    """
    room = len(reconstructed) + 1000
    while True:
        candidates, origins = np.empty(room, dtype=CANDIDATE), np.empty(room, dtype=ORIGIN)
        n = _combine(
            Batch.of(reconstructed),
            reconstructed.detector.beams.momentum,
            as_record(cuts or CandidateCuts()),
            candidates,
            origins,
        )
        if n <= room:
            break
        room = n
    origin = {name: origins[name][:n] for name in origins.dtype.names or ()}
    return candidate_frame(candidates[:n]).with_columns(**origin)


def generic_candidates(sample: str, blocks: range, seed: int, *, workers: int = 1) -> EventFrame:
    """Generate, simulate and combine events of a generic sample.

    Parameters
    ----------
    sample
        One of :data:`~hepsets.generate.pythia.SAMPLES`.
    blocks
        Which blocks of :data:`~hepsets.generate.blocks.BLOCK_EVENTS` events.
    seed
        Of generator and detector.
    workers
        Processes; the result does not depend on them.

    Returns
    -------
    EventFrame
        As of :func:`find_candidates`; ``event`` numbers the events of all blocks, and ``event_type`` tells
        the sample.

    Raises
    ------
    InputError
        For an unknown sample, or if Pythia 8 is not installed.
    """
    parts: list[EventFrame] = []
    with progress_bar(f"generating {len(blocks) * BLOCK_EVENTS} {sample} events", len(blocks)) as step:
        for part in map_in_order(partial(_candidates_of_block, sample, seed), blocks, workers):
            parts.append(part)
            step(1)
    candidates = EventFrame.concatenate(parts)
    return candidates.with_columns(event_type=event_types(sample, len(candidates)))


def _candidates_of_block(sample: str, seed: int, block: int) -> EventFrame:
    events = generate_block(sample, seed, block)
    first = block * BLOCK_EVENTS
    numbers = first + np.arange(len(events))
    candidates = find_candidates(simulate(events, seed=seed, event_numbers=numbers, detector=BELLE2))
    return candidates.with_columns(event=candidates["event"] + first)
