"""Simulation reweighted to data by boosted trees, each candidate by a reweighter that saw none of its family.

Simulation never has the track multiplicities and momenta of data. A reweighter grows trees whose leaves tell
simulation from data most, and gives simulation the ratio of both in each (Rogozhnikov, arXiv:1608.05806;
hep_ml's ``GBReweighter``). Data may have weights of either sign, such as sWeights or sidebands subtracted.
Whether it helped is for :mod:`hepsets.evaluate.scores.told_apart` to say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.core.errors import InputError
from hepsets.learn.tables.boosted_trees import EventColumns, event_matrix
from hepsets.learn.tables.folds import assign_folds


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ReweightingConfig:
    """How to reweight.

    Parameters
    ----------
    folds
        How many reweighters; each is trained on all folds but its own.
    trees, depth, learning_rate
        Of a reweighter.
    least_in_leaf
        Least candidates in a leaf, simulated and true ones together.
    regularisation
        So many candidates are added to both sides of each leaf.
    subsample
        Share of the candidates that a tree sees.
    seed
        Of folds and of what each tree sees.
    """

    folds: int = Field(default=5, ge=2)
    trees: int = Field(default=40, ge=1)
    depth: int = Field(default=3, ge=1)
    learning_rate: float = Field(default=0.2, gt=0.0, le=1.0)
    least_in_leaf: int = Field(default=200, ge=1)
    regularisation: float = Field(default=5.0, ge=0.0)
    subsample: float = Field(default=0.5, gt=0.0, le=1.0)
    seed: int = Field(default=0, ge=0)


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """Simulated candidates or data.

    Parameters
    ----------
    events
        Their columns.
    groups
        Their families, shape ``(n,)``, see :mod:`hepsets.learn.tables.folds`.
    weights
        Shape ``(n,)``; all one if ``None``. Those of data may be negative.

    Raises
    ------
    InputError
        For groups or weights that do not fit, or whose sum is not positive.
    """

    events: EventColumns
    groups: NDArray[Any]
    weights: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        weights = np.ones(len(self.events)) if self.weights is None else np.asarray(self.weights, dtype=float)
        if weights.shape != (len(self.events),) or np.shape(self.groups) != weights.shape:
            raise InputError(
                f"groups and weights of shapes {np.shape(self.groups)} and {weights.shape}",
                f"({len(self.events)},) both",
            )
        if not (np.isfinite(weights).all() and weights.sum() > 0):
            raise InputError(f"weights that add to {weights.sum():g}", "finite ones with a positive sum")
        object.__setattr__(self, "weights", weights)

    @property
    def weight(self) -> NDArray[np.float64]:
        """The weights, shape ``(n,)``."""
        assert self.weights is not None  # see __post_init__
        return self.weights


@dataclasses.dataclass(frozen=True, eq=False)
class Reweighting:
    """Weights of simulation, and how they were found.

    Parameters
    ----------
    weights
        New weight of each simulated candidate, shape ``(n_simulated,)``; those of a fold add up to what its
        weights were.
    folds, data_folds
        Fold of each simulated candidate and of data, shapes ``(n_simulated,)`` and ``(n_data,)``. Neither the
        simulation nor the data of its own fold have a part in a candidate's weight.
    variables
        What was looked at.
    """

    weights: NDArray[np.float64]
    folds: NDArray[np.int64]
    data_folds: NDArray[np.int64]
    variables: tuple[str, ...]
    _reweighters: tuple[Any, ...]
    _scales: tuple[float, ...]

    def multipliers(self, events: EventColumns) -> NDArray[np.float64]:
        """What the weights of other simulated candidates are to be multiplied by, shape ``(n_events,)``.

        The mean of what the reweighters of all folds say.

        Parameters
        ----------
        events
            None of those that the weights were made of.
        """
        matrix = event_matrix(events, self.variables)
        each = zip(self._reweighters, self._scales, strict=True)
        return np.asarray(np.mean([one.predict_weights(matrix) * scale for one, scale in each], axis=0))


def reweight(
    simulated: Sample, data: Sample, variables: Sequence[str], config: ReweightingConfig | None = None
) -> Reweighting:
    """Weights with which simulation is distributed as data are.

    Parameters
    ----------
    simulated
        Simulated candidates; their weights must not be negative.
    data
        Data, whose weights may be of either sign.
    variables
        Columns of both to be looked at, such as momentum and track multiplicity of the event; none that
        signal is told from background by, unless the data's weights remove all background.
    config
        How.

    Raises
    ------
    InputError
        For negative weights of simulation, missing columns or values that are not finite, and too few
        families for simulation and data to be in each fold.
    """
    config = config or ReweightingConfig()
    if (simulated.weight < 0).any():
        raise InputError(
            "negative weights of simulation", "weights from 0 up: a density has no sign",
            "give simulation without them; training takes weights of either sign as they are",
        )  # fmt: skip
    matrices = tuple(event_matrix(one.events, variables) for one in (simulated, data))
    groups = np.concatenate([simulated.groups, data.groups])
    true = np.arange(len(groups)) >= len(simulated.groups)
    both = assign_folds(groups, true, folds=config.folds, seed=config.seed)
    folds, data_folds = both[~true], both[true]
    weights = np.empty(len(folds))
    reweighters, scales = [], []
    for fold in range(config.folds):
        own = folds == fold
        if not own.any() or not (data_folds == fold).any():
            raise InputError(
                f"no simulation or no data in one of {config.folds} folds", "both in each", "take fewer folds"
            )
        one = _grown(matrices, (simulated.weight, data.weight), (~own, data_folds != fold), config)
        changed = one.predict_weights(matrices[0][own], simulated.weight[own])
        scales.append(float(simulated.weight[own].sum() / changed.sum()))
        weights[own] = changed * scales[-1]
        reweighters.append(one)
    return Reweighting(weights, folds, data_folds, tuple(variables), tuple(reweighters), tuple(scales))


def _grown(
    matrices: tuple[NDArray[np.float32], ...],
    weights: tuple[NDArray[np.float64], ...],
    chosen: tuple[NDArray[np.bool_], ...],
    config: ReweightingConfig,
) -> Any:
    """A reweighter from the chosen simulated candidates to the chosen data."""
    from hep_ml.reweight import GBReweighter  # takes seconds to import, and only this needs it

    one = GBReweighter(
        n_estimators=config.trees,
        learning_rate=config.learning_rate,
        max_depth=config.depth,
        min_samples_leaf=config.least_in_leaf,
        loss_regularization=config.regularisation,
        gb_args={"subsample": config.subsample, "random_state": config.seed},
    )
    original, target = (matrix[part] for matrix, part in zip(matrices, chosen, strict=True))
    of_original, of_target = (weight[part] for weight, part in zip(weights, chosen, strict=True))
    return one.fit(original, target, of_original, of_target)
