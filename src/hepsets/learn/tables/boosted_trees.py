"""Boosted decision trees (XGBoost) on event columns, such as the thirty variables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose, demand
from hepsets.learn.described import described
from hepsets.learn.registry import Kind, Recipe
from hepsets.learn.tables.booster import from_tensors, gains, grow, to_tensors
from hepsets.learn.tables.folds import hold_families
from hepsets.learn.tables.oversampling import Oversample, Rows
from hepsets.learn.tables.signed_weights import grow_signed
from hepsets.learn.training.fit import split_train_validation

MODEL = "boosted_trees"
"""Their name in the registry."""


class EventColumns(Protocol):
    """Anything with columns of events, such as particle sets and event frames."""

    @property
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """Columns of shape ``(n_events,)`` by name."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class BoostedTreesConfig:
    """How to grow the trees.

    Parameters
    ----------
    trees
        The most that are grown.
    patience
        Growing ends when the validation loss has not fallen for so many trees.
    depth
        Of a tree.
    learning_rate
        Share of each tree's correction that is taken.
    subsample, columns
        Share of the events, and of the variables, that a tree sees.
    least_weight
        Least sum of second derivatives in a leaf (XGBoost's ``min_child_weight``).
    validation_fraction
        Part of the events that is kept for validation.
    threads
        Threads to use, ``None`` for all cores.
    seed
        Seed of the split and of what each tree sees.
    """

    trees: int = Field(default=2000, ge=1)
    patience: int = Field(default=50, ge=1)
    depth: int = Field(default=5, ge=1)
    learning_rate: float = Field(default=0.05, gt=0.0, le=1.0)
    subsample: float = Field(default=0.7, gt=0.0, le=1.0)
    columns: float = Field(default=0.7, gt=0.0, le=1.0)
    least_weight: float = Field(default=5.0, ge=0.0)
    validation_fraction: float = Field(default=0.25, gt=0.0, lt=1.0)
    threads: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)


@dataclasses.dataclass(frozen=True, eq=False)
class BoostedTreesResult:
    """What a fit left besides the trees.

    Parameters
    ----------
    train_losses, validation_losses
        Cross entropy [nat] after each tree, those after the best one included.
    best_trees
        Number of trees with the least validation loss: those that are kept.
    train_indices, validation_indices
        Which events were trained on, and which were not; the same as of
        :func:`hepsets.learn.training.fit.fit` with the same seed and fraction, if events have no families.
    """

    train_losses: tuple[float, ...]
    validation_losses: tuple[float, ...]
    best_trees: int
    train_indices: NDArray[np.int64]
    validation_indices: NDArray[np.int64]


class BoostedTrees:
    """Trees on named event columns. Make them with :func:`fit_trees`.

    Parameters
    ----------
    name
        What the model is called in files and tables.
    variables
        Event columns, in order.
    config
        How the trees were grown.
    booster
        XGBoost's trees.

    Attributes
    ----------
    made_of
        What its inputs were made of in files of the user's, for who applies it to more of them: plain values.
    """

    kind: Kind = "tables"

    def __init__(
        self, name: str, variables: Sequence[str], config: BoostedTreesConfig, booster: xgb.Booster
    ) -> None:
        self.made_of: Mapping[str, Any] = {}
        self.name = name
        self.variables = tuple(variables)
        self.config = config
        self._booster = booster

    def __repr__(self) -> str:
        """Numbers of trees and variables, and the options."""
        return described(self, f"{len(self)} trees", f"variables: {', '.join(self.variables)}")

    def __len__(self) -> int:
        return int(self._booster.num_boosted_rounds())

    def matrix(self, events: EventColumns) -> NDArray[np.float32]:
        """What the trees see of events, float32, shape ``(n_events, n_variables)``.

        Raises
        ------
        InputError
            If a column is missing or holds values that are not finite.
        """
        return event_matrix(events, self.variables)

    def score(self, events: EventColumns) -> NDArray[np.float32]:
        """Probability of each event to be signal, shape ``(n_events,)``."""
        return self.score_matrix(self.matrix(events))

    def score_matrix(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same, shape ``(n,)``, from what :meth:`matrix` gave, ``(n, n_inputs)``, changed or not."""
        if len(matrix) == 0:
            return np.empty(0, dtype=np.float32)
        return np.asarray(self._booster.inplace_predict(matrix), dtype=np.float32)

    def gains(self) -> dict[str, float]:
        """By how much splits on each variable lowered the training loss, in parts of 1."""
        return gains(self._booster, self.variables)

    def record(self) -> dict[str, Any]:
        """Name, variables and options."""
        config = dataclasses.asdict(self.config)
        made_of = {"made_of": self.made_of} if self.made_of else {}
        return {"model": MODEL, "name": self.name, "variables": self.variables, "config": config, **made_of}

    def tensors(self) -> dict[str, Tensor]:
        """The trees, as the bytes of XGBoost's JSON, shape ``(n_bytes,)``."""
        return to_tensors(self._booster)


def fit_trees(
    events: EventColumns,
    labels: NDArray[Any],
    variables: Sequence[str],
    weights: NDArray[Any] | None = None,
    config: BoostedTreesConfig | None = None,
    *,
    groups: NDArray[Any] | None = None,
    oversample: Oversample | None = None,
    name: str = "bdt",
) -> tuple[BoostedTrees, BoostedTreesResult]:
    """Grow trees on the training part, stop by the loss of the validation part, keep the best number.

    Parameters
    ----------
    events
        Events with the columns ``variables``.
    labels
        True for signal, shape ``(n_events,)``; both classes must occur in either part.
    variables
        Names of event columns.
    weights
        How much each event counts, shape ``(n_events,)``. Some may be negative (sWeights, subtracted
        sidebands); the trees then see their gradients with their sign, XGBoost's own loss refuses them.
    config
        How to grow the trees.
    groups
        Families of the events, shape ``(n_events,)``, see :mod:`hepsets.learn.tables.folds`: none is in both
        parts. Each event is one of its own if there are none.
    oversample
        Adds events to the training part, and to nothing else, see :mod:`hepsets.learn.tables.oversampling`.
    name
        What the model is called.

    Raises
    ------
    InputError
        For validation or test events, missing columns, values that are not finite, labels of one class,
        weights or groups that do not fit, or too few families.
    """
    demand(getattr(events, "purpose", None), Purpose.TRAINING, f"{name} is trained")
    config = config or BoostedTreesConfig()
    matrix = event_matrix(events, variables)
    truth = np.asarray(labels, dtype=bool)
    importance = np.ones(len(events)) if weights is None else np.asarray(weights, dtype=np.float64)
    if truth.shape != (len(events),) or importance.shape != truth.shape:
        raise InputError(
            f"labels and weights of shapes {truth.shape} and {importance.shape}", f"({len(events)},) both"
        )
    if not np.isfinite(importance).all():
        raise InputError("weights that are not finite", "finite numbers")
    if oversample is not None and (importance < 0).any():
        raise InputError(
            "negative weights with SMOTE, which does not look at weights", "weights from 0 up", "leave it out"
        )
    if groups is None:
        train, held = split_train_validation(len(events), config.validation_fraction, config.seed)
    else:
        train, held = hold_families(groups, truth, config.validation_fraction, config.seed)
    for part, what in ((train, "training"), (held, "validation")):
        if not 0 < importance[part] @ truth[part] < importance[part].sum():
            raise InputError(f"{what} events of one class", "signal and background", "give more events")
    importance = importance / importance.mean()
    growing = Rows(matrix[train], truth[train], importance[train])
    if oversample is not None:
        growing = oversample(growing)
    if (importance < 0).any():
        validating = Rows(matrix[held], truth[held], importance[held])
        grown = grow_signed(growing, validating, config, min_child_weight=config.least_weight)
    else:
        grown = grow(
            xgb.DMatrix(growing.matrix, growing.labels, weight=growing.weights),
            xgb.DMatrix(matrix[held], truth[held], weight=importance[held]),
            config,
            "logloss",
            objective="binary:logistic",
            min_child_weight=config.least_weight,
        )
    return (
        BoostedTrees(name, variables, config, grown.booster),
        BoostedTreesResult(grown.train_losses, grown.validation_losses, grown.best_rounds, train, held),
    )


def event_matrix(events: EventColumns, variables: Sequence[str]) -> NDArray[np.float32]:
    """Event columns side by side, float32, shape ``(n_events, n_variables)``.

    Raises
    ------
    InputError
        If a column is missing or holds values that are not finite.
    """
    missing = [name for name in variables if name not in events.columns]
    if missing or not variables:
        raise InputError(
            f"no event columns {missing}" if missing else "no variables",
            "columns that the trees can see",
            "add them with with_columns()",
        )
    matrix = np.stack([np.asarray(events.columns[name], dtype=np.float32) for name in variables], axis=1)
    bad = [name for name, column in zip(variables, matrix.T, strict=True) if not np.isfinite(column).all()]
    if bad:
        raise InputError(f"NaN or infinity in {bad}", "finite numbers", "drop such events")
    return matrix


@dataclasses.dataclass(frozen=True, kw_only=True)
class TreesRecipe(Recipe):
    """How boosted trees are grown, by the options of ``config``, and read."""

    config: BoostedTreesConfig

    @property
    def kind(self) -> Kind:
        """Rows of event columns."""
        return "tables"

    def read(self, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any) -> BoostedTrees:
        """The trees of a file, see :meth:`hepsets.learn.registry.Recipe.read`."""
        config = self.stored(record)
        variables = TypeAdapter(tuple[str, ...]).validate_python(record["variables"])
        trees = from_tensors(tensors, variables, config)
        found = BoostedTrees(str(record["name"]), variables, config, trees, **given)
        found.made_of = dict(record.get("made_of", {}))
        return found


RECIPES = (TreesRecipe(name=MODEL, config=BoostedTreesConfig()),)
