"""How likely each event of a mass fit is signal, by its mass alone."""

from __future__ import annotations

import numpy as np

from hepsets.evaluate.fits.parameters import Array
from hepsets.evaluate.fits.result import FitResult


def signal_probability(fit: FitResult, mass: Array, *, category: int = 0) -> Array:
    """Expected signal over all that is expected at each mass, between 0 and 1.

    Parameters
    ----------
    fit
        Of the spectrum; its first component is the signal.
    mass
        Of the events [GeV], shape ``(n_events,)``; 0 comes out beyond the range of the fit.
    category
        Of the fit that the events belong to.
    """
    model, values = fit.model, fit.values
    inside = model.window.holds(mass)
    at = np.where(inside, mass, (model.window.low + model.window.high) / 2)
    parts = [
        values[place.count] * model.density(values, category, k, at)
        for k, place in enumerate(model.places[category])
    ]
    share = parts[0] / np.maximum(np.sum(parts, axis=0), 1e-300)
    return np.where(inside, np.clip(share, 0.0, 1.0), 0.0)
