"""A background's density from a sample of it, with the error that its size leaves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.parameters import Array, Constraint, MassRange, Parameter
from hepsets.evaluate.fits.spectrum import refuse_one_value

GRID = 512
"""Bins that a template is kept in."""
FEWEST = 20.0
"""Effective events below which a sample makes no template."""


@dataclass(frozen=True, eq=False)
class Template:
    """A density on a grid, and the ways in which it may be off.

    Its parameters ``wave_1`` … move it along the largest principal components of its covariance, in
    standard deviations: constrained to 0 ± 1 they carry the sample's statistical error into the fit.

    Parameters
    ----------
    window
        The range that it is normalised in.
    values
        Density [1/GeV] in the middle of each bin, shape ``(n_bins,)``.
    waves
        Principal components of one standard deviation, shape ``(n_waves, n_bins)``; each sums to 0.
    """

    window: MassRange
    values: Array
    waves: Array

    def parameters(self, window: MassRange) -> tuple[Parameter, ...]:  # noqa: ARG002 (as all shapes)
        """One for each wave."""
        return tuple(Parameter(f"wave_{k + 1}", 0.0, 0.2, -5.0, 5.0) for k in range(len(self.waves)))

    def constraints(self) -> tuple[Constraint, ...]:
        """Each wave is 0 ± 1."""
        return tuple(Constraint.of(f"wave_{k + 1}", 0.0, 1.0) for k in range(len(self.waves)))

    def density(self, mass: Array, values: Array, window: MassRange) -> Array:  # noqa: ARG002
        """See :class:`~hepsets.evaluate.fits.backgrounds.Shape`; ``window`` is the template's own."""
        return np.asarray(np.interp(mass, self._middle, self._moved(values)))

    def cumulative(self, mass: Array, values: Array, window: MassRange) -> Array:  # noqa: ARG002
        """See :class:`~hepsets.evaluate.fits.backgrounds.Shape`."""
        below = np.concatenate([[0.0], np.cumsum(self._moved(values))])
        return np.asarray(np.interp(mass, self._edges, below / below[-1]))

    @cached_property
    def _edges(self) -> Array:
        return np.linspace(self.window.low, self.window.high, len(self.values) + 1)

    @cached_property
    def _middle(self) -> Array:
        return 0.5 * (self._edges[1:] + self._edges[:-1])

    def _moved(self, values: Array) -> Array:
        return self.values + values @ self.waves if len(self.waves) else self.values


def make_template(
    mass: Array,
    window: MassRange,
    *,
    weights: Array | None = None,
    smoothing: Literal["kernel", "histogram"] = "kernel",
    bandwidth: float | None = None,
    bins: int = 40,
    waves: int = 3,
) -> Template:
    """The density of a sample by a Gaussian kernel or a histogram with straight lines between its bins.

    Kernels are mirrored at the ends of the range. The covariance is that of weighted counts in fine bins,
    carried through the smoothing; the bias of smoothing is not in it.

    Parameters
    ----------
    mass
        The sample [GeV], shape ``(n_events,)``; what lies outside the range is left out.
    window
        The range of the fit.
    weights
        Of the events, shape ``(n_events,)``.
    smoothing
        ``"kernel"`` or ``"histogram"``.
    bandwidth
        Standard deviation of the kernel [GeV]; by default Silverman's 0.9 min(s, IQR/1.34) n^(−1/5).
    bins
        Of the histogram.
    waves
        How many principal components float, 0 for none.

    Raises
    ------
    InputError
        For a sample of fewer than 20 effective events in the range or of one mass, an impossible bandwidth.
    """
    weights = np.ones(len(mass)) if weights is None else np.asarray(weights, dtype=np.float64)
    inside = window.holds(mass)
    mass, weights = mass[inside], weights[inside]
    total, squares = float(weights.sum()), float((weights**2).sum())
    effective = total**2 / squares if squares else 0.0
    if not (effective >= FEWEST and total > 0):
        raise InputError(
            f"a template's sample with {effective:.0f} effective events in the range",
            f"at least {FEWEST:.0f}",
            "give a larger sample or leave this background out",
        )
    refuse_one_value(mass, "a template's sample")
    edges = np.linspace(window.low, window.high, GRID + 1)
    counts = np.histogram(mass, edges, weights=weights)[0]
    spread = np.histogram(mass, edges, weights=weights**2)[0]
    smooth = _kernel(mass, effective, window, bandwidth) if smoothing == "kernel" else _lines(bins)
    step = window.width / GRID
    made = smooth @ counts / (total * step)
    norm = made.sum() * step
    made /= norm
    # of one more event in a bin: what it adds, less what normalisation takes away
    influence = (smooth / step / norm - made[:, None]) / total
    left, sizes, _ = np.linalg.svd(influence * np.sqrt(spread), full_matrices=False)
    return Template(window, made, (left[:, :waves] * sizes[:waves]).T)


def _kernel(mass: Array, effective: float, window: MassRange, bandwidth: float | None) -> Array:
    """What each fine bin adds to each, shape ``(n_bins, n_bins)``."""
    if bandwidth is None:
        quartiles = np.quantile(mass, [0.25, 0.75])
        sizes = [size for size in (mass.std(), np.ptp(quartiles) / 1.34) if size > 0]
        bandwidth = 0.9 * min(sizes, default=window.width / 50) * effective**-0.2
    if not (np.isfinite(bandwidth) and 0 < bandwidth < window.width):
        raise InputError(f"a kernel of {bandwidth:g} GeV", f"one between 0 and {window.width:g} GeV")
    bins = max(bandwidth / window.width * GRID, 0.5)
    return np.asarray(gaussian_filter1d(np.eye(GRID), bins, axis=0, mode="reflect", truncate=5.0))


def _lines(bins: int) -> Array:
    """The same for a histogram of fewer bins with straight lines between the middles of its bins."""
    if not 2 <= bins <= GRID:
        raise InputError(f"a template of {bins} bins", f"from 2 to {GRID}")
    fine = (np.arange(GRID) + 0.5) / GRID
    of_bin = np.minimum((fine * bins).astype(int), bins - 1)
    gathered = np.zeros((bins, GRID))
    gathered[of_bin, np.arange(GRID)] = 1.0
    gathered *= bins / GRID
    middle = (np.arange(bins) + 0.5) / bins
    lines = np.array([np.interp(fine, middle, row) for row in np.eye(bins)])
    return np.asarray(lines.T @ gathered)
