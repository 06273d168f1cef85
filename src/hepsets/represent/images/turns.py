"""Images turned about their centre: by quarter turns, which move pixels, and by any angle, between them."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from hepsets.core.errors import InputError
from hepsets.core.images import Images

Turns = Literal["none", "quarter", "any"]
"""How images are turned: not at all, by a multiple of 90°, or by any angle; each once, evenly at random."""

TURNS: tuple[Turns, ...] = get_args(Turns)

_STREAM = 0x7A
"""Keeps these angles apart from other draws of the same seed."""


def draw_turns(images: int, how: Turns, seed: int) -> NDArray[np.float64]:
    """Angles for so many images, counter-clockwise [°], shape ``(n_images,)``, from 0 to below 360.

    Examples
    --------
    >>> set(draw_turns(100, "quarter", seed=1).tolist()) == {0.0, 90.0, 180.0, 270.0}
    True
    """
    random = np.random.default_rng([seed, _STREAM])
    if how == "none":
        return np.zeros(images)
    if how == "quarter":
        return 90.0 * random.integers(4, size=images).astype(np.float64)
    return random.uniform(0, 360, images)


def turned(images: Images, degrees: NDArray[np.float64] | float) -> Images:
    """Each image turned counter-clockwise about its centre.

    Multiples of 90° move pixels and change none. Other angles take the new pixels from between the old ones
    by bilinear interpolation, with zeros beyond the rim, as rotated MNIST was made (Larochelle et al., ICML
    2007).

    Parameters
    ----------
    images
        Square images.
    degrees
        Shape ``(n_images,)``, or one angle for all.

    Raises
    ------
    InputError
        For images that are not square, or another number of angles.
    """
    if not images.square:
        raise InputError(f"images of {images.pixels.shape[2:]} pixels to turn", "square images")
    angles = np.asarray(degrees, dtype=np.float64)
    if not angles.ndim:
        angles = np.full(len(images), float(angles))
    if angles.shape != (len(images),):
        raise InputError(f"angles of shape {angles.shape}", f"({len(images)},), one for each image")
    result = np.empty_like(images.pixels)
    quarters = np.mod(angles / 90, 4)
    for place, (image, quarter) in enumerate(zip(images.pixels, quarters, strict=True)):
        if quarter == round(quarter):
            result[place] = np.rot90(image, int(quarter) % 4, axes=(1, 2))
        else:
            result[place] = _between(image, angles[place])
    return images.with_pixels(result)


def four_turns(pixels: Any) -> list[Any]:
    """Images turned by 0°, 90°, 180° and 270°, counter-clockwise.

    Parameters
    ----------
    pixels
        Array of shape ``(..., n, n)``.
    """
    return [np.ascontiguousarray(np.rot90(pixels, quarter, axes=(-2, -1))) for quarter in range(4)]


def _between(image: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """One image, shape ``(channels, n, n)``, turned by interpolation."""
    # rows run down: an image turned counter-clockwise has at (row, column) what was at the matrix's place
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    centre = (image.shape[1] - 1) / 2
    offset = centre - matrix @ np.array([centre, centre])
    beyond = "grid-constant"  # zeros beyond the rim, and a slope towards them
    return np.stack([affine_transform(channel, matrix, offset, order=1, mode=beyond) for channel in image])
