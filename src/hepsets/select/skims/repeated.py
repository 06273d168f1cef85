"""How often events pass a skim when the detector sees them again and again, in groups of simulations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.parallel import map_in_order
from hepsets.core.progress import progress_bar
from hepsets.select.skims.registry import count_passes

CHUNK_EVENTS = 25
"""Events per task."""


@dataclass(frozen=True)
class _Chunk:
    """Events, and numbers of trials to count passes in, one after the other from ``first`` on."""

    events: Events
    skim: str
    seed: int
    first: int
    trials: tuple[int, ...]


def count_repeatedly(
    events: Events, skim: str, trials: tuple[int, ...], *, seed: int, first_trial: int, workers: int = 1
) -> NDArray[np.int64]:
    """Passes in each of some groups of simulations, int64, shape ``(n_events, len(trials))``.

    Parameters
    ----------
    events
        Generated events with the event column ``event_number``.
    skim
        Its name.
    trials
        Simulations in each group; no two groups share one.
    seed
        Of the detector.
    first_trial
        Number of the first simulation; see :func:`hepsets.select.skims.registry.count_passes`.
    workers
        Processes; what is counted does not depend on their number.

    Raises
    ------
    InputError
        For no events, or an unknown skim.
    """
    if not len(events):
        raise InputError("no events to simulate again", "at least one")
    chunks = (
        _Chunk(events[begin : begin + CHUNK_EVENTS], skim, seed, first_trial, trials)
        for begin in range(0, len(events), CHUNK_EVENTS)
    )
    parts = []
    with progress_bar(f"simulating {len(events)} test events {sum(trials)} times", len(events)) as advance:
        for part in map_in_order(_count, chunks, workers):
            parts.append(part)
            advance(len(part))
    return np.concatenate(parts)


def spread(label: NDArray[np.bool_], number: int) -> NDArray[np.int64]:
    """About ``number`` event numbers, evenly over each class and in its share; all if there are fewer.

    ``label`` has shape ``(n_events,)``; the numbers are sorted, shape ``(about number,)``.
    """
    number = min(number, len(label))
    parts = []
    for which in (np.flatnonzero(label), np.flatnonzero(~label)):
        wanted = round(number * len(which) / len(label))
        parts.append(which[np.arange(wanted) * len(which) // max(wanted, 1)])
    return np.sort(np.concatenate(parts))


def _count(chunk: _Chunk) -> NDArray[np.int64]:
    first, columns = chunk.first, []
    for trials in chunk.trials:
        passes = count_passes(
            chunk.events,
            [chunk.skim],
            seed=chunk.seed,
            event_numbers=chunk.events.columns["event_number"],
            trials=trials,
            first_trial=first,
        )
        columns.append(passes[chunk.skim])
        first += trials
    return np.stack(columns, axis=1).astype(np.int64)
