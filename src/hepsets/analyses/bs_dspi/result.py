"""Everything that a run found: what its metrics and its report are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hepsets.analyses.bs_dspi import about
from hepsets.analyses.bs_dspi.checks import Checks
from hepsets.analyses.bs_dspi.config import Config
from hepsets.analyses.bs_dspi.cut import Cuts
from hepsets.analyses.bs_dspi.facts import Classifier, SampleFacts
from hepsets.analyses.bs_dspi.mass_fits import Fits
from hepsets.analyses.bs_dspi.metrics import metrics_of
from hepsets.analyses.bs_dspi.oscillation import Oscillation
from hepsets.analyses.bs_dspi.published import Published
from hepsets.analyses.bs_dspi.reweighted import Reweighted
from hepsets.analyses.bs_dspi.unfolded import UnfoldedSignal
from hepsets.analyses.shown import Shown
from hepsets.core.measured import Measured
from hepsets.core.run import Origin


@dataclass(frozen=True, eq=False, repr=False)
class Result(Shown):
    """Everything that a run found.

    Parameters
    ----------
    config, origin
        What was run, and when and with what.
    samples
        The candidates.
    classifier
        The trees that select.
    reweighted
        Weights of the simulated signal, and the test of them.
    cuts
        The cut, and the tight one.
    fits
        Before, after, and after the tight cut.
    signal_efficiency
        Of vetoes and cut.
    checks
        What may be wrong with the selection, and what it rests on.
    unfolded
        The signal's transverse momentum in data; ``None`` where the fit is blinded.
    oscillation
        Δm_s; ``None`` where nobody knows the flavours as produced.
    published
        The coursework's version, if it was asked for.
    """

    analysis: ClassVar[str] = about.name

    config: Config
    origin: Origin
    samples: SampleFacts
    classifier: Classifier
    reweighted: Reweighted
    cuts: Cuts
    fits: Fits
    signal_efficiency: Measured
    checks: Checks
    unfolded: UnfoldedSignal | None
    oscillation: Oscillation | None
    published: Published | None

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of ``result.json``."""
        return metrics_of(
            self.classifier,
            self.cuts.chosen,
            self.fits,
            self.signal_efficiency,
            self.checks.sculpting[self.classifier.name].p_value,
            published=self.published,
            oscillation=self.oscillation,
        )
