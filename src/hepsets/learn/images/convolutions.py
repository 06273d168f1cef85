"""Which convolutions and poolings take an image down to one pixel, and a network of them in a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass
from torch import nn

from hepsets.core.errors import InputError
from hepsets.learn.images.model import ImageModelConfig, Standardise
from hepsets.learn.layers.group_norm_pool import OrientationBatchNorm2d, SpatialPool2d

Place = Literal["first", "hidden", "last"]
"""Where in a row a convolution stands; only the last one has a bias, as the others have a batch norm."""

POOLED_FROM = 16
"""Images this wide are pooled behind their first two convolutions; smaller ones lose too much by it."""


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ConvolutionsConfig(ImageModelConfig):
    """Options of networks of convolutions.

    Parameters
    ----------
    channels
        Of each hidden layer, per orientation. Twice as many in a plain network as in one of p4 make as many
        weights in both: each weight of the latter serves four orientations, but has four to see.
    first_kernel
        Height and width of the filters that see the image.
    last_dropout
        Dropout probability before the last convolution.
    """

    channels: int = Field(default=20, ge=1)
    first_kernel: int = Field(default=3, ge=1)
    last_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)


@dataclass(frozen=True)
class Plan:
    """Kernels of the convolutions in order, and behind which of them (from 0) windows of 2 are pooled."""

    kernels: tuple[int, ...]
    pooled: frozenset[int]


def plan_convolutions(size: int, first: int = 3) -> Plan:
    """Convolutions without padding that keep the symmetry of a square image and leave one pixel of it.

    For 28 pixels these are those of Cohen & Welling 2016 (section 8.1): six of 3 and one of 4, pooled behind
    the second.

    Parameters
    ----------
    size
        Height and width of the image [pixels].
    first
        Kernel of the first convolution.

    Raises
    ------
    InputError
        For an image of less than 5 pixels, or not larger than the first kernel.

    Examples
    --------
    >>> plan_convolutions(28)
    Plan(kernels=(3, 3, 3, 3, 3, 3, 4), pooled=frozenset({1}))
    >>> plan_convolutions(8), plan_convolutions(29, first=5).kernels[:3]
    (Plan(kernels=(3, 3, 4), pooled=frozenset()), (5, 4, 3))
    """
    if size < max(5, first + 1):
        raise InputError(f"images {size} pixels wide", f"at least {max(5, first + 1)} pixels")
    kernels: list[int] = []
    pooled: set[int] = set()
    while size >= POOLED_FROM:
        kernels.append(3 if kernels else first)
        size -= kernels[-1] - 1
        kernels.append(3 if size % 2 == 0 else 4)  # so that what is pooled has an even size
        size = (size - kernels[-1] + 1) // 2
        pooled.add(len(kernels) - 1)
    while size > 4 or not kernels:
        kernels.append(3 if kernels else first)
        size -= kernels[-1] - 1
    return Plan((*kernels, size), frozenset(pooled))


def square_side(shape: tuple[int, int, int], name: str) -> int:
    """Height and width of square images.

    Parameters
    ----------
    shape
        Channels, height and width.
    name
        The model, for the message.

    Raises
    ------
    InputError
        For others.
    """
    if shape[1] != shape[2]:
        raise InputError(
            f"images of {shape[1]} by {shape[2]} pixels for {name}", "square images", "pad or crop them"
        )
    return shape[1]


def in_a_row(
    shape: tuple[int, int, int],
    classes: int,
    config: ConvolutionsConfig,
    convolution: Callable[[int, int, int, Place], nn.Module],
    head: nn.Module,
    *,
    orientations: int = 1,
    name: str = "a network",
) -> nn.Sequential:
    """A network of the convolutions of :func:`plan_convolutions`, with batch norms, ReLUs and dropout.

    Parameters
    ----------
    shape
        Channels, height and width of the images.
    classes
        Logits.
    config
        Channels and the like.
    convolution
        Makes a convolution from its channels in and out, its kernel and its place in the row.
    head
        From the maps of the last convolution, one pixel each, to logits.
    orientations
        Of the maps.
    name
        What messages call it.

    Raises
    ------
    InputError
        For images that are not square or too small.
    """
    plan = plan_convolutions(square_side(shape, name), config.first_kernel)
    channels, dropout = config.channels, config.dropout
    layers: list[nn.Module] = [Standardise(shape[0])]
    width, last = shape[0], len(plan.kernels) - 1
    for place, kernel in enumerate(plan.kernels):
        where: Place = "first" if place == 0 else "last" if place == last else "hidden"
        if where == "last" and config.last_dropout:
            layers.append(nn.Dropout(config.last_dropout))
        layers.append(convolution(width, classes if place == last else channels, kernel, where))
        width = channels
        if place in plan.pooled:
            layers.append(SpatialPool2d(2))
        if place != last:
            layers += [OrientationBatchNorm2d(channels, orientations), nn.ReLU()]
            layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, head)
