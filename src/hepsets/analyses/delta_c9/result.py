"""Everything that a ΔC9 run found: what its metrics and its report are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.delta_c9 import about
from hepsets.analyses.delta_c9.comparison import Comparison
from hepsets.analyses.delta_c9.config import Config
from hepsets.analyses.delta_c9.detector import DetectorStudy
from hepsets.analyses.delta_c9.metrics import metrics_of
from hepsets.analyses.delta_c9.one_data_set import OneDataSet
from hepsets.analyses.delta_c9.predictions import Predictions
from hepsets.analyses.delta_c9.samples import Cell
from hepsets.analyses.delta_c9.theory import Meaning, Nuisances
from hepsets.analyses.shown import Shown
from hepsets.core.run import Origin


@dataclass(frozen=True, eq=False, repr=False)
class Result(Shown):
    """Everything that a run found; what was not asked for is empty or ``None``.

    Parameters
    ----------
    config, origin
        What was run, and when and with what.
    predictions
        Of every model, by cell.
    comparison
        What they are worth.
    detector
        What detector and background do.
    meaning
        What the numbers stand for.
    one_set
        One data set of each level.
    nuisances
        What the theory does not know.
    images
        What the convolutional network looks at, by ΔC9: shape ``(bins, bins, bins)``.
    """

    analysis: ClassVar[str] = about.name

    config: Config
    origin: Origin
    predictions: Mapping[Cell, Predictions]
    comparison: Comparison
    detector: DetectorStudy
    meaning: Meaning | None = None
    one_set: Mapping[str, OneDataSet] = field(default_factory=dict)
    nuisances: Nuisances | None = None
    images: Mapping[float, NDArray[np.floating[Any]]] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of ``result.json``."""
        return metrics_of(self.comparison, self.detector)
