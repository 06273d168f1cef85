"""The configuration of flavour tagging and its three sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.analyses.flavour_tagging.about import MODELS, OURS, TREES, TRUNK_MODEL
from hepsets.core.errors import InputError
from hepsets.formats.whole_event_files import Frame
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig
from hepsets.learn.training.config import FitConfig
from hepsets.learn.whole_events.category_trees import GROWING


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DataConfig:
    """Which events.

    Parameters
    ----------
    train_events, validation_events, test_events
        Generated B⁰B̄⁰ events to train on, to stop and calibrate with, and to judge by. Each gives two tag
        sides: either B is the signal once.
    train
        The user's own sets in place of generated ones, see :mod:`hepsets.formats.whole_event_files`.
    test
        Such files for testing; by default a fifth of the others, by event.
    validation_share
        Share of the user's training sets that stop and calibrate.
    columns
        What the user's files call our columns, as ``px=Track_px``.
    frame
        Where the momenta of the user's files are: in the centre of mass or in the laboratory.
    keep
        Keep the events in the folder of the run.
    """

    train_events: int = Field(default=60_000, ge=100)
    validation_events: int = Field(default=15_000, ge=50)
    test_events: int = Field(default=25_000, ge=50)
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    validation_share: float = Field(default=0.15, gt=0, lt=1)
    columns: dict[str, str] = Field(default_factory=dict)
    frame: Frame = "centre_of_mass"
    keep: bool = False


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Config:
    """Everything that a run depends on.

    Parameters
    ----------
    scale
        Name of the size that the other defaults came from.
    seed
        Seed of events, detector, initial weights and order.
    data
        Events.
    models
        The models that are trained.
    units, rounds
        Width of the networks, and how often particles hear of each other in ours.
    fit
        Training of the networks.
    trees
        Growing of the trees, of each category and of those that combine them.
    training_seeds
        Trainings of each of ``seed_models``, by seeds that count up.
    seed_models
        The models that are trained several times.
    learning_shares
        Shares of the training sets on which ``learning_models`` are trained besides all.
    learning_models
        The models with a learning curve.
    learning_steps
        Least steps of these trainings.
    importance_repeats
        How often each group of inputs is exchanged between particles; 0 leaves importance out.
    trunk
        File of a pre-trained trunk that the model for it starts from, or ``"shipped"``; ``None``: it
        starts from scratch.
    trunk_sha256
        Checksum of that file, which a run writes down and another one verifies; empty: any.
    tune
        What of that model is trained: ``"all"``, or its ``"head"`` alone.
    """

    scale: Literal["quick", "standard", "full"] = "standard"
    seed: int = Field(default=1, ge=0, lt=2**31)
    data: DataConfig = DataConfig()
    models: tuple[str, ...] = MODELS
    units: int = Field(default=64, ge=1)
    rounds: int = Field(default=2, ge=0)
    fit: FitConfig = FitConfig(epochs=10, batch=256, learning_rate=2e-3, schedule="cosine", weight_decay=1e-3)
    trees: BoostedTreesConfig = GROWING
    training_seeds: int = Field(default=2, ge=1)
    seed_models: tuple[str, ...] = (TREES, OURS)
    learning_shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (1 / 16, 1 / 4)
    learning_models: tuple[str, ...] = (TREES, OURS)
    learning_steps: int = Field(default=600, ge=0)
    importance_repeats: int = Field(default=1, ge=0)
    trunk: str | None = None
    trunk_sha256: str = ""
    tune: Literal["all", "head"] = "all"


SCALES: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "data": {"train_events": 3000, "validation_events": 1500, "test_events": 2500},
        "units": 32,
        "fit": {
            "epochs": 5,
            "batch": 128,
            "learning_rate": 4e-3,
            "schedule": "constant",
            "weight_decay": 0.0,
        },
        "trees": {"trees": 80, "patience": 10, "learning_rate": 0.2, "depth": 5},
        "training_seeds": 1,
        "learning_shares": [0.25],
        "learning_steps": 100,
    },
    "standard": {},
    "full": {
        "data": {"train_events": 1_000_000, "validation_events": 100_000, "test_events": 200_000},
        "fit": {"epochs": 15},
        "training_seeds": 3,
        "learning_shares": [1 / 256, 1 / 64, 1 / 16, 1 / 4],
        "importance_repeats": 3,
    },
}
"""What differs from the defaults at each size."""


def check(config: Config) -> None:
    """Refuse what no type can, before anything is done.

    Raises
    ------
    InputError
        For unknown models or none, test files without training files, or a seed of a single training.
    """
    lists = (
        ("models", config.models),
        ("seed_models", config.seed_models),
        ("learning_models", config.learning_models),
    )
    known = (*MODELS, TRUNK_MODEL)
    for key, models in lists:
        if not set(models) <= set(known) or len(set(models)) < len(models):
            raise InputError(f"{key} = {list(models)}", f"some of {', '.join(known)}, each once")
    if not config.models:
        raise InputError("models = []", f"some of {', '.join(MODELS)}")
    if config.data.test and not config.data.train:
        raise InputError("test files alone", "training files too", "give --data")
    if config.fit.seed or config.trees.seed:
        raise InputError("a seed of a single training", "one seed for the run", "set seed, or --seed")
