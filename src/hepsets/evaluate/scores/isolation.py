"""Isolation learnt from all tracks around a candidate against the classic variables, on the same folds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.evaluate.scores.families import family_auc, family_auc_difference
from hepsets.learn.particle_sets.isolation import (
    CLASSIC,
    IsolationConfig,
    LearntIsolation,
    fit_isolation,
    isolation_sets,
)
from hepsets.learn.tables.boosted_trees import BoostedTrees, BoostedTreesConfig, fit_trees
from hepsets.learn.tables.folds import CrossTrained, TrainingPart, cross_train

TREES = BoostedTreesConfig(trees=300, patience=30, depth=3, learning_rate=0.1, threads=1)
"""Of the classic variables, which are two."""


@dataclass(frozen=True, eq=False)
class IsolationComparison:
    """Three ways to tell how alone a candidate is.

    Parameters
    ----------
    trained
        By name, ``classic`` (trees on the two classic variables), ``learnt`` (the network on all tracks
        around) and
        ``both`` (the network with the classic variables besides): models of all folds, with scores.
    auc
        Area under the ROC curve of each, on the candidates that were used; errors count families.
    gain
        Areas of ``learnt`` and of ``both`` less that of ``classic``, on the same candidates.
    """

    trained: Mapping[str, CrossTrained]
    auc: Mapping[str, Measured]
    gain: Mapping[str, Measured]


def compare_isolation(
    candidates: ParticleSets,
    labels: NDArray[Any],
    groups: NDArray[Any],
    use: NDArray[np.bool_] | None = None,
    *,
    network: IsolationConfig | None = None,
    trees: BoostedTreesConfig = TREES,
    folds: int | NDArray[np.int64] = 5,
    seed: int = 0,
) -> IsolationComparison:
    """Train isolation in three ways, fold by fold, and judge each on families that it did not see.

    Parameters
    ----------
    candidates
        As :func:`hepsets.learn.particle_sets.isolation.isolation_sets` needs them.
    labels, groups, use, folds, seed
        As for :func:`hepsets.learn.tables.folds.cross_train`: shape ``(n,)`` each. Candidates that are not
        used are
        scored, too, but do not judge.
    network
        The network, without the classic variables.
    trees
        How to grow those of the classic variables.
    """
    network = dataclasses.replace(network or IsolationConfig(), classic=False)
    with_classic = candidates.with_columns(**isolation_sets(candidates).columns)

    def classic(part: TrainingPart[ParticleSets]) -> BoostedTrees:
        return fit_trees(part.events, part.labels, CLASSIC, part.weights, trees, groups=part.groups)[0]

    def learnt(part: TrainingPart[ParticleSets]) -> LearntIsolation:
        return fit_isolation(part, network)

    def both(part: TrainingPart[ParticleSets]) -> LearntIsolation:
        return fit_isolation(part, dataclasses.replace(network, classic=True))

    trained = {
        one.__name__: cross_train(with_classic, labels, groups, one, use=use, folds=folds, seed=seed)
        for one in (classic, learnt, both)
    }
    judging = np.ones(len(candidates), dtype=bool) if use is None else use
    truth, family = np.asarray(labels, dtype=bool)[judging], groups[judging]
    scores = {name: one.scores[judging] for name, one in trained.items()}
    return IsolationComparison(
        trained,
        {name: family_auc(truth, score, family) for name, score in scores.items()},
        {
            name: family_auc_difference(truth, scores[name], scores["classic"], family)
            for name in ("learnt", "both")
        },
    )
