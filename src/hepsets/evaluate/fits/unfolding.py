"""The signal's distribution of a variable by weights, and whether it agrees with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.parameters import Array


@dataclass(frozen=True, eq=False)
class Unfolded:
    """A histogram of weighted events.

    Parameters
    ----------
    edges
        Of the bins, shape ``(n_bins + 1,)``.
    values, errors
        Σ w and √Σ w² in each bin, shape ``(n_bins,)``.
    """

    edges: Array
    values: Array
    errors: Array


@dataclass(frozen=True)
class Agreement:
    """How far two distributions are apart.

    Parameters
    ----------
    distance
        Largest difference of their cumulative distributions.
    p_value
        Chance of a larger one if both are one, by bootstrap.
    """

    distance: float
    p_value: float


def unfold(variable: Array, weights: Array, edges: Array) -> Unfolded:
    """The weighted histogram of a variable, with √Σ w² as errors (for sWeights a little too large).

    Parameters
    ----------
    variable, weights
        Of all events, shape ``(n_events,)``.
    edges
        Of the bins, shape ``(n_bins + 1,)``.
    """
    values = np.histogram(variable, edges, weights=weights)[0]
    squares = np.histogram(variable, edges, weights=weights**2)[0]
    return Unfolded(np.asarray(edges, np.float64), values, np.sqrt(squares))


def agreement(
    variable: Array,
    weights: Array,
    truth: Array,
    truth_weights: Array | None = None,
    *,
    families: tuple[NDArray[np.integer], NDArray[np.integer]] | None = None,
    trials: int = 500,
    seed: int = 0,
) -> Agreement:
    """Kolmogorov–Smirnov distance of weighted events from a sample of the truth.

    Its p-value is by bootstrap: events of both samples are counted Poisson(1) times, and the p-value is the
    share of trials whose difference moves farther from the measured one than this is from zero. Weights may
    be negative. The samples must be independent; if the truth is that of the very events, their common
    fluctuation is not in the difference and the p-value is too large.

    Parameters
    ----------
    variable, weights
        Of the events, shape ``(n_events,)``.
    truth, truth_weights
        Of the sample to compare with, shape ``(n_truth,)``; weights of one by default.
    families
        Families of the events and of the truth, shapes ``(n_events,)`` and ``(n_truth,)``, such as parton
        events
        that several events share: members of one are counted alike.
    trials, seed
        Of the bootstrap.

    Raises
    ------
    InputError
        For an empty sample, or weights whose sum is not positive.
    """
    truth_weights = np.ones(len(truth)) if truth_weights is None else np.asarray(truth_weights)
    if not (len(variable) and len(truth) and weights.sum() > 0 and truth_weights.sum() > 0):
        raise InputError("an empty sample, or weights that sum to none", "events in both samples")
    joined = np.concatenate([variable, truth])
    order = np.argsort(joined, kind="stable")
    last = np.append(np.diff(joined[order]) > 0, True)  # of equal values only the last one counts
    w = np.concatenate([weights, np.zeros(len(truth))])[order]
    t = np.concatenate([np.zeros(len(variable)), truth_weights])[order]

    def difference(counts: Array) -> Array:
        mine, theirs = np.cumsum(w * counts), np.cumsum(t * counts)
        return np.asarray((mine / mine[-1] - theirs / theirs[-1])[last])

    measured = difference(np.ones(len(order)))
    distance = float(np.abs(measured).max())
    rng = np.random.default_rng(seed)
    family = np.arange(len(order))
    if families is not None:
        of_events, of_truth = (np.unique(one, return_inverse=True)[1] for one in families)
        family = np.concatenate([of_events, of_events.max() + 1 + of_truth])[order]

    def counts() -> Array:
        return rng.poisson(1.0, int(family.max()) + 1)[family].astype(np.float64)

    farther = sum(np.abs(difference(counts()) - measured).max() >= distance for _ in range(trials))
    return Agreement(distance, float((farther + 1) / (trials + 1)))
