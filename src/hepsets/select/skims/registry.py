"""The skims: which events a later analysis would keep, and how often they would be kept.

A skim is one function from particle lists to candidates, made one by
:func:`~hepsets.select.skims.record.skim`, in a file of this folder; or an entry point ``hepsets.skims`` of
another package. Everything else follows from its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.random_stream import checked_event_numbers
from hepsets.core.registry import Registry
from hepsets.select.candidates.combine import combine, room_for_lists
from hepsets.select.candidates.record import ParticleLists
from hepsets.select.skims.record import Find, Skim, SkimCandidates
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import DetectorConfig, simulate

BATCH_EVENTS = 500
"""Events that are simulated and combined at a time; bounds the memory, does not change any result."""


_OTHER_FILES = ("label_file", "record", "registry", "repeated")
"""Files of this folder that hold no skim."""


def _skims_of_this_folder() -> dict[str, Skim]:
    """What :func:`~hepsets.select.skims.record.skim` made in the files beside this one, in order."""
    found = []
    for file in iter_modules([str(Path(__file__).parent)]):
        if file.name not in _OTHER_FILES:
            module = import_module(f"hepsets.select.skims.{file.name}")
            found += [thing for thing in vars(module).values() if isinstance(thing, Skim)]
    return {skim.__name__: skim for skim in sorted(found, key=lambda skim: (skim.place, skim.__name__))}


SKIMS: Registry[Find] = Registry(
    "hepsets.skims",
    "skim",
    _skims_of_this_folder(),
    lambda thing: "" if callable(thing) else f"{type(thing).__name__} is no function",
)
"""All skims by name; ``SKIMS.own`` are the package's."""

DEFAULT_SKIM = "hadronic_b0"


def _batches(events: Events, numbers: NDArray[np.int64]) -> Iterator[tuple[slice, Events, NDArray[np.int64]]]:
    for begin in range(0, max(len(events), 1), BATCH_EVENTS):  # one batch, an empty one, of no events
        part = slice(begin, min(begin + BATCH_EVENTS, len(events)))
        yield part, events[part], numbers[part]


def _passes(skim: Find, lists: ParticleLists, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    return skim.passes(lists, numbers) if isinstance(skim, Skim) else skim(lists, numbers).passes


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
    numbers = checked_event_numbers(event_numbers, events)
    chosen = {name: SKIMS.find(name) for name in skims}
    result = {name: np.zeros(len(events), dtype=np.bool_) for name in chosen}
    room = room_for_lists(min(len(events), BATCH_EVENTS))
    for part, batch, batch_numbers in _batches(events, numbers):
        seen = simulate(batch, seed=seed, event_numbers=batch_numbers, trial=trial, detector=detector)
        lists = combine(seen, event_numbers=batch_numbers, room=room)
        for name, skim in chosen.items():
            result[name][part] = _passes(skim, lists, batch_numbers)
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
    numbers = checked_event_numbers(event_numbers, events)
    chosen = {name: SKIMS.find(name) for name in skims}
    result = {name: np.zeros(len(events), dtype=np.int32) for name in chosen}
    room = room_for_lists(min(len(events), BATCH_EVENTS))
    for part, batch, batch_numbers in _batches(events, numbers):
        for trial in range(first_trial, first_trial + trials):
            seen = simulate(batch, seed=seed, event_numbers=batch_numbers, trial=trial, detector=detector)
            lists = combine(seen, event_numbers=batch_numbers, room=room)
            for name, skim in chosen.items():
                result[name][part] += _passes(skim, lists, batch_numbers)
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
    numbers = checked_event_numbers(event_numbers, events)
    chosen = SKIMS.find(skim)
    parts = []
    for part, batch, batch_numbers in _batches(events, numbers):
        seen = simulate(batch, seed=seed, event_numbers=batch_numbers, trial=trial, detector=detector)
        found = chosen(combine(seen, event_numbers=batch_numbers), batch_numbers)
        found.values["event"] += part.start
        parts.append(found)
    return SkimCandidates.concatenate(parts, numbers)
