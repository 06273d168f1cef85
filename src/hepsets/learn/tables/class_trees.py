"""Boosted decision trees (XGBoost) for several classes, on named columns of events."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

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
from hepsets.learn.tables.boosted_trees import EventColumns, event_matrix
from hepsets.learn.tables.booster import from_tensors, gains, grow, to_tensors

MODEL = "class_trees"
"""Their name in the registry."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ClassTreesConfig:
    """How to grow the trees.

    Parameters
    ----------
    trees
        The most that are grown of each class.
    patience
        Growing ends when the validation loss has not fallen for so many rounds.
    depth
        Of a tree.
    learning_rate
        Share of each tree's correction that is taken.
    subsample, columns
        Share of the events, and of the variables, that a tree sees.
    threads
        Threads to use, ``None`` for all cores.
    seed
        Seed of what each tree sees.
    """

    trees: int = Field(default=150, ge=1)
    patience: int = Field(default=20, ge=1)
    depth: int = Field(default=6, ge=1)
    learning_rate: float = Field(default=0.15, gt=0.0, le=1.0)
    subsample: float = Field(default=0.7, gt=0.0, le=1.0)
    columns: float = Field(default=0.3, gt=0.0, le=1.0)
    threads: int | None = Field(default=1, ge=1)
    seed: int = Field(default=0, ge=0)


@dataclasses.dataclass(frozen=True)
class Labelled:
    """Events with their classes: columns, and a number of the class from 0, shape ``(n_events,)``."""

    events: EventColumns
    classes: NDArray[np.integer]


@dataclasses.dataclass(frozen=True)
class ClassTreesResult:
    """Cross entropies [nat] by round, and how many rounds were kept: those of the least validation loss."""

    train_losses: tuple[float, ...]
    validation_losses: tuple[float, ...]
    best_rounds: int


class ClassTrees:
    """Trees of several classes. Make them with :func:`fit_class_trees`.

    Parameters
    ----------
    name
        What the model is called in files and tables.
    variables, classes
        Event columns and names of classes, in order.
    config
        How the trees were grown.
    booster
        XGBoost's trees.
    made_of
        What the variables are made of, for those who shall make them again; by names of the maker's own.
    """

    kind: Kind = "tables"

    def __init__(
        self,
        name: str,
        variables: Sequence[str],
        classes: Sequence[str],
        config: ClassTreesConfig,
        booster: xgb.Booster,
        made_of: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.variables = tuple(variables)
        self.classes = tuple(classes)
        self.config = config
        self.made_of = dict(made_of or {})
        self._booster = booster

    def __repr__(self) -> str:
        """Number of trees, classes, variables and options."""
        classes, variables = ", ".join(self.classes), ", ".join(self.variables)
        return described(self, f"{len(self)} trees", f"classes: {classes}", f"variables: {variables}")

    def __len__(self) -> int:
        return int(self._booster.num_boosted_rounds()) * len(self.classes)

    def probabilities(self, events: EventColumns) -> NDArray[np.float32]:
        """Probability of each class, shape ``(n_events, n_classes)``.

        Raises
        ------
        InputError
            If a column is missing or holds values that are not finite.
        """
        if not len(events):
            return np.empty((0, len(self.classes)), dtype=np.float32)
        matrix = event_matrix(events, self.variables)
        return np.asarray(self._booster.inplace_predict(matrix), dtype=np.float32)

    def score(self, events: EventColumns) -> NDArray[np.float32]:
        """Probability of the first class, shape ``(n_events,)``; errors as of :meth:`probabilities`."""
        return np.ascontiguousarray(self.probabilities(events)[:, 0])

    def gains(self) -> dict[str, float]:
        """By how much splits on each variable lowered the training loss, in parts of 1."""
        return gains(self._booster, self.variables)

    def record(self) -> dict[str, Any]:
        """Name, variables and what they are made of, classes and options."""
        return {
            "model": MODEL,
            "name": self.name,
            "variables": self.variables,
            "made_of": self.made_of,
            "classes": self.classes,
            "config": dataclasses.asdict(self.config),
        }

    def tensors(self) -> dict[str, Tensor]:
        """The trees, as the bytes of XGBoost's JSON, shape ``(n_bytes,)``."""
        return to_tensors(self._booster)


def fit_class_trees(
    train: Labelled,
    validation: Labelled,
    variables: Sequence[str],
    classes: Sequence[str],
    config: ClassTreesConfig | None = None,
    *,
    name: str = MODEL,
    made_of: Mapping[str, str] | None = None,
) -> tuple[ClassTrees, ClassTreesResult]:
    """Grow trees on training events, stop by the loss of validation events, keep the best number.

    Parameters
    ----------
    train, validation
        Events with the columns ``variables`` and their classes.
    variables
        Names of event columns.
    classes
        Names of the classes, in the order of their numbers.
    config
        How to grow the trees.
    name
        What the model is called.
    made_of
        See :class:`ClassTrees`.

    Raises
    ------
    InputError
        For events of another purpose, missing columns, values that are not finite, or a class without
        training events.
    """
    demand(getattr(train.events, "purpose", None), Purpose.TRAINING, f"{name} is trained")
    demand(getattr(validation.events, "purpose", None), Purpose.VALIDATION, f"{name} is stopped")
    config = config or ClassTreesConfig()
    if set(np.unique(train.classes)) != set(range(len(classes))):
        raise InputError(
            f"classes {sorted(set(np.unique(train.classes).tolist()))} to train on",
            f"events of {', '.join(classes)}, numbered from 0",
        )
    training, held = (
        xgb.DMatrix(event_matrix(part.events, variables), part.classes) for part in (train, validation)
    )
    grown = grow(training, held, config, "mlogloss", objective="multi:softprob", num_class=len(classes))
    return (
        ClassTrees(name, variables, classes, config, grown.booster, made_of),
        ClassTreesResult(grown.train_losses, grown.validation_losses, grown.best_rounds),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassTreesRecipe(Recipe):
    """How trees of several classes are grown, by the options of ``config``, and read."""

    config: ClassTreesConfig

    @property
    def kind(self) -> Kind:
        """Rows of event columns."""
        return "tables"

    def read(self, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any) -> ClassTrees:
        """The trees of a file, see :meth:`hepsets.learn.registry.Recipe.read`."""
        config = self.stored(record)
        names = TypeAdapter(tuple[str, ...])
        variables, classes = (names.validate_python(record[key]) for key in ("variables", "classes"))
        made_of = TypeAdapter(dict[str, str]).validate_python(record.get("made_of", {}))
        trees = from_tensors(tensors, variables, config)
        return ClassTrees(str(record["name"]), variables, classes, config, trees, made_of, **given)


RECIPES = (ClassTreesRecipe(name=MODEL, config=ClassTreesConfig()),)
