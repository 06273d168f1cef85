"""Turns that training shows in place of images: each image of each batch turned anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
        By multiples of 90°, which change no pixel; by any angle, between pixels, bicubic, as the images have
        been turned once already; or not at all.
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
        return turned_between(pixels, angle, "bicubic")


def turned_between(
    pixels: Tensor, angle: Tensor, between: Literal["bilinear", "bicubic"] = "bilinear"
) -> Tensor:
    """Images turned counter-clockwise by interpolation, zeros beyond the rim.

    Parameters
    ----------
    pixels
        Shape ``(n_images, channels, n, n)``.
    angle
        In radians, shape ``(n_images,)``.
    between
        How values between pixels are found. Bilinear interpolation blurs: what is turned a second time by it
        no longer looks like what was turned once. Handwritten digits keep 70 % of their power at 0.2 to 0.3
        waves per pixel, and half of that at 0.3 to 0.4; by bicubic interpolation 102 and 88 %.
    """
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    rows = torch.stack([cosine, -sine, zero], 1), torch.stack([sine, cosine, zero], 1)
    grid = functional.affine_grid(torch.stack(rows, 1), list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, mode=between, padding_mode="zeros", align_corners=False)
