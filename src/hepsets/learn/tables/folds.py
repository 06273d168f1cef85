"""Cross-training by families: no candidate is scored by a model that saw one of its own parton event.

Collisions whose parton event is used again, and candidates that share a track, are relatives: a model that
was trained on one of them knows something of the others. All candidates of one family are therefore in one
fold, and the model that scores a fold was trained on the other folds alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError

Table = TypeVar("Table", bound="Choosable")


class Choosable(Protocol):
    """Candidates of which some can be chosen: particle sets, event frames."""

    def __len__(self) -> int: ...

    def __getitem__(self, which: Any, /) -> Any: ...


class Scorer(Protocol):
    """A trained model."""

    def score(self, events: Any, /) -> NDArray[Any]:
        """Score of each candidate, shape ``(n,)``."""


@dataclass(frozen=True, eq=False)
class TrainingPart(Generic[Table]):
    """What one model of a cross-training is trained on.

    Parameters
    ----------
    events
        The candidates.
    labels, weights, groups
        Whether they are signal, how much they count, and their families; all of shape ``(n,)``.
    fold
        The fold that is left out.
    """

    events: Table
    labels: NDArray[np.bool_]
    weights: NDArray[np.float64]
    groups: NDArray[Any]
    fold: int


@dataclass(frozen=True, eq=False)
class CrossTrained:
    """The models of a cross-training, and what they say of the candidates that it was given.

    Parameters
    ----------
    models
        The model of each fold, which saw no candidate of it.
    folds
        Fold of each candidate, shape ``(n,)``.
    scores
        Score of each candidate by the model of its fold, float64, shape ``(n,)``.
    families
        The families, sorted, shape ``(n_families,)``.
    fold_of_family
        Fold of each of them, shape ``(n_families,)``.
    """

    models: tuple[Scorer, ...]
    folds: NDArray[np.int64]
    scores: NDArray[np.float64]
    families: NDArray[Any]
    fold_of_family: NDArray[np.int64]

    def score(self, events: Choosable, groups: NDArray[Any] | None = None) -> NDArray[np.float64]:
        """Scores of other candidates, shape ``(n_events,)``.

        New candidates get the mean over all models; it fluctuates less than one model's score, so that the
        share that a threshold keeps may differ a little from that in :attr:`scores`. Candidates of a known
        family get the score of the model that did not see it.

        Parameters
        ----------
        events
            The candidates.
        groups
            Their families, shape ``(n_events,)``; all are taken for new ones if there are none.
        """
        if not len(events):
            return np.empty(0)
        each = np.stack([np.asarray(model.score(events), dtype=np.float64) for model in self.models])
        mean = np.asarray(each.mean(axis=0))
        if groups is None:
            return mean
        place = np.minimum(np.searchsorted(self.families, groups), len(self.families) - 1)
        own = each[self.fold_of_family[place], np.arange(len(events))]
        return np.where(self.families[place] == groups, own, mean)


def assign_folds(
    groups: NDArray[Any], labels: NDArray[Any] | None = None, *, folds: int = 5, seed: int = 0
) -> NDArray[np.int64]:
    """Fold of each candidate, such that families stay together and folds are alike.

    The largest family first, each goes to the fold that has least of what it holds; equally large ones by
    lot. (Scikit-learn's ``StratifiedGroupKFold`` does the same in half a minute for 6 000 families, this in a
    fifth of a second.) The folds depend on the families, not on the order of the candidates.

    Parameters
    ----------
    groups
        Family of each candidate, such as ``underlying_event``, shape ``(n,)``.
    labels
        Class of each candidate, shape ``(n,)``: each fold gets its share of each class.
    folds
        How many.
    seed
        Of the lot.

    Returns
    -------
    ndarray
        Int64, shape ``(n,)``. With fewer families than folds some folds are empty.

    Raises
    ------
    InputError
        For fewer than two folds, fewer than two families, or labels that do not fit.

    Examples
    --------
    >>> assign_folds(np.array([7, 7, 3, 3, 3, 9]), folds=2).tolist()
    [1, 1, 0, 0, 0, 1]
    """
    classes = np.zeros(len(groups), dtype=int) if labels is None else np.asarray(labels)
    if np.ndim(groups) != 1 or classes.shape != np.shape(groups):
        raise InputError(f"groups and labels of shapes {np.shape(groups)} and {classes.shape}", "(n,) both")
    families, family = np.unique(groups, return_inverse=True)
    if folds < 2 or len(families) < 2:
        raise InputError(
            f"{folds} folds of {len(families)} families", "at least two of both", "generate more events"
        )
    _, kind = np.unique(classes, return_inverse=True)
    counts = np.zeros((len(families), kind.max() + 1))
    np.add.at(counts, (family, kind), 1.0)
    shares = counts / counts.sum(axis=0)
    order = np.random.default_rng([seed, 0xF01D]).permutation(len(families))
    order = order[np.argsort(-shares[order].max(axis=1), kind="stable")]
    load = np.zeros((folds, shares.shape[1]))
    chosen = np.empty(len(families), dtype=np.int64)
    for one in order:
        chosen[one] = np.argmin(load @ shares[one])  # squares of loads grow least
        load[chosen[one]] += shares[one]
    return chosen[family]


def hold_families(
    groups: NDArray[Any], labels: NDArray[Any], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of candidates to train on and of those to validate with, sorted; no family is in both.

    Parameters
    ----------
    groups, labels
        Family and class of each candidate, shape ``(n,)``.
    fraction
        About this part validates.
    seed
        Of the lot.

    Raises
    ------
    InputError
        If there are too few families for all classes to occur in both parts.
    """
    parts = assign_folds(groups, labels, folds=max(2, round(1 / fraction)), seed=seed)
    kinds = len(np.unique(labels))
    off = {}
    for part in np.unique(parts):
        held = parts == part
        if len(np.unique(labels[held])) == len(np.unique(labels[~held])) == kinds:
            off[part] = abs(held.mean() - fraction)
    if not off:
        raise InputError(
            f"{len(np.unique(groups))} families in which not all classes occur twice",
            "signal and background in two families or more",
            "generate more events",
        )
    held = parts == min(off, key=lambda part: off[part])
    return np.flatnonzero(~held), np.flatnonzero(held)


def cross_train(
    events: Table,
    labels: NDArray[Any],
    groups: NDArray[Any],
    train: Callable[[TrainingPart[Table]], Scorer],
    *,
    weights: NDArray[Any] | None = None,
    use: NDArray[np.bool_] | None = None,
    folds: int | NDArray[np.int64] = 5,
    seed: int = 0,
) -> CrossTrained:
    """Train a model for each fold on all other folds, and score each candidate by the model of its fold.

    Parameters
    ----------
    events
        Candidates, those to train on and those that are only to be scored.
    labels
        True for signal, shape ``(n,)``; of candidates that are not trained on it does not matter.
    groups
        Family of each candidate, such as ``underlying_event``, shape ``(n,)``.
    train
        From the candidates of the other folds to a model.
    weights
        How much each candidate counts in training, shape ``(n,)``, or for the model of each fold,
        ``(n_folds, n)``; all one if ``None``.
    use
        Which candidates are trained on, shape ``(n,)``; all if ``None``.
    folds
        How many, or the fold of each candidate, shape ``(n,)``, numbered from 0.
    seed
        Of the folds.

    Raises
    ------
    InputError
        For arrays that do not fit, families that are in two folds, too few families, a fold without which a
        class is missing, and what ``train`` refuses.

    Examples
    --------
    Trees that stop growing by families of their own, of candidates of any table:

    >>> from hepsets.learn.tables.boosted_trees import fit_trees
    >>> def trees(part):
    ...     return fit_trees(part.events, part.labels, ("bs_dira",), part.weights, groups=part.groups)[0]
    """
    truth = np.asarray(labels, dtype=bool)
    weight = np.atleast_2d(np.ones(len(truth)) if weights is None else np.asarray(weights, dtype=np.float64))
    used = np.ones(len(truth), dtype=bool) if use is None else np.asarray(use, dtype=bool)
    shapes = {truth.shape, np.shape(groups), weight.shape[1:], used.shape}
    if shapes != {(len(events),)}:
        raise InputError(
            f"labels, groups, weights or use of shapes {sorted(shapes)}", f"({len(events)},) all"
        )
    if isinstance(folds, int):
        fold = assign_folds(groups, np.where(used, truth.astype(int), 2), folds=folds, seed=seed)
    else:
        fold = _whole(folds, groups)
    count = folds if isinstance(folds, int) else int(fold.max()) + 1
    if len(weight) not in (1, count):
        raise InputError(f"weights for {len(weight)} models of {count} folds", "for one or for all of them")
    weight = np.broadcast_to(weight, (count, len(truth)))
    models, scores = [], np.empty(len(events))
    for number in range(count):
        chosen, own = np.flatnonzero(used & (fold != number)), fold == number
        if not 0 < truth[chosen].sum() < len(chosen):
            raise InputError(
                f"candidates of one class outside fold {number}",
                "signal and background",
                "generate more events",
            )
        part = TrainingPart(events[chosen], truth[chosen], weight[number, chosen], groups[chosen], number)
        models.append(train(part))
        if own.any():
            scores[own] = models[-1].score(events[own])
    families, first = np.unique(groups, return_index=True)
    return CrossTrained(tuple(models), fold, scores, families, fold[first])


def _whole(folds: NDArray[np.int64], groups: NDArray[Any]) -> NDArray[np.int64]:
    """Folds that were given, if no family is in two of them."""
    families, first, family = np.unique(groups, return_index=True, return_inverse=True)
    if np.shape(folds) != np.shape(groups) or (folds[first][family] != folds).any():
        raise InputError(
            f"folds of shape {np.shape(folds)} for {len(families)} families", "one fold for each family"
        )
    return folds
