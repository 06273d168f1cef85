"""The limit of a task whose label a detector draws: its test events are simulated again and again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.pretraining.config import Config
from hepsets.analyses.pretraining.samples import Sample
from hepsets.analyses.pretraining.tasks import LABEL, TASKS, fresh_seed
from hepsets.core.events import Events
from hepsets.core.kept import keep, read_kept
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose, demand
from hepsets.core.run import log
from hepsets.evaluate.filter.limit import estimate_limit, retention_of_classes, weights_of_classes
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.select.skims.repeated import count_repeatedly, spread


@dataclass(frozen=True)
class TaskLimit:
    """What a network that knows how probable each label is would reach.

    Parameters
    ----------
    auc
        Area under its ROC curve. The error holds that of the retention.
    auc_halves
        The same with events ranked by one half of the simulations and judged by the other: a lower bound.
    retention
        Share of events that pass before classes are balanced.
    passes_again
        Probability that an event that passed passes again.
    events, trials
        Test events, and how often each was simulated.
    """

    auc: Measured
    auc_halves: Measured
    retention: Measured
    passes_again: Measured
    events: int
    trials: int

    def share(self, auc: float) -> float:
        """Of the way from chance to the limit, how much an area has gone."""
        return (auc - 0.5) / (self.auc.value - 0.5)


@dataclass(frozen=True, eq=False)
class _Counts:
    """Passes in each half of the simulations, shape ``(n_events, 2)``, and which test events these are."""

    passes: NDArray[np.int64]
    events: NDArray[np.int64]
    trials: int


def limits_of(
    config: Config, samples: Mapping[str, Sample], folder: Path, *, workers: int = 1
) -> dict[str, TaskLimit]:
    """The limit of each task that has one.

    Parameters
    ----------
    config
        The run's.
    samples
        By task.
    folder
        What was counted is kept there.
    workers
        Processes.
    """
    found = {}
    for task, sample in samples.items():
        if TASKS[task].skim is None or not config.limit.events:
            continue
        assert isinstance(sample.test, Events)
        found[task] = limit_of(config, task, sample.test, folder / task, workers=workers)
        log.info("%s: limit of any network: AUC %s", task, found[task].auc)
    return found


def limit_of(config: Config, task: str, test: Events, stem: Path, *, workers: int = 1) -> TaskLimit:
    """The limit of a task, whose test events have labels.

    Parameters
    ----------
    config
        The run's.
    task
        Its name.
    test
        Test events.
    stem
        Path of the counts that are kept, without ending.
    workers
        Processes.

    Raises
    ------
    InputError
        For events of another purpose, or all of which end alike.
    """
    demand(test.purpose, Purpose.TEST, "a limit is measured")
    if not stem.with_suffix(".json").exists():
        stem.parent.mkdir(parents=True, exist_ok=True)
        keep(stem, _counted(config, task, test, workers))
    counts = read_kept(stem, _Counts)
    label = test.columns[LABEL][counts.events]
    retention = retention_of_classes(label, counts.passes.sum(axis=1), counts.trials)
    found = _estimated(counts, label, retention.value, seed=config.seed)
    ends = [
        _estimated(counts, label, float(np.clip(end, 1e-4, 1 - 1e-4)), replicas=2)
        for end in (retention.value - retention.se, retention.value + retention.se)
    ]
    of_retention = abs(ends[1].auc.value - ends[0].auc.value) / 2
    auc = Measured(found.auc.value, math.hypot(found.auc.se, of_retention))
    return dataclasses.replace(found, auc=auc, retention=retention)


# -- inside ------------------------------------------------------------------------------------------


def _counted(config: Config, task: str, test: Events, workers: int) -> _Counts:
    """Simulate test events with a detector seed of their own, so that no draw is that of the labels."""
    skim, half = TASKS[task].skim, config.limit.trials // 2
    assert skim is not None
    chosen = spread(test.columns[LABEL], config.limit.events)
    passes = count_repeatedly(
        test[chosen].with_columns(event_number=chosen),
        skim,
        (half, half),
        seed=fresh_seed(config.seed, task),
        first_trial=0,
        workers=workers,
    )
    return _Counts(passes, chosen, 2 * half)


def _estimated(
    counts: _Counts, label: NDArray[np.bool_], retention: float, *, seed: int = 0, replicas: int = 100
) -> TaskLimit:
    found = estimate_limit(
        counts.passes,
        counts.trials,
        weights_of_classes(label, retention),
        SpeedupConfig(retention=None),
        strata=label,
        seed=seed,
        replicas=replicas,
    )
    return TaskLimit(
        found.auc, found.auc_halves, found.retention, found.passes_again, found.events, found.trials
    )
