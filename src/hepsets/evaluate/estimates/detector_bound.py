r"""How well ΔC9 can be known from reconstructed events: a bracket around the unknown bound.

The information :math:`I(y)` in what was seen of a decay is at most that in the decay itself (data
processing), and at least what any function :math:`t(y)` of it tells, since the mean of the true score over
decays that look alike is the score of what was seen:

.. math:: \operatorname{Var}_\delta(s(x)) \ge I(y) \ge
          \operatorname{Cov}_\delta(t, s)^2 / \operatorname{Var}_\delta(t).

Both ends follow from simulated decays with known scores; for t the learned scores are taken. With background
of floating fraction the score has two parts and the lower end is that of matrices,
:math:`M^\mathsf{T} V^{-1} M`; the upper end is that of a perfect separation from background.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hepsets.core.errors import InputError
from hepsets.learn.data_sets.quadratic_kernels import Array
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, Rate, signal_slopes
from hepsets.learn.data_sets.truth_ratios import TruthRatios


@dataclass(frozen=True)
class InformationBracket:
    """Information on ΔC9 per signal event, between two ends.

    Parameters
    ----------
    delta_c9
        Where.
    least
        What the learned scores tell.
    greatest
        What the true decays behind the selected events tell.
    """

    delta_c9: float
    least: float
    greatest: float

    def sigma(self, signal_events: int) -> tuple[float, float]:
        """The bracket of the bound on the standard deviation: least and greatest."""
        low, high = 1 / np.sqrt(signal_events * np.array([self.greatest, self.least]))
        return float(low), float(high)


def information_bracket(
    signal: EventTerms,
    truth: TruthRatios,
    rate: Rate,
    delta_c9: float,
    background: EventTerms | None = None,
    background_over_signal: float = 1.0,
) -> InformationBracket:
    """Bracket the information of reconstructed events.

    Parameters
    ----------
    signal
        Learned terms of simulated signal that the network was not trained on.
    truth
        Its true density ratios.
    rate
        Total rate of the learned densities.
    delta_c9
        Where to take it; a value of the fit, see :class:`~hepsets.learn.data_sets.response.Response`.
    background, background_over_signal
        Learned terms of simulated background, and how much of it there is.

    Raises
    ------
    InputError
        If terms and truth do not fit each other.
    """
    if len(signal) != len(truth):
        raise InputError(f"{len(signal)} terms and {len(truth)} truth ratios", "as many")
    weights = truth.weights(delta_c9)
    true_score = signal_slopes(EventTerms(truth.beta, truth.gamma), truth.rate, delta_c9)
    true_score -= weights @ true_score
    greatest = float(weights @ true_score**2)
    learned = signal_slopes(signal, rate, delta_c9)
    if background is None:
        learned -= weights @ learned
        least = float(weights @ (learned * true_score)) ** 2 / float(weights @ learned**2)
        return InformationBracket(delta_c9, least, greatest)
    if signal.background is None or background.background is None:
        raise InputError("terms without background", "those of a model that knows background")
    fraction = background_over_signal / (1 + background_over_signal)
    of_signal = _mixture_scores(signal, signal.background, rate, delta_c9, fraction)
    of_background = _mixture_scores(background, background.background, rate, delta_c9, fraction)
    shares = np.full(len(background), fraction / len(background))
    own = (1 - fraction) * weights
    mean = of_signal @ own + of_background @ shares
    of_signal -= mean[:, None]
    of_background -= mean[:, None]
    covariance = (of_signal * own) @ of_signal.T + (of_background * shares) @ of_background.T
    truth_signal = np.stack([true_score, np.full(len(signal), -1 / (1 - fraction))])
    truth_background = np.stack([np.zeros(len(background)), np.full(len(background), 1 / fraction)])
    cross = (of_signal * own) @ truth_signal.T + (of_background * shares) @ truth_background.T
    information = cross.T @ np.linalg.solve(covariance, cross)
    profiled = float(information[0, 0] - information[0, 1] ** 2 / information[1, 1])
    return InformationBracket(delta_c9, profiled / (1 - fraction), greatest)


def _mixture_scores(
    terms: EventTerms, background: Array, rate: Rate, delta_c9: float, fraction: float
) -> Array:
    """Scores in ΔC9 and in the background fraction, shape ``(2, n_events)``."""
    signal = (1 + delta_c9 * (terms.beta + delta_c9 * terms.gamma)) / float(rate(delta_c9))
    density = (1 - fraction) * signal + fraction * background
    probability = (1 - fraction) * signal / density
    return np.stack([probability * signal_slopes(terms, rate, delta_c9), (background - signal) / density])
