"""Filters behind filters: what becomes of the weights that an earlier filter left in the events.

Each weight has the mean 1 for every event, over the random numbers of all filters so far. So has the
product with the weight of a further filter that decides independently; and so has, for a skim that
no earlier filter knew, the mean of the earlier weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.weight_names import WEIGHT

Array = NDArray[np.float64]

_LARGEST = 1e100
"""Above, the sums of squares that tell the effective size could overflow."""


@dataclass(frozen=True, eq=False)
class Chained:
    """Weights of events behind all filters so far.

    Parameters
    ----------
    before
        With which weight each event came for each of this filter's skims, ``(n_events, n_skims)``.
    own
        Weights for this filter's skims, ``(n_events, n_skims)``; 0 where an event is not kept for it.
    others
        New weights for the skims that only earlier filters had, by name of the weight, ``(n_events,)``.
    """

    before: Array
    own: Array
    others: Mapping[str, Array]


def chain(earlier: Mapping[str, Array], skims: Sequence[str], weights: Array, source: str) -> Chained:
    """Multiply a filter's weights with those of the filters before it.

    Parameters
    ----------
    earlier
        Weights that the events came with, by name, ``(n_events,)``; none if no filter saw them.
    skims
        This filter's, in order.
    weights
        This filter's weights, ``(n_events, n_skims)``, as if it were the first. It must have decided
        independently of those before it, as :mod:`hepsets.core.event_content` sees to.
    source
        Name of the file, for errors.

    Raises
    ------
    InputError
        For earlier weights that are negative, not finite, or so large that sums of their squares are not.
    """
    for name, column in earlier.items():
        if not ((column >= 0) & (column <= _LARGEST)).all():
            raise InputError(
                f"{source}: a weight {name} that is negative, not finite or above {_LARGEST:g}",
                "the weights of a filter", "rename it if it is none",
            )  # fmt: skip
    here = np.mean(list(earlier.values()), axis=0) if earlier else np.ones(len(weights))
    before = np.stack([earlier.get(WEIGHT + skim, here) for skim in skims], axis=1)
    # all skims share a random number, so an event is kept at all with the likeliest one's probability
    kept = _least_positive(weights)
    own_names = {WEIGHT + skim for skim in skims}
    others = {name: column * kept for name, column in earlier.items() if name not in own_names}
    return Chained(before, before * weights, others)


def _least_positive(weights: Array) -> Array:
    """The least positive weight of each event, 0 where there is none."""
    least = np.where(weights > 0, weights, np.inf).min(axis=1)
    return np.where(np.isfinite(least), least, 0.0)
