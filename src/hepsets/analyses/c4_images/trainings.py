"""What a run trains: models, seeds, widths, numbers of images, by sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hepsets.analyses.c4_images.about import OURS, SETS
from hepsets.analyses.c4_images.config import Config, seeds
from hepsets.analyses.c4_images.event_samples import VIEWS
from hepsets.analyses.c4_images.samples import MAIN, PUBLISHED, UPRIGHT
from hepsets.learn.images.model import ImageModelConfig
from hepsets.learn.images.recipe import image_recipe
from hepsets.represent.images.turns import Turns

MATCHED = ("cnn", "averaged", "p4mcnn")
"""Models whose channels are chosen so that they have as many parameters as ours."""


@dataclass(frozen=True)
class Variant:
    """A model as it is trained, whatever the seed.

    Parameters
    ----------
    sample
        What it is trained on.
    model
        Its name in the registry.
    images
        Training images; 0 for all of the sample.
    width
        Factor on its channels.
    augmentation
        How images are turned anew in each pass.
    """

    sample: str
    model: str
    images: int = 0
    width: float = 1.0
    augmentation: Turns = "none"

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.model if self.augmentation == "none" else f"{self.model}_augmented"

    @property
    def plain(self) -> bool:
        """Whether it is of its own width and trained on all images."""
        return not self.images and self.width == 1


@dataclass(frozen=True)
class Training:
    """One training of a model."""

    variant: Variant
    seed: int

    @property
    def stem(self) -> str:
        """Name of its files, without folder and ending."""
        one = self.variant
        parts = [
            one.name,
            f"{one.images}_images" if one.images else "",
            f"width_{one.width:g}" if one.width != 1 else "",
        ]
        return "-".join([*filter(None, parts), f"seed_{self.seed}"])


def trainings(config: Config) -> tuple[Training, ...]:
    """All that a run trains, each once."""
    return tuple(dict.fromkeys(_all(config)))


def _all(config: Config) -> Iterator[Training]:
    of_run = seeds(config, config.trainings)
    for model in config.models:
        yield from _each(Variant(MAIN, model), of_run)
    turns: Turns = "quarter" if config.data.turns == "none" else config.data.turns
    for model in config.augmented:
        yield from _each(Variant(MAIN, model, augmentation=turns), of_run)
    if "parameters" in config.studies:
        for model in config.parameters.models:
            for width in config.parameters.widths:
                yield from _each(Variant(MAIN, model, width=width), of_run)
    if "images" in config.studies:
        for model in config.images.models:
            for share in config.images.shares:
                number = max(2, round(share * config.data.training_images))
                yield from _each(Variant(MAIN, model, images=number), of_run)
    if "upright" in config.studies:
        for model in config.upright:
            yield from _each(Variant(UPRIGHT, model), of_run)
    if "views" in config.studies:
        for sample in VIEWS:
            for model in (*config.views.models, SETS):
                yield from _each(Variant(sample, model), seeds(config, config.views.trainings))
    if "published" in config.studies:
        for model in config.published.models:
            yield from _each(Variant(PUBLISHED, model), seeds(config, config.published.trainings))


def _each(variant: Variant, of: tuple[int, ...]) -> Iterator[Training]:
    return (Training(variant, seed) for seed in of)


def options(config: Config, variant: Variant, shape: tuple[int, int, int], classes: int) -> ImageModelConfig:
    """The options of a model: as ``model_of`` says, with as many parameters as ours, then wider or narrower.

    Parameters
    ----------
    config
        The run's.
    variant
        The model.
    shape
        Channels, height and width of its images.
    classes
        How many classes there are.

    Raises
    ------
    InputError
        For options that the model does not have.
    """
    given = config.model_of.get(variant.model, {})
    found: ImageModelConfig = image_recipe(variant.model).configured(
        given, source=f"model_of.{variant.model}"
    )
    changes: dict[str, Any] = {}
    if config.matched and variant.model in MATCHED and "channels" not in given:
        changes["channels"] = matching_channels(config, variant.model, shape, classes)
    if variant.width != 1:
        for name in ("channels", "widths"):
            value = changes.get(name, getattr(found, name, None))
            if value is not None:
                changes[name] = _wider(value, variant.width)
    chosen: ImageModelConfig = image_recipe(variant.model).configured({**given, **changes})
    return chosen


def matching_channels(config: Config, model: str, shape: tuple[int, int, int], classes: int) -> int:
    """How many channels bring a model's parameters closest to those of ours.

    Parameters
    ----------
    config, shape, classes
        See :func:`options`.
    model
        One of :data:`MATCHED`.
    """
    wanted = parameters(OURS, config.model_of.get(OURS, {}), shape, classes)
    given, channels = config.model_of.get(model, {}), 1
    while parameters(model, {**given, "channels": channels}, shape, classes) < wanted:
        channels += 1
    return min(
        (max(channels - 1, 1), channels),
        key=lambda number: abs(parameters(model, {**given, "channels": number}, shape, classes) - wanted),
    )


def parameters(model: str, given: dict[str, Any], shape: tuple[int, int, int], classes: int) -> int:
    """Numbers that a training of a model with these options moves."""
    recipe = image_recipe(model)
    return recipe.build(shape, classes, recipe.configured(given)).parameters()


def _wider(value: Any, factor: float) -> Any:
    if isinstance(value, int):
        return max(1, round(factor * value))
    return [max(1, round(factor * one)) for one in value]
