"""How far layers are from turning with the image, and images to see it with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hepsets.core.images import Images
from hepsets.learn.layers.square_group import ORDER, Group, act, act_on_maps


def broken_by(
    layer: Callable[[Tensor], Tensor],
    images: Tensor,
    group: Group = "p4",
    *,
    of_maps: bool = False,
    to_maps: bool = False,
) -> float:
    """Largest change of a layer's output by moving its input and moving the output back, over its spread.

    It is the largest over the elements of the group. ``of_maps``, ``to_maps``: whether what comes in and what
    comes out are maps of all orientations, not images; shapes ``(n, channels, height, width)``.
    """

    def moved(element: int, values: Tensor, maps: bool) -> Tensor:
        return act_on_maps(element, values, group) if maps else act(element, values)

    with torch.no_grad():
        plain = layer(images)
        changes = []
        for element in range(ORDER[group]):
            one, other = (
                layer(moved(element, images, of_maps).contiguous()),
                moved(element, plain, to_maps),
            )
            changes.append(float((one - other).abs().max()) if one.shape == other.shape else float("inf"))
    return max(changes) / max(float(plain.std()), 1e-6)


def strokes(n: int, size: int = 8, seed: int = 0) -> Images:
    """Upright images of four classes: an L and its mirror image, a bar and a cross, shifted, with noise."""
    rng = np.random.default_rng(seed)
    pixels, labels = rng.normal(0, 0.1, (n, 1, size, size)), np.arange(n) % 4
    for image, label in zip(pixels[:, 0], labels, strict=True):
        top, left = rng.integers(0, size - 4, 2)
        box = image[top : top + 5, left : left + 4]
        if label == 3:
            box[2] += 1
            box[:, 2] += 1
        else:
            box[:, 0 if label == 0 else 3] += 1
        if label < 2:
            box[-1] += 1
    return Images(pixels, labels, np.arange(n))


def blobs(sizes: list[int], seed: int = 0, size: int = 8) -> Images:
    """Images of so many bright points each."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((len(sizes), 1, size, size))
    for image, points in zip(pixels, sizes, strict=True):
        np.add.at(image[0], tuple(rng.integers(0, size, (2, points))), 1.0)
    return Images(pixels, np.arange(len(sizes)) % 3, np.arange(len(sizes)))
