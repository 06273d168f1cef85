r"""What more training events would buy: a power law with an offset, fitted to error rates.

Error rates of networks fall with the number N of training events as

.. math:: e(N) = e_\infty + a N^{-b}

(Hestness et al., arXiv:1712.00409, who find exponents b between 0.07 and 0.35, and at most 1/2 in theory;
Rosenfeld et al., arXiv:1909.12673). A handful of sizes hardly tells :math:`e_\infty` and b apart, so the
covariance of a fit means little. Here the likelihood is profiled: what is quoted is every value that some
power law reaches whose χ² is within one of the best, with :math:`e_\infty \ge 0`, :math:`a \ge 0` and b
within :data:`EXPONENTS`. Where even the best law misses the points, as trainings that scatter do, all errors
are scaled as the Particle Data Group does, so that the χ² per degree of freedom is one (three points count as
one degree of freedom, which they have where the best law is on an edge of the family). That holds within the
family only; that it goes on to hold beyond the largest training is an assumption that no fit can test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.sample import Array

EXPONENTS: Array = np.linspace(0.05, 1.0, 191)
"""Exponents b that are tried."""

LEVELS = 600
"""Values of the extrapolated error rate that are tried."""


@dataclass(frozen=True)
class Bracketed:
    """A value and the interval of 68.27 % about it, which need not be symmetric."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LearningCurve:
    """Error rates against training events, and the power law through them.

    Parameters
    ----------
    events, error_rate, error_rate_se
        Shape ``(n_points,)``: what was fitted.
    offset, amplitude, exponent
        The best e∞, a and b.
    at
        Number of training events of the extrapolation.
    extrapolated
        Error rate there, with its interval.
    chi2, ndof
        Of the best power law, with the errors as given.
    error_scale
        What these errors were multiplied with for the intervals, at least 1.
    drawn_events, drawn_rate, drawn_low, drawn_high
        Shape ``(n_drawn,)``: the law from the smallest training to ``at``, with its band.
    """

    events: Array
    error_rate: Array
    error_rate_se: Array
    offset: float
    amplitude: float
    exponent: float
    at: float
    extrapolated: Bracketed
    chi2: float
    ndof: int
    error_scale: float
    drawn_events: Array
    drawn_rate: Array
    drawn_low: Array
    drawn_high: Array


def fit_learning_curve(
    events: ArrayLike, error_rate: ArrayLike, error_rate_se: ArrayLike, *, at: float, drawn: int = 25
) -> LearningCurve:
    """Fit a power law with an offset to error rates, and extrapolate it.

    Parameters
    ----------
    events
        Shape ``(n_points,)``, numbers of training events, all different, in any order.
    error_rate, error_rate_se
        Shape ``(n_points,)``: one minus the accuracy, and its error. If all trainings are judged on the same
        test events, what these have in common moves all points together; the errors that belong here are
        then those of the training, and half of a test sample's if there is no better guess.
    at
        Training events to extrapolate to.
    drawn
        Points of the curve and its band.

    Raises
    ------
    InputError
        For fewer than three points, or errors that are not positive.
    """
    n, rate, se = (np.asarray(values, dtype=np.float64) for values in (events, error_rate, error_rate_se))
    if not (n.ndim == 1 and n.shape == rate.shape == se.shape) or len(np.unique(n)) < 3:
        raise InputError(
            f"error rates of {len(np.unique(n))} sizes of training", "three or more, each with its error"
        )
    if not ((n > 0).all() and at > 0 and (se > 0).all() and np.isfinite(rate).all()):
        raise InputError("a number of events or an error that is not positive", "positive numbers")
    scale = float(n.max())
    best = _best(n / scale, rate, se)
    ndof = len(n) - 3
    error_scale = max(1.0, float(np.sqrt(best.chi2 / max(ndof, 1))))
    limit = best.chi2 + error_scale**2
    points = np.geomspace(n.min(), max(at, scale), drawn)
    band = [_profile(n / scale, rate, se, point / scale, limit) for point in points]
    extrapolated = _profile(n / scale, rate, se, at / scale, limit)
    return LearningCurve(
        n, rate, se,
        best.offset, best.amplitude * scale**best.exponent, best.exponent,
        float(at),
        Bracketed(best.rate(at / scale), *extrapolated),
        best.chi2,
        ndof,
        error_scale,
        points,
        np.array([best.rate(point / scale) for point in points]),
        np.array([low for low, _ in band]),
        np.array([high for _, high in band]),
    )  # fmt: skip


# -- inside ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Law:
    offset: float
    amplitude: float
    exponent: float
    chi2: float

    def rate(self, events: float) -> float:
        return float(self.offset + self.amplitude * events**-self.exponent)


def _best(n: Array, rate: Array, se: Array) -> _Law:
    """For each exponent the offset and amplitude follow linearly; on an edge one of them is zero."""
    laws = []
    for exponent in EXPONENTS:
        fall = n**-exponent
        design = np.stack([np.ones_like(n), fall], axis=1) / se[:, None]
        candidates = [np.linalg.lstsq(design, rate / se, rcond=None)[0]]
        for only in (0, 1):
            alone = np.zeros(2)
            alone[only] = (design[:, only] @ (rate / se)) / (design[:, only] @ design[:, only])
            candidates.append(alone)
        for offset, amplitude in candidates:
            if offset >= 0 and amplitude >= 0:
                chi2 = float(np.sum(((offset + amplitude * fall - rate) / se) ** 2))
                laws.append(_Law(float(offset), float(amplitude), float(exponent), chi2))
    return min(laws, key=lambda law: law.chi2)


def _profile(n: Array, rate: Array, se: Array, at: float, limit: float) -> tuple[float, float]:
    """Lowest and highest value at ``at`` of laws with a χ² of at most ``limit``.

    At a given exponent and value y the law is y + a (N^-b - at^-b), with a between 0 and y at^b, so that its
    best amplitude is the clipped one of a straight line.
    """
    top = 1.5 * float(np.max(rate + 3 * se)) * max(1.0, (at / n.min()) ** -EXPONENTS[-1])
    low, high = 0.0, top
    for _ in range(3):  # a first grid over all values, then finer ones about the interval
        values = np.linspace(low, high, LEVELS)
        chi2 = _least_chi2(n, rate, se, at, values)
        inside = values[chi2 <= limit]
        if not len(inside):
            inside = values[[int(np.argmin(chi2))]]
        step = values[1] - values[0]
        low, high = max(inside[0] - 2 * step, 0.0), inside[-1] + 2 * step
    return float(inside[0]), float(inside[-1])


def _least_chi2(n: Array, rate: Array, se: Array, at: float, values: Array) -> Array:
    """Shape of ``values``: the least χ² over exponents and amplitudes."""
    fall = n[None, :] ** -EXPONENTS[:, None] - at ** -EXPONENTS[:, None]  # (exponents, points)
    weight = se**-2
    misses = rate[None, :] - values[:, None]  # (values, points)
    norm = np.maximum((fall**2 * weight).sum(axis=1), np.finfo(np.float64).tiny)
    amplitude = (misses * weight) @ fall.T / norm  # (values, exponents)
    amplitude = np.clip(amplitude, 0, values[:, None] * at ** EXPONENTS[None, :])
    chi2 = (
        (misses**2 * weight).sum(axis=1)[:, None]
        - 2 * amplitude * ((misses * weight) @ fall.T)
        + amplitude**2 * norm
    )
    return np.asarray(chi2.min(axis=1))
