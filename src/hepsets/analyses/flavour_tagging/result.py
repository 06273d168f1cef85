"""Everything that a run of flavour tagging found: what its metrics and its report are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hepsets.analyses.flavour_tagging import about
from hepsets.analyses.flavour_tagging.closer_look import CloserLook
from hepsets.analyses.flavour_tagging.comparison import ModelResult, best_of
from hepsets.analyses.flavour_tagging.config import Config
from hepsets.analyses.flavour_tagging.metrics import metrics_of
from hepsets.analyses.shown import Shown
from hepsets.core.run import Origin
from hepsets.formats.whole_event_files import SetCounts


@dataclass(frozen=True, eq=False, repr=False)
class Result(Shown):
    """Everything that a run found.

    Parameters
    ----------
    config, origin
        What was run, and when and with what.
    sizes
        Tag sides to train on, to calibrate with, and to judge by.
    models
        The taggers.
    look
        What was looked at besides.
    counts
        What was masked in the user's files.
    """

    analysis: ClassVar[str] = about.name

    config: Config
    origin: Origin
    sizes: tuple[int, int, int]
    models: tuple[ModelResult, ...]
    look: CloserLook
    counts: SetCounts | None = None

    @property
    def best(self) -> ModelResult:
        """The tagger that leads the report."""
        return best_of(self.models)

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of ``result.json``."""
        return metrics_of(self.models, self.look, self.sizes)
