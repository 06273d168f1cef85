"""Which convolutions and poolings take an image down to one pixel, and a network of them in a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from hepsets.core.errors import InputError
from hepsets.learn.images.model import Standardise
from hepsets.learn.layers.group_norm_pool import OrientationBatchNorm2d, SpatialPool2d

Place = Literal["first", "hidden", "last"]
"""Where in a row a convolution stands; only the last one has a bias, as the others have a batch norm."""

POOLED_FROM = 16
"""Images this wide are pooled behind their first two convolutions; smaller ones lose too much by it."""


@dataclass(frozen=True)
class Plan:
    """Kernels of the convolutions in order, and behind which of them (from 0) windows of 2 are pooled."""

    kernels: tuple[int, ...]
    pooled: frozenset[int]


def plan_convolutions(size: int) -> Plan:
    """Convolutions without padding that keep the symmetry of a square image and leave one pixel of it.

    For 28 pixels these are those of Cohen & Welling 2016 (section 8.1): six of 3 and one of 4, pooled behind
    the second.

    Parameters
    ----------
    size
        Height and width of the image [pixels].

    Raises
    ------
    InputError
        For less than 5 pixels.

    Examples
    --------
    >>> plan_convolutions(28)
    Plan(kernels=(3, 3, 3, 3, 3, 3, 4), pooled=frozenset({1}))
    >>> plan_convolutions(8), plan_convolutions(29).kernels[:3]
    (Plan(kernels=(3, 3, 4), pooled=frozenset()), (4, 3, 3))
    """
    if size < 5:
        raise InputError(f"images {size} pixels wide", "at least 5 pixels")
    kernels: list[int] = []
    pooled: set[int] = set()
    while size >= POOLED_FROM:
        kernels += [3 if size % 2 == 0 else 4, 3]  # so that what is pooled has an even size
        pooled.add(len(kernels) - 1)
        size = (size - kernels[-2] - kernels[-1] + 2) // 2
    while size > 4:
        kernels.append(3)
        size -= 2
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
    channels: int,
    dropout: float,
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
    channels
        Of the hidden layers, per orientation.
    dropout
        Dropout probability behind each of them.
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
    plan = plan_convolutions(square_side(shape, name))
    layers: list[nn.Module] = [Standardise(shape[0])]
    width, last = shape[0], len(plan.kernels) - 1
    for place, kernel in enumerate(plan.kernels):
        where: Place = "first" if place == 0 else "last" if place == last else "hidden"
        layers.append(convolution(width, classes if place == last else channels, kernel, where))
        width = channels
        if place in plan.pooled:
            layers.append(SpatialPool2d(2))
        if place != last:
            layers += [OrientationBatchNorm2d(channels, orientations), nn.ReLU()]
            layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, head)
