"""The metrics of ``result.json``."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepsets.analyses.bs_dspi.cut import ChosenCut
from hepsets.analyses.bs_dspi.facts import Classifier
from hepsets.analyses.bs_dspi.mass_fits import Fits, JudgedFit
from hepsets.analyses.bs_dspi.oscillation import TRUTH, Oscillation
from hepsets.analyses.bs_dspi.published import Published
from hepsets.core.measured import Measured
from hepsets.core.metrics import record, to_json
from hepsets.evaluate.fits.toys import ToyStudy


def metrics_of(
    classifier: Classifier,
    cut: ChosenCut,
    fits: Fits,
    signal_efficiency: Measured,
    sculpting_p_value: float,
    *,
    published: Published | None,
    oscillation: Oscillation | None,
) -> dict[str, Any]:
    """The metrics of ``result.json``; names are an interface. Masses are in GeV.

    What a run did not look into is missing: ``published`` without the study, ``toys`` without toys. ``held``
    are the parameters of a fit that stay at what simulation says.
    """
    found: dict[str, Any] = {
        "classifier": record(auc=classifier.auc, folds=classifier.folds),
        "fit_before": _fit(fits.before),
        "fit_after": _fit(fits.after),
        **record(cut=cut.threshold, fom=cut.merit),
        "signal_efficiency": signal_efficiency.value,
        "sculpting_p_value": sculpting_p_value,
    }
    if published is not None:
        found["published"] = _fit(published.after)
    if fits.after.toys is not None:
        found["toys"] = _toys(fits.after.toys)
    if oscillation is not None:
        value, bound = oscillation.fit.delta_m, oscillation.fit.bound
        found["delta_ms"] = {"value": value.value, "se": value.se, "bound": bound, "truth": TRUTH}
    plain: dict[str, Any] = to_json(found)
    return plain


def _fit(fit: JudgedFit) -> dict[str, Any]:
    return {
        **record(mean=fit.mean, sigma=fit.sigma, signal=fit.signal),
        "background_3sigma": None if fit.background is None else fit.background.value,
        "s_over_b": None if fit.s_over_b is None else fit.s_over_b.value,
        "chi2": fit.goodness.chi2,
        "ndf": max(fit.goodness.ndf, 0),  # none where candidates are too few for χ²
        "held": list(fit.held),
    }


def _toys(toys: ToyStudy) -> dict[str, Any]:
    """Pulls of the yields of all modes together, and of the mean; coverage of all their intervals."""
    yields = [k for k, one in enumerate(toys.parameters) if one.name.startswith("signal")]
    means = [k for k, one in enumerate(toys.parameters) if one.name.startswith("mean")]
    return {
        "count": toys.count,
        "failed": toys.failed,
        "seconds": toys.seconds,
        **_pulls("yield", toys, yields),
        **_pulls("mean", toys, means),
        "coverage": float(np.mean([one.coverage.value for one in toys.parameters])),
    }


def _pulls(name: str, toys: ToyStudy, which: list[int]) -> dict[str, float]:
    pulls = toys.pulls[which]
    return {
        f"{name}_pull_mean": float(pulls.mean()),
        f"{name}_pull_width": float(pulls.std(axis=1, ddof=1).mean()),
    }
