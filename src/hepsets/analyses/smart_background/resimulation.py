"""The limit: simulate test events again and again and see how often each passes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.smart_background.config import Config
from hepsets.analyses.smart_background.samples import Samples
from hepsets.analyses.steps import step
from hepsets.core.events import Events
from hepsets.core.run import log
from hepsets.core.whole_file import whole_file
from hepsets.evaluate.filter.limit import Further, Limit, estimate_limit
from hepsets.select.skims.repeated import count_repeatedly, spread


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
    return step(
        path,
        lambda: count_repeatedly(
            events, config.data.skim, trials, seed=config.seed, first_trial=first, workers=workers
        ),
        _write,
        np.load,
    )


def _write(path: Path, counts: NDArray[np.int64]) -> None:
    with whole_file(path) as partial, partial.open("wb") as file:
        np.save(file, counts)
