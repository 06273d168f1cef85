"""Turns that training shows in place of images: each image of each batch turned anew."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hepsets.represent.images.turns import Turns


@dataclass(frozen=True)
class RandomTurns:
    """Turns each image of a batch at random; the numbers are PyTorch's, so that a training repeats.

    Parameters
    ----------
    how
        By multiples of 90°, which change no pixel; by any angle, between pixels, see
        :func:`hepsets.represent.images.turns.turned`; or not at all.
    """

    how: Turns = "quarter"

    def __call__(self, pixels: Tensor) -> Tensor:
        """The images, shape ``(n_images, channels, n, n)``, each turned in its own way."""
        if self.how == "none":
            return pixels
        if self.how == "quarter":
            quarters = torch.randint(4, (len(pixels),), device=pixels.device)
            result = pixels.clone()
            for quarter in range(1, 4):
                result[quarters == quarter] = torch.rot90(pixels[quarters == quarter], quarter, (2, 3))
            return result
        angle = 2 * torch.pi * torch.rand(len(pixels), device=pixels.device)
        return turned_between(pixels, angle)


def turned_between(pixels: Tensor, angle: Tensor) -> Tensor:
    """Images turned counter-clockwise by bilinear interpolation, zeros beyond the rim.

    Parameters
    ----------
    pixels
        Shape ``(n_images, channels, n, n)``.
    angle
        In radians, shape ``(n_images,)``.
    """
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    rows = torch.stack([cosine, -sine, zero], 1), torch.stack([sine, cosine, zero], 1)
    grid = functional.affine_grid(torch.stack(rows, 1), list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
