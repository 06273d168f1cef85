"""An estimator of ΔC9 that knows each event's quadratic terms: fits, curves and intervals from them."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.event_frame import EventFrame
from hepsets.learn.data_sets.estimator import NetworkEstimator, SetEstimates
from hepsets.learn.data_sets.quadratic_kernels import Array
from hepsets.learn.data_sets.quadratic_likelihood import (
    DeltaC9Fit,
    EventTerms,
    Rate,
    SetFits,
    fit_one,
    fit_sets,
    log_likelihood,
    log_likelihood_of_sets,
)
from hepsets.learn.data_sets.response import Response
from hepsets.represent.data_sets.pools import EventSets

POSTERIOR_POINTS = 161
"""Points at which a posterior is taken."""


class LikelihoodEstimator(NetworkEstimator):
    """What all estimators by a quadratic likelihood share.

    :meth:`terms` gives what enters the likelihood, event by event. Compute it once for a pool of events
    and cut the pool into as many sets as wanted: other methods take terms in place of events.

    Parameters
    ----------
    name
        What it is called in tables.
    rate
        Total rate of what was selected.
    limits
        Least and greatest ΔC9 of fits.
    response
        What the likelihood finds at each true ΔC9, where it is not the truth itself.
    """

    def __init__(
        self, name: str, rate: Rate, limits: tuple[float, float], response: Response | None = None
    ) -> None:
        self.name = name
        self.rate = rate
        self.limits = limits
        self.response = response or Response.identity(limits)

    def terms(self, frame: EventFrame) -> EventTerms:
        """What of each event enters the likelihood."""
        raise NotImplementedError

    def log_likelihood(self, events: EventFrame | EventTerms, delta_c9: ArrayLike) -> Array:
        """Log-likelihood of one set at each ΔC9, shape ``(n_points,)``, up to a constant of the set."""
        return log_likelihood(self._terms(events), self.rate, self.response.fitted_at(delta_c9))

    def infer(self, events: EventFrame | EventTerms) -> DeltaC9Fit:
        """Fit one data set: ΔC9, its interval, the likelihood curve."""
        fit = fit_one(self._terms(events), self.rate, self._fitted_limits)
        true_at = self.response.true_at
        return dataclasses.replace(
            fit,
            value=float(true_at(fit.value)),
            low=float(true_at(fit.low)),
            high=float(true_at(fit.high)),
            delta_c9=true_at(fit.delta_c9),
        )

    def fit_sets(self, events: EventFrame | EventTerms, offsets: NDArray[np.integer]) -> SetFits:
        """Fit each of many sets; ``offsets`` of shape ``(n_sets + 1,)`` say where sets begin and end."""
        fits = fit_sets(self._terms(events), offsets, self.rate, self._fitted_limits)
        true_at = self.response.true_at
        return dataclasses.replace(
            fits, value=true_at(fits.value), low=true_at(fits.low), high=true_at(fits.high)
        )

    def posterior_cdf(
        self,
        events: EventFrame | EventTerms,
        offsets: NDArray[np.integer],
        truths: ArrayLike,
        prior: tuple[float, float],
    ) -> Array:
        """Posterior probability of ΔC9 below its true value, for each set and a flat prior.

        The posterior is the (profiled) likelihood within the prior's range, integrated up to seven standard
        deviations from its maximum. For truths drawn from the prior these probabilities are uniform if
        the posterior is right: see :mod:`hepsets.evaluate.estimates.simulation_based_calibration`.

        Parameters
        ----------
        truths
            True ΔC9, shape ``(n_sets,)``.
        prior
            Range of the flat prior.

        Returns
        -------
        ndarray
            Shape ``(n_sets,)``.
        """
        terms = self._terms(events)
        fits = self.fit_sets(terms, offsets)
        half = 7 * np.maximum(fits.high - fits.value, fits.value - fits.low)
        low = np.maximum(prior[0], np.minimum(fits.value, prior[1]) - half)
        high = np.minimum(prior[1], np.maximum(fits.value, prior[0]) + half)
        grid = low[:, None] + np.linspace(0, 1, POSTERIOR_POINTS) * (high - low)[:, None]
        curves = log_likelihood_of_sets(terms, offsets, self.rate, self.response.fitted_at(grid))
        density = np.exp(curves - curves.max(axis=1, keepdims=True))
        steps = np.diff(grid, axis=1) * (density[:, 1:] + density[:, :-1]) / 2
        total = np.concatenate([np.zeros((len(grid), 1)), np.cumsum(steps, axis=1)], axis=1)
        total /= total[:, -1:]
        rows = zip(np.asarray(truths, dtype=np.float64), grid, total, strict=True)
        return np.array([np.interp(*row) for row in rows])

    def estimate_sets(self, sets: EventSets) -> SetEstimates:
        """ΔC9 of each set with the interval of the likelihood ratio."""
        return self.estimate_terms(*self.terms_of_sets(sets))

    def estimate_terms(self, terms: EventTerms, offsets: NDArray[np.integer]) -> SetEstimates:
        """The same from the terms of all sets end to end, and their offsets, shape ``(n_sets + 1,)``."""
        fits = self.fit_sets(terms, offsets)
        return SetEstimates(fits.value, fits.low, fits.high)

    def terms_of_sets(self, sets: EventSets) -> tuple[EventTerms, NDArray[np.int64]]:
        """The terms of all sets end to end, and the offsets, shape ``(n_sets + 1,)``.

        Each event is looked at once.
        """
        used = np.zeros(len(sets.frame), dtype=bool)
        used[sets.members] = True
        place = np.cumsum(used) - 1
        return self.terms(sets.frame[used])[place[sets.members]], sets.offsets

    def _terms(self, events: EventFrame | EventTerms) -> EventTerms:
        return events if isinstance(events, EventTerms) else self.terms(events)

    @property
    def _fitted_limits(self) -> tuple[float, float]:
        low, high = self.response.fitted_at(self.limits)
        return float(low), float(high)
