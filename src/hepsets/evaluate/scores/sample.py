"""A scored, labelled, weighted sample, checked, and the means over it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose
from hepsets.core.ragged import RaggedTable

Array = NDArray[np.float64]


class Scored(NamedTuple):
    """Checked arrays of one sample, each of shape ``(n,)``, and what it is for."""

    labels: NDArray[np.bool_]
    scores: Array
    weights: Array
    purpose: Purpose | None = None


def scored_events(events: RaggedTable, scores: ArrayLike, *, label: str = "label") -> Scored:
    """Scores of events, with the labels, the weights and the purpose that the events have themselves.

    Parameters
    ----------
    events
        With event columns ``weight`` and the one that ``label`` names.
    scores
        Shape ``(n_events,)``, probabilities in [0, 1].
    label
        Which event column tells whether an event passes.

    Raises
    ------
    InputError
        As :func:`scored`.
    """
    return scored(events.columns[label], scores, events.columns["weight"], events.purpose)


def scored(
    labels: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None = None,
    purpose: Purpose | None = None,
    *,
    signed: bool = False,
) -> Scored:
    """Check labels, scores and weights of a sample and bring them to common types.

    Parameters
    ----------
    labels
        Shape ``(n,)``, bool or 0/1: the event passes.
    scores
        Shape ``(n,)``, probabilities in [0, 1].
    weights
        Shape ``(n,)``, positive event weights (inverse prescales); all one if ``None``.
    purpose
        What the events are for, if that is known.
    signed
        Weights may be of either sign, such as sWeights, if those of each class add to a positive number.

    Raises
    ------
    InputError
        For unlike lengths, other labels than 0 and 1, scores outside [0, 1], weights that are not
        positive and finite, or add to nothing, or a sample that lacks one of the two classes.
    """
    raw = np.asarray(labels)
    score = np.asarray(scores, dtype=np.float64)
    weight = np.ones(len(score)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not (raw.ndim == 1 and raw.shape == score.shape == weight.shape):
        raise InputError(
            f"labels, scores and weights of shapes {raw.shape}, {score.shape} and {weight.shape}",
            "three one-dimensional arrays of one length",
        )
    if not np.isin(raw, (0, 1)).all():
        raise InputError(f"labels such as {_first(raw, ~np.isin(raw, (0, 1)))}", "0 (fails) or 1 (passes)")
    outside = ~((score >= 0.0) & (score <= 1.0))
    if outside.any():
        raise InputError(
            f"a score of {_first(score, outside)}",
            "probabilities between 0 and 1",
            "apply the sigmoid to logits first",
        )
    unfit = ~(((weight > 0.0) | signed) & np.isfinite(weight))
    if unfit.any():
        raise InputError(
            f"an event weight of {_first(weight, unfit)}", f"{'' if signed else 'positive, '}finite weights"
        )
    label = raw.astype(bool)
    if label.all() or not label.any():
        raise InputError(
            f"{len(label)} events of one class only",
            "events that pass and events that fail",
            "use more events",
        )
    check_sums(label, weight)
    return Scored(label, score, weight, purpose)


def check_sums(labels: NDArray[np.bool_], weights: Array) -> None:
    """Refuse weights of either sign of which those of one class cancel; both of shape ``(n,)``.

    Raises
    ------
    InputError
        If those of a class do not add to a positive number.
    """
    for which, name in ((labels, "signal"), (~labels, "background")):
        if not weights[which].sum() > 0:
            raise InputError(
                f"weights of {name} that add to {weights[which].sum():g}",
                "a positive sum in each class",
                "give more events, or check the weights",
            )


def mean(values: Array, weights: Array) -> Measured:
    r"""Weighted mean and its standard error, :math:`\sqrt{\sum w^2 (x - \bar x)^2} / \sum w`.

    The error is that of a ratio estimator (Cochran, *Sampling Techniques*, 1977, section 6.3), so
    unequal weights need no effective count.
    """
    value = float(weights @ values / weights.sum())
    return Measured(value, float(np.linalg.norm(mean_influence(values, weights))))


def mean_influence(values: Array, weights: Array) -> Array:
    """What each event adds to a weighted mean; the norm is the error that :func:`mean` gives."""
    total = weights.sum()
    small_sample = len(values) / max(len(values) - 1, 1)
    return np.asarray(np.sqrt(small_sample) * weights * (values - weights @ values / total) / total)


def effective_count(weights: Array) -> float:
    r"""Kish's effective sample size :math:`(\sum w)^2 / \sum w^2`."""
    return float(weights.sum() ** 2 / np.sum(weights**2))


def _first(values: NDArray[Any], where: NDArray[np.bool_]) -> Any:
    return values[int(np.argmax(where))]
