"""How a model of images is built, by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter
from torch import Tensor, nn

from hepsets.learn.images.model import ImageModel, ImageModelConfig
from hepsets.learn.registry import Kind, Recipe, recipe
from hepsets.learn.seeded import seeded
from hepsets.learn.training.checkpoint import EpochRecord


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageRecipe(Recipe):
    """How a model of images is built.

    Parameters
    ----------
    name, config
        See :class:`~hepsets.learn.registry.Recipe`.
    network
        Makes the network from options of the class of ``config``, the shape of the images and the number of
        classes.
    """

    config: ImageModelConfig
    network: Callable[[Any, tuple[int, int, int], int], nn.Sequential]

    @property
    def kind(self) -> Kind:
        """Images."""
        return "images"

    def build(
        self, shape: tuple[int, int, int], classes: int, config: ImageModelConfig | None = None, seed: int = 0
    ) -> ImageModel:
        """A fresh model.

        Parameters
        ----------
        shape
            Channels, height and width of its images.
        classes
            How many classes it is to tell apart.
        config
            Its options; those of the recipe by default.
        seed
            Seed of its weights.

        Raises
        ------
        InputError
            For images that its layers cannot take.
        """
        chosen = config or self.config
        with seeded(seed):
            network = self.network(chosen, shape, classes)
        return ImageModel(self.name, chosen, shape, classes, network.eval())

    def read(self, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any) -> ImageModel:
        """The model of a file, see :meth:`hepsets.learn.registry.Recipe.read`."""
        shape = TypeAdapter(tuple[int, int, int]).validate_python(record["shape"])
        model = self.build(shape, int(record["classes"]), self.stored(record), **given)
        model.network.load_state_dict(tensors)
        model.history = TypeAdapter(tuple[EpochRecord, ...]).validate_python(record["history"])
        return model


def image_recipe(name: str) -> ImageRecipe:
    """The recipe of a model of images.

    Raises
    ------
    InputError
        If there is no such model.
    """
    found = recipe("images", name)
    assert isinstance(found, ImageRecipe)  # of this kind there are no others
    return found
