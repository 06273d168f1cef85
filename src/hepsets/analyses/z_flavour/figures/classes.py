"""Figures of flavour classifiers: confusion, probabilities, ROC curves against the rest, features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from hepsets.analyses.z_flavour.about import MODELS, UNIDENTIFIED
from hepsets.evaluate.scores.accuracy_importance import AccuracyImportance
from hepsets.evaluate.scores.many_classes import ClassScores, ManyClassQuality
from hepsets.report.style import (
    COLOURS,
    INK,
    MUTED,
    PAPER,
    RULE,
    Array,
    Style,
    model_panels,
    model_styles,
    not_empty,
    styled,
)

FLAVOUR_STYLES = model_styles(("b", "c", "s", "ud"))
"""How flavours are drawn in every figure."""

_TAGGER_STYLES = model_styles(MODELS)

FLAVOUR_NAMES = {"b": "$b\\bar b$", "c": "$c\\bar c$", "s": "$s\\bar s$", "ud": "$u\\bar u, d\\bar d$"}

_SHADES = LinearSegmentedColormap.from_list("shades", ["#f2f6fa", COLOURS[0]])


@dataclass(frozen=True)
class FeatureShape:
    """The distribution of one feature by flavour.

    Parameters
    ----------
    name
        What the axis says.
    edges
        Of the bins, shape ``(n_bins + 1,)``.
    density
        By flavour, per unit of the feature, shape ``(n_bins,)``; the ends hold what lies beyond.
    """

    name: str
    edges: Array
    density: Mapping[str, Array]


def feature_shape(
    name: str, values: Array, truth: NDArray[np.int64], classes: Sequence[str], *, bins: int = 40
) -> FeatureShape:
    """The distribution of a feature between its outer half percents; what lies beyond is in the end bins.

    A feature of few values, such as the logarithm of a number, has bins of as many values each: others would
    hold one more or one less, and show teeth that are not there.

    Parameters
    ----------
    name
        Of the feature.
    values, truth
        Shape ``(n,)``: the feature, and places of the true flavours in ``classes``.
    classes
        Names of the flavours.
    bins
        Number of bins.
    """
    low, high = np.quantile(values, [0.005, 0.995])
    if not low < high:
        low, high = low - 0.5, low + 0.5
    inside = np.clip(values, low, high)
    steps = np.unique(inside)
    if 1 < len(steps) <= min(4 * bins, len(values) // 10):
        between = (steps[1:] + steps[:-1]) / 2
        each = -(-len(steps) // bins)
        ends = 1.5 * steps[[0, -1]] - 0.5 * steps[[1, -2]]
        edges = np.concatenate([ends[:1], between[each - 1 :: each], ends[1:]])
    else:
        edges = np.linspace(low, high, bins + 1)
    density = {
        flavour: np.histogram(inside[truth == place], edges, density=True)[0]
        for place, flavour in enumerate(classes)
    }
    return FeatureShape(name, edges, density)


@styled
def confusion_matrices(
    figure: Figure, models: Mapping[str, ManyClassQuality], styles: Mapping[str, Style]
) -> None:
    """Of each true flavour the percentage that is taken for each, one matrix per model."""
    for axes, (name, quality) in model_panels(figure, models, "taken for", "true"):
        matrix, size = quality.confusion, len(quality.classes)
        axes.imshow(np.sqrt(matrix.share), cmap=_SHADES, vmin=0, vmax=1, aspect="auto")
        for row in range(size):
            for column in range(size):
                share, se = 100 * matrix.share[row, column], 100 * matrix.share_se[row, column]
                digits = 2 if se < 0.05 else 1
                axes.text(
                    column,
                    row,
                    f"{share:.{digits}f}\n±{se:.{digits}f}",
                    ha="center",
                    va="center",
                    fontsize=7 if size < 4 else 6,
                    color=PAPER if share > 40 else INK,
                )
        names = [FLAVOUR_NAMES.get(flavour, flavour) for flavour in quality.classes]
        axes.set_xticks(range(size), names)
        axes.set_yticks(range(size), names)
        axes.tick_params(length=0, labelleft=True)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        right = quality.accuracy
        axes.set_title(f"{name}\n{100 * right.value:.2f} ± {100 * right.se:.2f} %", color=styles[name].colour)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width + 0.4, height * 1.12)


@styled
def class_probabilities(figure: Figure, sample: ClassScores, *, bins: int = 40) -> None:
    """Of each flavour the distribution of its probability, in events of each true flavour; events per bin."""
    figure.set_size_inches(2.6 * len(sample.classes) + 0.5, 2.9)
    panels = figure.subplots(1, len(sample.classes), sharey=True, squeeze=False)[0]
    edges = np.linspace(0, 1, bins + 1)
    least = 1.0
    for place, (axes, flavour) in enumerate(zip(panels, sample.classes, strict=True)):
        for number, true in enumerate(sample.classes):
            counts, _ = np.histogram(sample.probabilities[sample.truth == number, place], edges)
            share = counts / counts.sum()
            least = min(least, 1 / counts.sum())
            style = _style(true)
            axes.stairs(share, edges, color=style.colour, lw=1.6 if true == flavour else 1.0)
        axes.set(yscale="log", xlim=(0, 1), xlabel=f"probability of {FLAVOUR_NAMES.get(flavour, flavour)}")
    panels[0].set_ylim(0.5 * least, 1.5)
    panels[0].set_ylabel(f"share of events per bin of {1 / bins:g}")
    handles = [Line2D([], [], color=_style(true).colour, lw=1.6) for true in sample.classes]
    names = [f"true {FLAVOUR_NAMES.get(true, true)}" for true in sample.classes]
    figure.legend(handles, names, loc="outside upper left", ncols=len(names))


@styled
def rocs_against_rest(
    figure: Figure, models: Mapping[str, ManyClassQuality], styles: Mapping[str, Style]
) -> None:
    """ROC curves of each flavour against all others of the sample, and below them the areas."""
    not_empty(models)
    classes = next(iter(models.values())).classes
    figure.set_size_inches(2.6 * len(classes) + 1.2, 3.6 + 0.24 * len(models))
    grid = figure.subplots(
        2, len(classes), sharey="row", squeeze=False, height_ratios=[2.6, 0.5 + 0.24 * len(models)]
    )
    for place, flavour in enumerate(classes):
        top, bottom = grid[0, place], grid[1, place]
        for row, (name, quality) in enumerate(models.items()):
            curve, style, area = quality.rest[flavour], styles[name], quality.auc[flavour]
            shown = curve.false_positive_rate > 0
            top.plot(
                curve.false_positive_rate[shown],
                curve.true_positive_rate[shown],
                color=style.colour,
                ls=style.dash,
                lw=1.2,
            )
            bottom.errorbar(area.value, row, xerr=area.se, color=style.colour, marker=style.marker, ms=4)
        top.set(xscale="log", xlim=(1e-4, 1), ylim=(0, 1.02), xlabel="share of other events kept")
        top.set_title(f"{FLAVOUR_NAMES.get(flavour, flavour)} against the rest")
        top.grid(axis="y")
        bottom.set(xlabel="area under the curve", ylim=(len(models) - 0.5, -0.5))
        bottom.xaxis.set_major_locator(MaxNLocator(3))
        bottom.grid(axis="x")
        bottom.tick_params(axis="y", length=0)
        bottom.spines["left"].set_visible(False)
    grid[0, 0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    grid[0, 0].set_ylabel("efficiency")
    grid[1, 0].set_yticks(range(len(models)), list(models))
    for text, name in zip(grid[1, 0].get_yticklabels(), models, strict=True):
        text.set_color(styles[name].colour)


@styled
def feature_shapes(figure: Figure, shapes: Sequence[FeatureShape]) -> None:
    """Distributions of features by flavour, each normalised to one."""
    not_empty(shapes)
    columns = min(4, len(shapes))
    rows = -(-len(shapes) // columns)
    figure.set_size_inches(2.4 * columns + 0.3, 1.9 * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in list(grid.flat)[len(shapes) :]:
        axes.remove()
    for axes, shape in zip(grid.flat, shapes, strict=False):
        for flavour, density in shape.density.items():
            axes.stairs(density, shape.edges, color=_style(flavour).colour, lw=1.2)
        axes.set(xlabel=shape.name, xlim=(shape.edges[0], shape.edges[-1]), ylim=(0, None))
        axes.set_yticks([])
    for row in grid:
        row[0].set_ylabel("density")
    flavours = list(dict.fromkeys(flavour for shape in shapes for flavour in shape.density))
    handles = [Line2D([], [], color=_style(flavour).colour, lw=1.6) for flavour in flavours]
    names = [FLAVOUR_NAMES.get(flavour, flavour) for flavour in flavours]
    figure.legend(handles, names, loc="outside upper left", ncols=len(names))


@styled
def importances(figure: Figure, found: Sequence[AccuracyImportance], *, most: int = 20) -> None:
    """Loss of accuracy when an input is taken from other events; the largest ones."""
    not_empty(found)
    order = sorted(found, key=lambda one: one.accuracy_loss.value)[-most:]
    figure.set_size_inches(7.0, 0.8 + 0.21 * len(order))
    axes = figure.subplots()
    for row, one in enumerate(order):
        loss, se = 100 * one.accuracy_loss.value, 100 * one.accuracy_loss.se
        axes.barh(row, loss, 0.66, color=COLOURS[0], alpha=0.8, lw=0)
        axes.errorbar(loss, row, xerr=se, color=INK, lw=1)
    axes.set_yticks(range(len(order)), [one.name.replace("_", " ") for one in order])
    axes.axvline(0, color=MUTED, lw=0.8)
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=RULE)
    axes.set_xlabel("accuracy lost when the input is taken from other events [%]")


def tagger_styles(names: Iterable[str]) -> dict[str, Style]:
    """How taggers are drawn: alike in every figure of the page, whatever they stand beside."""
    return {name: _TAGGER_STYLES[name.removesuffix(UNIDENTIFIED)] for name in names}


def _style(flavour: str) -> Style:
    return FLAVOUR_STYLES.get(flavour, Style(INK, "-", "o"))
