"""The configuration of continuum suppression and its three sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.core.errors import InputError
from hepsets.learn.boosted_trees import BoostedTreesConfig
from hepsets.learn.fit import FitConfig
from hepsets.learn.set_model import SetModelConfig
from hepsets.learn.set_models import SET_MODELS, build_set_model
from hepsets.select.continuum_variables import VARIABLES
from hepsets.select.hadronic_tag import MODE_NAMES

Study = Literal["unseen_modes", "shifted_detector", "disco", "importance"]

BDT = "bdt"
"""The reference: boosted trees on the thirty variables."""

OURS = "learned_moments"
"""Our own model, the one that is recommended."""

BEFORE = "multi_deep_sets_before"
"""MultiDeepSets whose sets are joined before pooling."""

VARIANTS: Mapping[str, tuple[str, SetModelConfig]] = {
    **{name: (name, SetModelConfig()) for name in SET_MODELS},
    BEFORE: ("multi_deep_sets", SetModelConfig(fusion="before")),
}
"""Model of the registry and options behind each name of this analysis."""

TAG_BDT = "bdt_with_tag"
"""Boosted trees that also see how good the candidate is: the part of a gain that is not the event's shape."""

TREES: Mapping[str, tuple[str, ...]] = {
    BDT: VARIABLES,
    TAG_BDT: (*VARIABLES, "signal_probability", "mode", "charm_mode"),
}
"""Event columns that each model of boosted trees sees."""

ON_VARIABLES = (BDT, "fixed_mlp")
"""Models that see the thirty variables alone: those that a user's ntuple can feed."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DataConfig:
    """Which events.

    Parameters
    ----------
    train_events, test_events
        Least number of events to train on (validation included) and to test on, half of them signal.
    shifted_events
        The same for each shifted detector.
    generic_signal_events
        Correctly tagged signal events with two generic decays, to be compared with the enriched ones.
    train, test
        The user's own Belle II ntuples (ROOT) in place of generated events; they feed the models on
        the thirty variables.
    tree
        Name of the tree in these files, if there are several.
    keep
        Keep the events in the folder of the run.
    """

    train_events: int = Field(default=100_000, ge=200)
    test_events: int = Field(default=100_000, ge=200)
    shifted_events: int = Field(default=20_000, ge=200)
    generic_signal_events: int = Field(default=1000, ge=0)
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    tree: str | None = None
    keep: bool = False


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DiscoConfig:
    """The penalty on dependence on Mbc, and what it costs.

    Parameters
    ----------
    model
        Which model is trained with it.
    strengths
        Strengths λ to train with; 0 is none.
    batch_events
        Events per step, the same for all strengths; the penalty needs many.
    """

    model: str = "multi_deep_sets"
    strengths: tuple[float, ...] = (0.0, 0.3, 3.0)
    batch_events: int = Field(default=2048, ge=64)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Config:
    """Everything that a run of continuum suppression depends on.

    Parameters
    ----------
    scale
        Name of the size that the other defaults came from.
    seed
        Seed of events, detector, initial weights and training.
    data
        Events.
    models
        Names of the models to train and compare; ``bdt`` is always among them.
    fit
        Training of the networks.
    trees
        Growing of the trees.
    signal_efficiency
        Where background left is compared.
    studies
        What else is looked at.
    unseen_modes
        Decay modes of the candidate that are left out of training, one at a time.
    trust_models
        The models that the studies of unseen modes, and of importance, look at.
    disco
        The penalty on dependence on Mbc.
    """

    scale: Literal["quick", "standard", "full"] = "standard"
    seed: int = Field(default=1, ge=0, lt=2**32)
    data: DataConfig = DataConfig()
    models: tuple[str, ...] = (
        BDT,
        TAG_BDT,
        "fixed_mlp",
        "deep_sets",
        "multi_deep_sets_cm",
        "multi_deep_sets",
        BEFORE,
        "combined",
        OURS,
    )
    fit: FitConfig = FitConfig(
        epochs=8, batch_events=256, learning_rate=2e-3, schedule="cosine", weight_decay=1e-4
    )
    trees: BoostedTreesConfig = BoostedTreesConfig()
    signal_efficiency: float = Field(default=0.9, gt=0.0, lt=1.0)
    studies: tuple[Study, ...] = ("unseen_modes", "shifted_detector", "disco", "importance")
    unseen_modes: tuple[str, ...] = ("D*- pi+ pi+ pi-", "anti-D0 pi+")
    trust_models: tuple[str, ...] = (BDT, "multi_deep_sets", OURS)
    disco: DiscoConfig = DiscoConfig()


SCALES: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "data": {
            "train_events": 3000,
            "test_events": 3000,
            "shifted_events": 1000,
            "generic_signal_events": 50,
        },
        "models": [BDT, "deep_sets", "multi_deep_sets", OURS],
        "fit": {"epochs": 3},
        "trees": {"trees": 300},
        "unseen_modes": ["anti-D0 pi+"],
        "disco": {"strengths": [0.0, 1.0]},
    },
    "standard": {},
    "full": {
        "data": {
            "train_events": 600_000,
            "test_events": 400_000,
            "shifted_events": 100_000,
            "generic_signal_events": 5000,
        },
        "fit": {"epochs": 20},
        "unseen_modes": ["D*- pi+ pi+ pi-", "anti-D0 pi+", "anti-D*0 pi+ pi0", "D- pi+ pi+ pi-"],
        "disco": {"strengths": [0.0, 0.1, 0.3, 1.0, 3.0, 10.0]},
    },
}
"""What differs from the defaults at each size."""


def check(config: Config) -> None:
    """Refuse what no type can, before anything is done.

    Raises
    ------
    InputError
        For unknown models or modes, a comparison without ``bdt``, seeds of single models.
    """
    known = (*TREES, *VARIANTS)
    for name in (*config.models, *config.trust_models, config.disco.model):
        if name not in known:
            raise InputError(f"no model {name!r}", f"one of {', '.join(known)}")
    if BDT not in config.models or len(set(config.models)) < len(config.models):
        raise InputError(f"models = {list(config.models)}", f"each once, {BDT} among them")
    if "disco" in config.studies and config.disco.model in TREES:
        raise InputError(f"disco.model = {config.disco.model!r}", "a network: trees have no such penalty")
    unknown = [mode for mode in config.unseen_modes if mode not in MODE_NAMES]
    if unknown:
        raise InputError(f"unseen_modes = {unknown}", f"some of {', '.join(MODE_NAMES)}")
    if config.fit.seed or config.trees.seed:
        raise InputError("a seed of a single model", "one seed for the run", "set seed, or --seed")
    if bool(config.data.train) != bool(config.data.test):
        raise InputError(
            "training or test files alone", "both", "give --data and --test-data; or neither, to generate"
        )
    for name in config.models:
        if name not in TREES:
            build_set_model(*VARIANTS[name])
