"""Everything that a run of pre-training found: what its metrics and its report are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hepsets.analyses.pretraining import about
from hepsets.analyses.pretraining.config import Config
from hepsets.analyses.pretraining.curves import Cell
from hepsets.analyses.pretraining.flavour import Tagger
from hepsets.analyses.pretraining.limit import TaskLimit
from hepsets.analyses.pretraining.metrics import metrics_of
from hepsets.analyses.pretraining.savings import Cost, Saving
from hepsets.analyses.pretraining.trunks import TrunkFacts
from hepsets.analyses.shown import Shown
from hepsets.core.run import Origin


@dataclass(frozen=True)
class TaskFacts:
    """A task and what its labelled events cost.

    Parameters
    ----------
    asks
        What, in words.
    seconds_per_event
        Computing time of a labelled event.
    """

    asks: str
    seconds_per_event: float


@dataclass(frozen=True, eq=False, repr=False)
class Result(Shown):
    """Everything that a run found.

    Parameters
    ----------
    config, origin
        What was run, and when and with what.
    corpus_events
        Events of the corpus, none of which is in a task.
    tasks
        By name.
    trunks
        By pre-training.
    cells
        Networks trained with labels.
    limits
        By task what any network could reach, where that is known.
    savings
        Labels that pre-training saves.
    taggers
        Flavour taggers.
    costs
        Of each pre-training.
    """

    analysis: ClassVar[str] = about.name

    config: Config
    origin: Origin
    corpus_events: int
    tasks: dict[str, TaskFacts]
    trunks: tuple[TrunkFacts, ...]
    cells: tuple[Cell, ...]
    limits: dict[str, TaskLimit]
    savings: tuple[Saving, ...]
    taggers: tuple[Tagger, ...]
    costs: tuple[Cost, ...]

    def cell(self, task: str, pretraining: str, tuning: str, labels: int) -> Cell:
        """One of the cells."""
        return next(
            one
            for one in self.cells
            if (one.task, one.pretraining, one.tuning, one.labels) == (task, pretraining, tuning, labels)
        )

    def saving(self, task: str, pretraining: str, tuning: str, labels: int) -> Saving:
        """One of the savings."""
        return next(
            one
            for one in self.savings
            if (one.task, one.pretraining, one.tuning, one.saving.labels)
            == (task, pretraining, tuning, labels)
        )

    def best(self, task: str) -> Saving:
        """What saves a task most labels for each label that it takes, low ends of bands compared."""
        mine = [one for one in self.savings if one.task == task]
        return max(mine, key=lambda one: (one.saving.low / one.saving.labels, one.saving.factor))

    @property
    def tests_elsewhere(self) -> tuple[str, ...]:
        """Names of the tests outside the domain."""
        return next((tuple(one.elsewhere) for one in self.cells if one.elsewhere), ())

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of ``result.json``."""
        return metrics_of(self.trunks, self.cells, self.limits, self.savings, self.taggers, self.costs)
