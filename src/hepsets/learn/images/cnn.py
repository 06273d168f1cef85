"""Networks of plain convolutions, and the coursework's: plain but for an averaged first layer."""

from __future__ import annotations

import torch
from torch import nn

from hepsets.learn.images.convolutions import ConvolutionsConfig, Place, in_a_row
from hepsets.learn.images.recipe import ImageRecipe
from hepsets.learn.layers.group_conv import AveragedC4Conv2d


def _cnn(
    config: ConvolutionsConfig, shape: tuple[int, int, int], classes: int, *, averaged: bool
) -> nn.Sequential:
    def convolution(n_in: int, n_out: int, kernel: int, place: Place) -> nn.Module:
        if averaged and place == "first":
            return AveragedC4Conv2d(n_in, n_out, kernel, bias=False)
        return nn.Conv2d(n_in, n_out, kernel, bias=place == "last")

    name = "averaged" if averaged else "cnn"
    network = in_a_row(shape, classes, config, convolution, nn.Flatten(), name=name)
    for layer in network:
        if isinstance(layer, nn.Conv2d):  # as fast as those that turn, see SquareConv2d.bank
            layer.weight.data = layer.weight.contiguous(memory_format=torch.channels_last)
    return network


RECIPES = (
    ImageRecipe(
        name="cnn",
        config=ConvolutionsConfig(),
        network=lambda config, shape, classes: _cnn(config, shape, classes, averaged=False),
    ),
    ImageRecipe(
        name="averaged",
        config=ConvolutionsConfig(),
        network=lambda config, shape, classes: _cnn(config, shape, classes, averaged=True),
    ),
)
