"""How good an estimator of ΔC9 is, from its predictions on many simulated data sets (toys).

Toys must not share events: the spread of toys drawn from one pool lacks the pool's own fluctuation, and
their mean keeps it (:mod:`hepsets.represent.data_sets.pools` makes both, to show the difference).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EstimatorQuality:
    """What an estimator makes of many sets of one size at one true ΔC9.

    Parameters
    ----------
    delta_c9, toys
        The truth, and the number of sets.
    spread
        Standard deviation of the predictions; its error is that of a normal distribution.
    bias
        Mean of prediction − truth.
    squared_error, absolute_error
        Means of (prediction − truth)² and |prediction − truth|.
    coverage68
        Share of the 68.3 % intervals that hold the truth; ``None`` for estimators without intervals.
    pull_width
        Standard deviation of (prediction − truth) over half the interval; ``None`` without intervals.
    """

    delta_c9: float
    toys: int
    spread: Measured
    bias: Measured
    squared_error: Measured
    absolute_error: Measured
    coverage68: Measured | None = None
    pull_width: Measured | None = None


def estimator_quality(
    predictions: ArrayLike, delta_c9: float, intervals: ArrayLike | None = None
) -> EstimatorQuality:
    """Judge predictions on disjoint sets of one size at one true value.

    Parameters
    ----------
    predictions
        Shape ``(n_sets,)``.
    delta_c9
        The truth.
    intervals
        Ends of the 68.3 % intervals, shape ``(n_sets, 2)``.

    Raises
    ------
    InputError
        For fewer than two predictions, values that are not finite, or intervals of another shape.

    Examples
    --------
    >>> quality = estimator_quality([0.1, -0.1, 0.2, 0.0], 0.0, [[0, 1], [-1, 1], [0.1, 1], [-1, 1]])
    >>> print(quality.bias, quality.coverage68.value)
    0.050 ± 0.065 0.75
    """
    values = np.asarray(predictions, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise InputError(
            f"predictions of shape {values.shape} or with values that are not finite",
            "finite numbers, for two sets at least",
        )
    n = len(values)
    error = values - delta_c9
    spread = float(values.std(ddof=1))
    coverage, pulls = None, None
    if intervals is not None:
        ends = np.asarray(intervals, dtype=np.float64)
        if ends.shape != (n, 2) or not (ends[:, 1] >= ends[:, 0]).all():
            raise InputError(f"intervals of shape {ends.shape}", f"({n}, 2), each with its lower end first")
        covered = (ends[:, 0] <= delta_c9) & (delta_c9 <= ends[:, 1])
        coverage = Measured.proportion(int(covered.sum()), n)
        half = np.maximum(np.diff(ends, axis=1)[:, 0] / 2, 1e-12)
        width = float((error / half).std(ddof=1))
        pulls = Measured(width, width / np.sqrt(2 * (n - 1)))
    return EstimatorQuality(
        float(delta_c9),
        n,
        Measured(spread, float(spread / np.sqrt(2 * (n - 1)))),
        Measured(float(error.mean()), float(spread / np.sqrt(n))),
        _mean(error**2),
        _mean(np.abs(error)),
        coverage,
        pulls,
    )


@dataclass(frozen=True)
class Linearity:
    """A straight line through the mean predictions against the truth; ideally slope 1, offset 0.

    Parameters
    ----------
    slope, offset
        Of prediction − line at ΔC9 = 0, weighted by the errors of the means.
    chi2, ndof
        Of the line.
    """

    slope: Measured
    offset: Measured
    chi2: float
    ndof: int


def linearity(points: Sequence[EstimatorQuality]) -> Linearity:
    """Fit a straight line to what one estimator makes of several truths.

    Raises
    ------
    InputError
        For fewer than two truths.
    """
    truth = np.array([point.delta_c9 for point in points])
    if len(np.unique(truth)) < 2:
        raise InputError(f"linearity of {len(points)} points", "at least two different truths")
    value = truth + np.array([point.bias.value for point in points])
    se = np.maximum(np.array([point.bias.se for point in points]), 1e-12)
    design = np.stack([truth, np.ones(len(truth))], axis=1) / se[:, None]
    covariance = np.linalg.inv(design.T @ design)
    slope, offset = covariance @ design.T @ (value / se)
    chi2 = float((((value - slope * truth - offset) / se) ** 2).sum())
    return Linearity(
        Measured(float(slope), float(np.sqrt(covariance[0, 0]))),
        Measured(float(offset), float(np.sqrt(covariance[1, 1]))),
        chi2,
        len(truth) - 2,
    )


def mean_error(points: Sequence[EstimatorQuality]) -> tuple[Measured, Measured]:
    """Mean squared and mean absolute error over several truths, each truth counting the same.

    Raises
    ------
    InputError
        For no points.
    """
    if not points:
        raise InputError("errors of no points", "at least one")
    return tuple(  # type: ignore[return-value]
        Measured(
            float(np.mean([one.value for one in of])), float(np.sqrt(sum(one.se**2 for one in of)) / len(of))
        )
        for of in ([p.squared_error for p in points], [p.absolute_error for p in points])
    )


def _mean(values: Array) -> Measured:
    return Measured(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))
