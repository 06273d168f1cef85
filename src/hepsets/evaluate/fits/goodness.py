"""Whether a fit looks like its events: χ² in bins of equal expectation, and the largest distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2 as chi2_distribution

from hepsets.core.measured import Measured
from hepsets.evaluate.fits.model import MassModel
from hepsets.evaluate.fits.parameters import Array
from hepsets.evaluate.fits.result import FitResult

EXPECTED = 25.0
"""Events expected in a bin, unless there are so many that the number of bins ends at :data:`MOST_BINS`."""
MOST_BINS = 60
_POINTS = 4001


@dataclass(frozen=True)
class Goodness:
    """How well the fit describes the events.

    Parameters
    ----------
    chi2, ndf, p_value
        Σ (n − μ)²/μ, with Σ w² in place of μ for weighted events; ``ndf`` is the number of bins less that of
        free parameters. They were fitted to events, not to bins: χ² then lies between this distribution and
        one of up to as many more degrees of freedom (Chernoff and Lehmann 1954). ``None`` where there are
        too few events for bins.
    bins
        How many.
    distance
        Largest distance between the distributions of events and fit, times √n; no bins enter.
    chi2_p_value, distance_p_value
        Shares of toys that are farther off, each fitted in the same way; ``None`` without toys.
    """

    chi2: float | None
    ndf: int
    p_value: float | None
    bins: int
    distance: float
    chi2_p_value: Measured | None = None
    distance_p_value: Measured | None = None

    @property
    def chi2_per_ndf(self) -> float | None:
        """χ² per degree of freedom."""
        return None if self.chi2 is None else self.chi2 / self.ndf

    def against(self, chi2: Array, distance: Array) -> Goodness:
        """The same, judged by toys: their χ² and distances, each of shape ``(n_toys,)``."""

        def share(mine: float | None, others: Array) -> Measured | None:
            others = others[np.isfinite(others)]
            if mine is None or not len(others):
                return None
            return Measured.proportion(int((others >= mine).sum()), len(others))

        return replace(
            self,
            chi2_p_value=share(self.chi2, chi2),
            distance_p_value=share(self.distance, distance),
        )


def goodness_of_fit(
    fit: FitResult, masses: Sequence[Array], weights: Sequence[Array] | None = None
) -> Goodness:
    """χ² in bins of equal expectation, and the largest distance of the cumulative distributions.

    Parameters
    ----------
    fit
        The fit.
    masses
        Events of each category in the range [GeV], each of shape ``(n_events,)``.
    weights
        Of these events.
    """
    chi2, bins, distance = 0.0, 0, 0.0
    most = max(MOST_BINS // len(masses), 10)
    for c, mass in enumerate(masses):
        weight = np.ones(len(mass)) if weights is None else weights[c]
        grid, below = _cumulative(fit.model, fit.values, c)
        effective = weight.sum() ** 2 / (weight**2).sum()
        number = int(np.clip(effective / EXPECTED, 1, most))
        edges = np.interp(np.linspace(0, 1, number + 1), below / below[-1], grid)
        edges[0], edges[-1] = grid[0], grid[-1]
        observed = np.histogram(mass, edges, weights=weight)[0]
        expected = np.full(number, below[-1] / number)
        variance = expected if weights is None else np.histogram(mass, edges, weights=weight**2)[0]
        chi2 += float(((observed - expected) ** 2 / np.where(variance > 0, variance, 1.0)).sum())
        bins += number
        distance = max(distance, _distance(mass, weight, grid, below / below[-1]) * np.sqrt(effective))
    ndf = bins - fit.n_floating
    if ndf < 1:
        return Goodness(None, ndf, None, bins, distance)
    return Goodness(chi2, ndf, float(chi2_distribution.sf(chi2, ndf)), bins, distance)


def _cumulative(model: MassModel, values: Array, category: int) -> tuple[Array, Array]:
    """Masses, and the events expected below each."""
    grid = np.linspace(model.window.low, model.window.high, _POINTS)
    below = np.concatenate([[0.0], np.cumsum(model.expected(values, category, grid))])
    return grid, np.maximum.accumulate(below)


def _distance(mass: Array, weight: Array, grid: Array, below: Array) -> float:
    """Largest distance between the cumulative distributions of events and fit."""
    order = np.argsort(mass)
    expected = np.interp(mass[order], grid, below)
    reached = np.cumsum(weight[order]) / weight.sum()
    before = reached - weight[order] / weight.sum()
    return float(max(np.abs(reached - expected).max(), np.abs(expected - before).max()))
