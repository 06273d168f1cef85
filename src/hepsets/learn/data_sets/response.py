r"""What a learned likelihood finds, on average, at each true ΔC9: its members are renamed by that.

A network errs a little, so the member of its family of densities that comes nearest to the truth at
:math:`\delta` (in the sense of Kullback and Leibler) is that of a slightly different
:math:`\delta^*(\delta)`: where the mean score over true decays vanishes. Simulated decays with known density
ratios stand for any :math:`\delta`, so the whole function follows from one sample, and calling the member
:math:`\delta` in place of :math:`\delta^*` removes the bias for sets of any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from hepsets.core.errors import InputError
from hepsets.core.kernel import kernel
from hepsets.learn.data_sets.quadratic_kernels import Array
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, Rate
from hepsets.learn.data_sets.truth_ratios import WeightedDecays

POINTS = 26
"""Values of ΔC9 at which the response is looked for."""

FINE_POINTS = 2001
"""Points between which it is straight."""

LEAST_REACH = 0.6
"""Part of the range of training in which the fitted ΔC9 has to rise with the true one; where data tell
little about ΔC9, as at its upper end among background, a network's errors may outweigh the score."""

MAX_ROUNDS = 60
"""Rounds of scoring at most; a few suffice where the network is good."""


@dataclass(frozen=True, eq=False)
class Response:
    """Fitted against true ΔC9, both rising, of shape ``(n_points,)``; straight beyond the ends.

    Raises
    ------
    InputError
        If they do not both rise.
    """

    true: Array
    fitted: Array

    def __post_init__(self) -> None:
        if len(self.true) < 2 or not ((np.diff(self.true) > 0).all() and (np.diff(self.fitted) > 0).all()):
            raise InputError(
                "a likelihood whose fitted ΔC9 does not rise with the true one",
                "one that tells ΔC9",
                "train longer or on more events",
            )

    @classmethod
    def identity(cls, limits: tuple[float, float]) -> Response:
        """That of a likelihood without errors."""
        return cls(np.array(limits), np.array(limits))

    def fitted_at(self, true: ArrayLike) -> Array:
        """The member nearest to the truth at each ΔC9."""
        return _along(*self._fine, true)

    def true_at(self, fitted: ArrayLike) -> Array:
        """What a fitted ΔC9 stands for: the inverse of :meth:`fitted_at`."""
        return _along(*self._fine[::-1], fitted)

    @cached_property
    def _fine(self) -> tuple[Array, Array]:
        """A monotone cubic as many straight pieces, which have an inverse."""
        points = np.linspace(self.true[0], self.true[-1], FINE_POINTS)
        return points, np.asarray(PchipInterpolator(self.true, self.fitted)(points))


def fit_response(
    signal: EventTerms,
    truth: WeightedDecays,
    rate: Rate,
    limits: tuple[float, float],
    background: EventTerms | None = None,
    background_over_signal: float = 1.0,
) -> Response:
    """The response of a learned likelihood.

    Parameters
    ----------
    signal
        Learned terms of simulated signal.
    truth
        Its true density ratios.
    rate
        Total rate of the learned densities.
    limits
        Range of ΔC9.
    background, background_over_signal
        Learned terms of simulated background, and how much of it there is.

    Raises
    ------
    InputError
        If the fitted ΔC9 does not rise with the true one in most of the range of the sample.
    """
    true = np.linspace(*limits, POINTS)
    fitted = np.empty(POINTS)
    fraction = 0.0
    n_background = 0
    terms = signal
    if background is not None:
        assert signal.background is not None
        assert background.background is not None
        fraction = background_over_signal / (1 + background_over_signal)
        n_background = len(background)
        terms = EventTerms(
            np.concatenate([signal.beta, background.beta]),
            np.concatenate([signal.gamma, background.gamma]),
            np.concatenate([signal.background, background.background]),
        )
    # the true scores average to zero, and what they do not in this sample the learned ones share
    excesses = truth.mean_scores(true)
    middle = int(np.argmin(np.abs(true)))
    # outwards from the middle, each from where its neighbour ended: far out there may be other maxima
    for k in (*range(middle, POINTS), *range(middle - 1, -1, -1)):
        delta = float(true[k])
        weights = truth.weights(delta)
        shares = np.concatenate(
            [(1 - fraction) * weights, np.full(n_background, fraction / max(n_background, 1))]
        )
        inner = k - np.sign(k - middle)
        start = delta if k == middle else float(fitted[inner] + delta - true[inner])
        fitted[k] = _nearest(
            start, fraction, excesses[k] * (1 - fraction), shares, terms, rate, background is not None
        )
    rises = np.diff(fitted) > 0
    first, last = middle, middle
    while last < POINTS - 1 and rises[last]:
        last += 1
    while first > 0 and rises[first - 1]:
        first -= 1
    low, high = float(truth.delta_c9.min()), float(truth.delta_c9.max())
    reached = min(true[last], high) - max(true[first], low)
    if reached < LEAST_REACH * (high - low):
        raise InputError(
            f"a fitted ΔC9 that rises with the true one from {true[first]:.1f} to {true[last]:.1f} only",
            f"most of the range of training, {low:g} to {high:g}",
            "train longer or on more events",
        )
    return Response(true[first : last + 1], fitted[first : last + 1])


def _nearest(
    start: float,
    fraction: float,
    excess: float,
    weights: Array,
    terms: EventTerms,
    rate: Rate,
    with_background: bool,
) -> float:
    """Where the weighted mean score is ``excess``, from ``start`` by the method of scoring (Fisher)."""
    background = terms.background if with_background and terms.background is not None else np.empty(0)
    at = start
    for _ in range(MAX_ROUNDS):
        first, second, dd, df, ff = _moments(
            at, fraction, weights, terms.beta, terms.gamma, background, rate.linear, rate.quadratic
        )
        first -= excess
        if with_background:
            determinant = dd * ff - df * df
            step = (ff * first - df * second) / determinant
            fraction = min(max(fraction + (dd * second - df * first) / determinant, 1e-3), 1 - 1e-3)
        else:
            step = first / dd
        at += min(max(step, -0.5), 0.5)
        if abs(step) < 1e-6:
            break
    return at


def _along(x: Array, y: Array, at: ArrayLike) -> Array:
    """Straight between the points, and on beyond them."""
    points = np.asarray(at, dtype=np.float64)
    first, last = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
    beyond = first * np.minimum(points - x[0], 0.0) + last * np.maximum(points - x[-1], 0.0)
    return np.asarray(np.interp(points, x, y) + beyond)


@kernel
def _moments(
    delta: float,
    fraction: float,
    weights: Array,
    beta: Array,
    gamma: Array,
    background: Array,
    linear: float,
    quadratic: float,
) -> tuple[float, float, float, float, float]:
    """Weighted means of the scores in ΔC9 and in the background fraction, and of their products."""
    rate = 1.0 + delta * (linear + delta * quadratic)
    rate_slope = linear + 2.0 * delta * quadratic
    first, second, dd, df, ff = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(beta)):
        ratio = 1.0 + delta * (beta[i] + delta * gamma[i])
        signal = ratio / rate
        change = (1.0 - fraction) * (beta[i] + 2.0 * delta * gamma[i] - signal * rate_slope) / rate
        density = (1.0 - fraction) * signal
        other = 0.0
        if len(background) > 0:
            density += fraction * background[i]
            other = background[i] - signal
        density = max(density, 1e-30)
        score, of_fraction = change / density, other / density
        first += weights[i] * score
        second += weights[i] * of_fraction
        dd += weights[i] * score * score
        df += weights[i] * score * of_fraction
        ff += weights[i] * of_fraction * of_fraction
    return first, second, dd, df, ff
