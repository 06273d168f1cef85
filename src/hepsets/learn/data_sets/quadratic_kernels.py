"""Compiled scans and fits of sums of log(1 + βδ + γδ²) over the events of a set."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel

Array = NDArray[np.float64]


SCAN_STEP = 0.25
"""Distance of the points among which the highest is looked for first."""


SCAN_EVENTS = 4000
"""Events of that scan at most: they find the hill, all events then climb it."""


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
def _bracket(
    fraction: float,
    beta: Array,
    gamma: Array,
    background: Array,
    linear: float,
    quadratic: float,
    scan: Array,
) -> tuple[float, float, float, float, float]:
    """Two values around the maximum with the slopes there, and the background fraction.

    Some events say near which point of ``scan`` it lies; steps outwards with all events go on to where the
    slopes have the right signs, or to an end of the scan.
    """
    least, greatest = scan[0], scan[-1]
    stride = max(1, len(beta) // SCAN_EVENTS)
    some, some_gamma, some_background = beta[::stride], gamma[::stride], background[::stride]
    best, best_value = 0, -np.inf
    for k in range(len(scan)):
        value, _, fraction = _value_slope(
            scan[k], fraction, some, some_gamma, some_background, linear, quadratic, False
        )
        if value > best_value:
            best, best_value = k, value
    low, high = scan[max(best - 1, 0)], scan[min(best + 1, len(scan) - 1)]
    # all events may peak a little outside what the scanned ones have pointed to
    _, slope_low, fraction = _value_slope(low, fraction, beta, gamma, background, linear, quadratic, True)
    while slope_low < 0.0 and low > least:
        low = max(least, low - SCAN_STEP)
        _, slope_low, fraction = _value_slope(low, fraction, beta, gamma, background, linear, quadratic, True)
    _, slope_high, fraction = _value_slope(high, fraction, beta, gamma, background, linear, quadratic, True)
    while slope_high > 0.0 and high < greatest:
        high = min(greatest, high + SCAN_STEP)
        _, slope_high, fraction = _value_slope(
            high, fraction, beta, gamma, background, linear, quadratic, True
        )
    return low, slope_low, high, slope_high, fraction


@kernel
def _summit(
    low: float,
    slope_low: float,
    high: float,
    slope_high: float,
    fraction: float,
    beta: Array,
    gamma: Array,
    background: Array,
    linear: float,
    quadratic: float,
) -> tuple[float, float]:
    """Where the slope is zero between two values, or the end that it falls from; the background fraction."""
    if slope_low <= 0.0:
        return low, fraction
    if slope_high >= 0.0:
        return high, fraction
    middle = 0.5 * (low + high)
    side = 0
    for _ in range(60):
        middle = (low * slope_high - high * slope_low) / (slope_high - slope_low)
        _, slope, fraction = _value_slope(middle, fraction, beta, gamma, background, linear, quadratic, True)
        if abs(slope) < 1e-7 * len(beta) or high - low < 1e-9:
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
    return middle, fraction


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
    """ΔC9, both ends of its interval, background fraction and log-likelihood of each set, one row each."""
    least, greatest = scan[0], scan[-1]
    for s in range(len(offsets) - 1):
        b = beta[offsets[s] : offsets[s + 1]]
        g = gamma[offsets[s] : offsets[s + 1]]
        r = background[offsets[s] : offsets[s + 1]] if len(background) > 0 else background
        low, slope_low, high, slope_high, fraction = _bracket(0.5, b, g, r, linear, quadratic, scan)
        middle, fraction = _summit(low, slope_low, high, slope_high, fraction, b, g, r, linear, quadratic)
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
