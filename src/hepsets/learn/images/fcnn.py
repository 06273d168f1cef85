"""A fully connected network on the pixels, which knows nothing of their places."""

from __future__ import annotations

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import nn

from hepsets.learn.images.model import ImageModelConfig, Standardise
from hepsets.learn.images.recipe import ImageRecipe


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FcnnConfig(ImageModelConfig):
    """Options of the fully connected network.

    Parameters
    ----------
    widths
        Units of the hidden layers.
    """

    widths: tuple[int, ...] = Field(default=(128, 64), min_length=1)


def _fcnn(config: FcnnConfig, shape: tuple[int, int, int], classes: int) -> nn.Sequential:
    width = shape[0] * shape[1] * shape[2]
    layers: list[nn.Module] = [Standardise(shape[0]), nn.Flatten()]
    for units in config.widths:
        layers += [nn.Linear(width, units), nn.ReLU()]
        layers += [nn.Dropout(config.dropout)] if config.dropout else []
        width = units
    return nn.Sequential(*layers, nn.Linear(width, classes))


RECIPES = (ImageRecipe(name="fcnn", config=FcnnConfig(), network=_fcnn),)
