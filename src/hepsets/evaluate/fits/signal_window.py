"""Signal and background around the peak, and their ratio, with errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hepsets.core.measured import Measured
from hepsets.evaluate.fits.parameters import Array
from hepsets.evaluate.fits.result import FitResult


@dataclass(frozen=True)
class SignalWindow:
    """What the fit expects within a window.

    Parameters
    ----------
    category
        Its name.
    low, high
        Ends of the window [GeV].
    signal, background
        Expected events in it.
    s_over_b
        Their ratio, with the correlation of the two; ``None`` where no background is expected.
    """

    category: str
    low: float
    high: float
    signal: Measured
    background: Measured
    s_over_b: Measured | None


def signal_windows(fit: FitResult, *, n_sigma: float = 3.0) -> tuple[SignalWindow, ...]:
    """The window of ``n_sigma`` effective widths around the mean in each category, cut off at the range.

    The window stays where it is when errors are carried through.

    Parameters
    ----------
    fit
        The fit.
    n_sigma
        Half of the window's width, in effective widths of the signal.
    """
    return tuple(_window(fit, c, n_sigma) for c in range(len(fit.model.categories)))


def all_windows(fit: FitResult, *, n_sigma: float = 3.0) -> tuple[Measured, Measured, Measured | None]:
    """Signal, background and their ratio, summed over the windows of all categories.

    Parameters
    ----------
    fit, n_sigma
        As in :func:`signal_windows`.
    """
    edges = [(c, _edges(fit, c, n_sigma)) for c in range(len(fit.model.categories))]

    def summed(which: Callable[[FitResult, int, Array, Array], float]) -> Callable[[Array], float]:
        return lambda values: sum(which(fit, c, ends, values) for c, ends in edges)

    return _measured(fit, summed(_signal), summed(_background))


def _edges(fit: FitResult, category: int, n_sigma: float) -> Array:
    mean, window = fit.model.mean(fit.values, category), fit.model.window
    half = n_sigma * fit.model.sigma(fit.values, category)
    return np.array([max(mean - half, window.low), min(mean + half, window.high)])


def _share(fit: FitResult, category: int, component: int, edges: Array, values: Array) -> float:
    low, high = fit.model.cumulative(values, category, component, edges)
    return float(values[fit.model.places[category][component].count] * (high - low))


def _signal(fit: FitResult, category: int, edges: Array, values: Array) -> float:
    return _share(fit, category, 0, edges, values)


def _background(fit: FitResult, category: int, edges: Array, values: Array) -> float:
    return sum(_share(fit, category, k, edges, values) for k in range(1, len(fit.model.components)))


def _measured(
    fit: FitResult, signal: Callable[[Array], float], background: Callable[[Array], float]
) -> tuple[Measured, Measured, Measured | None]:
    of_background = fit.derived(background)
    ratio = None
    if of_background.value > 0:
        # of its logarithm's errors: near no background a step of the parameters may end beyond it
        s, b = fit.derived(signal), of_background
        both = fit.derived(lambda values: signal(values) / max(s.value, 1e-9) - background(values) / b.value)
        ratio = Measured(s.value / b.value, abs(s.value / b.value) * both.se)
    return fit.derived(signal), of_background, ratio


def _window(fit: FitResult, category: int, n_sigma: float) -> SignalWindow:
    edges = _edges(fit, category, n_sigma)
    signal, background, ratio = _measured(
        fit,
        lambda values: _signal(fit, category, edges, values),
        lambda values: _background(fit, category, edges, values),
    )
    return SignalWindow(
        fit.model.categories[category], float(edges[0]), float(edges[1]), signal, background, ratio
    )
