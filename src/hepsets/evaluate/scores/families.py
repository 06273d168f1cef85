"""Errors of shares and areas where candidates come in families, of which each is one observation.

Candidates of one parton event, or with a track in common, fluctuate together. To first order a share or an
area under a ROC curve fluctuates by a sum over candidates, each with its influence; the influences of a
family are added before they are squared (Liang and Zeger, Biometrika 73 (1986) 13). With families of one
candidate the errors are those of :mod:`hepsets.evaluate.scores.sample`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.classification import Placements
from hepsets.evaluate.scores.sample import Array, Scored, effective_count


def family_sums(values: Array, groups: ArrayLike) -> Array:
    """Values of shape ``(n, ...)`` added over families, shape ``(n_families, ...)``, in the order of their
    numbers.

    Parameters
    ----------
    values
        One for each candidate.
    groups
        Family of each, shape ``(n,)``.
    """
    families, family = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(families), *values.shape[1:]))
    np.add.at(sums, family, values)
    return sums


def family_norm(influence: Array, groups: ArrayLike) -> float:
    """The error that influences of candidates, shape ``(n,)``, leave to what they add up to.

    Parameters
    ----------
    influence
        Of each candidate.
    groups
        Family of each, shape ``(n,)``.
    """
    sums = family_sums(influence, groups)
    return float(np.linalg.norm(sums) * np.sqrt(len(sums) / (len(sums) - 1)))


def family_share(chosen: ArrayLike, groups: ArrayLike, weights: ArrayLike | None = None) -> Measured:
    """Weighted share of candidates that are chosen, such as the efficiency of a cut.

    The error has the term of Wilson's interval that stays where all or none are chosen: half a candidate of
    the effective number that spread and share tell, of families where they tell nothing.

    Parameters
    ----------
    chosen
        Shape ``(n,)``, bool.
    groups
        Family of each candidate, shape ``(n,)``.
    weights
        Shape ``(n,)``, of either sign, with a positive sum; all one if ``None``.

    Raises
    ------
    InputError
        For arrays that do not fit, or fewer than two families.
    """
    return family_shares([chosen], groups, weights)[0]


def family_shares(
    chosen: Iterable[ArrayLike], groups: ArrayLike, weights: ArrayLike | None = None
) -> list[Measured]:
    """Shares that several cuts keep of the same candidates, as :func:`family_share`.

    Parameters
    ----------
    chosen
        What each cut keeps, shape ``(n,)`` each, bool.
    groups, weights
        As for :func:`family_share`.

    Raises
    ------
    InputError
        As :func:`family_share`.
    """
    families, family = np.unique(groups, return_inverse=True)
    weight = checked_weights(np.zeros(np.shape(groups)), groups, weights)
    total, few = weight.sum(), len(families) / (len(families) - 1)
    least, most = (
        effective_count(np.asarray(np.bincount(family, weight), dtype=np.float64)),
        effective_count(weight),
    )
    found = []
    for one in chosen:
        values = np.asarray(one, dtype=np.float64)
        if values.shape != weight.shape:
            raise InputError(f"{len(values)} chosen of {len(weight)} candidates", "one value for each")
        share = float(weight @ values / total)
        sums = np.bincount(family, weight * (values - share) / total)
        se = float(np.linalg.norm(sums) * np.sqrt(few))
        count = share * (1 - share) / se**2 if se > 0 else least
        found.append(Measured(share, float(np.hypot(se, 0.5 / np.clip(count, least, max(least, most))))))
    return found


def family_auc(
    labels: ArrayLike, scores: ArrayLike, groups: ArrayLike, weights: ArrayLike | None = None
) -> Measured:
    """Area under the ROC curve with the error that families leave.

    Parameters
    ----------
    labels
        Shape ``(n,)``, bool.
    scores
        Shape ``(n,)``, higher for those labelled true.
    groups
        Family of each candidate, shape ``(n,)``; a family may have both labels.
    weights
        Shape ``(n,)``, of either sign, with a positive sum in each class; all one if ``None``.

    Raises
    ------
    InputError
        For arrays that do not fit, one class only, or fewer than two families.
    """
    area, influence = area_influence(labels, scores, groups, weights)
    return Measured(area, family_norm(influence, groups))


def family_auc_difference(
    labels: ArrayLike,
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike | None = None,
) -> Measured:
    """Area of ``a`` minus area of ``b`` on the same candidates; the error knows that they are the same.

    Parameters
    ----------
    labels, groups, weights
        As for :func:`family_auc`.
    scores_a, scores_b
        Shape ``(n,)`` each.
    """
    a, of_a = area_influence(labels, scores_a, groups, weights)
    b, of_b = area_influence(labels, scores_b, groups, weights)
    return Measured(a - b, family_norm(of_a - of_b, groups))


def area_influence(
    labels: ArrayLike, scores: ArrayLike, groups: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, Array]:
    """Area under the ROC curve, and the influence of each candidate on it, shape ``(n,)``.

    Parameters
    ----------
    labels, scores, groups, weights
        As for :func:`family_auc`.

    Raises
    ------
    InputError
        As :func:`family_auc`.
    """
    label, score = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64)
    weight = checked_weights(score, groups, weights)
    if label.shape != score.shape or not (weight[label].sum() > 0 and weight[~label].sum() > 0):
        raise InputError(
            f"labels of shape {label.shape}", "both classes, each with a positive sum of weights"
        )
    placements = Placements.of(Scored(label, score, weight))
    area = float(weight[label] @ placements.of_passing / weight[label].sum())
    influence = np.empty(len(score))
    for kind, place in ((label, placements.of_passing), (~label, placements.of_failing)):
        influence[kind] = weight[kind] * (place - area) / weight[kind].sum()
    return area, influence


def checked_weights(values: NDArray[Any], groups: ArrayLike, weights: ArrayLike | None) -> Array:
    """Weights for values of shape ``(n,)`` in families, float64, shape ``(n,)``.

    Raises
    ------
    InputError
        For arrays that do not fit, values or weights that are not finite, a sum that is not positive, or
        fewer than two families.
    """
    weight = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.ndim != 1 or not values.shape == weight.shape == np.shape(groups):
        raise InputError(
            f"values, groups and weights of shapes {values.shape}, {np.shape(groups)} and {weight.shape}",
            "(n,) all",
        )
    if not (np.isfinite(values).all() and np.isfinite(weight).all() and weight.sum() > 0):
        raise InputError(f"values that are not finite, or weights that add to {weight.sum():g}", "numbers")
    if len(np.unique(groups)) < 2:
        raise InputError("candidates of one family", "two families or more", "generate more events")
    return weight
