"""One image turned four ways through the layers, and what averaging leaves of a kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hepsets.analyses.c4_images.about import OURS, PLAIN
from hepsets.analyses.c4_images.samples import TEST, Sample
from hepsets.analyses.c4_images.training import Trained, load_model
from hepsets.evaluate.images.symmetry import change
from hepsets.learn.images.model import ImageModel, Standardise
from hepsets.learn.layers.group_conv import AveragedC4Conv2d, LiftingConv2d
from hepsets.learn.layers.square_group import act, act_on_maps

AVERAGED = "averaged"

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Response:
    """What one channel of a layer says of an image and of its turns.

    Parameters
    ----------
    maps
        For the image turned by 0°, 90°, 180° and 270°, shape ``(4, orientations, height, width)``.
    error
        The largest difference to the turned output of the image itself, in units of its largest number.
    """

    maps: Array
    error: float


@dataclass(frozen=True)
class OneImage:
    """The published figure: one image turned four ways, and what first layers say.

    Parameters
    ----------
    turned
        The image, shape ``(4, height, width)``.
    responses
        By model, of the channel with the largest output; of ours the one that differs most by orientation.
    """

    turned: Array
    responses: dict[str, Response]


@dataclass(frozen=True)
class Kernels:
    """The kernels of an averaged layer, and what is left of them.

    Parameters
    ----------
    own
        As they are trained, shape ``(n_kernels, height, width)``.
    averaged
        Averaged over turns, same shape: what acts on the image.
    left
        Of all kernels of the layer, the share of the sum of squares that the average keeps.
    free, weights
        Independent numbers of an averaged kernel, and of one that is not.
    orientations
        A kernel of the first layer of ours in its four orientations, shape ``(4, height, width)``, if there
        is one.
    """

    own: Array
    averaged: Array
    left: float
    free: int
    weights: int
    orientations: Array | None


def one_image(first: dict[str, Trained], sample: Sample, *, label: int = 1) -> OneImage:
    """Turn a test image four ways through the first layers of trained models.

    Parameters
    ----------
    first
        Trainings by model; those of plain convolutions, of averaged ones and of ours are shown.
    sample
        Their images.
    label
        Class of the image: a stroke shows best what happens.
    """
    images = sample.load(TEST)
    of_class = np.flatnonzero(images.labels == label)
    image = images.pixels[of_class[0] if len(of_class) else 0]
    four = torch.from_numpy(np.stack([np.rot90(image, turn, axes=(1, 2)) for turn in range(4)]).copy())
    responses = {
        name: _response(load_model(first[name]), four) for name in (PLAIN, AVERAGED, OURS) if name in first
    }
    return OneImage(four[:, 0].numpy(), responses)


def kernels(averaged: Trained, ours: Trained | None, *, shown: int = 4) -> Kernels | None:
    """Kernels of the averaged first layer, the strongest first.

    Parameters
    ----------
    averaged, ours
        Trainings.
    shown
        How many kernels.
    """
    layer = _first(load_model(averaged))
    if not isinstance(layer, AveragedC4Conv2d):
        return None
    with torch.no_grad():
        own, bank = layer.weight[:, 0, 0], layer.bank()[:, 0]
        order = own.square().sum((1, 2)).argsort(descending=True)[:shown]
        left = float(layer.bank().square().sum() / layer.weight.square().sum())
        size = layer.kernel
        orientations = None
        lifting = None if ours is None else _first(load_model(ours))
        if isinstance(lifting, LiftingConv2d):
            filters = lifting.weight[:, 0, 0]
            strongest = filters[filters.square().sum((1, 2)).argmax()]
            orientations = torch.stack([act(turn, strongest) for turn in range(4)]).numpy()
        pictures = own[order].numpy(), bank[order].numpy()
    return Kernels(*pictures, left, free_numbers(size), size**2, orientations)


def free_numbers(size: int) -> int:
    """Independent numbers of a square kernel that four turns leave as it is: its orbits of pixels.

    Examples
    --------
    >>> free_numbers(3), free_numbers(2), free_numbers(5)
    (3, 1, 7)
    """
    return -(-(size**2) // 4)


def _first(model: ImageModel) -> nn.Module:
    """The first convolution."""
    return next(layer for layer in model.network if not isinstance(layer, Standardise))


def _response(model: ImageModel, four: Tensor) -> Response:
    standardise, layer = model.network[0], _first(model)
    with torch.inference_mode():
        maps = layer(standardise(four))
        lifted = isinstance(layer, LiftingConv2d)
        acted: Callable[[int, Tensor], Tensor] = (
            (lambda turn, one: act_on_maps(turn, one, "p4")) if lifted else act
        )
        error = max(change(acted(turn, maps[:1]), maps[turn : turn + 1]) for turn in range(1, 4))
        by_channel = maps.unflatten(1, (4 if lifted else 1, -1))
        seen = by_channel[0]
        # of several orientations the channel that tells them apart best, else the one with the largest output
        shown = seen.std(0).mean((1, 2)) if lifted else seen.abs().amax((0, 2, 3))
        return Response(by_channel[:, :, int(shown.argmax())].numpy(), error)


def first_of(trained: Sequence[Trained], sample: str) -> dict[str, Trained]:
    """The first plain training of each model of a sample."""
    found: dict[str, Trained] = {}
    for one in trained:
        variant = one.training.variant
        if variant.sample == sample and variant.plain and variant.augmentation == "none":
            found.setdefault(variant.model, one)
    return found
