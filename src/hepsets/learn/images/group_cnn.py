"""Networks that turn with the image in every layer, so that what they say is the same for all turns of it."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import nn

from hepsets.learn.images.convolutions import ConvolutionsConfig, Place, in_a_row
from hepsets.learn.images.recipe import ImageRecipe
from hepsets.learn.layers.group_conv import GroupConv2d, LiftingConv2d
from hepsets.learn.layers.group_norm_pool import InvariantHead
from hepsets.learn.layers.square_group import ORDER, Group


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class GroupCnnConfig(ConvolutionsConfig):
    """Options of networks on groups.

    Parameters
    ----------
    pooling
        How the last layer's orientations become one.
    """

    channels: int = Field(default=10, ge=1)
    pooling: Literal["max", "mean"] = "max"


def _group_cnn(
    config: GroupCnnConfig, shape: tuple[int, int, int], classes: int, group: Group
) -> nn.Sequential:
    def convolution(n_in: int, n_out: int, kernel: int, place: Place) -> nn.Module:
        layer = LiftingConv2d if place == "first" else GroupConv2d
        return layer(n_in, n_out, kernel, group, bias=place == "last")

    head = InvariantHead(group, config.pooling)
    return in_a_row(
        shape,
        classes,
        config,
        convolution,
        head,
        orientations=ORDER[group],
        name=f"{group}cnn",
    )


RECIPES = (
    ImageRecipe(
        name="p4cnn",
        config=GroupCnnConfig(),
        network=lambda config, shape, classes: _group_cnn(config, shape, classes, "p4"),
    ),
    ImageRecipe(
        name="p4mcnn",
        config=GroupCnnConfig(channels=7),
        network=lambda config, shape, classes: _group_cnn(config, shape, classes, "p4m"),
    ),
)
