"""What pre-training saves: labels at each number of them, and the number of tasks at which it pays."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hepsets.analyses.pretraining.about import SCRATCH
from hepsets.analyses.pretraining.curves import Cell
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.label_saving import LabelSaving, break_even_tasks, label_saving

AT = 1000
"""Savings are turned into costs at so many labels, or the most below."""


@dataclass(frozen=True)
class Saving:
    """What a pre-training saves a task at some number of labels."""

    task: str
    pretraining: str
    tuning: str
    saving: LabelSaving


@dataclass(frozen=True)
class Cost:
    """What a pre-training costs.

    Parameters
    ----------
    pretraining
        Which.
    corpus_seconds, seconds
        Computing time of the corpus; of pilots and training.
    labels
        At which labels are saved.
    break_even
        By task how many such tasks pay for it; ``None`` where none do.
    """

    pretraining: str
    corpus_seconds: float
    seconds: float
    labels: int
    break_even: dict[str, int | None]

    @property
    def cpu_hours(self) -> float:
        """Of corpus and training."""
        return (self.corpus_seconds + self.seconds) / 3600

    @property
    def break_even_tasks(self) -> int | None:
        """Of the task in the middle; ``None`` if half of them or more save nothing."""
        found = statistics.median_high(
            [float("inf") if one is None else one for one in self.break_even.values()]
        )
        return None if found == float("inf") else int(found)


def savings_of(cells: Sequence[Cell]) -> tuple[Saving, ...]:
    """Labels saved by each pre-training at each number of labels, read off the curve from scratch."""
    curves: dict[tuple[str, str, str], dict[int, Measured]] = {}
    for cell in cells:
        curves.setdefault((cell.task, cell.pretraining, cell.tuning), {})[cell.labels] = cell.auc
    return tuple(
        Saving(task, pretraining, tuning, one)
        for (task, pretraining, tuning), curve in curves.items()
        if pretraining != SCRATCH
        for one in label_saving(curves[task, SCRATCH, "all"], curve)
    )


def costs_of(
    savings: Sequence[Saving],
    corpus_seconds: float,
    seconds: Mapping[str, float],
    seconds_per_event: Mapping[str, float],
) -> tuple[Cost, ...]:
    """What each pre-training costs, beside what labels cost that it saves when all is trained.

    Parameters
    ----------
    savings
        Of all tasks.
    corpus_seconds
        Computing time of the corpus.
    seconds
        Of each pre-training.
    seconds_per_event
        Of a labelled event of each task.
    """
    found = []
    for pretraining, own in seconds.items():
        mine = [one for one in savings if one.pretraining == pretraining and one.tuning == "all"]
        counts = sorted({one.saving.labels for one in mine})
        at = max([n for n in counts if n <= AT], default=counts[0])
        of_task = {
            one.task: break_even_tasks(corpus_seconds + own, one.saving, seconds_per_event[one.task])
            for one in mine
            if one.saving.labels == at
        }
        found.append(Cost(pretraining, corpus_seconds, own, at, of_task))
    return tuple(found)
