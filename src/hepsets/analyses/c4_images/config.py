"""The configuration of the analysis of turned images and its three sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.analyses.c4_images.about import MODELS, OURS, PLAIN, Study
from hepsets.core.errors import InputError
from hepsets.learn.images.model import FIT
from hepsets.learn.training.config import FitConfig
from hepsets.represent.images.turns import Turns

Width = Annotated[float, Field(gt=0)]
Number = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DataConfig:
    """Which images.

    Parameters
    ----------
    training_images, validation_images, test_images
        Images for each purpose, drawn at random.
    turns
        How each of them is turned, once: by a multiple of 90°, by any angle, or not at all.
    train
        Folders with IDX files as MNIST has them, or ``.npz`` files, in place of scikit-learn's digits.
    test
        Such files for testing, turned alike; by default a part of the others.
    keep
        Keep the images in the folder of the run.
    """

    training_images: int = Field(default=1000, ge=10)
    validation_images: int = Field(default=200, ge=1)
    test_images: int = Field(default=597, ge=1)
    turns: Turns = "quarter"
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    keep: bool = False


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ParametersConfig:
    """The study ``parameters``: models of other widths.

    Parameters
    ----------
    widths
        Factors on the number of channels.
    models
        Which models.
    """

    widths: tuple[Width, ...] = (0.5, 2.0)
    models: tuple[str, ...] = (PLAIN, "averaged", OURS)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ImagesConfig:
    """The study ``images``: models trained on fewer images.

    Parameters
    ----------
    shares
        Of the training images.
    models
        Which models.
    """

    shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (1 / 8, 1 / 4, 1 / 2)
    models: tuple[str, ...] = (PLAIN, "averaged", OURS)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ViewsConfig:
    """The study ``views``: events seen along the beam.

    Parameters
    ----------
    training, validation, test
        Generated events of each class for each purpose.
    pixels
        Of an image, per side.
    models
        Which models of images are compared with the network on sets.
    trainings
        Of each, by seeds that count up from the run's.
    epochs
        Passes of all of them.
    """

    training: int = Field(default=2500, ge=10)
    validation: int = Field(default=500, ge=1)
    test: int = Field(default=2500, ge=1)
    pixels: int = Field(default=16, ge=5)
    models: tuple[str, ...] = (PLAIN, OURS)
    trainings: int = Field(default=2, ge=1)
    epochs: int = Field(default=15, ge=1)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PublishedConfig:
    """The study ``published``: the coursework's setting, turns of 90° and 20 epochs at a constant rate.

    Parameters
    ----------
    training, validation, test
        Images for each purpose.
    models
        Which models.
    trainings
        Of each, by seeds that count up from the run's.
    fit
        The training.
    """

    training: int = Field(default=40_000, ge=10)
    validation: int = Field(default=5_000, ge=1)
    test: int = Field(default=10_000, ge=1)
    models: tuple[str, ...] = ("fcnn", PLAIN, "averaged", OURS)
    trainings: int = Field(default=1, ge=1)
    fit: FitConfig = FitConfig(epochs=20, batch=64, learning_rate=1e-3, device="cpu")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Config:
    """Everything that a run depends on.

    Parameters
    ----------
    scale
        Name of the size that the other defaults came from.
    seed
        Seed of splits, turns, events, initial weights and training.
    trainings
        Of each model, by seeds that count up from the run's.
    data
        The images.
    models
        The models that are compared.
    model_of
        Options of single models, by name.
    matched
        Give ``cnn``, ``averaged`` and ``p4mcnn`` as many channels as bring their parameters closest to those
        of ``p4cnn``, unless ``model_of`` says how many.
    fit
        The training, alike for all.
    augmented
        Models that are also trained on images that are turned anew in each pass, as ``data.turns`` says.
    studies
        What is looked into besides.
    parameters, images, views, published
        Details of these studies.
    upright
        Models of the study ``upright``, which are trained on images as they are and tested on turned ones.
    """

    scale: Literal["quick", "standard", "full"] = "standard"
    seed: int = Field(default=1, ge=0, lt=2**31)
    trainings: int = Field(default=5, ge=1)
    data: DataConfig = DataConfig()
    models: tuple[str, ...] = MODELS
    model_of: dict[str, dict[str, Any]] = Field(default_factory=dict)
    matched: bool = True
    fit: FitConfig = FIT
    augmented: tuple[str, ...] = (PLAIN,)
    studies: tuple[Study, ...] = ("parameters", "images", "upright", "views")
    parameters: ParametersConfig = ParametersConfig()
    images: ImagesConfig = ImagesConfig()
    upright: tuple[str, ...] = (PLAIN, "averaged", OURS, "p4mcnn")
    views: ViewsConfig = ViewsConfig()
    published: PublishedConfig = PublishedConfig()


SCALES: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "trainings": 2,
        "parameters": {"widths": [0.5], "models": [PLAIN, OURS]},
        "images": {"shares": [0.25], "models": [PLAIN, OURS]},
        "upright": [PLAIN, OURS],
        "views": {"training": 500, "validation": 150, "test": 1000, "trainings": 1, "epochs": 8},
    },
    "standard": {},
    "full": {
        "trainings": 3,
        "data": {
            "training_images": 10_000,
            "validation_images": 2_000,
            "test_images": 50_000,
            "turns": "any",
        },
        "models": ["fcnn", PLAIN, "averaged", OURS],
        "augmented": [],
        "studies": [],
        "parameters": {"models": [PLAIN, OURS]},
        "images": {"shares": [0.1, 0.3], "models": [PLAIN, OURS]},
        "views": {"training": 20_000, "validation": 4_000, "test": 20_000, "trainings": 3, "epochs": 20},
    },
}
"""What differs from the defaults at each size."""


def check(config: Config) -> None:
    """Refuse what no type can, before anything is done.

    Raises
    ------
    InputError
        For unknown models or options, none or one twice, a seed of a single training, test files without
        training files, or the size ``full`` without the files that it is meant for.
    """
    named = {
        "models": config.models,
        "augmented": config.augmented,
        "upright": config.upright,
        "parameters.models": config.parameters.models,
        "images.models": config.images.models,
        "views.models": config.views.models,
        "published.models": config.published.models,
        "model_of": tuple(config.model_of),
    }
    for key, models in named.items():
        if not set(models) <= set(MODELS) or len(set(models)) < len(models):
            raise InputError(f"{key} = {list(models)}", f"some of {', '.join(MODELS)}, each once")
    if not config.models:
        raise InputError("models = []", f"some of {', '.join(MODELS)}")
    if config.data.test and not config.data.train:
        raise InputError("test files alone", "training files too", "give --data")
    if config.scale == "full" and not config.data.train:
        raise InputError(
            "the size full without files", "a folder with MNIST's four IDX files", "give --data FOLDER"
        )
    if config.fit.seed or config.published.fit.seed:
        raise InputError("a seed of a single training", "one seed for the run", "set seed, or --seed")


def seeds(config: Config, trainings: int) -> tuple[int, ...]:
    """The seeds of so many trainings."""
    return tuple(config.seed + place for place in range(trainings))


def fit_of(config: Config, sample: str) -> FitConfig:
    """How models are trained on a sample."""
    if sample == "published":
        return config.published.fit
    if sample in ("upsilon4s_views", "z_views"):
        return dataclasses.replace(config.fit, epochs=config.views.epochs)
    return config.fit
