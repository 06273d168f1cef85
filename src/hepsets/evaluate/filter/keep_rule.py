"""With which probability importance sampling keeps an event, as a function of its score.

Only numpy: the filter in production uses these rules where nothing else is installed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class KeepRule:
    """Keep an event with probability ``scale`` √P(pass), not below ``floor`` nor above one.

    Parameters
    ----------
    scale, floor
        See above; chosen by :func:`hepsets.evaluate.filter.importance_sampling.choose_keep_rule`.
    trained, population
        Shares of passing events in training and in the population, for the change of prior.
    """

    scale: float
    floor: float
    trained: float
    population: float

    def __call__(self, scores: ArrayLike) -> Array:
        """Probability to keep each event, same shape as ``scores``, in (0, 1]."""
        root = np.sqrt(correct_prior(scores, self.trained, self.population))
        return np.asarray(np.clip(self.scale * root, self.floor, 1.0))


@dataclass(frozen=True)
class ProtectedRule:
    """Keep an event with probability a √P(pass), where a depends on the bin of an observable.

    The scales are chosen so that every bin keeps the same effective fraction
    (:func:`hepsets.evaluate.filter.protected_rule.choose_protected_rule`).

    Parameters
    ----------
    observable
        Name, one of :data:`hepsets.select.variables.generated.TRUTH_NAMES`.
    edges
        Rising edges between the bins; the outer bins hold all that lies beyond.
    scales
        a of each bin, one more than ``edges``.
    without
        a of events without the observable.
    floor, trained, population
        As in :class:`KeepRule`.
    """

    observable: str
    edges: tuple[float, ...]
    scales: tuple[float, ...]
    without: float
    floor: float
    trained: float
    population: float

    def __call__(self, scores: ArrayLike, values: ArrayLike, valid: ArrayLike) -> Array:
        """Probability to keep each event, in (0, 1]; all arguments have shape ``(n_events,)``.

        Parameters
        ----------
        scores
            The network's.
        values, valid
            The observable, and which events have it.
        """
        root = np.sqrt(correct_prior(scores, self.trained, self.population))
        scales = np.array([*self.scales, self.without])
        return np.asarray(np.clip(scales[self.bins(values, valid)] * root, self.floor, 1.0))

    def bins(self, values: ArrayLike, valid: ArrayLike) -> NDArray[np.int64]:
        """Bin of each event, shape ``(n_events,)``; events without the observable come after the last."""
        place = np.searchsorted(self.edges, np.asarray(values, dtype=np.float64), side="right")
        return np.asarray(np.where(valid, place, len(self.edges) + 1), dtype=np.int64)


@dataclass(frozen=True)
class LogisticRule:
    """Keep an event with probability σ(logit of its score + ``offset``), not below ``floor``.

    With ``offset`` 0 and no floor this is what Belle II's production does (basf2's
    ``NNFilterModule`` without a threshold): an event is kept with the network's own output as
    probability.
    """

    offset: float
    floor: float

    def __call__(self, scores: ArrayLike) -> Array:
        """Probability to keep each event, same shape as ``scores``, in (0, 1]."""
        score = np.asarray(scores, dtype=np.float64)
        odds = np.exp(self.offset)
        return np.asarray(np.clip(score * odds / (score * odds + 1 - score), self.floor, 1.0))


def correct_prior(probability: ArrayLike, trained: float, population: float) -> Array:
    """Probability in the population from one learnt at another share of passing events.

    By Bayes' theorem the odds scale with the ratio of the prior odds (Saerens, Latinne and
    Decaestecker, Neural Comput. 14 (2002) 21, eq. 2.4).

    Parameters
    ----------
    probability
        Scores in [0, 1], any shape, of a network trained with a share ``trained`` of passing events.
    trained, population
        Share of passing events in training and in the population, in (0, 1).

    Raises
    ------
    InputError
        If a share is not between 0 and 1.

    Examples
    --------
    >>> float(correct_prior(0.5, trained=0.5, population=0.05))
    0.05
    """
    for share in (trained, population):
        if not 0.0 < share < 1.0:
            raise InputError(f"a share of passing events of {share}", "a number between 0 and 1")
    p = np.asarray(probability, dtype=np.float64)
    passing = p * population / trained
    failing = (1 - p) * (1 - population) / (1 - trained)
    return np.asarray(passing / (passing + failing))
