"""Figures that compare models: accuracy, what it costs, and what is mistaken for what."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from hepsets.analyses.c4_images.about import MODELS, SETS
from hepsets.analyses.c4_images.comparison import ModelResult
from hepsets.report.style import (
    COLOURS,
    INK,
    MUTED,
    PAPER,
    Style,
    model_panels,
    model_styles,
    not_empty,
    styled,
)

_SHADES = LinearSegmentedColormap.from_list("shades", ["#f2f6fa", COLOURS[0]])

_SUFFIX = "_augmented"

_STYLES = model_styles((*MODELS, SETS, *(f"{name}{_SUFFIX}" for name in MODELS)))


def style_of(name: str) -> Style:
    """How a model is drawn in every figure; augmented ones are dashed diamonds."""
    own = _STYLES[name]
    return Style(own.colour, (0, (3, 1.5)), "D") if name.endswith(_SUFFIX) else own


@styled
def accuracies(figure: Figure, models: Sequence[ModelResult]) -> None:
    """The accuracy of each model with its error, and of each of its trainings as a dot; numbers beside it."""
    not_empty(models)
    figure.set_size_inches(7.2, 0.9 + 0.36 * len(models))
    axes = figure.subplots()
    order = sorted(models, key=lambda one: one.accuracy.value)
    for row, one in enumerate(order):
        style, total = style_of(one.name), one.accuracy
        each = [100 * value for value in one.of_test.each]
        axes.plot(each, [row - 0.22] * len(each), "o", ms=2.6, color=style.colour, alpha=0.6, mew=0)
        axes.errorbar(
            100 * total.value, row, xerr=100 * total.se, color=style.colour, marker=style.marker, ms=5, lw=1.4
        )
        axes.annotate(
            f"{100 * total.value:.2f} ± {100 * total.se:.2f} %\n{one.parameters:,} parameters",
            (1.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7.5,
            color=MUTED,
        )
    axes.set_yticks(range(len(order)), [one.name for one in order])
    for text, one in zip(axes.get_yticklabels(), order, strict=True):
        text.set_color(style_of(one.name).colour)
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel("accuracy on test images [%]")


@styled
def errors_against(
    figure: Figure, models: Sequence[ModelResult], what: Callable[[ModelResult], float], label: str
) -> None:
    """The test error against a number of each model, both logarithmic; points of one model are joined.

    Parameters
    ----------
    figure
        Drawn on.
    models
        The models; those of one name are one line.
    what
        The number, positive.
    label
        Of the axis.
    """
    not_empty(models)
    figure.set_size_inches(6.4, 4.0)
    axes = figure.subplots()
    names = list(dict.fromkeys(one.name for one in models))
    for name in names:
        own = sorted((one for one in models if one.name == name), key=what)
        style = style_of(name)
        values = np.array([what(one) for one in own])
        wrong = np.array([max(100 * (1 - one.accuracy.value), 1e-2) for one in own])
        errors = np.array(
            [min(100 * one.accuracy.se, 0.9 * value) for one, value in zip(own, wrong, strict=True)]
        )
        axes.errorbar(
            values, wrong, yerr=errors, color=style.colour, marker=style.marker, ls=style.dash, ms=4.5, lw=1.3
        )
    axes.set(xscale="log", yscale="log", xlabel=label, ylabel="test error [%]")
    _plain_ticks(axes)
    axes.grid(axis="y")
    handles = [
        Line2D(
            [], [], color=style_of(name).colour, marker=style_of(name).marker, ls=style_of(name).dash, ms=4.5
        )
        for name in names
    ]
    figure.legend(handles, names, loc="outside right upper")


@styled
def confusions(figure: Figure, models: Mapping[str, ModelResult], classes: Sequence[str]) -> None:
    """Of each true class the percentage that is taken for each, one matrix per model."""
    for axes, (name, one) in model_panels(figure, models, "taken for", "true"):
        axes.imshow(np.sqrt(one.confusion), cmap=_SHADES, vmin=0, vmax=1)
        for row, column in np.ndindex(one.confusion.shape):
            share = 100 * one.confusion[row, column]
            if share >= 0.5 or row == column:
                axes.text(
                    column, row, f"{share:.0f}", ha="center", va="center", fontsize=5.5,
                    color=PAPER if share > 40 else INK,
                )  # fmt: skip
        axes.set_xticks(range(len(classes)), classes, fontsize=6.5)
        axes.set_yticks(range(len(classes)), classes, fontsize=6.5)
        axes.tick_params(length=0, labelleft=True)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.set_title(f"{name}  {100 * one.accuracy.value:.2f} %", color=style_of(name).colour)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width + 0.4, height * 1.2)


@styled
def tested_turned(figure: Figure, models: Sequence[ModelResult], parts: Mapping[str, str]) -> None:
    """Accuracy by how test images are turned, a line per model.

    Parameters
    ----------
    figure
        Drawn on.
    models
        Each with all the parts.
    parts
        What the parts that judge are called.
    """
    not_empty(models)
    figure.set_size_inches(6.6, 3.4)
    axes = figure.subplots()
    for place, one in enumerate(models):
        style = style_of(one.name)
        shift = 0.05 * (place - (len(models) - 1) / 2)
        found = [one.tests[part].accuracy for part in parts]
        axes.errorbar(
            np.arange(len(parts)) + shift,
            [100 * each.value for each in found], [100 * each.se for each in found],
            color=style.colour, marker=style.marker, ls=style.dash, ms=5, lw=1.3, label=one.name,
        )  # fmt: skip
    axes.set_xticks(range(len(parts)), list(parts.values()))
    axes.set(ylabel="accuracy [%]", ylim=(0, 102), xlim=(-0.4, len(parts) - 0.6))
    axes.grid(axis="y")
    figure.legend(loc="outside right upper")


def _plain_ticks(axes: Axes) -> None:
    """Ticks of logarithmic axes as plain numbers: the closer, the fewer decades there are."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        decades = math.log10(high / low)
        factors = (1, 2, 5) if decades > 1.2 else (1, 1.5, 2, 3, 4, 5, 6, 8)
        places = [factor * 10.0**power for power in range(-3, 10) for factor in factors]
        axis.set_major_locator(FixedLocator([place for place in places if low <= place <= high]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_formatter(NullFormatter())
