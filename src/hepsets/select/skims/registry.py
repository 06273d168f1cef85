"""The skims: which events a later analysis would keep, and how often they would be kept.

A skim is one function from particle lists to candidates, in a file of its own, and one line in :data:`SKIMS`;
or an entry point ``hepsets.skims`` of another package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.registry import Registry
from hepsets.select.candidates.combine import combine
from hepsets.select.candidates.record import ParticleLists
from hepsets.select.skims.charmonium import find_jpsi
from hepsets.select.skims.fast_charm import find_fast_charm
from hepsets.select.skims.hadronic_tag import CHARGED_B, NEUTRAL_B, find_b_mesons
from hepsets.select.skims.record import SkimCandidates
from hepsets.select.skims.semileptonic_tag import find_semileptonic_b0
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import DetectorConfig, simulate

BATCH_EVENTS = 500
"""Events that are simulated and combined at a time; bounds the memory, does not change any result."""


Skim: TypeAlias = Callable[[ParticleLists, NDArray[np.int64]], SkimCandidates]
"""From the particle lists and event numbers of a batch to the candidates that make events pass."""


def hadronic_b0(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> SkimCandidates:
    """Fully reconstructed hadronic B0 decays."""
    return find_b_mesons(lists, event_numbers, NEUTRAL_B)


def hadronic_bplus(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> SkimCandidates:
    """Fully reconstructed hadronic B+ decays."""
    return find_b_mesons(lists, event_numbers, CHARGED_B)


def semileptonic_b0(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> SkimCandidates:
    """B0 → D(*)- l+ neutrino with everything found but the neutrino."""
    return find_semileptonic_b0(lists, event_numbers)


def jpsi(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> SkimCandidates:
    """J/psi → e+e- or mu+mu-, and anything."""
    return find_jpsi(lists, event_numbers)


def fast_charm(lists: ParticleLists, event_numbers: NDArray[np.int64]) -> SkimCandidates:
    """A D0 or D+ above 2 GeV in the centre of mass, and anything."""
    return find_fast_charm(lists, event_numbers)


SKIMS: Registry[Skim] = Registry(
    "hepsets.skims",
    "skim",
    {
        "hadronic_b0": hadronic_b0,
        "hadronic_bplus": hadronic_bplus,
        "semileptonic_b0": semileptonic_b0,
        "jpsi": jpsi,
        "fast_charm": fast_charm,
    },
    lambda thing: "" if callable(thing) else f"{type(thing).__name__} is no function",
)
"""All skims by name; ``SKIMS.own`` are the package's."""

DEFAULT_SKIM = "hadronic_b0"


def _numbers(events: Events, event_numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    numbers = np.ascontiguousarray(event_numbers, dtype=np.int64)
    if numbers.shape != (len(events),):
        raise InputError(f"event numbers of shape {numbers.shape}", f"({len(events)},), one per event")
    return numbers


def _batches(events: Events, numbers: NDArray[np.int64]) -> Iterator[tuple[slice, Events, NDArray[np.int64]]]:
    for begin in range(0, max(len(events), 1), BATCH_EVENTS):  # one batch, an empty one, of no events
        part = slice(begin, min(begin + BATCH_EVENTS, len(events)))
        yield part, events[part], numbers[part]


def run_skims(
    events: Events,
    skims: Sequence[str],
    *,
    seed: int,
    event_numbers: NDArray[np.int64],
    trial: int = 0,
    detector: DetectorConfig = BELLE2,
) -> dict[str, NDArray[np.bool_]]:
    """Simulate and combine each event once and tell which events pass each skim.

    Parameters
    ----------
    events
        Generated events.
    skims
        Names from :data:`SKIMS`.
    seed, event_numbers, trial
        Fix the detector's random numbers of each event, see :func:`hepsets.simulate.detector.simulate`.
    detector
        The detector's numbers.

    Returns
    -------
    dict
        A boolean array of shape ``(n_events,)`` per skim.

    Raises
    ------
    InputError
        For an unknown skim or a wrong number of event numbers.
    """
    numbers = _numbers(events, event_numbers)
    chosen = {name: SKIMS.find(name) for name in skims}
    result = {name: np.zeros(len(events), dtype=np.bool_) for name in chosen}
    for part, batch, batch_numbers in _batches(events, numbers):
        seen = simulate(batch, seed=seed, event_numbers=batch_numbers, trial=trial, detector=detector)
        lists = combine(seen, event_numbers=batch_numbers)
        for name, skim in chosen.items():
            result[name][part] = skim(lists, batch_numbers).passes
    return result


def count_passes(
    events: Events,
    skims: Sequence[str],
    *,
    seed: int,
    event_numbers: NDArray[np.int64],
    trials: int,
    first_trial: int = 0,
    detector: DetectorConfig = BELLE2,
) -> dict[str, NDArray[np.int32]]:
    """Simulate every event ``trials`` times afresh and count how often it passes each skim.

    Trial ``t`` of an event gives the same outcomes as ``run_skims(..., trial=t)``; trials
    ``first_trial … first_trial + trials - 1`` are run, each simulated once for all skims.

    Returns
    -------
    dict
        An int32 array of shape ``(n_events,)`` per skim.

    Raises
    ------
    InputError
        As :func:`run_skims`, and for a negative number of trials.
    """
    if trials < 0:
        raise InputError(f"{trials} trials", "zero or more")
    numbers = _numbers(events, event_numbers)
    chosen = {name: SKIMS.find(name) for name in skims}
    result = {name: np.zeros(len(events), dtype=np.int32) for name in chosen}
    for part, batch, batch_numbers in _batches(events, numbers):
        for trial in range(first_trial, first_trial + trials):
            seen = simulate(batch, seed=seed, event_numbers=batch_numbers, trial=trial, detector=detector)
            lists = combine(seen, event_numbers=batch_numbers)
            for name, skim in chosen.items():
                result[name][part] += skim(lists, batch_numbers).passes
    return result


def find_candidates(
    events: Events,
    skim: str,
    *,
    seed: int,
    event_numbers: NDArray[np.int64],
    trial: int = 0,
    detector: DetectorConfig = BELLE2,
) -> SkimCandidates:
    """Simulate the detector once and return every accepted candidate, ordered by event.

    Raises
    ------
    InputError
        As :func:`run_skims`.
    """
    numbers = _numbers(events, event_numbers)
    chosen = SKIMS.find(skim)
    parts = []
    for part, batch, batch_numbers in _batches(events, numbers):
        seen = simulate(batch, seed=seed, event_numbers=batch_numbers, trial=trial, detector=detector)
        found = chosen(combine(seen, event_numbers=batch_numbers), batch_numbers)
        found.values["event"] += part.start
        parts.append(found)
    return SkimCandidates.concatenate(parts, numbers)
