"""Which decay times a selection keeps, and how well they are measured: both from simulated signal."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator

from hepsets.core.errors import InputError
from hepsets.evaluate.decay_time.oscillation import BS, Array, MeanLife, time_density

_RESOLUTIONS = 40
_POINTS = 24


@dataclass(frozen=True, eq=False)
class Acceptance:
    """A relative efficiency by measured decay time: monotone cubic pieces between knots.

    As of Fritsch and Carlson (SIAM J. Numer. Anal. 17 (1980) 238).

    Parameters
    ----------
    low
        Time [ps] below which nothing is kept.
    knots, values, errors
        Times [ps], the efficiency there, its highest value 1, and its statistical error; shape
        ``(n_knots,)``.
    """

    low: float
    knots: Array
    values: Array
    errors: Array

    def __call__(self, time: Array) -> Array:
        """The efficiency at times [ps] of any shape; beyond the outer knots that of the nearest one."""
        inside = np.clip(time, self.knots[0], self.knots[-1])
        return np.where(np.asarray(time) < self.low, 0.0, PchipInterpolator(self.knots, self.values)(inside))


def measured_acceptance(
    time: Array, resolution: Array, *, knots: int = 12, low: float | None = None, life: MeanLife = BS
) -> Acceptance:
    """The acceptance of selected simulated signal: its times in bins, over those without a selection.

    Parameters
    ----------
    time, resolution
        Measured times and their errors [ps], shape ``(n_decays,)``.
    knots
        Bins of as many decays each, with a knot at the mean time of each; one more is where they begin.
    low
        Where the selection begins [ps]; the least time by default.
    life
        What the signal was generated with.

    Raises
    ------
    InputError
        For fewer than ten decays per knot, or fewer than two knots.
    """
    if knots < 2 or len(time) < 10 * knots:
        raise InputError(f"{len(time)} decays for {knots} knots", "two knots or more, ten decays for each")
    edges = np.quantile(time, np.linspace(0, 1, knots + 1))
    edges[0] = edges[0] if low is None else min(low, edges[0])
    counts = np.histogram(time, edges)[0].astype(np.float64)
    sigmas = np.quantile(resolution, (np.arange(_RESOLUTIONS) + 0.5) / _RESOLUTIONS)
    expected = np.zeros(knots)
    for k in range(knots):
        points = np.linspace(edges[k], edges[k + 1], _POINTS)
        grid, spread = np.meshgrid(points, sigmas)
        expected[k] = np.trapezoid(time_density(grid, spread, life).mean(axis=0), points)
    value = counts / np.maximum(expected, 1e-12)
    place = np.array([time[(time >= a) & (time <= b)].mean() for a, b in pairwise(edges)])
    error = value / np.sqrt(np.maximum(counts, 1))
    slope = (value[1] - value[0]) / (place[1] - place[0])
    begins = max(0.0, float(value[0] - slope * (place[0] - edges[0])))  # a straight line to where it begins
    place, value, error = (
        np.concatenate([[first], rest])
        for first, rest in ((edges[0], place), (begins, value), (error[0], error))
    )
    return Acceptance(float(edges[0]), place, value / value.max(), error / value.max())


def resolution_scale(time: Array, true_time: Array, resolution: Array) -> float:
    """What errors of decay times are to be multiplied with: half of the middle 68.27 % of simulated pulls.

    Parameters
    ----------
    time, true_time, resolution
        Measured, generated, and the error of the measurement [ps], shape ``(n_decays,)``.

    Raises
    ------
    InputError
        For fewer than ten decays, or decays without spread.
    """
    if len(time) < 10:
        raise InputError(f"{len(time)} decays for a resolution", "ten or more")
    low, high = np.quantile((time - true_time) / resolution, [0.15866, 0.84134])
    if not high > low:
        raise InputError("decay times without errors", "simulated ones with a resolution")
    return float((high - low) / 2)
