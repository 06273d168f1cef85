"""Simulation weighted to data by a classifier of both, each event by folds that did not see it.

A classifier that tells data from simulation finds p, and p / (1 − p) is the ratio of their densities
(Martschei, Feindt, Honc and Wagner-Kuhr, J. Phys. Conf. Ser. 368 (2012) 012028), which Belle II gives to
simulated continuum. It learns all variables together and stops by itself, where
:mod:`hepsets.learn.tables.reweighting` grows a fixed number of trees; since that leaves differences too
small, its logits are calibrated on all events out of their folds. Large ratios are clipped: a few
events shall not rule a sample.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from scipy.special import expit, logit

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.learn.tables.boosted_trees import (
    BoostedTrees,
    BoostedTreesConfig,
    EventColumns,
    event_matrix,
    fit_trees,
)
from hepsets.learn.tables.folds import CrossTrained, TrainingPart, cross_train
from hepsets.learn.tables.reweighting import Sample

_LEAST = 1e-6
"""Probabilities so close to 0 or 1 count as that."""

_STEEPEST = 3.0
"""Greatest slope of a calibration."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class RatioConfig:
    """How to find the ratio.

    Parameters
    ----------
    folds
        How many classifiers; each is trained on all folds but its own.
    trees, depth, learning_rate, patience
        Of a classifier: most trees, their depth, the share of each correction that is taken, and after how
        many trees without a better validation loss it stops.
    clip
        Largest ratio. Small ones are left as they are: they cost no precision.
    seed
        Of folds and trees.
    """

    folds: int = Field(default=5, ge=2)
    trees: int = Field(default=800, ge=1)
    depth: int = Field(default=3, ge=1)
    learning_rate: float = Field(default=0.05, gt=0.0, le=1.0)
    patience: int = Field(default=40, ge=1)
    clip: float = Field(default=10.0, gt=1.0)
    seed: int = Field(default=0, ge=0)


@dataclasses.dataclass(frozen=True, eq=False)
class DensityRatio:
    """Weights of simulation, and how they were found.

    Parameters
    ----------
    weights
        New weight of each simulated event, shape ``(n_simulated,)``; they add up to what the old ones did.
    clipped
        How many ratios were clipped.
    variables
        What was looked at.
    """

    weights: NDArray[np.float64]
    clipped: int
    variables: tuple[str, ...]
    _classifiers: CrossTrained
    _line: tuple[float, float]
    _clip: float

    def multipliers(self, events: EventColumns) -> NDArray[np.float64]:
        """What weights of other simulated events are to be multiplied by, clipped, shape ``(n_events,)``.

        Their mean is 1; the probability is the mean over the classifiers of all folds.

        Parameters
        ----------
        events
            None of those that the weights were made of.
        """
        probability = self._classifiers.score(_frame(events, self.variables))
        logits = logit(np.clip(probability, _LEAST, 1 - _LEAST))
        ratio = np.minimum(np.exp(self._line[0] + self._line[1] * logits), self._clip)
        return np.asarray(ratio / ratio.mean())


def density_ratio(
    simulated: Sample, data: Sample, variables: Sequence[str], config: RatioConfig | None = None
) -> DensityRatio:
    """Weights with which simulation is distributed as data are.

    Parameters
    ----------
    simulated, data
        Events with weights; those of data may be negative.
    variables
        Columns of both to be looked at.
    config
        How.

    Raises
    ------
    InputError
        For negative weights of simulation, missing columns or values that are not finite, and too few events.
    """
    config = config or RatioConfig()
    if (simulated.weight < 0).any():
        raise InputError(
            "negative weights of simulation", "weights from 0 up: a density has no sign",
            "give simulation without them; training takes weights of either sign as they are",
        )  # fmt: skip
    trees = BoostedTreesConfig(
        trees=config.trees,
        depth=config.depth,
        learning_rate=config.learning_rate,
        patience=config.patience,
        threads=1,
        seed=config.seed,
    )

    def train(part: TrainingPart[EventFrame]) -> BoostedTrees:
        return fit_trees(part.events, part.labels, variables, part.weights, trees, groups=part.groups)[0]

    true = np.arange(len(simulated.weight) + len(data.weight)) >= len(simulated.weight)
    weights = np.concatenate([0.5 * one.weight / one.weight.sum() for one in (simulated, data)])
    found = cross_train(
        EventFrame.concatenate([_frame(one.events, variables) for one in (simulated, data)]),
        true,
        np.concatenate([simulated.groups, data.groups]),
        train,
        weights=weights,
        folds=config.folds,
        seed=config.seed,
    )
    logits = logit(np.clip(found.scores, _LEAST, 1 - _LEAST))
    line = _calibrated(logits, true, weights)
    ratio = np.exp(line[0] + line[1] * logits[~true])
    kept = np.minimum(ratio, config.clip)
    new = simulated.weight * kept
    return DensityRatio(
        new * simulated.weight.sum() / new.sum(),
        int((kept != ratio).sum()),
        tuple(variables),
        found,
        line,
        config.clip,
    )


def _calibrated(
    logits: NDArray[np.float64], true: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Offset and slope with which logits of events that were not seen are those of a probability.

    Trees that stop early fall short: the slope, common to all events, is then above 1. It is below where
    they learnt noise, and 0 where there was nothing else to learn.
    """
    line = np.array([0.0, 1.0])
    terms = np.stack([np.ones_like(logits), logits])
    for _ in range(50):
        probability = expit(line @ terms)
        gradient = terms @ (weights * (true - probability))
        hessian = (terms * weights * probability * (1 - probability)) @ terms.T
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        line += np.clip(step, -0.5, 0.5)
        if np.abs(step).max() < 1e-8:
            break
    if not 0 <= line[1] <= _STEEPEST:  # chance, or classes that nothing but a few events tell apart
        line = np.array([0.0, float(np.clip(line[1], 0, _STEEPEST))])
    return float(line[0]), float(line[1])


def _frame(events: Any, variables: Sequence[str]) -> EventFrame:
    return EventFrame(dict(zip(variables, event_matrix(events, variables).T, strict=True)))
