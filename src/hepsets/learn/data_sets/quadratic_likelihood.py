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
from hepsets.core.kernel import kernel

Array = NDArray[np.float64]

SCAN_STEP = 0.25
"""Distance of the points among which the highest is looked for first."""

SCAN_EVENTS = 4000
"""Events of that scan at most: they find the hill, all events then climb it."""

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
    """Offsets as int64.

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


@kernel
def _fraction(delta: float, start: float, beta: Array, gamma: Array, background: Array, rate: float) -> float:
    """The background fraction of greatest likelihood at ``delta``: the logarithm is concave in it."""
    low, high = 0.0, 1.0
    fraction = start
    for _ in range(60):
        first = 0.0
        second = 0.0
        for i in range(len(beta)):
            signal = (1.0 + delta * (beta[i] + delta * gamma[i])) / rate
            share = (background[i] - signal) / max(signal + fraction * (background[i] - signal), 1e-300)
            first += share
            second += share * share
        if first > 0.0:
            low = fraction
        else:
            high = fraction
        if second == 0.0:
            return fraction
        step = first / second
        following = fraction + step
        if following <= low or following >= high:
            following = 0.5 * (low + high)
        if abs(following - fraction) < 1e-7:
            return following
        fraction = following
    return fraction


@kernel
def _value_slope(
    delta: float,
    start: float,
    beta: Array,
    gamma: Array,
    background: Array,
    linear: float,
    quadratic: float,
    with_slope: bool,
) -> tuple[float, float, float]:
    """Profiled log-likelihood, its slope in ΔC9, and the background fraction.

    Densities are multiplied by the dozen before a logarithm is taken; a density of zero counts as
    1e-30, which rules a value out without an infinity.
    """
    rate = 1.0 + delta * (linear + delta * quadratic)
    rate_slope = linear + 2.0 * delta * quadratic
    fraction = 0.0
    if len(background) > 0:
        fraction = _fraction(delta, start, beta, gamma, background, rate)
    value = 0.0
    slope = 0.0
    product = 1.0
    for i in range(len(beta)):
        signal = 1.0 + delta * (beta[i] + delta * gamma[i])
        density = (1.0 - fraction) * signal / rate
        if len(background) > 0:
            density += fraction * background[i]
        density = min(max(density, 1e-30), 1e30)
        product *= density
        if product < 1e-200 or product > 1e200 or i % 12 == 11:
            value += math.log(product)
            product = 1.0
        if with_slope:
            change = (beta[i] + 2.0 * delta * gamma[i] - signal * rate_slope / rate) / rate
            slope += (1.0 - fraction) * change / density
    return value + math.log(product), slope, fraction


@kernel
def _curves(
    beta: Array,
    gamma: Array,
    background: Array,
    offsets: NDArray[np.int64],
    linear: float,
    quadratic: float,
    points: Array,
    result: Array,
) -> None:
    for s in range(len(offsets) - 1):
        b = beta[offsets[s] : offsets[s + 1]]
        g = gamma[offsets[s] : offsets[s + 1]]
        r = background[offsets[s] : offsets[s + 1]] if len(background) > 0 else background
        fraction = 0.5
        for k in range(points.shape[1]):
            result[s, k], _, fraction = _value_slope(
                points[s, k], fraction, b, g, r, linear, quadratic, False
            )


@kernel
def _crossing(
    inside: float,
    outside: float,
    top: float,
    start: float,
    beta: Array,
    gamma: Array,
    background: Array,
    linear: float,
    quadratic: float,
) -> float:
    """Where the log-likelihood has fallen by 1/2, between the maximum and a point that is lower."""
    low, at_low = inside, 0.5
    high = outside
    value, _, start = _value_slope(high, start, beta, gamma, background, linear, quadratic, False)
    at_high = value - top + 0.5
    if at_high >= 0.0:
        return outside
    side = 0
    middle = high
    for _ in range(60):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        value, _, start = _value_slope(middle, start, beta, gamma, background, linear, quadratic, False)
        here = value - top + 0.5
        if abs(here) < 1e-6 or abs(high - low) < 1e-9:
            break
        if here > 0.0:
            low, at_low = middle, here
            if side == 1:
                at_high *= 0.5
            side = 1
        else:
            high, at_high = middle, here
            if side == -1:
                at_low *= 0.5
            side = -1
    return middle


@kernel
def _fits(
    beta: Array,
    gamma: Array,
    background: Array,
    offsets: NDArray[np.int64],
    linear: float,
    quadratic: float,
    scan: Array,
    result: Array,
) -> None:
    least, greatest = scan[0], scan[-1]
    for s in range(len(offsets) - 1):
        b = beta[offsets[s] : offsets[s + 1]]
        g = gamma[offsets[s] : offsets[s + 1]]
        r = background[offsets[s] : offsets[s + 1]] if len(background) > 0 else background
        stride = max(1, len(b) // SCAN_EVENTS)
        best, best_value, fraction = 0, -np.inf, 0.5
        for k in range(len(scan)):
            value, _, fraction = _value_slope(
                scan[k], fraction, b[::stride], g[::stride], r[::stride], linear, quadratic, False
            )
            if value > best_value:
                best, best_value = k, value
        low, high = scan[max(best - 1, 0)], scan[min(best + 1, len(scan) - 1)]
        # all events may peak a little outside what the scanned ones have pointed to
        _, slope_low, fraction = _value_slope(low, fraction, b, g, r, linear, quadratic, True)
        while slope_low < 0.0 and low > least:
            low = max(least, low - SCAN_STEP)
            _, slope_low, fraction = _value_slope(low, fraction, b, g, r, linear, quadratic, True)
        _, slope_high, fraction = _value_slope(high, fraction, b, g, r, linear, quadratic, True)
        while slope_high > 0.0 and high < greatest:
            high = min(greatest, high + SCAN_STEP)
            _, slope_high, fraction = _value_slope(high, fraction, b, g, r, linear, quadratic, True)
        if slope_low <= 0.0:
            middle = low
        elif slope_high >= 0.0:
            middle = high
        else:
            middle = 0.5 * (low + high)
            side = 0
            for _ in range(60):
                middle = (low * slope_high - high * slope_low) / (slope_high - slope_low)
                _, slope, fraction = _value_slope(middle, fraction, b, g, r, linear, quadratic, True)
                if abs(slope) < 1e-7 * len(b) or high - low < 1e-9:
                    break
                if slope > 0.0:
                    low, slope_low = middle, slope
                    if side == 1:
                        slope_high *= 0.5
                    side = 1
                else:
                    high, slope_high = middle, slope
                    if side == -1:
                        slope_low *= 0.5
                    side = -1
        top, _, fraction = _value_slope(middle, fraction, b, g, r, linear, quadratic, False)
        result[s, 0], result[s, 3], result[s, 4] = middle, fraction, top
        # steps outwards that begin near one standard deviation, from the curvature
        probe = 0.02
        right = min(middle + probe, greatest)
        value, _, _ = _value_slope(right, fraction, b, g, r, linear, quadratic, False)
        fall = max(top - value, 1e-12)
        sigma = min(max(max(right - middle, 1e-6) / math.sqrt(2.0 * fall), 1e-4), 1.0)
        for direction in (-1.0, 1.0):
            limit = least if direction < 0.0 else greatest
            inside, step = middle, 1.3 * sigma
            outside = middle
            while True:
                outside = min(max(outside + direction * step, least), greatest)
                value, _, _ = _value_slope(outside, fraction, b, g, r, linear, quadratic, False)
                if value - top + 0.5 < 0.0 or outside == limit:
                    break
                step *= 1.6
            end = _crossing(inside, outside, top, fraction, b, g, r, linear, quadratic)
            result[s, 1 if direction < 0.0 else 2] = end
