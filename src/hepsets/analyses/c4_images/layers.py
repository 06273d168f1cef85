"""Every layer with every kernel, stride, padding and size: the errors of what is accepted and what is not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.evaluate.images.symmetry import equivariance_error
from hepsets.learn.layers.group_conv import AveragedC4Conv2d, GroupConv2d, LiftingConv2d
from hepsets.learn.layers.group_norm_pool import GroupPool, OrientationBatchNorm2d, SpatialPool2d
from hepsets.learn.layers.square_group import ORDER, Group
from hepsets.learn.seeded import seeded

SIZES = (7, 8, 12, 28)
KERNELS = (2, 3, 4, 5)
STRIDES = (1, 2, 3)
PADDINGS = (0, 1)
CHANNELS = 3


@dataclass(frozen=True)
class LayerError:
    """The equivariance error of one configuration of a layer.

    Parameters
    ----------
    layer
        The layer with its group and kernel.
    size, stride, padding
        Of the image [pixels], and of the layer.
    accepted
        Whether it is; else ``error`` is what a plain layer of this configuration would make.
    error
        See :func:`~hepsets.evaluate.images.symmetry.equivariance_error`.
    """

    layer: str
    size: int
    stride: int
    padding: int
    accepted: bool
    error: float


@dataclass(frozen=True)
class _Kind:
    name: str
    group: Group
    lifted: tuple[bool, bool]
    make: Callable[..., Any]


def _convolution(layer: type[LiftingConv2d | GroupConv2d], group: Group) -> _Kind:
    def make(kernel: int, *, stride: int, padding: int) -> nn.Module:
        return layer(CHANNELS, CHANNELS, kernel, group, stride=stride, padding=padding)

    return _Kind(f"{layer.__name__} {group}", group, (layer is GroupConv2d, True), make)


def _pooling(kind: Literal["max", "mean"]) -> _Kind:
    def make(kernel: int, *, stride: int, padding: int) -> nn.Module:
        return SpatialPool2d(kernel, stride=stride, padding=padding, kind=kind)

    return _Kind(f"SpatialPool2d {kind}", "p4m", (True, True), make)


def _averaged(kernel: int, *, stride: int, padding: int) -> nn.Module:
    return AveragedC4Conv2d(CHANNELS, CHANNELS, kernel, stride=stride, padding=padding)


_GROUPS: tuple[Group, ...] = get_args(Group)

_KINDS = (
    _Kind("AveragedC4Conv2d", "p4", (False, False), _averaged),
    *(_convolution(layer, group) for layer in (LiftingConv2d, GroupConv2d) for group in _GROUPS),
    _pooling("max"),
    _pooling("mean"),
)


def layer_errors(seed: int, *, images: int = 2) -> tuple[LayerError, ...]:
    """Try every configuration on random images.

    Parameters
    ----------
    seed
        Of images and weights.
    images
        How many.
    """
    with seeded(seed):
        return (*_of_windows(images), *_of_points(images))


def _of_windows(images: int) -> Iterator[LayerError]:
    for kind, kernel, size, stride, padding in itertools.product(_KINDS, KERNELS, SIZES, STRIDES, PADDINGS):
        if padding > kernel // 2 and "Pool" in kind.name:
            continue
        layer = kind.make(kernel, stride=stride, padding=padding)
        maps = torch.randn(images, CHANNELS * (ORDER[kind.group] if kind.lifted[0] else 1), size, size)
        error = _error(layer, maps, kind)
        accepted = error is not None
        if error is None:
            error = _error(layer.export(), maps, kind)
        if error is not None:
            yield LayerError(f"{kind.name} {kernel} × {kernel}", size, stride, padding, accepted, error)


def _of_points(images: int) -> Iterator[LayerError]:
    """Layers without windows, on maps of one size."""
    for group in _GROUPS:
        order = ORDER[group]
        norm = OrientationBatchNorm2d(CHANNELS, order).eval()
        nn.init.normal_(norm.norm.weight)
        points: tuple[tuple[nn.Module, bool], ...] = ((norm, True), (GroupPool(group), False))
        for layer, lifted in points:
            maps = torch.randn(images, CHANNELS * order, 8, 8)
            error = equivariance_error(layer, maps, group=group, lifted=(True, lifted))
            yield LayerError(f"{type(layer).__name__} {group}", 8, 1, 0, True, error)


def _error(layer: Callable[[Tensor], Tensor], maps: Tensor, kind: _Kind) -> float | None:
    """The error, or none for what is refused or has no output."""
    try:
        return equivariance_error(layer, maps, group=kind.group, lifted=kind.lifted)
    except (InputError, RuntimeError):
        return None
