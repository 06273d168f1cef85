"""Simulation-based calibration: for truths drawn from the prior, a right posterior has uniform ranks.

Talts, Betancourt, Simpson, Vehtari & Gelman 2018, arXiv:1804.06788. A ∪-shaped histogram of ranks means
intervals that are too short, ∩ too long, a slope a bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, kstest

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured

DRAWS = 99
"""Posterior draws that ranks are stated for: 0 to 99, a hundred values."""


@dataclass(frozen=True, eq=False)
class PosteriorCalibration:
    """Whether ranks are uniform.

    Parameters
    ----------
    ranks
        Of each truth among :data:`DRAWS` posterior draws, shape ``(n_sets,)``.
    counts
        Histogram of the ranks in bins of equal width.
    p_uniform
        Chance of a larger χ² of that histogram for uniform ranks.
    p_kolmogorov
        Chance of a larger distance of Kolmogorov and Smirnov.
    coverage68, coverage95
        Share of truths within the central 68.3 % and 95.4 % of their posteriors.
    mean
        Mean of the posterior probability below the truth, 1/2 without a bias.
    """

    ranks: NDArray[np.int64]
    counts: NDArray[np.int64]
    p_uniform: float
    p_kolmogorov: float
    coverage68: Measured
    coverage95: Measured
    mean: Measured


def posterior_calibration(probabilities: ArrayLike, *, bins: int = 20) -> PosteriorCalibration:
    """Test posteriors by the probability that each gives to values below the truth.

    Parameters
    ----------
    probabilities
        Shape ``(n_sets,)``, for truths drawn from the prior: ``posterior_cdf`` of the estimators.
    bins
        Of the histogram; must divide the number of ranks (100).

    Raises
    ------
    InputError
        For fewer sets than bins, bins that do not divide the ranks, or probabilities outside [0, 1].
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if values.ndim != 1 or len(values) < bins or not ((values >= 0) & (values <= 1)).all():
        raise InputError(
            f"probabilities of shape {values.shape} or outside [0, 1]",
            f"at least {bins} of them, each from 0 to 1",
        )
    if (DRAWS + 1) % bins:
        raise InputError(f"{bins} bins of {DRAWS + 1} ranks", "a number of bins that divides them")
    ranks = np.minimum((values * (DRAWS + 1)).astype(np.int64), DRAWS)
    counts = np.bincount(ranks * bins // (DRAWS + 1), minlength=bins)
    expected = len(values) / bins
    statistic = float(((counts - expected) ** 2).sum() / expected)
    return PosteriorCalibration(
        ranks,
        counts,
        float(chi2.sf(statistic, bins - 1)),
        float(kstest(values, "uniform").pvalue),
        _central(values, 0.682689),
        _central(values, 0.9545),
        Measured(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))),
    )


def _central(values: NDArray[np.float64], level: float) -> Measured:
    return Measured.proportion(int((np.abs(values - 0.5) <= level / 2).sum()), len(values))
