"""An estimator of ΔC9 that knows each event's quadratic terms: fits, curves and intervals from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.event_frame import EventFrame
from hepsets.learn.quadratic_likelihood import (
    Array,
    DeltaC9Fit,
    EventTerms,
    Rate,
    SetFits,
    fit_one,
    fit_sets,
    log_likelihood,
    posterior_cdf,
)
from hepsets.learn.set_estimator import NetworkEstimator, SetEstimates
from hepsets.represent.event_sets import EventSets


class LikelihoodEstimator(NetworkEstimator):
    """What all estimators by a quadratic likelihood share.

    Parameters
    ----------
    name
        What it is called in tables.
    rate
        Total rate of what was selected.
    limits
        Least and greatest ΔC9 of fits.

    :meth:`terms` gives what enters the likelihood, event by event. Compute it once for a pool of events
    and cut the pool into as many sets as wanted: other methods take terms in place of events.
    """

    def __init__(self, name: str, rate: Rate, limits: tuple[float, float]) -> None:
        self.name = name
        self.rate = rate
        self.limits = limits

    def terms(self, frame: EventFrame) -> EventTerms:
        """What of each event enters the likelihood."""
        raise NotImplementedError

    def log_likelihood(self, events: EventFrame | EventTerms, delta_c9: ArrayLike) -> Array:
        """Log-likelihood of one set at each ΔC9, shape ``(n_points,)``, up to a constant of the set."""
        return log_likelihood(self._terms(events), self.rate, delta_c9)

    def infer(self, events: EventFrame | EventTerms) -> DeltaC9Fit:
        """Fit one data set: ΔC9, its interval, the likelihood curve."""
        return fit_one(self._terms(events), self.rate, self.limits)

    def fit_sets(self, events: EventFrame | EventTerms, offsets: NDArray[np.integer]) -> SetFits:
        """Fit each of many sets; ``offsets`` of shape ``(n_sets + 1,)`` say where sets begin and end."""
        return fit_sets(self._terms(events), offsets, self.rate, self.limits)

    def posterior_cdf(
        self, events: EventFrame | EventTerms, offsets: NDArray[np.integer], truths: ArrayLike
    ) -> Array:
        """Posterior probability of ΔC9 below its true value for each set, with a flat prior."""
        return posterior_cdf(self._terms(events), offsets, self.rate, truths, self.limits)

    def estimate_sets(self, sets: EventSets) -> SetEstimates:
        """ΔC9 of each set with the interval of the likelihood ratio."""
        fits = self.fit_sets(*self.terms_of_sets(sets))
        return SetEstimates(fits.value, fits.low, fits.high)

    def terms_of_sets(self, sets: EventSets) -> tuple[EventTerms, NDArray[np.int64]]:
        """The terms of all sets end to end, and the offsets; each event is looked at once."""
        used, place = np.unique(sets.members, return_inverse=True)
        return self.terms(sets.frame[used])[place], sets.offsets

    def _terms(self, events: EventFrame | EventTerms) -> EventTerms:
        return events if isinstance(events, EventTerms) else self.terms(events)
