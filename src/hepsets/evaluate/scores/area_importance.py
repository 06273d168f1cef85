"""What a classifier of candidates in families loses in area when inputs are exchanged among candidates.

As :mod:`hepsets.evaluate.scores.importance`, which tells what an exchange of inputs is and what its result
means, but
for cross-trained models: the importance is the loss of area under the ROC curve, and its error counts
families. Inputs
that say nearly the same stand in for one another, so each alone seems to be worth nothing; exchanged
together, as
:func:`correlated_groups` joins them, they show what they are worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.families import area_influence, family_norm
from hepsets.evaluate.scores.importance import Events, Exchange
from hepsets.learn.tables.boosted_trees import EventColumns, event_matrix


@dataclass(frozen=True)
class AreaImportance:
    """Importance of inputs that were exchanged together.

    Parameters
    ----------
    name
        Of the inputs.
    loss
        Area under the ROC curve with all inputs less that without these; mean over repetitions.
    """

    name: str
    loss: Measured


def area_importance(
    score: Callable[[Events], ArrayLike],
    events: Events,
    labels: ArrayLike,
    groups: ArrayLike,
    exchanges: Mapping[str, Exchange[Events]],
    weights: ArrayLike | None = None,
    *,
    repeats: int = 5,
    seed: int = 0,
) -> list[AreaImportance]:
    """Importance of inputs of a classifier, in the order of ``exchanges``.

    Parameters
    ----------
    score
        Takes events, gives scores of shape ``(n_events,)``. Of cross-trained models
        ``lambda events: trained.score(events, groups)``, so that no candidate is scored by a model that saw
        its family.
    events
        Candidates, of any type that ``score`` and the exchanges know.
    labels, groups, weights
        As for :func:`hepsets.evaluate.scores.families.family_auc`, shape ``(n_events,)``.
    exchanges
        By name, such as :func:`hepsets.evaluate.scores.importance.exchange_columns` of the columns in a
        group.
    repeats
        Exchanges per name.
    seed
        Of the exchanges; each name and repetition has random numbers of its own.

    Raises
    ------
    InputError
        As ``family_auc``; for fewer than one repetition.
    """
    if repeats < 1:
        raise InputError(f"{repeats} repetitions", "at least one")
    area, influence = area_influence(labels, score(events), groups, weights)
    found = []
    for place, (name, exchange) in enumerate(exchanges.items()):
        without = [
            area_influence(
                labels, score(exchange(events, np.random.default_rng([seed, place, repeat]))), groups, weights
            )
            for repeat in range(repeats)
        ]
        loss = area - float(np.mean([one[0] for one in without]))
        change = influence - np.mean([one[1] for one in without], axis=0)
        found.append(AreaImportance(name, Measured(loss, family_norm(change, groups))))
    return found


def correlated_groups(
    events: EventColumns, variables: Sequence[str], least: float = 0.7
) -> list[tuple[str, ...]]:
    """Variables that say nearly the same, together; in the order of the first of each group.

    Parameters
    ----------
    events
        With the columns ``variables``.
    variables
        What a model sees.
    least
        Variables are joined while the mean of the absolute rank correlations between two groups is at least
        this.

    Raises
    ------
    InputError
        For missing columns, values that are not finite, or fewer than two candidates.
    """
    matrix = event_matrix(events, variables)
    if len(matrix) < 2:
        raise InputError(f"{len(matrix)} candidates", "two or more")
    if len(variables) == 1:
        return [tuple(variables)]
    cluster: NDArray[Any] = fcluster(linkage(_distances(matrix), "average"), 1 - least + 1e-9, "distance")
    members: dict[int, list[str]] = {}
    for name, number in zip(variables, cluster, strict=True):
        members.setdefault(int(number), []).append(name)
    return [tuple(names) for names in members.values()]


def _distances(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """1 - |rank correlation| of each pair of columns, 1 where one of them is constant."""
    ranks = np.apply_along_axis(rankdata, 0, matrix)
    ranks -= ranks.mean(axis=0)
    size = np.linalg.norm(ranks, axis=0)
    ranks /= np.where(size > 0, size, 1.0)
    distances = np.clip(1 - np.abs(ranks.T @ ranks), 0, 1)
    np.fill_diagonal(distances, 0.0)
    return np.asarray(squareform(distances, checks=False))
