"""The registry of models of sets: every one by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from hepsets.core.errors import InputError
from hepsets.learn.particle_sets.learned_moments import MOMENTS_CANDIDATE, MOMENTS_SET, LearnedMoments
from hepsets.learn.particle_sets.model import SetModel, SetModelConfig, SetNetwork
from hepsets.learn.particle_sets.multi_deep_sets import MultiDeepSets
from hepsets.represent.particle_sets.features import ALL_PARTICLES, FIVE_SETS, FIVE_SETS_PUBLISHED
from hepsets.select.variables.continuum import VARIABLES
from hepsets.select.variables.own_frames import OWN_VARIABLES


def _multi_deep_sets(config: SetModelConfig) -> SetNetwork:
    return MultiDeepSets(
        [len(spec.features) for spec in config.sets or ()],
        config.units or 0,
        layers=config.layers or 0,
        fusion=config.fusion or "after",
        pooling=config.pooling or "sum_mean",
        n_event_features=len(config.event_features or ()),
        dropout=config.dropout or 0.0,
    )


def _learned_moments(config: SetModelConfig) -> SetNetwork:
    return LearnedMoments(
        config.sets or (),
        config.units or 0,
        layers=config.layers or 0,
        n_event_features=len(config.event_features or ()),
        dropout=config.dropout or 0.0,
    )


@dataclass(frozen=True)
class SetRecipe:
    """How a model of sets is built.

    Parameters
    ----------
    network
        Makes the network from a complete configuration.
    config
        What the model takes where the configuration leaves it open.
    """

    network: Callable[[SetModelConfig], SetNetwork]
    config: SetModelConfig

    def complete(self, config: SetModelConfig) -> SetModelConfig:
        """``config`` with the model's own choices where it leaves them open."""
        open_fields = [
            field.name for field in dataclasses.fields(config) if getattr(config, field.name) is None
        ]
        return dataclasses.replace(config, **{name: getattr(self.config, name) for name in open_fields})


_ON_SETS = SetModelConfig(
    event_features=(),
    units=64,
    layers=2,
    fusion="after",
    pooling="sum_mean",
    dropout=0.1,
    symmetries=True,
)
"""What the models with several sets share."""

SET_MODELS: Mapping[str, SetRecipe] = {
    "fixed_mlp": SetRecipe(
        _multi_deep_sets,
        SetModelConfig(sets=(), event_features=VARIABLES, units=64, layers=2, dropout=0.1),
    ),
    "deep_sets": SetRecipe(_multi_deep_sets, dataclasses.replace(_ON_SETS, sets=ALL_PARTICLES)),
    "multi_deep_sets": SetRecipe(_multi_deep_sets, dataclasses.replace(_ON_SETS, sets=FIVE_SETS)),
    "multi_deep_sets_cm": SetRecipe(
        _multi_deep_sets, dataclasses.replace(_ON_SETS, sets=FIVE_SETS_PUBLISHED)
    ),
    "combined": SetRecipe(
        _multi_deep_sets,
        dataclasses.replace(_ON_SETS, sets=FIVE_SETS, event_features=OWN_VARIABLES),
    ),
    "learned_moments": SetRecipe(
        _learned_moments,
        SetModelConfig(
            sets=(MOMENTS_SET, MOMENTS_CANDIDATE),
            event_features=OWN_VARIABLES,
            units=96,
            layers=2,
            dropout=0.2,
        ),
    ),
}
"""Recipes by model name; the contract tests run over them.

All see candidate and rest of event in their own frames, where Mbc cannot be learnt, but ``fixed_mlp``,
whose thirty variables alone do not tell it, and ``multi_deep_sets_cm``, the published inputs, which do."""

SET_MODEL_NAMES: tuple[str, ...] = tuple(SET_MODELS)
"""Names of all models of sets."""


def build_set_model(name: str, config: SetModelConfig | None = None) -> SetModel:
    """A fresh model, its weights drawn with ``config.seed``.

    Parameters
    ----------
    name
        One of :data:`SET_MODEL_NAMES`.
    config
        Inputs and sizes; the model's own by default.

    Raises
    ------
    InputError
        If there is no such model, or its network cannot have such inputs.
    """
    if name not in SET_MODELS:
        raise InputError(f"no model of sets {name!r}", f"one of {', '.join(SET_MODEL_NAMES)}")
    complete = SET_MODELS[name].complete(config or SetModelConfig())
    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU
        torch.manual_seed(complete.seed)
        network = SET_MODELS[name].network(complete)
    return SetModel(name, complete, network)
