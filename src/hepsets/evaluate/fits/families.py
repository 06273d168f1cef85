"""Errors of a mass fit whose events come in families, which fluctuate together.

Candidates that share a D_s, a track or a parton event are not independent: their number and their masses
fluctuate by families, and errors from the likelihood, which take each for one observation, are too small.
To first order an estimate moves by H⁻¹ Σ s, with the score s of each event; the scores of a family are added
before they are squared (Liang and Zeger, Biometrika 73 (1986) 13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.parameters import Array
from hepsets.evaluate.fits.result import FitResult


@dataclass(frozen=True, eq=False)
class SharedFit:
    """A fit with errors that count families.

    Parameters
    ----------
    fit
        The fit; errors, covariance and intervals have grown.
    growth
        Of the error of the signal's yield: 1 for independent events.
    families
        How many there are in all categories.
    """

    fit: FitResult
    growth: float
    families: int


def share_families(fit: FitResult, masses: Sequence[Array], groups: Sequence[NDArray[Any]]) -> SharedFit:
    """Enlarge the errors of a fit to those of events in families.

    The error of each parameter grows by the ratio of two sandwiches H⁻¹ (Σ s sᵀ) H⁻¹, with scores added
    over families and without; where no family has two events it stays. It never gets smaller: two events
    that repel each other are not counted on.

    Parameters
    ----------
    fit
        Of events of weight one.
    masses
        Of each category within the range [GeV], as they were fitted; each of shape ``(n_events,)``.
    groups
        Families of the same events; one may lie in several categories.

    Raises
    ------
    InputError
        For groups that do not fit the masses.
    """
    if [len(one) for one in masses] != [len(one) for one in groups]:
        raise InputError(
            f"families of {[len(one) for one in groups]} events", f"of {[len(one) for one in masses]}"
        )
    families, family = np.unique(np.concatenate([np.asarray(one) for one in groups]), return_inverse=True)
    n, growth = len(family), np.ones(len(fit.values))
    if 1 < len(families) < n:
        steps = 0.01 * np.sqrt(np.maximum(np.diag(fit.covariance), 0.0))
        likelihood, values = Likelihood(fit.model, masses), fit.values
        each, shared = (
            np.diag(fit.covariance @ likelihood.score_covariance(values, steps, one) @ fit.covariance)
            for one in (np.arange(n), family)
        )
        growth = np.sqrt(np.maximum(shared / np.where(each > 0, each, np.inf), 1.0))
    covariance = fit.covariance * np.outer(growth, growth)
    parameters = tuple(
        replace(
            one,
            value=Measured(one.value.value, one.value.se * by),
            below=None if one.below is None else one.below * by,
            above=None if one.above is None else one.above * by,
        )
        for one, by in zip(fit.parameters, growth.tolist(), strict=True)
    )
    grown = replace(fit, parameters=parameters, covariance=covariance)
    before = fit.signal.se
    return SharedFit(grown, grown.signal.se / before if before > 0 else 1.0, len(families))
