"""Shapes of a mass peak: Gaussian, two Gaussians, double-sided Crystal Ball, Hypatia."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.parameters import Array, MassRange, Parameter

WIDTH, SCALE, MEAN = "width", "width_scale", "mean"
WIDEST = 0.25
"""Width of a peak, in units of the range, above which it cannot be told from what is under it."""
ONE_SIGMA = 0.682689492137086
"""Share of a Gaussian within one standard deviation."""
_REACH = 200.0
"""Widths around the mean within which a peak is looked at."""

Standard = Callable[..., Array]
"""A function of (mass − mean) / width and of the tails; of any array, like it in shape."""


@dataclass(frozen=True)
class Peak:
    """A peak that has a mean, a width and tails.

    Its parameters are ``mean``, ``width``, ``width_scale`` and those of the tails; mass and width in GeV.
    What the width is multiplied by stays at 1, unless width and tails are those of simulation: then the
    width is held and the scale floats, as detectors are seldom as good as their simulation.

    Parameters
    ----------
    name
        In ``--model``.
    density_of
        Not normalised.
    integral_of
        From anywhere up to its argument, in the same units.
    tails
        Further parameters, in the order that the two functions take them.
    mean, width
        Where a fit begins.
    """

    name: str
    density_of: Standard
    integral_of: Standard
    tails: tuple[Parameter, ...] = ()
    mean: float = np.nan
    width: float = np.nan

    def around(self, mean: float, width: float) -> Peak:
        """The same with another place to begin at [GeV]."""
        return replace(self, mean=mean, width=width)

    def parameters(self, window: MassRange) -> tuple[Parameter, ...]:
        """In the order of ``values`` in :meth:`density`."""
        mean = self.mean if np.isfinite(self.mean) else 0.5 * (window.low + window.high)
        width = self.width if np.isfinite(self.width) else window.width / 40
        return (
            Parameter(MEAN, mean, 0.1 * width, window.low, window.high),
            Parameter(WIDTH, width, 0.1 * width, 1e-4 * window.width, WIDEST * window.width),
            Parameter(SCALE, 1.0, 0.05, 0.1, 10.0, fixed=True),
            *self.tails,
        )

    def density(self, mass: Array, values: Array, window: MassRange) -> Array:
        """Density [1/GeV], normalised within the range; shape ``(n_events,)`` as ``mass``."""
        sigma, tails = values[1] * values[2], values[3:]
        ends = (np.array([window.low, window.high]) - values[0]) / sigma
        low, high = self.integral_of(ends, *tails)
        return np.asarray(self.density_of((mass - values[0]) / sigma, *tails) / (sigma * (high - low)))

    def cumulative(self, mass: Array, values: Array, window: MassRange) -> Array:
        """Share below each mass, from 0 to 1 within the range; shape ``(n_events,)`` as ``mass``."""
        sigma, tails = values[1] * values[2], values[3:]
        points = (np.concatenate([[window.low, window.high], mass]) - values[0]) / sigma
        below = self.integral_of(points, *tails)
        return np.asarray((below[2:] - below[0]) / (below[1] - below[0]))

    def sigma(self, values: Array) -> float:
        """Half of the interval around the mean that holds 68.27 % of the peak [GeV].

        For a Gaussian its standard deviation; for others an effective one, tails included.
        """
        tails = values[3:]
        half = np.concatenate([np.linspace(0, 5, 2001), np.geomspace(5.01, _REACH, 2000)])
        held = self.integral_of(half, *tails) - self.integral_of(-half, *tails)
        whole = held[-1]
        return float(np.interp(ONE_SIGMA, held / whole, half) * values[1] * values[2])


def _gaussian(z: Array) -> Array:
    return np.asarray(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))


def _gaussian_integral(z: Array) -> Array:
    return np.asarray(ndtr(z))


def _two_gaussians(z: Array, ratio: float, share: float) -> Array:
    return share * _gaussian(z) + (1 - share) * _gaussian(z / ratio) / ratio


def _two_gaussians_integral(z: Array, ratio: float, share: float) -> Array:
    return np.asarray(share * ndtr(z) + (1 - share) * ndtr(z / ratio))


# numba-stats compiles at its import, for seconds: only who asks for these shapes waits for it


def _crystal_ball(z: Array, *tails: float) -> Array:
    from numba_stats import crystalball_ex

    left, power_left, right, power_right = tails
    return np.asarray(crystalball_ex.pdf(z, left, power_left, 1.0, right, power_right, 1.0, 0.0))


def _crystal_ball_integral(z: Array, *tails: float) -> Array:
    from numba_stats import crystalball_ex

    left, power_left, right, power_right = tails
    return np.asarray(crystalball_ex.cdf(z, left, power_left, 1.0, right, power_right, 1.0, 0.0))


def _hypatia(z: Array, *tails: float) -> Array:
    from numba_stats import hypatia2

    core, left, power_left, right, power_right = tails
    return np.asarray(hypatia2.density(z, core, 0.0, 0.0, left, power_left, right, power_right, 0.0, 1.0))


def _hypatia_integral(z: Array, *tails: float) -> Array:
    from numba_stats import hypatia2

    core, left, power_left, right, power_right = tails
    return np.asarray(hypatia2.integral(z, core, 0.0, 0.0, left, power_left, right, power_right, 0.0, 1.0))


def _sides(start: float, power: float) -> tuple[Parameter, ...]:
    """Where the power laws begin, in widths from the mean, and their powers."""
    return tuple(
        parameter
        for side in ("left", "right")
        for parameter in (
            Parameter(f"tail_{side}", start, 0.1, 0.2, 8.0),
            Parameter(f"power_{side}", power, 0.5, 1.05, 50.0),
        )
    )


GAUSSIAN = Peak("gaussian", _gaussian, _gaussian_integral)
DOUBLE_GAUSSIAN = Peak(
    "double_gaussian",
    _two_gaussians,
    _two_gaussians_integral,
    (Parameter("width_ratio", 2.0, 0.1, 1.05, 10.0), Parameter("core_share", 0.7, 0.05, 0.0, 1.0)),
)
"""Two Gaussians of one mean: ``core_share`` of the narrow one, the other ``width_ratio`` times as wide."""
CRYSTAL_BALL = Peak("crystal_ball", _crystal_ball, _crystal_ball_integral, _sides(1.5, 4.0))
"""A Gaussian core with a power law on either side [Skwarnicki, DESY-F31-86-02, appendix E]."""
HYPATIA = Peak(
    "hypatia",
    _hypatia,
    _hypatia_integral,
    (Parameter("core", -2.5, 0.2, -20.0, -0.6), *_sides(2.5, 3.0)),
)
"""A hyperbolic core, as resolutions that differ from candidate to candidate make it, with power laws
[Martínez Santos and Dupertuis, arXiv:1312.5000], with ζ = β = 0: λ is ``core``."""

PEAKS = {peak.name: peak for peak in (GAUSSIAN, DOUBLE_GAUSSIAN, CRYSTAL_BALL, HYPATIA)}


def find_peak(name: str) -> Peak:
    """The peak of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in PEAKS:
        raise InputError(f"a signal {name!r}", f"one of {', '.join(PEAKS)}")
    return PEAKS[name]
