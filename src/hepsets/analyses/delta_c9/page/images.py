"""The report's section on images: what the convolutional network looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hepsets.analyses.delta_c9.images import IMAGE_EVENTS
from hepsets.analyses.delta_c9.page.axes import SYMBOLS, variable_axis
from hepsets.analyses.delta_c9.result import Result
from hepsets.core.errors import InputError
from hepsets.report.page import Content, FigureFiles
from hepsets.report.style import COLOURS, not_empty, styled


def images(result: Result, figures: FigureFiles) -> Iterator[Content]:
    """Images of many decays at a few ΔC9."""
    if result.images:
        yield figures(
            "images",
            example_images(result.images),
            f"Images of {IMAGE_EVENTS:,} decays: mean standardised q² in bins of the angles.",
        )


_PLANES = ((0, 1), (0, 2), (1, 2))
_ANGLES = ("costheta_mu", "costheta_K", "chi")
_RANGES = ((-1.0, 1.0), (-1.0, 1.0), (-np.pi, np.pi))


@styled
def example_images(figure: Figure, images: Mapping[float, NDArray[np.floating[Any]]]) -> None:
    """Images of the angles: one slice, and the mean along each axis; a row for each ΔC9.

    Parameters
    ----------
    images
        By ΔC9: mean standardised q² in bins of (cosθ_μ, cosθ_K, χ), empty bins 0 (they show the
        paper), shape ``(n, n, n)``.

    Raises
    ------
    InputError
        If there is nothing to draw, or an image has not three axes.
    """
    not_empty(list(images))
    for image in images.values():
        if image.ndim != 3:
            raise InputError(f"an image of shape {image.shape}", "three axes")
    figure.set_size_inches(9.4, 2.25 * len(images) + 0.7)
    grid = figure.subplots(len(images), 4, squeeze=False, sharex="col", sharey="col")
    maps = {
        value: [image[:, :, image.shape[2] // 2], *(image.mean(axis=3 - i - j) for i, j in _PLANES)]
        for value, image in images.items()
    }
    colours, norms = _colours(), [_scale(maps, columns) for columns in ([0], [1, 2, 3])]
    for r, (row, (value, of_one)) in enumerate(zip(grid, maps.items(), strict=True)):
        for c, (axes, shown, (i, j)) in enumerate(zip(row, of_one, ((0, 1), *_PLANES), strict=True)):
            extent = (*_RANGES[i], *_RANGES[j])
            axes.imshow(
                shown.T,
                origin="lower",
                extent=extent,
                aspect="auto",
                cmap=colours,
                norm=norms[min(c, 1)],
                interpolation="nearest",
            )
            variable_axis(axes.yaxis, _ANGLES[j])
            variable_axis(axes.xaxis, _ANGLES[i])
            if r < len(grid) - 1:
                axes.set_xlabel("")
            if r == 0:
                left_out = SYMBOLS[_ANGLES[3 - i - j]]
                axes.set_title(f"slice at {left_out} = 0" if c == 0 else f"mean over {left_out}")
        row[0].annotate(
            rf"$\Delta C_9$ = {value:g}".replace("-", "−"),
            (-0.42, 0.5),
            xycoords="axes fraction",
            rotation=90,
            va="center",
            ha="right",
            fontsize=9,
        )
    _bar(figure, grid[:, :1], ScalarMappable(norms[0], colours), "standardised $q^2$")
    label = "mean standardised $q^2$, empty bins as 0"
    _bar(figure, grid[:, 1:], ScalarMappable(norms[1], colours), label)


def _colours() -> LinearSegmentedColormap:
    """From blue over the paper to orange."""
    blue, orange = to_rgba(COLOURS[0]), to_rgba(COLOURS[1])
    stops = (0.0, blue), (0.5, (*blue[:3], 0.0)), (0.5, (*orange[:3], 0.0)), (1.0, orange)
    return LinearSegmentedColormap.from_list("standardised q2", stops)


def _scale(maps: Mapping[float, Sequence[NDArray[Any]]], columns: Sequence[int]) -> Normalize:
    """One scale for some columns of all rows, even about zero, that 99 % of the filled bins lie within."""
    flat = np.concatenate([np.abs(of_one[c]).ravel() for of_one in maps.values() for c in columns])
    filled = flat[flat > 0]
    return Normalize(*(np.quantile(filled, 0.99) * np.array([-1, 1]) if filled.size else (-1, 1)))


def _bar(figure: Figure, panels: NDArray[Any], scale: ScalarMappable, label: str) -> None:
    """The colours' meaning, below some panels of shape ``(n_rows, n_columns)``."""
    bar = figure.colorbar(
        scale,
        ax=list(panels.flat),
        location="bottom",
        fraction=0.05,
        aspect=14 if panels.shape[1] == 1 else 40,
        pad=0.02,
    )
    bar.set_label(label)
    bar.outline.set_visible(False)
    bar.ax.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))
