"""Training of models of images: the one loop, with images turned at random where one asks for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.images import Images
from hepsets.core.purpose import Purpose, demand
from hepsets.learn.images.model import ImageModel, ImageModelConfig, Standardise
from hepsets.learn.images.recipe import image_recipe
from hepsets.learn.training.examples import Rows
from hepsets.learn.training.fit import Progress, fit
from hepsets.learn.training.one_thread import one_thread
from hepsets.learn.training.task import Classes

Augmentation = Callable[[Tensor], Tensor]
"""From pixels ``(n, channels, height, width)`` of a batch to what training shows instead, of the same shape.

It draws from PyTorch's random numbers, which are seeded for each epoch.
"""


class _Augmented(Rows):
    """Pixels that look different each time."""

    def __init__(self, inputs: Tensor, augmentation: Augmentation | None = None) -> None:
        super().__init__(inputs)
        self.augmentation = augmentation

    def to(self, device: torch.device | str) -> _Augmented:
        """The same on ``device``."""
        return _Augmented(self.inputs.to(device), self.augmentation)

    def batch(self, numbers: Tensor) -> Tensor:
        """The images numbered so."""
        pixels = super().batch(numbers)
        return pixels if self.augmentation is None else self.augmentation(pixels)


def train_images(
    name: str,
    train: Images,
    validation: Images,
    config: ImageModelConfig | None = None,
    seed: int = 0,
    *,
    augmentation: Augmentation | None = None,
    progress: Progress | None = None,
) -> ImageModel:
    """Train a model of images on one thread and leave it in its best state on the validation images.

    Parameters
    ----------
    name
        Its name in the registry.
    train, validation
        Images of one shape; classes are as many as their labels tell.
    config
        Options of the model and its training; the recipe's own by default.
    seed
        Seed of the first weights and of the order of the images.
    augmentation
        What is done to the images of each batch.
    progress
        Told about each step.

    Raises
    ------
    InputError
        For an unknown model, images of other purposes, of unlike shapes or of one class, or a loss that is
        not finite.
    """
    demand(train.purpose, Purpose.TRAINING, "a model is trained")
    demand(validation.purpose, Purpose.VALIDATION, "a training is stopped")
    if not len(train) or not len(validation) or train.shape != validation.shape:
        raise InputError(
            f"{len(train)} images of shape {train.shape} to train on, {len(validation)} of shape "
            f"{validation.shape} to validate",
            "some of each, of one shape",
        )
    classes = 1 + int(max(train.labels.max(), validation.labels.max()))
    if (train.labels == train.labels[0]).all():
        raise InputError(f"class {train.labels[0]} for every image", "images of several classes")
    model = image_recipe(name).build(train.shape, classes, config, seed)
    pixels = torch.from_numpy(train.pixels)
    for layer in model.network:
        if isinstance(layer, Standardise):
            layer.fit(pixels)
    held = (Rows(torch.from_numpy(validation.pixels)), torch.from_numpy(validation.labels))
    settings = dataclasses.replace(model.config.fit, seed=seed)
    with one_thread():
        result = fit(
            model.network,
            _Augmented(pixels, augmentation),
            torch.from_numpy(train.labels),
            config=settings,
            task=Classes(),
            validation=held,
            progress=progress,
        )
    model.network.cpu()
    model.history = result.history
    return model
