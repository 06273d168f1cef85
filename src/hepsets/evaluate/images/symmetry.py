"""How far the output of a layer or network changes when the image is turned, beyond turning with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hepsets.learn.layers.group_conv import GroupConv2d, LiftingConv2d
from hepsets.learn.layers.group_norm_pool import GroupPool, InvariantHead
from hepsets.learn.layers.square_group import ORDER, Group, act, act_on_maps
from hepsets.learn.training.trainable import in_evaluation
from hepsets.represent.images.turns import four_turns


def change(before: Tensor, after: Tensor) -> float:
    """The largest difference of two tensors of one shape, in units of the largest number of the first."""
    largest = float(before.abs().max())
    return float((before - after).abs().max()) / (largest or 1.0)


def equivariance_error(
    layer: Callable[[Tensor], Tensor],
    maps: Tensor,
    *,
    group: Group = "p4",
    lifted: tuple[bool, bool] = (False, False),
) -> float:
    r"""How far a layer is from turning with what it is given, for the worst element of a group.

    It is the largest :math:`|\Phi(T_g x) - T'_g \Phi(x)|` in units of the largest :math:`|\Phi(x)|`
    (Cohen & Welling 2016, equation 3).

    Parameters
    ----------
    layer
        The layer.
    maps
        What it is given, shape ``(n, channels, height, width)``.
    group
        Turns, or turns and mirrors.
    lifted
        Whether what goes in, and what comes out, has an orientation for each element of the group.
    """

    def acted(element: int, on: Tensor, orientations: bool) -> Tensor:
        return act_on_maps(element, on, group) if orientations else act(element, on)

    with torch.inference_mode():
        straight = layer(maps)
        return max(
            change(acted(element, straight, lifted[1]), layer(acted(element, maps, lifted[0]).contiguous()))
            for element in range(1, ORDER[group])
        )


@dataclass(frozen=True)
class LayerChange:
    """How far the output of a layer within a network is from turning with the image.

    Parameters
    ----------
    layer
        What it is, with its place from 1.
    error
        As :func:`equivariance_error`; what has no pixels any more ought not to change.
    """

    layer: str
    error: float


def network_errors(network: nn.Sequential, pixels: NDArray[np.float32]) -> tuple[LayerChange, ...]:
    """The equivariance error after each layer of a network, under turns by 90°, 180° and 270°.

    A network that lifts to p4m is tried with mirrors, too.

    Parameters
    ----------
    network
        Layers in a row; its training or evaluation mode is left as found.
    pixels
        Square images, shape ``(n, channels, side, side)``.
    """
    lifts = (layer.group for layer in network if isinstance(layer, LiftingConv2d))
    elements = range(ORDER[next(lifts, "p4")])
    group: Group | None = None
    moved = [act(element, torch.from_numpy(pixels)).contiguous() for element in elements]
    found = []
    with in_evaluation(network), torch.inference_mode():
        for place, layer in enumerate(network, 1):
            moved = [layer(one) for one in moved]
            if isinstance(layer, LiftingConv2d | GroupConv2d):
                group = layer.group
            elif isinstance(layer, GroupPool | InvariantHead):
                group = None
            errors = [change(_acted(element, moved[0], group), moved[element]) for element in elements[1:]]
            found.append(LayerChange(f"{place} {type(layer).__name__}", max(errors)))
    return tuple(found)


def invariance_error(
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]], pixels: NDArray[np.float32]
) -> float:
    """The largest change of any probability when images are turned by 90°, 180° and 270°.

    Parameters
    ----------
    score
        From images to probabilities, shape ``(n, classes)``.
    pixels
        Square images, shape ``(n, channels, side, side)``.
    """
    straight, *turned = (score(one) for one in four_turns(pixels))
    return max(float(np.abs(straight - one).max()) for one in turned)


def _acted(element: int, maps: Tensor, group: Group | None) -> Tensor:
    if maps.ndim < 4:  # no pixels
        return maps
    return act(element, maps) if group is None else act_on_maps(element, maps, group)
