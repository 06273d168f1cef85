"""Everything that a run of smart background found: what its metrics and its report are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hepsets.analyses.shown import Shown
from hepsets.analyses.smart_background import about
from hepsets.analyses.smart_background.comparison import ModelResult
from hepsets.analyses.smart_background.config import Config
from hepsets.analyses.smart_background.metrics import metrics_of
from hepsets.analyses.smart_background.sample_facts import SampleFacts
from hepsets.analyses.smart_background.studies.inputs import Studies
from hepsets.core.run import Origin
from hepsets.evaluate.filter.limit import Limit


@dataclass(frozen=True, eq=False, repr=False)
class Result(Shown):
    """Everything that a run found.

    Parameters
    ----------
    config, origin
        What was run, and when and with what.
    samples
        What is to be known of the events.
    models
        In the order of the configuration.
    limit
        Of any filter; ``None`` for labels that were not made here.
    studies
        What the studies found.
    """

    analysis: ClassVar[str] = about.name

    config: Config
    origin: Origin
    samples: SampleFacts
    models: tuple[ModelResult, ...]
    limit: Limit | None
    studies: Studies

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of ``result.json``."""
        return metrics_of(self.samples, self.models, self.limit, self.studies)
