"""The extended likelihood of a spectrum: of its events or bins, in all categories, with constraints."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.model import MassModel
from hepsets.evaluate.fits.parameters import Array

_TINY = 1e-300
_KEPT = 3
"""Densities of a component that are kept: a gradient changes one parameter and goes back."""


class Likelihood:
    """−2 ln L of a model, as a function of all its parameters.

    Extended [Barlow, NIM A 297 (1990) 496]: the yields are numbers of events, with the Poisson fluctuation
    of their sum. A sum of components that is negative at an event has no likelihood; yields may be.

    Parameters
    ----------
    model
        The model.
    masses
        Events of each category within the range [GeV], each of shape ``(n_events,)``.
    weights
        Of these events; none for ones.
    bins
        Number of equal bins to count events in; none for the events themselves.

    Raises
    ------
    InputError
        For weights in a binned fit, and a category without events.
    """

    errordef = 1.0
    """By how much −2 ln L rises at one standard deviation; Minuit asks for it."""

    def __init__(
        self,
        model: MassModel,
        masses: Sequence[Array],
        weights: Sequence[Array] | None = None,
        bins: int | None = None,
    ) -> None:
        if weights is not None and bins is not None:
            raise InputError("weights in a binned fit", "events of weight one", "leave --bins out")
        for name, mass in zip(model.categories, masses, strict=True):
            if not len(mass):
                raise InputError(
                    f"no events in the range{f' of category {name}' if name else ''}", "at least one"
                )
        self.model, self.masses, self.weights, self.bins = model, tuple(masses), weights, bins
        self._kept: dict[tuple[int, int], OrderedDict[bytes, Array]] = {}
        if bins is not None:
            self._edges = np.linspace(model.window.low, model.window.high, bins + 1)
            self._counts = [np.histogram(mass, self._edges)[0] for mass in masses]
        at = {name: i for i, name in enumerate(model.names)}
        self._constraints = [
            (np.array([at[name] for name in one.names]), one.centre, one.precision)
            for one in model.constraints
        ]

    @property
    def events(self) -> int:
        """Events in the range."""
        return sum(len(mass) for mass in self.masses)

    def __call__(self, values: Array) -> float:
        """−2 ln L at ``values`` of shape ``(n_parameters,)``, but for a constant."""
        with np.errstate(all="ignore"):  # a minimiser that runs away is told by what it returns
            return self._value(np.asarray(values, dtype=np.float64))

    def _value(self, values: Array) -> float:
        total = 0.0
        for c, row in enumerate(self.model.places):
            total += 2 * sum(values[place.count] for place in row)
            logs = np.log(np.maximum(self.rates(values, c), _TINY))
            if self.bins is not None:
                total -= 2 * float(self._counts[c] @ logs)
            elif self.weights is not None:
                total -= 2 * float(self.weights[c] @ logs)
            else:
                total -= 2 * float(logs.sum())
        for places, centre, precision in self._constraints:
            off = values[places] - centre
            total += float(off @ precision @ off)
        return total

    def rates(self, values: Array, category: int) -> Array:
        """Expected events per GeV at each event, or in each bin; shape ``(n_events,)`` or ``(n_bins,)``."""
        total = np.zeros(len(self.masses[category]) if self.bins is None else self.bins)
        for k, place in enumerate(self.model.places[category]):
            total += values[place.count] * self._component(values, category, k)
        return total

    def _component(self, values: Array, category: int, component: int) -> Array:
        kept = self._kept.setdefault((category, component), OrderedDict())
        key = values[self.model.places[category][component].shape].tobytes()
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
        if self.bins is None:
            made = self.model.density(values, category, component, self.masses[category])
        else:
            made = np.diff(self.model.cumulative(values, category, component, self._edges))
        kept[key] = made
        if len(kept) > _KEPT:
            kept.popitem(last=False)
        return made

    def score_covariance(self, values: Array, steps: Array, families: NDArray[Any] | None = None) -> Array:
        """Covariance of the sum of scores Σ w ∂ ln λ/∂θ over samples like this one, over all parameters.

        Σ w² s sᵀ of the events, and of constraints their precision; shape ``(n_parameters, n_parameters)``.

        Parameters
        ----------
        values, steps
            Where, and by how much each is moved for its derivative (0 leaves it out), ``(n_parameters,)``.
        families
            Of all events, category by category: scores of a family are added before they are squared. Each
            event its own if ``None``. Shape ``(n_events,)``, numbered from 0.
        """
        n = len(values)
        scores = []
        for c in range(len(self.masses)):
            slopes = np.zeros((n, len(self.masses[c])))
            for i in np.flatnonzero(steps):
                up, down = (
                    np.log(np.maximum(self.rates(values + sign * steps * (np.arange(n) == i), c), _TINY))
                    for sign in (1, -1)
                )
                slopes[i] = (up - down) / (2 * steps[i])
            scores.append(slopes if self.weights is None else slopes * self.weights[c])
        each = np.concatenate(scores, axis=1)
        if families is not None:
            each = np.array([np.bincount(families, one) for one in each])
        total = np.asarray(each @ each.T)
        for places, _, precision in self._constraints:
            total[np.ix_(places, places)] += precision
        return total
