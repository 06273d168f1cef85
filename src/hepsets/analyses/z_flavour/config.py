"""The configuration of the flavour analysis and its three sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from hepsets.analyses.z_flavour.about import CELL_NAMES, COMPARED, MODELS, OURS, CellName, Study
from hepsets.core.errors import InputError
from hepsets.learn.tables.class_trees import ClassTreesConfig
from hepsets.learn.training.config import FitConfig
from hepsets.simulate.idea import IdeaConfig

Setting = Literal["first_layer_radius", "first_layer_resolution", "counting_efficiency", "time_resolution"]
"""Settings of the detector that the study ``detector`` varies, one at a time."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DataConfig:
    """Which events.

    Parameters
    ----------
    train_per_class
        Events of each flavour to train on. With those that validate and test they are ``shares`` of all.
    more_test_per_class
        Generated events of each flavour that are for testing alone, besides those of the split.
    shares
        Training, validation and test part of the events.
    train
        The user's own files in place of generated events: ROOT or parquet as coursework at FCC-ee has them,
        each of one flavour, told by its name or as ``b=FILE``.
    test
        Such files for testing; by default a part of the others.
    keep
        Keep the features in the folder of the run.
    """

    train_per_class: int = Field(default=50_000, ge=40)
    more_test_per_class: int = Field(default=10_000, ge=0)
    shares: tuple[float, float, float] = (0.80, 0.15, 0.05)
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    keep: bool = False


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LookConfig:
    """What is looked at besides the comparisons.

    Parameters
    ----------
    closure_samples
        Disjoint samples in which R_b is measured.
    events, trials
        Generated events of each flavour that are simulated again and again, and how often: an even number.
    learning_shares
        Shares of the training events that our tagger is trained on besides all of them, for its learning
        curve; for less than two there is none.
    learning_steps
        Least steps of these trainings: a few passes over a small sample would show too few steps, not too few
        events.
    vertexed_events
        Generated b b̄ and s s̄ events, of each, in which the quality of vertices is measured.
    """

    closure_samples: int = Field(default=20, ge=2)
    events: int = Field(default=500, ge=1)
    trials: int = Field(default=8, ge=2, multiple_of=2)
    learning_shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (1 / 16, 1 / 4)
    learning_steps: int = Field(default=1200, ge=0)
    vertexed_events: int = Field(default=2000, ge=1)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ScanConfig:
    """The study ``detector``: taggers of hemispheres for other detectors, in which one setting differs.

    Parameters
    ----------
    first_layer_radius, first_layer_resolution, counting_efficiency, time_resolution
        Values of :class:`~hepsets.simulate.idea.IdeaConfig` that are tried besides those of the run's
        detector; a setting without any is left as it is.
    train_per_class, test_per_class
        Generated events of each flavour, seen by every detector; ``data.shares`` says how many of them
        validate.
    model
        The tagger.
    epochs
        Of its trainings, if it is a network.
    trainings
        Of the tagger of the run's detector, by seeds that count up from the run's: how far they differ.
    """

    first_layer_radius: tuple[float, ...] = (1.0, 1.37, 1.7, 2.2)
    first_layer_resolution: tuple[float, ...] = (1.5e-4, 3e-4, 6e-4, 1.2e-3)
    counting_efficiency: tuple[float, ...] = (0.2, 0.5, 0.8, 1.0)
    time_resolution: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3)
    train_per_class: int = Field(default=5000, ge=20)
    test_per_class: int = Field(default=5000, ge=20)
    model: Literal["boosted_trees", "vertex_graph"] = "vertex_graph"
    epochs: int = Field(default=8, ge=1)
    trainings: int = Field(default=3, ge=1)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SeedsConfig:
    """The study ``seeds``: models of the run trained again with other seeds, on the same events.

    Parameters
    ----------
    cells, models
        The comparisons, and which of their models, as far as the run has them.
    trainings
        Of each model, by seeds that count up from the run's; the run's own training is the first.
    """

    cells: tuple[CellName, ...] = ("seeded", "found", "hemispheres")
    models: tuple[str, ...] = ("deep_sets", OURS)
    trainings: int = Field(default=3, ge=2)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Config:
    """Everything that a run depends on.

    Parameters
    ----------
    scale
        Name of the size that the other defaults came from.
    seed
        Seed of events, detector, initial weights, split and training.
    data
        Events.
    detector
        The settings of the detector.
    cells
        What is compared.
    models
        The models that are trained, where a comparison has them.
    published_fit
        Training on published features, as published: the rate falls to 0.3 of it after three epochs without
        improvement, five end it.
    fit
        Training on proper features.
    transformer_epochs
        Epochs of the Particle Transformer, which takes several times as long per event.
    trees
        Growing of the trees.
    look
        What is looked at besides.
    studies
        What is looked into if asked.
    scan
        Details of the study ``detector``.
    seeds
        Details of the study ``seeds``.
    """

    scale: Literal["quick", "standard", "full"] = "standard"
    seed: int = Field(default=1, ge=0, lt=2**31)
    data: DataConfig = DataConfig()
    detector: IdeaConfig = IdeaConfig()
    cells: tuple[CellName, ...] = COMPARED
    models: tuple[str, ...] = MODELS
    published_fit: FitConfig = FitConfig(
        epochs=8,
        batch=256,
        learning_rate=1e-3,
        schedule="plateau",
        plateau_factor=0.3,
        plateau_epochs=2,
        stop_after=5,
    )
    fit: FitConfig = FitConfig(epochs=6, batch=256, learning_rate=2e-3, schedule="cosine", weight_decay=1e-3)
    transformer_epochs: int = Field(default=2, ge=1)
    trees: ClassTreesConfig = ClassTreesConfig()
    look: LookConfig = LookConfig()
    studies: tuple[Study, ...] = ()
    scan: ScanConfig = ScanConfig()
    seeds: SeedsConfig = SeedsConfig()


SCALES: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "data": {"train_per_class": 600, "more_test_per_class": 400},
        "cells": ["published", "seeded", "found", "hemispheres"],
        "published_fit": {
            "epochs": 4,
            "batch": 64,
            "schedule": "constant",
            "stop_after": None,
        },
        "fit": {
            "epochs": 4,
            "batch": 64,
            "learning_rate": 1e-3,
            "schedule": "constant",
            "weight_decay": 0.0,
        },
        "transformer_epochs": 1,
        "trees": {"trees": 60},
        "look": {
            "closure_samples": 4,
            "events": 40,
            "trials": 2,
            "learning_shares": [0.1, 0.4],
            "learning_steps": 60,
            "vertexed_events": 400,
        },
        "scan": {
            "first_layer_radius": [1.0, 2.2],
            "first_layer_resolution": [1.2e-3],
            "counting_efficiency": [0.2],
            "time_resolution": [0.3],
            "train_per_class": 300,
            "test_per_class": 300,
            "model": "boosted_trees",
            "trainings": 2,
        },
        "seeds": {"trainings": 2},
    },
    "standard": {},
    "full": {
        "data": {"train_per_class": 150_000, "more_test_per_class": 50_000},
        "published_fit": {"epochs": 50, "batch": 64},
        "fit": {"epochs": 15},
        "transformer_epochs": 12,
        "scan": {"train_per_class": 30_000, "test_per_class": 20_000},
    },
}
"""What differs from the defaults at each size."""


def check(config: Config) -> None:
    """Refuse what no type can, before anything is done.

    Raises
    ------
    InputError
        For unknown models, none, or comparisons that are named twice; for shares that do not add up; for test
        files without training files; for a seed of a single training; for a scan of the detector on files, or
        with values that no detector can have.
    """
    for key, models in (("models", config.models), ("seeds.models", config.seeds.models)):
        if not models or not set(models) <= set(MODELS):
            raise InputError(f"{key} = {list(models)}", f"some of {', '.join(MODELS)}")
    if not config.cells or len(set(config.cells)) < len(config.cells):
        raise InputError(f"cells = {list(config.cells)}", f"some of {', '.join(CELL_NAMES)}, each once")
    shares = config.data.shares
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise InputError(f"data.shares = {list(shares)}", "three positive shares that add up to 1")
    if config.data.test and not config.data.train:
        raise InputError("test files alone", "training files too", "give --data")
    if "detector" in config.studies and config.data.train:
        raise InputError("the study detector on files", "generated events, which other detectors can see")
    for setting in get_args(Setting):
        for value in getattr(config.scan, setting):
            try:
                dataclasses.replace(config.detector, **{setting: value})
            except ValidationError as error:
                raise InputError(f"scan.{setting} = {value}", error.errors()[0]["msg"]) from error
    if config.fit.seed or config.published_fit.seed or config.trees.seed:
        raise InputError("a seed of a single training", "one seed for the run", "set seed, or --seed")
