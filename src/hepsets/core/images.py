"""Labelled images: pixels, the class of each image, and the number that it has where it came from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose, common, demand
from hepsets.core.screen import on_screen


@dataclass(frozen=True, eq=False)
class Images:
    """Images of one size, with labels.

    Parameters
    ----------
    pixels
        Float32, shape ``(n_images, channels, height, width)``; other numbers are converted.
    labels
        Class of each image, from 0, int64, shape ``(n_images,)``.
    ids
        Its number in the source, int64, shape ``(n_images,)``: copies of one image share it.
    purpose
        What the images are for, if that is settled.

    Raises
    ------
    InputError
        For other shapes, unlike numbers of images, pixels that are not finite, or labels below 0.

    Examples
    --------
    >>> import numpy as np
    >>> images = Images(np.zeros((3, 1, 8, 8)), np.array([4, 0, 7]), np.arange(3))
    >>> len(images), images.square, images.take(np.array([2, 0])).labels.tolist()
    (3, True, [7, 4])
    """

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64]
    ids: NDArray[np.int64]
    purpose: Purpose | None = None

    def __post_init__(self) -> None:
        pixels = np.asarray(self.pixels)
        if pixels.ndim != 4 or 0 in pixels.shape[1:] or pixels.dtype.kind not in "buif":
            raise InputError(
                f"pixels of type {pixels.dtype} and shape {pixels.shape}",
                "numbers of shape (images, channels, height, width)",
                "grey images of shape (images, height, width) take pixels[:, None]",
            )
        object.__setattr__(self, "pixels", np.ascontiguousarray(pixels, dtype=np.float32))
        for what in ("labels", "ids"):
            numbers = np.asarray(getattr(self, what))
            if numbers.shape != (len(pixels),) or numbers.dtype.kind not in "ui":
                raise InputError(
                    f"{what} of type {numbers.dtype} and shape {numbers.shape} for {len(pixels)} images",
                    f"an integer for each, shape ({len(pixels)},)",
                )
            object.__setattr__(self, what, np.ascontiguousarray(numbers, dtype=np.int64))
        if len(self.labels) and self.labels.min() < 0:
            raise InputError(f"label {self.labels.min()}", "classes numbered from 0")
        if not np.isfinite(self.pixels).all():
            image = int(np.flatnonzero(~np.isfinite(self.pixels).all(axis=(1, 2, 3)))[0])
            raise InputError(f"pixels of image {image} that are not finite", "finite numbers")

    def __repr__(self) -> str:
        """Number and size of the images, and how many each class has."""
        wanted = f", for {self.purpose.value}" if self.purpose else ""
        size = " × ".join(map(str, self.pixels.shape[1:]))
        counts = ", ".join(f"{label}: {count:,}" for label, count in enumerate(np.bincount(self.labels)))
        return on_screen((f"Images: {len(self):,} of {size}{wanted}", f"of each class {counts}"))

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    @property
    def square(self) -> bool:
        """Whether a turn by 90° leaves their shape as it is."""
        return self.shape[1] == self.shape[2]

    def __getitem__(self, which: slice | NDArray[Any]) -> Self:
        """Images by slice, boolean mask or integer array, for the same purpose."""
        return dataclasses.replace(
            self, pixels=self.pixels[which], labels=self.labels[which], ids=self.ids[which]
        )

    def take(self, index: NDArray[np.integer]) -> Self:
        """Images by their places, integers of shape ``(n_chosen,)``, in that order."""
        return self[np.asarray(index, dtype=np.int64)]

    def with_pixels(self, pixels: NDArray[Any]) -> Self:
        """The same images as they look now: labels, ids and purpose stay.

        Parameters
        ----------
        pixels
            Shape ``(n_images, channels, height, width)``; all but the first may differ from what it was.
        """
        return dataclasses.replace(self, pixels=pixels)

    def used_for(self, purpose: Purpose) -> Self:
        """The same images, for a purpose.

        Raises
        ------
        InputError
            If they serve another one already: what was trained on or chosen with cannot judge.
        """
        demand(self.purpose, purpose, f"{purpose} events are needed")
        return dataclasses.replace(self, purpose=purpose)

    def held_out(self, which: NDArray[np.int64]) -> Self:
        """Training images, by places of shape ``(n_chosen,)``, that become validation images.

        Raises
        ------
        InputError
            If these are images for something else than training.
        """
        demand(self.purpose, Purpose.TRAINING, "validation events are held out")
        return dataclasses.replace(self[which], purpose=Purpose.VALIDATION)

    @staticmethod
    def concatenate(parts: Sequence[Images]) -> Images:
        """Join images end to end.

        Raises
        ------
        InputError
            For none, or unless all have one shape and one purpose.
        """
        shapes = {part.shape for part in parts}
        if len(shapes) != 1:
            raise InputError(f"images of shapes {sorted(shapes)} joined", "images of one shape")
        return Images(
            np.concatenate([part.pixels for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.ids for part in parts]),
            common(part.purpose for part in parts),
        )
