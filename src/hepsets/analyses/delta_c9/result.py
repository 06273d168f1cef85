"""Everything that a run of the ΔC9 analysis found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hepsets.analyses.delta_c9.comparison import Comparison
from hepsets.analyses.delta_c9.detector import DetectorStudy
from hepsets.analyses.delta_c9.predictions import Predictions
from hepsets.analyses.delta_c9.samples import Cell


@dataclass(frozen=True)
class Result:
    """Everything that a run found."""

    predictions: Mapping[Cell, Predictions]
    comparison: Comparison
    detector: DetectorStudy
    metrics: dict[str, Any]
