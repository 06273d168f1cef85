"""What a figure of a mass fit shows, as arrays: events in bins, curves, and nothing of what is hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from hepsets.core.measured import Measured
from hepsets.evaluate.fits.parameters import Array, MassRange
from hepsets.evaluate.fits.record import MassFit

_CURVE = 600
_ONE_SIGMA = 0.6827
_LEAST = 0.25
"""Expected events whose root pulls are in units of at least: a single event where nearly none is expected is
no
pull of thousands."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One category; NaN where it is hidden.

    Parameters
    ----------
    name
        Of the category, empty if there is only one.
    counts, below, above
        Events in each bin and the lengths of their error bars, shape ``(n_bins,)``.
    expected, error
        Of the fit, and the error that a pull is in units of, shape ``(n_bins,)``.
    parts
        Components in events per bin along ``points``, the signal first, shape ``(n_components, n_points)``.
    """

    name: str
    counts: Array
    below: Array
    above: Array
    expected: Array
    error: Array
    parts: Array

    @property
    def pulls(self) -> Array:
        """(events − fit)/error, shape ``(n_bins,)``."""
        return np.asarray((self.counts - self.expected) / np.where(self.error > 0, self.error, np.inf))


@dataclass(frozen=True, eq=False)
class FitPicture:
    """A fit as it is drawn.

    Parameters
    ----------
    edges
        Of the bins [GeV], shape ``(n_bins + 1,)``.
    points
        Where curves are drawn [GeV], shape ``(n_points,)``.
    components
        Their names, the signal first.
    panels
        One for each category.
    told
        Lines above the legend.
    peak
        Where the peak is, or its hidden region [GeV].
    hidden
        Where nothing is shown.
    weighted
        Whether events have weights.
    """

    edges: Array
    points: Array
    components: tuple[str, ...]
    panels: tuple[Panel, ...]
    told: tuple[str, ...]
    peak: float
    hidden: MassRange | None
    weighted: bool


def picture_of(result: MassFit, bins: int = 60) -> FitPicture:
    """What is drawn of a fit.

    Parameters
    ----------
    result
        The fit; where it is blinded, nothing is shown in the region.
    bins
        In the range.
    """
    model, values = result.fit.model, result.fit.values
    edges = np.linspace(model.window.low, model.window.high, bins + 1)
    points = np.linspace(model.window.low, model.window.high, _CURVE)
    hidden = None if result.blinding is None else result.blinding.region
    bin_hidden, point_hidden = np.zeros(bins, dtype=bool), np.zeros(_CURVE, dtype=bool)
    peak = result.mean.value
    if hidden is not None:
        bin_hidden = (edges[1:] > hidden.low) & (edges[:-1] < hidden.high)
        point_hidden = (points > hidden.low) & (points < hidden.high)
        peak = 0.5 * (hidden.low + hidden.high)
    panels = []
    for c, name in enumerate(model.categories):
        expected = model.expected(values, c, edges)
        counts, below, above, error = _events(result, name, edges, expected)
        for column in (counts, below, above, expected):
            column[bin_hidden] = np.nan
        parts = np.array(
            [
                values[place.count] * model.density(values, c, k, points) * model.window.width / bins
                for k, place in enumerate(model.places[c])
            ]
        )
        parts[:, point_hidden] = np.nan
        panels.append(Panel(name, counts, below, above, expected, error, parts))
    return FitPicture(
        edges,
        points,
        tuple(component.name for component in model.components),
        tuple(panels),
        _told(result),
        float(peak),
        hidden,
        result.spectrum.weights is not None,
    )


def _events(result: MassFit, name: str, edges: Array, expected: Array) -> tuple[Array, Array, Array, Array]:
    """Counts, lengths of error bars and the error of pulls."""
    mass = result.spectrum.masses[name]
    if result.spectrum.weights is None:
        counts = np.histogram(mass, edges)[0].astype(np.float64)
        return counts, *_poisson(counts), np.sqrt(np.maximum(expected, _LEAST))
    weights = result.spectrum.weights[name]
    error = np.sqrt(np.histogram(mass, edges, weights=weights**2)[0])
    counts = np.histogram(mass, edges, weights=weights)[0].astype(np.float64)
    return counts, error.copy(), error.copy(), error


def _told(result: MassFit) -> tuple[str, ...]:
    hidden = " (blinded)" if result.blinding is not None else ""
    width = result.fit.sigma()
    told = [
        f"signal {result.signal}{hidden}",
        f"mean {_mev(result.mean)}{hidden}",
        f"width {_mev(width, 'on its limit' if result.fit.at_limits else 'held')}",
    ]
    if result.goodness.chi2 is not None:
        told.append(f"χ²/ndf {result.goodness.chi2:.1f}/{result.goodness.ndf}")
    return tuple(told)


def _mev(value: Measured, else_: str = "held") -> str:
    error = f"± {1e3 * value.se:.2f} MeV" if value.se > 0 else f"MeV ({else_})"
    return f"{1e3 * value.value:.2f} {error}"


def _poisson(counts: Array) -> tuple[Array, Array]:
    """Lengths of the central 68.27 % intervals of Poisson means (Garwood 1936) below and above counts."""
    tail = (1 - _ONE_SIGMA) / 2
    lower = np.where(counts > 0, chi2.ppf(tail, 2 * np.maximum(counts, 1)) / 2, 0.0)
    upper = chi2.ppf(1 - tail, 2 * (counts + 1)) / 2
    return counts - lower, upper - counts
