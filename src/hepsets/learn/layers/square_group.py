"""Turns and mirrors of the square: products, action on pixels and maps, and windows that turn with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from hepsets.core.errors import InputError

Group = Literal["p4", "p4m"]
"""Translations with turns by 90°; with mirrors too. Cohen & Welling 2016 (arXiv:1602.07576), section 4."""

ORDER: dict[Group, int] = {"p4": 4, "p4m": 8}
"""Elements of each group: ``r + 4 m`` exchanges left and right m times, then turns by 90° r times."""


def product(one: int, other: int) -> int:
    """The element that acts as ``other`` first, then as ``one``.

    Examples
    --------
    >>> product(3, 2), product(1, 4), product(4, 1)  # a mirror turns the turn that follows around
    (1, 5, 7)
    """
    turns = one % 4 + (-(other % 4) if one >= 4 else other % 4)
    return turns % 4 + 4 * ((one >= 4) ^ (other >= 4))


def inverse(element: int) -> int:
    """The element that undoes another: a mirror itself, or the turn back."""
    return element if element >= 4 else -element % 4


def act(element: int, pixels: Tensor) -> Tensor:
    """Pixels of shape ``(..., height, width)``, turned counterclockwise, and mirrored, by an element."""
    if element >= 4:
        pixels = pixels.flip(-1)
    return torch.rot90(pixels, element % 4, (-2, -1))


def act_on_maps(element: int, maps: Tensor, group: Group) -> Tensor:
    """What an element does to maps of all orientations: it turns each, and carries it to its new orientation.

    Parameters
    ----------
    element
        An element of the group.
    maps
        Shape ``(n, order * channels, height, width)``, all channels of an orientation together.
    group
        Their group.

    Returns
    -------
    Tensor
        The same shape, with height and width exchanged by a turn of 90°. It is ``L_u f`` of Cohen & Welling:
        ``[L_u f](g) = f(u⁻¹ g)``.
    """
    order = ORDER[group]
    turned = act(element, maps)
    by_orientation = turned.reshape(len(maps), order, -1, *turned.shape[2:])
    source = [product(inverse(element), orientation) for orientation in range(order)]
    return by_orientation[:, source].flatten(1, 2)


def filter_index(group: Group, size: int, *, of_maps: bool) -> Tensor:
    """Where each weight of a bank of turned filters comes from.

    Parameters
    ----------
    group
        The group.
    size
        Height and width of the kernel.
    of_maps
        Whether the filters act on maps of all orientations, or on an image.

    Returns
    -------
    Tensor
        int64, shape ``(order, orientations, size, size)``: places in a filter of shape
        ``(orientations, size, size)``, where an image has one orientation. Row g is the filter as g turns it:
        ``ψ(g⁻¹ h)`` of Cohen & Welling, equations 10 (image) and 11 (maps).
    """
    order = ORDER[group]
    orientations = order if of_maps else 1
    places = torch.arange(orientations * size * size).view(orientations, size, size)
    rows = []
    for turned in range(order):
        source = [product(inverse(turned), h) for h in range(order)] if of_maps else [0]
        rows.append(act(turned, places[source]))
    return torch.stack(rows)


def demand_centred(sizes: Sequence[int], window: int, stride: int, padding: int, what: str) -> None:
    """Refuse windows that a turn of the image would not carry into each other.

    Windows begin at 0, s, 2s, … from one edge of the padded image. Turned by 180° they would begin there from
    the other edge, and these are the same windows if and only if the last one ends at that edge: if
    ``size + 2 padding - window`` is a multiple of the stride. Where it is not, the pixels that are left over
    lie all at one side, and what the layer gives changes with a turn for all but special images and weights.
    Where it would not, no window sees the image, or all windows of a pooling see all of it: nobody needs such
    layers, and they are refused alike.

    Parameters
    ----------
    sizes
        Height and width [pixels] of what the windows slide over.
    window, stride, padding
        Of a convolution, or of a pooling.
    what
        What it is, for the message.

    Raises
    ------
    InputError
        If it is so, or if the window is larger than the padded image; the message says what to use.

    Examples
    --------
    >>> demand_centred((7, 7), window=3, stride=2, padding=0, what="a convolution")
    >>> demand_centred((8, 8), window=3, stride=2, padding=0, what="a convolution")
    Traceback (most recent call last):
        ...
    hepsets.core.errors.InputError: a convolution 3 wide, stride 2, padding 0, on 8 pixels leaves out 1 of \
them at one side; expected size + 2 padding - window divisible by the stride, or a turned image shows it \
others; use a window of 2 or 4, stride 1, or images of 7 or 9 pixels
    """
    for size in sizes:
        free = size + 2 * padding - window
        if free < 0:
            raise InputError(
                f"{what} {window} wide on {size} pixels with padding {padding}",
                f"at least {window - 2 * padding} pixels",
            )
        left = free % stride
        if left:
            windows = " or ".join(str(w) for w in (window - stride + left, window + left) if w > 0)
            images = f"{size - left} or {size - left + stride} pixels"
            raise InputError(
                f"{what} {window} wide, stride {stride}, padding {padding}, on {size} pixels leaves out "
                f"{left} of them at one side",
                "size + 2 padding - window divisible by the stride, or a turned image shows it others",
                f"use a window of {windows}, stride 1, or images of {images}",
            )
