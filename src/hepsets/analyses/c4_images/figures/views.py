"""Figures of events seen along the beam."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hepsets.report.style import MUTED, not_empty, styled


@styled
def event_images(figure: Figure, images: Mapping[str, NDArray[np.float32]]) -> None:
    """Events of each kind: charged particles in blue, photons in orange, brighter for larger momenta.

    Parameters
    ----------
    figure
        Drawn on.
    images
        By the name of the kind, shape ``(n_images, 2, side, side)``.
    """
    not_empty(images)
    columns = max(len(one) for one in images.values())
    figure.set_size_inches(1.5 * columns + 0.6, 1.55 * len(images) + 0.2)
    grid = figure.subplots(len(images), columns, squeeze=False)
    for row, (kind, pixels) in zip(grid, images.items(), strict=True):
        for axes, one in zip(row, pixels, strict=False):
            axes.imshow(_colours(one), interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            for spine in axes.spines.values():
                spine.set_visible(True)
                spine.set_color(MUTED)
        row[0].set_ylabel(kind)


def _colours(pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """White where nothing is, towards blue and orange, shape ``(side, side, 3)``."""
    blue, orange = np.array([0.0, 0.447, 0.698]), np.array([0.835, 0.369, 0.0])
    strength = np.sqrt(pixels / max(float(pixels.max()), 1e-9))
    picture = np.ones((*pixels.shape[1:], 3))
    for share, colour in zip(strength, (blue, orange), strict=True):
        picture *= 1 - share[..., None] * (1 - colour)
    return picture
