"""Where a peak is, how wide and how large, before any fit: a window that slides over the spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hepsets.evaluate.fits.parameters import Array, MassRange

_WIDTHS = (1 / 150, 1 / 80, 1 / 40, 1 / 20, 1 / 12)
"""Of a peak, in units of the range."""
_CENTRES = 241


@dataclass(frozen=True)
class FirstGuess:
    """Where a fit begins.

    Parameters
    ----------
    mean, width
        [GeV]
    share
        Of the events that are signal, from 0.02 to 0.98.
    """

    mean: float
    width: float
    share: float


def first_guess(mass: Array, window: MassRange) -> FirstGuess:
    """The most significant excess in ±2 widths over the mean of the sides from 3 to 5 widths.

    Parameters
    ----------
    mass
        Events in the range [GeV], shape ``(n_events,)``.
    window
        The range.
    """
    ordered = np.sort(mass)
    centres = np.linspace(window.low, window.high, _CENTRES)

    def between(low: Array, high: Array) -> Array:
        low, high = np.clip(low, window.low, window.high), np.clip(high, window.low, window.high)
        return np.asarray(np.searchsorted(ordered, high) - np.searchsorted(ordered, low), np.float64)

    best, significance = FirstGuess(0.5 * (window.low + window.high), window.width / 40, 0.3), 0.0
    for part in _WIDTHS:
        width = part * window.width
        inside = between(centres - 2 * width, centres + 2 * width)
        left = between(centres - 5 * width, centres - 3 * width)
        right = between(centres + 3 * width, centres + 5 * width)
        whole = (centres - 5 * width >= window.low) & (centres + 5 * width <= window.high)
        under = left + right
        excess = inside - under
        strength = np.where(whole, excess / np.sqrt(inside + under + 1), -np.inf)
        place = int(np.argmax(strength))
        if strength[place] > significance:
            share = float(np.clip(excess[place] / 0.95 / len(mass), 0.02, 0.98))
            significance = float(strength[place])
            best = FirstGuess(float(centres[place]), width, share)
    return best
