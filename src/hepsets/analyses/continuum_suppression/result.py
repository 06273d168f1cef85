"""Everything that a run of continuum suppression found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hepsets.analyses.continuum_suppression.comparison import ComparisonResult, ModelResult
from hepsets.analyses.continuum_suppression.samples import Samples
from hepsets.analyses.continuum_suppression.trust import Trust


@dataclass(frozen=True)
class Result:
    """Everything that a run found; ``comparisons`` by name, the one that leads first."""

    samples: Samples
    comparisons: dict[str, ComparisonResult]
    trust: Trust
    metrics: dict[str, Any]

    @property
    def lead(self) -> ComparisonResult:
        """The comparison that leads."""
        return next(iter(self.comparisons.values()))

    @property
    def models(self) -> tuple[ModelResult, ...]:
        """The models of the comparison that leads."""
        return self.lead.models
