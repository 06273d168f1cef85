r"""The likelihood of ΔC9 for sets of events whose densities are quadratic in it.

With :math:`p(x|\delta) = p(x|0)\,(1 + \beta\delta + \gamma\delta^2) / R(\delta)` and, where there is
background, a density :math:`r\,p(x|0)` of it, a set of events has

.. math:: \ln L(\delta, f) = \sum_i \ln\left[(1-f)\,\frac{1 + \beta_i\delta + \gamma_i\delta^2}{R(\delta)}
          + f\,r_i\right],

which is maximised over the background fraction f at every :math:`\delta`. Intervals are those of the
likelihood ratio, :math:`2\Delta\ln L = 1` (Wilks 1938).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.learn.data_sets.quadratic_kernels import SCAN_STEP, Array, _curves, _fits

CURVE_POINTS = 201
"""Points of the likelihood curve of one data set."""


@dataclass(frozen=True)
class Rate:
    r"""The total rate over that at ΔC9 = 0: :math:`1 + b\delta + c\delta^2`."""

    linear: float
    quadratic: float

    def __call__(self, delta_c9: ArrayLike) -> Array:
        """The rate at any ΔC9, of the same shape."""
        delta = np.asarray(delta_c9, dtype=np.float64)
        return 1 + delta * (self.linear + delta * self.quadratic)


@dataclass(frozen=True, eq=False)
class EventTerms:
    """What of each event enters the likelihood; all of shape ``(n_events,)``.

    Parameters
    ----------
    beta, gamma
        Coefficients of the density ratio, with 1 + βδ + γδ² ≥ 0 at every δ.
    background
        Density of the background over that of the signal at ΔC9 = 0; ``None`` if there is none.
    """

    beta: Array
    gamma: Array
    background: Array | None = None

    def __post_init__(self) -> None:
        length = len(self.beta)
        for name in ("beta", "gamma", "background"):
            values = getattr(self, name)
            if values is None:
                continue
            values = np.ascontiguousarray(values, dtype=np.float64)
            if values.shape != (length,) or not np.isfinite(values).all():
                raise InputError(
                    f"{name} of shape {values.shape} or with values that are not finite",
                    f"({length},), finite numbers",
                )
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.beta)

    def __getitem__(self, which: slice | NDArray[np.integer] | NDArray[np.bool_]) -> EventTerms:
        """The terms of some of the events."""
        background = None if self.background is None else self.background[which]
        return EventTerms(self.beta[which], self.gamma[which], background)


@dataclass(frozen=True, eq=False)
class SetFits:
    """Maximum-likelihood fits of many sets; all of shape ``(n_sets,)``.

    Parameters
    ----------
    value
        ΔC9 of the highest likelihood.
    low, high
        Ends of the 68.3 % interval of the likelihood ratio; a limit of ΔC9 where it reaches that.
    background_fraction
        Fitted share of background among the events; NaN where there is none in the model.
    log_likelihood
        At the maximum.
    """

    value: Array
    low: Array
    high: Array
    background_fraction: Array
    log_likelihood: Array

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True, eq=False)
class DeltaC9Fit:
    """What one data set says.

    Parameters
    ----------
    value, low, high
        ΔC9 with the 68.3 % interval of the likelihood ratio.
    background_fraction
        Fitted share of background; NaN where the model has none.
    events
        Number of events.
    delta_c9, log_likelihood
        The curve, shape ``(n_points,)``; 0 at its maximum, profiled over the background fraction.
    at_limit
        The interval reaches a limit of ΔC9: the data say less than they seem to.
    """

    value: float
    low: float
    high: float
    background_fraction: float
    events: int
    delta_c9: Array
    log_likelihood: Array
    at_limit: bool


def log_likelihood(terms: EventTerms, rate: Rate, delta_c9: ArrayLike) -> Array:
    """Log-likelihood of one set at each ΔC9, profiled over the background fraction.

    Parameters
    ----------
    terms
        The events.
    rate
        Total rate of what was selected.
    delta_c9
        Shape ``(n_points,)``.

    Returns
    -------
    ndarray
        Shape ``(n_points,)``, up to a constant of the set.
    """
    points = np.atleast_1d(np.asarray(delta_c9, dtype=np.float64))
    curves = log_likelihood_of_sets(terms, np.array([0, len(terms)]), rate, points[None, :])
    return np.asarray(curves[0])


def log_likelihood_of_sets(
    terms: EventTerms, offsets: NDArray[np.integer], rate: Rate, delta_c9: Array
) -> Array:
    """Log-likelihood of many sets, each at points of its own, shape ``(n_sets, n_points)``; see above."""
    edges = checked_offsets(offsets, len(terms))
    result = np.empty((len(edges) - 1, delta_c9.shape[1]))
    points = np.broadcast_to(np.asarray(delta_c9, dtype=np.float64), result.shape)
    _curves(
        terms.beta, terms.gamma, _or_empty(terms), edges, rate.linear, rate.quadratic,
        np.ascontiguousarray(points), result,
    )  # fmt: skip
    return result


def fit_sets(
    terms: EventTerms, offsets: NDArray[np.integer], rate: Rate, limits: tuple[float, float] = (-3.0, 2.0)
) -> SetFits:
    """Fit ΔC9 to each of many sets.

    Parameters
    ----------
    terms
        All events, set after set.
    offsets
        Shape ``(n_sets + 1,)``, int: where sets begin and end.
    rate
        Total rate of what was selected.
    limits
        Least and greatest ΔC9.

    Raises
    ------
    InputError
        For offsets that do not fit the events, or a set without events.
    """
    edges = checked_offsets(offsets, len(terms))
    result = np.empty((len(edges) - 1, 5))
    scan = max(3, math.ceil((limits[1] - limits[0]) / SCAN_STEP) + 1)
    _fits(
        terms.beta, terms.gamma, _or_empty(terms), edges, rate.linear, rate.quadratic,
        np.linspace(limits[0], limits[1], scan), result,
    )  # fmt: skip
    if terms.background is None:
        result[:, 3] = np.nan
    return SetFits(*result.T.copy())


def fit_one(
    terms: EventTerms, rate: Rate, limits: tuple[float, float] = (-3.0, 2.0), *, points: int = CURVE_POINTS
) -> DeltaC9Fit:
    """Fit ΔC9 to one data set, with its likelihood curve over all of ``limits``."""
    fits = fit_sets(terms, np.array([0, len(terms)]), rate, limits)
    value, low, high = float(fits.value[0]), float(fits.low[0]), float(fits.high[0])
    # the interval deserves points however narrow it is
    near = np.linspace(max(limits[0], 5 * low - 4 * value), min(limits[1], 5 * high - 4 * value), points // 2)
    grid = np.unique(np.concatenate([np.linspace(*limits, points - len(near)), near, [value]]))
    curve = log_likelihood(terms, rate, grid) - fits.log_likelihood[0]
    return DeltaC9Fit(
        value, low, high, float(fits.background_fraction[0]), len(terms), grid, curve,
        at_limit=low <= limits[0] or high >= limits[1],
    )  # fmt: skip


def signal_slopes(terms: EventTerms, rate: Rate, delta_c9: float) -> Array:
    """Slope of ln p in ΔC9 of each event as a signal event, shape ``(n_events,)``."""
    ratio = 1 + delta_c9 * (terms.beta + delta_c9 * terms.gamma)
    slope = (terms.beta + 2 * delta_c9 * terms.gamma) / np.maximum(ratio, 1e-9)
    return np.asarray(slope - (rate.linear + 2 * delta_c9 * rate.quadratic) / float(rate(delta_c9)))


def checked_offsets(offsets: NDArray[np.integer], events: int) -> NDArray[np.int64]:
    """Offsets as int64, shape ``(n_sets + 1,)``.

    Raises
    ------
    InputError
        If they do not run from 0 to ``events`` through sets of at least one event.
    """
    edges = np.asarray(offsets, dtype=np.int64)
    if edges.ndim != 1 or len(edges) < 1 or edges[0] != 0 or edges[-1] != events:
        raise InputError(
            f"offsets of sets that do not run from 0 to {events}", "one more than there are sets"
        )
    if (np.diff(edges) <= 0).any():
        raise InputError("a set without events", "at least one event in each set")
    return edges


def _or_empty(terms: EventTerms) -> Array:
    return np.empty(0) if terms.background is None else terms.background


# -- compiled --------------------------------------------------------------------------------------
