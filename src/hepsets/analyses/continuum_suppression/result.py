"""Everything that a run of continuum suppression found: what its metrics and its report are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from hepsets.analyses.continuum_suppression import about
from hepsets.analyses.continuum_suppression.comparison import ComparisonResult, ModelResult
from hepsets.analyses.continuum_suppression.config import Config
from hepsets.analyses.continuum_suppression.ensembles import Ensemble
from hepsets.analyses.continuum_suppression.metrics import extra_metrics, metrics_of
from hepsets.analyses.continuum_suppression.off_resonance import OffResonance
from hepsets.analyses.continuum_suppression.recovery import Recovered
from hepsets.analyses.continuum_suppression.samples import SampleFacts
from hepsets.analyses.continuum_suppression.shapes import GenericSignal, Shapes
from hepsets.analyses.continuum_suppression.trust import Trust
from hepsets.analyses.shown import Shown
from hepsets.core.run import Origin


@dataclass(frozen=True, eq=False, repr=False)
class Result(Shown):
    """Everything that a run found.

    Parameters
    ----------
    config, origin
        What was run, and when and with what.
    samples
        What is to be known of the events.
    comparisons
        By name, the one that leads first.
    trust
        How far the models can be trusted.
    shapes
        The thirty variables of the comparison that leads.
    generic
        Enriched against generic signal, where there is any.
    ensembles
        Models that were trained several times, by comparison.
    off_resonance
        What off-resonance data did, if there were any.
    recovered
        What they bring back where simulation is wrong, if that was studied.
    """

    analysis: ClassVar[str] = about.name

    config: Config
    origin: Origin
    samples: SampleFacts
    comparisons: dict[str, ComparisonResult]
    trust: Trust
    shapes: Shapes
    generic: GenericSignal | None
    ensembles: dict[str, tuple[Ensemble, ...]] = field(default_factory=dict)
    off_resonance: OffResonance | None = None
    recovered: tuple[Recovered, ...] = ()

    @property
    def lead(self) -> ComparisonResult:
        """The comparison that leads."""
        return next(iter(self.comparisons.values()))

    @property
    def models(self) -> tuple[ModelResult, ...]:
        """The models of the comparison that leads."""
        return self.lead.models

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of ``result.json``."""
        return metrics_of(self.config, self.samples, self.comparisons, self.trust) | extra_metrics(
            self.ensembles, self.off_resonance, self.recovered
        )
