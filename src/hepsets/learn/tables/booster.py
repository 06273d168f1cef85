"""XGBoost's boosters: grown until validation loss stops falling, kept as bytes, read back, looked into."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
import xgboost as xgb
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.record import parse

Gradients: TypeAlias = Callable[[NDArray[Any], xgb.DMatrix], tuple[NDArray[Any], NDArray[Any]]]
"""From logits to first and second derivatives of the loss, each of shape ``(n,)``."""

Measure: TypeAlias = Callable[[NDArray[Any], xgb.DMatrix], tuple[str, float]]
"""From logits, where there are own gradients, of shape ``(n,)`` to the name of a loss and its value."""


class Growing(Protocol):
    """What the options of all trees have."""

    @property
    def trees(self) -> int:
        """The most rounds."""

    @property
    def patience(self) -> int:
        """Growing ends when the validation loss has not fallen for so many rounds."""

    @property
    def depth(self) -> int:
        """Of a tree."""

    @property
    def learning_rate(self) -> float:
        """Share of each tree's correction that is taken."""

    @property
    def subsample(self) -> float:
        """Share of the events that a tree sees."""

    @property
    def columns(self) -> float:
        """Share of the variables that a tree sees."""

    @property
    def threads(self) -> int | None:
        """Threads to use, ``None`` for all cores."""

    @property
    def seed(self) -> int:
        """Seed of what each tree sees."""


class Grown(NamedTuple):
    """Trees up to the least validation loss, losses [nat] after each round, and how many rounds are kept."""

    booster: xgb.Booster
    train_losses: tuple[float, ...]
    validation_losses: tuple[float, ...]
    best_rounds: int


def grow(
    training: xgb.DMatrix,
    validation: xgb.DMatrix,
    config: Growing,
    loss: str,
    *,
    gradients: Gradients | None = None,
    measure: Measure | None = None,
    **options: Any,
) -> Grown:
    """Grow trees on training events, stop by the loss of validation events, keep the best number.

    Parameters
    ----------
    training, validation
        Events with their labels.
    config
        How to grow them.
    loss
        XGBoost's name of the loss that is watched, or that which ``measure`` gives.
    gradients, measure
        The loss that is minimised and the one that is watched, where XGBoost's own will not do.
    options
        Further parameters of XGBoost, such as ``objective``.
    """
    losses: dict[str, dict[str, list[float]]] = {}
    booster = xgb.train(
        {
            **({"eval_metric": loss} if measure is None else {"disable_default_eval_metric": True}),
            "tree_method": "hist",
            "max_depth": config.depth,
            "eta": config.learning_rate,
            "subsample": config.subsample,
            "colsample_bytree": config.columns,
            "seed": config.seed,
            **_threads(config),
            **options,
        },
        training,
        config.trees,
        evals=[(training, "training"), (validation, "validation")],
        obj=gradients,
        custom_metric=measure,
        early_stopping_rounds=config.patience,
        evals_result=losses,
        verbose_eval=False,
    )
    best = booster.best_iteration + 1
    return Grown(booster[:best], tuple(losses["training"][loss]), tuple(losses["validation"][loss]), best)


def gains(booster: xgb.Booster, variables: Sequence[str]) -> dict[str, float]:
    """By how much splits on each variable lowered the training loss, in parts of 1."""
    found = booster.get_score(importance_type="total_gain")
    total = np.array([found.get(f"f{place}", 0.0) for place in range(len(variables))], dtype=float)
    return dict(zip(variables, (total / max(total.sum(), 1e-30)).tolist(), strict=True))


def to_tensors(booster: xgb.Booster) -> dict[str, Tensor]:
    """The trees, as the bytes of XGBoost's JSON, shape ``(n_bytes,)``."""
    text = np.frombuffer(bytes(booster.save_raw("json")), dtype=np.uint8)
    return {"trees": torch.from_numpy(text.copy())}


def from_tensors(tensors: Mapping[str, Tensor], variables: Sequence[str], config: Growing) -> xgb.Booster:
    """The trees that :func:`to_tensors` gave, in tensors of shape ``(n_bytes,)``.

    Raises
    ------
    ValueError
        If they are of another number of variables.
    """
    trees = parse(tensors["trees"].numpy().tobytes())  # XGBoost would follow any depth of nesting
    booster = xgb.Booster(_threads(config))
    booster.load_model(bytearray(json.dumps(trees).encode()))
    if booster.num_features() != len(variables):
        raise ValueError(f"{booster.num_features()} features for {len(variables)} variables")
    return booster


def _threads(config: Growing) -> dict[str, int]:
    return {} if config.threads is None else {"nthread": config.threads}
