"""How well a classifier tells simulation from data: what reweighting left over, in one number.

The classifier two-sample test (Lopez-Paz and Oquab, arXiv:1610.06545): trees are trained to tell the samples
apart, fold by fold, and judged on families that they did not see. An area under the ROC curve of 0.5 within
its error means that they found no difference, in all variables together and not only one by one.

Weights must not come from the candidates that judge them, not even crosswise by folds: in each fold
simulation would look like the data of all others, which its classifier was trained on, and the area would
fall below 0.5 (to 0.46 in a toy). So half of the families make weights, and the other half judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from hepsets.core.event_frame import EventFrame
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.families import family_auc
from hepsets.evaluate.scores.sample import effective_count
from hepsets.learn.tables.boosted_trees import BoostedTrees, BoostedTreesConfig, event_matrix, fit_trees
from hepsets.learn.tables.folds import TrainingPart, assign_folds, cross_train
from hepsets.learn.tables.reweighting import ReweightingConfig, Sample, reweight

TREES = BoostedTreesConfig(trees=200, patience=20, depth=3, learning_rate=0.1, threads=1)
"""Small ones: differences of simulation and data are smooth."""


@dataclass(frozen=True)
class ToldApart:
    """What a classifier of simulation against data reached.

    Parameters
    ----------
    auc
        Area under its ROC curve, 0.5 for none; the error counts families.
    p_value
        Chance of an area as large or larger if both samples are alike.
    effective_size
        Kish's effective number of simulated candidates: what their weights cost.
    """

    auc: Measured
    p_value: float
    effective_size: float


def tell_apart(
    simulated: Sample, data: Sample, variables: Sequence[str], config: BoostedTreesConfig = TREES
) -> ToldApart:
    """Train a classifier of simulation against data, fold by fold, and judge it.

    Trees cannot take negative weights. In training, data of negative weight count as simulation, by the size
    of their weight: the best classifier still is a constant where the samples agree. It is judged with the
    weights as they are.

    Parameters
    ----------
    simulated, data
        Candidates with weights, made of others (:func:`judge_reweighting`); those of data may be negative.
    variables
        Columns of both.
    config
        How to grow the trees.
    """
    weights = np.concatenate([one.weight / one.weight.sum() for one in (simulated, data)])
    groups = np.concatenate([simulated.groups, data.groups])
    true = np.arange(len(groups)) >= len(simulated.groups)

    def train(part: TrainingPart[EventFrame]) -> BoostedTrees:
        return fit_trees(part.events, part.labels, variables, part.weights, config, groups=part.groups)[0]

    found = cross_train(
        EventFrame.concatenate([_frame(one, variables) for one in (simulated, data)]),
        true != (weights < 0),
        groups,
        train,
        weights=np.abs(weights),
        seed=config.seed,
    )
    auc = family_auc(true, found.scores, groups, weights)
    return ToldApart(auc, float(norm.sf((auc.value - 0.5) / auc.se)), effective_count(simulated.weight))


def judge_reweighting(
    simulated: Sample,
    data: Sample,
    variables: Sequence[str],
    config: ReweightingConfig | None = None,
    trees: BoostedTreesConfig = TREES,
) -> tuple[ToldApart, ToldApart]:
    """How well simulation and data are told apart before and after reweighting.

    Half of all families make the weights, of which the other half of the simulation gets the mean over folds.
    So this judges weights made from half as many candidates as
    :func:`~hepsets.learn.tables.reweighting.reweight` makes of all.

    Parameters
    ----------
    simulated, data, variables, config
        As for :func:`~hepsets.learn.tables.reweighting.reweight`.
    trees
        How to grow those that tell apart.
    """
    config = config or ReweightingConfig()
    groups = np.concatenate([simulated.groups, data.groups])
    true = np.arange(len(groups)) >= len(simulated.groups)
    first = assign_folds(groups, true, folds=2, seed=config.seed) == 0
    of_simulated, of_data = first[~true], first[true]
    made = reweight(
        _part(simulated, variables, of_simulated), _part(data, variables, of_data), variables, config
    )
    others, judging = _part(simulated, variables, ~of_simulated), _part(data, variables, ~of_data)
    weighted = Sample(others.events, others.groups, others.weight * made.multipliers(others.events))
    before, after = (tell_apart(one, judging, variables, trees) for one in (others, weighted))
    return before, after


def _frame(sample: Sample, variables: Sequence[str]) -> EventFrame:
    return EventFrame(dict(zip(variables, event_matrix(sample.events, variables).T, strict=True)))


def _part(sample: Sample, variables: Sequence[str], which: NDArray[np.bool_]) -> Sample:
    return Sample(_frame(sample, variables)[which], sample.groups[which], sample.weight[which])
