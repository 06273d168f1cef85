"""Networks of plain convolutions, and the coursework's: plain but for an averaged first layer."""

from __future__ import annotations

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import nn

from hepsets.learn.images.convolutions import Place, in_a_row
from hepsets.learn.images.model import ImageModelConfig
from hepsets.learn.images.recipe import ImageRecipe
from hepsets.learn.layers.group_conv import AveragedC4Conv2d


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CnnConfig(ImageModelConfig):
    """Options of plain networks.

    Parameters
    ----------
    channels
        Of each hidden layer. Twice those of a p4 network have as many weights as it: it shares each weight
        between four orientations, and they see four times its channels.
    """

    channels: int = Field(default=20, ge=1)


def _cnn(config: CnnConfig, shape: tuple[int, int, int], classes: int, *, averaged: bool) -> nn.Sequential:
    def convolution(n_in: int, n_out: int, kernel: int, place: Place) -> nn.Module:
        if averaged and place == "first":
            return AveragedC4Conv2d(n_in, n_out, kernel, bias=False)
        return nn.Conv2d(n_in, n_out, kernel, bias=place == "last")

    name = "averaged" if averaged else "cnn"
    return in_a_row(shape, classes, config.channels, config.dropout, convolution, nn.Flatten(), name=name)


RECIPES = (
    ImageRecipe(
        name="cnn",
        config=CnnConfig(),
        network=lambda config, shape, classes: _cnn(config, shape, classes, averaged=False),
    ),
    ImageRecipe(
        name="averaged",
        config=CnnConfig(),
        network=lambda config, shape, classes: _cnn(config, shape, classes, averaged=True),
    ),
)
