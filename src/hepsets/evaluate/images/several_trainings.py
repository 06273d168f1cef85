"""Accuracy over several trainings of one model: how far test images and seeds let it be known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured

Right = NDArray[np.bool_]


@dataclass(frozen=True)
class SeveralTrainings:
    """The mean accuracy of trainings that differ by their seeds, on the same test images.

    Parameters
    ----------
    accuracy
        Mean over trainings; its error holds both that follow.
    of_images
        Error from the finite number of test images: of the share of trainings that are right about an image,
        averaged over images; half a Wilson interval where all are always right.
    of_seeds
        Error from the finite number of trainings: their standard deviation over the root of their number; 0
        for a single one, of which nobody knows how far another would be.
    each
        Accuracy of each training, in the order of the seeds.
    """

    accuracy: Measured
    of_images: float
    of_seeds: float
    each: tuple[float, ...]

    @property
    def spread(self) -> float:
        """Standard deviation between trainings."""
        return self.of_seeds * math.sqrt(len(self.each))


def over_trainings(right: Right) -> SeveralTrainings:
    """Mean accuracy of several trainings.

    Parameters
    ----------
    right
        Which test images each training is right about, shape ``(n_trainings, n_images)``.

    Raises
    ------
    InputError
        For no training or no image.

    Examples
    --------
    >>> right = np.array([[True] * 90 + [False] * 10, [True] * 94 + [False] * 6])
    >>> print(over_trainings(right).accuracy)
    0.920 ± 0.032
    """
    share = _checked(right).mean(axis=0)
    each = right.mean(axis=1)
    images = _error_of_images(share)
    seeds = _error_of_seeds(each)
    total = Measured(float(share.mean()), math.hypot(images, seeds))
    return SeveralTrainings(total, images, seeds, tuple(float(value) for value in each))


def gain(right: Right, other: Right) -> Measured:
    """By how much one model is more accurate than another, on the same test images.

    What images have in common cancels, so that the error is less than that of two samples.

    Parameters
    ----------
    right, other
        As :func:`over_trainings` has them, of the two models; numbers of trainings may differ.

    Raises
    ------
    InputError
        If they are not of the same images.
    """
    if right.shape[-1] != other.shape[-1]:
        raise InputError(
            f"models judged on {right.shape[-1]} and {other.shape[-1]} images", "the same images"
        )
    share = _checked(right).mean(axis=0) - _checked(other).mean(axis=0)
    seeds = [_error_of_seeds(one.mean(axis=1)) for one in (right, other)]
    return Measured(float(share.mean()), math.hypot(_error_of_images(share), *seeds))


def _checked(right: Right) -> Right:
    if right.ndim != 2 or 0 in right.shape:
        raise InputError(f"judgements of shape {right.shape}", "(trainings, images), one or more of each")
    return right


def _error_of_images(share: NDArray[np.float64]) -> float:
    n = len(share)
    return math.sqrt(float(share.var()) / n + 1 / (4 * n**2)) / (1 + 1 / n)


def _error_of_seeds(each: NDArray[np.float64]) -> float:
    return float(each.std(ddof=1)) / math.sqrt(len(each)) if len(each) > 1 else 0.0
