"""Samples of B_s → D_sπ candidates, from p p collisions to tables, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.parallel import map_in_order
from hepsets.core.particle_sets import ParticleSets
from hepsets.generate.blocks import import_pythia
from hepsets.generate.lhc_beauty.samples import BLOCK_EVENTS, GENERIC, SAMPLES, LhcConfig, generate_lhc_block
from hepsets.select.bs_dspi.candidates import find_candidates
from hepsets.select.bs_dspi.cuts import CandidateCuts
from hepsets.select.bs_dspi.truth import Category
from hepsets.simulate.forward import ForwardConfig, see_lhc_events
from hepsets.simulate.lhcb import LHCB

MOST_BLOCKS = 100_000
"""Generated for one sample; whoever needs more has cuts that nothing passes."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CandidateConfig:
    """How candidates are made: collisions, detector, selection.

    Parameters
    ----------
    lhc
        Collisions, and how often each is used.
    detector
        The detector's numbers.
    cuts
        The selection.
    mixed
        Make combinatorial candidates of D_s and pions of different events, as
        :func:`~hepsets.select.bs_dspi.candidates.find_candidates` says; forced decays never are.
    """

    lhc: LhcConfig = Field(default_factory=LhcConfig)
    detector: ForwardConfig = LHCB
    cuts: CandidateCuts = Field(default_factory=CandidateCuts)
    mixed: bool = True


@dataclass(frozen=True, eq=False)
class CandidateSample:
    """Candidates, and what they were made from.

    Parameters
    ----------
    sample
        The sample's name.
    candidates
        As :func:`~hepsets.select.bs_dspi.candidates.find_candidates` gives them. Of forced decays only those
        of the decay itself, of generic events all.
    events
        Generated events, each with one forced decay.
    beauty
        b hadrons with 2 < η < 5 in them.
    """

    sample: str
    candidates: ParticleSets
    events: int
    beauty: int

    @property
    def efficiency(self) -> Measured:
        """Candidates per forced decay; of generic events per b hadron with 2 < η < 5, forced or not.

        Candidates of one parton event are not independent: its error counts parton events.
        """
        columns = self.candidates.columns
        _, group = np.unique(columns["underlying_event"], return_inverse=True)
        sums = np.bincount(group, columns["weight"]) if len(group) else np.zeros(0)
        total = self.beauty if self.sample == GENERIC else self.events
        return Measured(float(sums.sum()) / total, math.sqrt(float((sums**2).sum())) / total)

    @staticmethod
    def joined(parts: Sequence[CandidateSample]) -> CandidateSample:
        """Blocks of one sample, end to end.

        Raises
        ------
        InputError
            For none.
        """
        candidates = ParticleSets.concatenate([part.candidates for part in parts])
        events, beauty = (sum(getattr(part, name) for part in parts) for name in ("events", "beauty"))
        return CandidateSample(parts[0].sample, candidates, events, beauty)


def make_candidates(
    sample: str,
    *,
    seed: int,
    events: int | None = None,
    candidates: int | None = None,
    workers: int = 1,
    config: CandidateConfig | None = None,
) -> CandidateSample:
    """Generate, see and combine until there are so many events, or at least so many candidates.

    Parameters
    ----------
    sample
        One of :data:`~hepsets.generate.lhc_beauty.samples.SAMPLES`.
    seed
        Of generator and detector; same seed, same candidates, whatever the number of processes.
    events, candidates
        How many; one of the two. Blocks are whole, so there may be more candidates.
    workers
        Processes.
    config
        Collisions, detector, selection.

    Raises
    ------
    InputError
        For an unknown sample, if not exactly one number is given, or if Pythia 8 is not installed.
    """
    if sample not in SAMPLES:
        raise InputError(f"sample {sample!r}", f"one of {', '.join(SAMPLES)}")
    wanted = events if candidates is None else candidates
    if (events is None) == (candidates is None) or wanted is None or wanted < 1:
        raise InputError(f"{events} events, {candidates} candidates", "one of the two, a positive number")
    import_pythia()
    blocks: Iterable[int] = count() if events is None else range(math.ceil(events / BLOCK_EVENTS))
    sizes = ((block, _size(block, events)) for block in blocks)
    made = map_in_order(partial(_make_block, sample, seed, config or CandidateConfig()), sizes, workers)
    return _joined(sample, made, candidates)


def make_block(
    sample: str, *, seed: int, block: int, events: int = BLOCK_EVENTS, config: CandidateConfig | None = None
) -> CandidateSample:
    """One block of a sample, for those who share out the blocks of several samples themselves.

    Parameters
    ----------
    sample, seed, config
        As for :func:`make_candidates`, whose sample is that of its blocks (:meth:`CandidateSample.joined`).
    block, events
        Its number from 0, and how many of its events.
    """
    found, n_events, beauty = _make_block(sample, seed, config or CandidateConfig(), (block, events))
    return CandidateSample(sample, found, n_events, beauty)


def _size(block: int, events: int | None) -> int:
    return BLOCK_EVENTS if events is None else min(BLOCK_EVENTS, events - block * BLOCK_EVENTS)


def _joined(
    sample: str, made: Iterator[tuple[ParticleSets, int, int]], candidates: int | None
) -> CandidateSample:
    parts: list[ParticleSets] = []
    events = beauty = found = 0
    for part, n_events, n_beauty in made:
        parts.append(part)
        events, beauty, found = events + n_events, beauty + n_beauty, found + len(part)
        if candidates is not None and found >= candidates:
            break
        if len(parts) == MOST_BLOCKS:
            raise InputError(f"{found} candidates in {events} events", f"{candidates}", "loosen the cuts")
    return CandidateSample(sample, ParticleSets.concatenate(parts), events, beauty)


def _make_block(
    sample: str, seed: int, config: CandidateConfig, task: tuple[int, int]
) -> tuple[ParticleSets, int, int]:
    block, n_events = task
    events = generate_lhc_block(sample, seed, block, n_events, config.lhc)
    numbers = np.arange(n_events) + block * BLOCK_EVENTS
    seen = see_lhc_events(events, seed=seed, event_numbers=numbers, detector=config.detector)
    generic = sample == GENERIC
    found = find_candidates(
        seen,
        sample=sample,
        cuts=config.cuts,
        trigger=config.detector.trigger,
        mixed=config.mixed and generic and n_events > 1,
    )
    if not generic:
        found = found[found.columns["category"] != Category.COMBINATORIAL]
    return found, n_events, int(events.columns["beauty"].sum())


def table(candidates: ParticleSets) -> dict[str, NDArray[Any]]:
    """The columns of candidates, arrays of shape ``(n_candidates,)``, for an
    :class:`~hepsets.core.event_frame.EventFrame` and its files.

    Parameters
    ----------
    candidates
        Of :class:`CandidateSample`, or what :mod:`hepsets.select.bs_dspi.yields` drew.
    """
    return {name: np.asarray(column) for name, column in candidates.columns.items()}
