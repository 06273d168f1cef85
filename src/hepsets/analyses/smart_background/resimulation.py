"""The limit: simulate test events again and again and see how often each passes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.smart_background.config import Config
from hepsets.analyses.smart_background.samples import Samples
from hepsets.analyses.steps import step
from hepsets.core.events import Events
from hepsets.core.parallel import map_in_order
from hepsets.core.progress import progress_bar
from hepsets.core.run import log
from hepsets.core.whole_file import whole_file
from hepsets.evaluate.filter.limit import Further, Limit, estimate_limit
from hepsets.select.skims.registry import count_passes

CHUNK_EVENTS = 100
"""Events per task."""


@dataclass(frozen=True)
class _Chunk:
    """Events, and numbers of trials to count passes in, one after the other from ``first`` on."""

    events: Events
    skim: str
    seed: int
    first: int
    trials: tuple[int, ...]


def measure_limit(config: Config, samples: Samples, folder: Path, *, workers: int = 1) -> Limit:
    """Estimate what the best possible filter would reach on the test events.

    ``config.limit.events`` test events are simulated ``config.limit.trials`` times with detector
    seeds that nothing else uses, and those that hardly ever pass ``config.limit.further`` times more. The
    counts are kept in ``folder`` for a resumed run.
    """
    label = samples.test.columns["label"]
    chosen = samples.test[spread(label, config.limit.events)]
    number = len(chosen)
    passes = repeat_simulation(config, chosen, folder / "passes.npy", workers=workers)
    further = simulate_further(config, chosen, passes, folder / "further_passes.npy", workers=workers)
    limit = estimate_limit(
        passes,
        config.limit.trials,
        chosen.columns["weight"],
        config.speedup.resolve(retention=samples.retention.value, time_network=0.0),
        further=further,
        strata=chosen.columns["label"],
        seed=config.seed,
    )
    log.info("limit: AUC %s, speedup %s from %d events", limit.auc, limit.max_speedup, number)
    return limit


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


def repeat_simulation(config: Config, events: Events, path: Path, *, workers: int) -> NDArray[np.int64]:
    """Passes in the two halves of the trials, int64 of shape ``(n_events, 2)``."""
    half = config.limit.trials // 2
    return _counted(config, events, path, 1, (half, half), workers)  # trial 0 made the label


def simulate_further(
    config: Config, events: Events, passes: NDArray[np.int64], path: Path, *, workers: int
) -> Further:
    """Further trials of the events that passed at most ``config.limit.few`` times.

    ``passes`` has shape ``(n_events, n_groups)``: how often each event passed in each group of trials.
    Counts are kept in the file ``path``.
    """
    few = np.flatnonzero(passes.sum(axis=1) <= config.limit.few)
    counts = np.full(len(events), -1, dtype=np.int64)
    if config.limit.further and len(few):
        first = 1 + config.limit.trials
        counts[few] = _counted(config, events[few], path, first, (config.limit.further,), workers)[:, 0]
    return Further(counts, config.limit.further)


def _counted(
    config: Config, events: Events, path: Path, first: int, trials: tuple[int, ...], workers: int
) -> NDArray[np.int64]:
    """Passes in each of ``trials``, shape ``(n_events, len(trials))``; kept in ``path``."""
    return step(path, lambda: _count_all(config, events, first, trials, workers), _write, np.load)


def _count_all(
    config: Config, events: Events, first: int, trials: tuple[int, ...], workers: int
) -> NDArray[np.int64]:
    tasks = (
        _Chunk(events[begin : begin + CHUNK_EVENTS], config.data.skim, config.seed, first, trials)
        for begin in range(0, len(events), CHUNK_EVENTS)
    )
    parts = []
    with progress_bar(f"simulating {len(events)} test events {sum(trials)} times", len(events)) as advance:
        for part in map_in_order(_count, tasks, workers):
            parts.append(part)
            advance(len(part))
    return np.concatenate(parts)


def _write(path: Path, counts: NDArray[np.int64]) -> None:
    with whole_file(path) as partial, partial.open("wb") as file:
        np.save(file, counts)


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
