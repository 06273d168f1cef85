"""Figures of the symmetry: an image turned four ways through layers, kernels, and errors of equivariance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from hepsets.analyses.c4_images.comparison import ModelResult
from hepsets.analyses.c4_images.figures.models import style_of
from hepsets.analyses.c4_images.layers import LayerError
from hepsets.analyses.c4_images.one_image import Kernels, OneImage
from hepsets.report.style import COLOURS, INK, MUTED, not_empty, power_label, styled

_SIGNED = LinearSegmentedColormap.from_list("signed", [COLOURS[1], "#f7f7f7", COLOURS[0]])

_SHOWN = {"cnn": "plain convolution", "averaged": "averaged layer", "p4cnn": "p4: four\norientations"}

_LEAST = 1e-9
"""Where what is exact stands on a logarithmic axis."""

_DECADES = (1e-8, 1e-6, 1e-4, 1e-2, 1.0)


@styled
def turned_through_layers(figure: Figure, image: OneImage) -> None:
    """An image in four turns, and below it what the first layer of each model says of each turn."""
    rows = 1 + len(image.responses)
    figure.set_size_inches(7.4, 1.75 * rows + 0.2)
    grid = figure.subplots(rows, 4, squeeze=False)
    for turn, axes in enumerate(grid[0]):
        _picture(axes, image.turned[turn], "Greys", (0.0, 1.0))
        axes.set_title(f"turned by {90 * turn}°", loc="center")
    grid[0, 0].set_ylabel("image", color=INK)
    for row, (name, response) in zip(grid[1:], image.responses.items(), strict=True):
        largest = float(np.abs(response.maps).max()) or 1.0
        for turn, axes in enumerate(row):
            _picture(axes, _mosaic(response.maps[turn]), _SIGNED, (-largest, largest))
        row[0].set_ylabel(_SHOWN[name], color=style_of(name).colour)
        row[-1].annotate(
            f"off by\n{_power(response.error)}", (1.05, 0.5),
            xycoords="axes fraction", va="center", fontsize=8,
            color=style_of(name).colour,
        )  # fmt: skip


@styled
def kernel_pictures(figure: Figure, kernels: Kernels) -> None:
    """Kernels of the averaged layer as they are trained and averaged; one of ours in its orientations."""
    columns = max(len(kernels.own), 4 if kernels.orientations is not None else 0)
    rows = [
        ("trained", kernels.own, "averaged"),
        ("averaged over turns:\nwhat acts", kernels.averaged, "averaged"),
    ]
    if kernels.orientations is not None:
        rows.append(("a p4 kernel in its\nfour orientations", kernels.orientations, "p4cnn"))
    figure.set_size_inches(1.45 * columns + 1.4, 1.45 * len(rows) + 0.2)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes_row, (label, pictures, name) in zip(grid, rows, strict=True):
        largest = float(np.abs(kernels.own if name == "averaged" else pictures).max()) or 1.0
        for axes, picture in zip(axes_row, pictures, strict=False):
            _picture(axes, picture, _SIGNED, (-largest, largest))
        for axes in axes_row[len(pictures) :]:
            axes.remove()
        axes_row[0].set_ylabel(label, color=style_of(name).colour)


@styled
def errors_by_layer(figure: Figure, models: Sequence[ModelResult]) -> None:
    """The equivariance error after each layer of a network; the band is what rounding makes."""
    not_empty(models)
    figure.set_size_inches(7.2, 3.8)
    axes = figure.subplots()
    for one in models:
        style = style_of(one.name)
        values = [max(layer.error, _LEAST) for layer in one.layers]
        share = np.linspace(0, 1, len(values))
        axes.plot(
            share,
            values,
            color=style.colour,
            marker=style.marker,
            ls=style.dash,
            ms=3.5,
            lw=1.2,
            label=one.name,
        )
    axes.axhspan(_LEAST / 2, 1e-5, color=MUTED, alpha=0.12, lw=0)
    axes.text(0.995, 6e-6, "rounding of single precision", ha="right", va="top", fontsize=7.5, color=MUTED)
    axes.set(
        yscale="log", ylim=(_LEAST / 2, 5), xlim=(-0.01, 1.01),
        xlabel="depth in the network, from image to classes", ylabel="equivariance error",
    )  # fmt: skip
    axes.set_xticks([0, 1], ["image", "classes"])
    axes.set_yticks([_LEAST, *_DECADES], ["exact", *map(_decade, _DECADES)])
    axes.grid(axis="y")
    figure.legend(loc="outside right upper")


@styled
def configurations(figure: Figure, layers: Sequence[LayerError]) -> None:
    """Every configuration of every layer: the error of those that are accepted, and of those that are not."""
    kinds = list(dict.fromkeys(_kind(one) for one in layers))
    not_empty(kinds)
    figure.set_size_inches(7.6, 0.9 + 0.34 * len(kinds))
    axes = figure.subplots()
    for row, kind in enumerate(reversed(kinds)):
        for accepted, colour in ((True, COLOURS[2]), (False, COLOURS[1])):
            own = [
                max(one.error, _LEAST) for one in layers if _kind(one) == kind and one.accepted == accepted
            ]
            heights = (
                row - 0.22 + 0.44 * ((0.5 + 0.618034 * np.arange(len(own))) % 1)
            )  # even, and in no order
            axes.plot(own, heights, "o", ms=2.4, mew=0, alpha=0.7, color=colour)
    axes.axvline(1e-5, color=INK, lw=0.9, ls=(0, (6, 2)))
    axes.set_yticks(range(len(kinds)), list(reversed(kinds)))
    axes.set(xscale="log", xlim=(_LEAST / 2, 5), ylim=(-0.6, len(kinds) - 0.4), xlabel="equivariance error")
    axes.set_xticks([_LEAST, *_DECADES], ["exact", *map(_decade, _DECADES)])
    axes.minorticks_off()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    handles = [Line2D([], [], color=COLOURS[place], marker="o", ls="", ms=4) for place in (2, 1)]
    figure.legend(
        handles, ["accepted", "refused, if it were done all the same"], loc="outside upper left", ncols=2
    )


def _kind(one: LayerError) -> str:
    return one.layer.rsplit(" ", 3)[0] if "×" in one.layer else one.layer


def _picture(axes: Axes, values: NDArray[np.float32], shades: object, limits: tuple[float, float]) -> None:
    axes.imshow(values, cmap=shades, vmin=limits[0], vmax=limits[1], interpolation="nearest")  # type: ignore[arg-type]
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(MUTED)


def _mosaic(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """One map as it is; four in a square, the orientations counter-clockwise from the lower right."""
    if len(maps) == 1:
        alone: NDArray[np.float32] = maps[0]
        return alone
    gap = np.full((maps.shape[1], 1), np.nan, dtype=np.float32)
    above = np.hstack([maps[2], gap, maps[1]])
    below = np.hstack([maps[3], gap, maps[0]])
    line = np.full((1, above.shape[1]), np.nan, dtype=np.float32)
    whole: NDArray[np.float32] = np.vstack([above, line, below])
    return whole


def _decade(value: float) -> str:
    return f"$10^{{{round(np.log10(value))}}}$"


def _power(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.01 else power_label(value)
