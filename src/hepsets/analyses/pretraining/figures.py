"""Figures that only the analysis of pre-training draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from hepsets.analyses.pretraining.about import MODELS, SCRATCH
from hepsets.analyses.pretraining.curves import Cell
from hepsets.analyses.pretraining.limit import TaskLimit
from hepsets.analyses.pretraining.savings import Saving
from hepsets.analyses.pretraining.trunks import KINDS, LatentMap
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.label_saving import mean_of_draws
from hepsets.learn.pretraining.verdict import FeatureError
from hepsets.report.style import (
    _LIMIT_DASH,
    COLOURS,
    INK,
    MUTED,
    RULE,
    Style,
    model_panels,
    model_styles,
    not_empty,
    styled,
)

_STYLES = model_styles(MODELS) | {SCRATCH: Style(INK, "-", "o")}
_MARKERS = dict(zip((*MODELS, SCRATCH), "svD^Po", strict=True))

CALLED = {SCRATCH: "from scratch"}
"""What pre-trainings are called, where it is not their name."""

TUNINGS = {"head": "head alone", "all": "everything trained"}
"""What the tunings are called."""


@styled
def learning_curves(figure: Figure, cells: Sequence[Cell], limits: Mapping[str, TaskLimit]) -> None:
    """Area under the ROC curve against labels, a column for each task, a row for each tuning.

    The limit of a task that has one is a band with a dashed line.
    """
    panels = _grid(figure, cells, "AUC", lambda cell: cell.auc)
    for (task, _), axes in panels.items():
        if task in limits:
            auc = limits[task].auc
            axes.axhspan(auc.value - auc.se, auc.value + auc.se, color=RULE, lw=0)
            axes.axhline(auc.value, color=INK, lw=1.3, ls=_LIMIT_DASH)
            axes.annotate(
                "limit of any network", (0.5, auc.value - auc.se), xycoords=("axes fraction", "data"),
                xytext=(0, -3), textcoords="offset points", ha="center", va="top", color=INK,
                fontsize="small",
            )  # fmt: skip


@styled
def calibration_errors(figure: Figure, cells: Sequence[Cell]) -> None:
    """Expected calibration error against labels; bars are standard errors of the mean over draws."""

    def error(cell: Cell) -> Measured:
        each = [one.ece.value for one in cell.points]
        return mean_of_draws(each, [0.0] * len(each))

    _grid(figure, cells, "expected calibration error", error)


@styled
def label_savings(figure: Figure, savings: Sequence[Saving]) -> None:
    """Labels from scratch per label, with bands; a triangle where they are a limit, up or down."""
    not_empty(savings)
    tasks = list(dict.fromkeys(one.task for one in savings))
    panels = _panels(figure, tasks, "labels from scratch per label")
    for (task, tuning), axes in panels.items():
        axes.axhline(1, color=RULE, lw=0.9)
        own = [one for one in savings if (one.task, one.tuning) == (task, tuning)]
        for place, name in enumerate(dict.fromkeys(one.pretraining for one in own)):
            mine = [one.saving for one in own if one.pretraining == name]
            style, x = _STYLES[name], np.array([one.labels * 1.06 ** (place - 2) for one in mine])
            y = np.array([one.factor for one in mine])
            low = y - np.array([one.low / one.labels for one in mine])
            high = np.array([one.high / one.labels for one in mine]) - y
            axes.errorbar(x, y, np.maximum([low, high], 0), color=style.colour, ls="none", elinewidth=0.9)
            axes.plot(x, y, color=style.colour, marker=_MARKERS[name], ms=4, lw=1.0)
            for marker, away in (("^", 1.18), ("v", 1 / 1.18)):
                limits = [k for k, one in enumerate(mine) if (one.beyond if away > 1 else one.below)]
                axes.plot(x[limits], y[limits] * away, marker, color=style.colour, ms=3.2, mew=0)
        axes.set(xscale="log", yscale="log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    counts = sorted({one.saving.labels for one in savings})
    _count_ticks(panels.values(), counts)
    _legend(figure, list(dict.fromkeys(one.pretraining for one in savings)))


@styled
def outside(figure: Figure, cells: Sequence[Cell]) -> None:
    """Areas on test events, and on those of a shifted detector and with missing inputs, by task."""
    own = [cell for cell in cells if cell.elsewhere]
    not_empty(own)
    tasks = list(dict.fromkeys(cell.task for cell in own))
    parts = list(own[0].elsewhere)
    panels = _panels(figure, tasks, "AUC")
    for (task, tuning), axes in panels.items():
        for place, cell in enumerate(_of_panel(own, task, tuning)):
            each = {"test": [one.auc.value for one in cell.points], **cell.elsewhere}
            x = np.arange(len(each)) + 0.09 * (place - 2.5)
            y = [float(np.mean(areas)) for areas in each.values()]
            bars = [float(np.std(areas) / np.sqrt(max(len(areas) - 1, 1))) for areas in each.values()]
            style = _STYLES[cell.pretraining]
            axes.errorbar(
                x, y, bars, color=style.colour, marker=_MARKERS[cell.pretraining], ls="none", ms=3.8
            )
        axes.set_xticks(range(1 + len(parts)), ["test", *(part.replace(" ", "\n") for part in parts)])
        axes.grid(axis="y")
    _legend(figure, list(dict.fromkeys(cell.pretraining for cell in own)), lines=False)


@styled
def hidden_particles(figure: Figure, errors: Mapping[str, FeatureError]) -> None:
    """Errors of hidden particles by feature: network, mean of the corpus, members of the event most alike."""
    not_empty(errors)
    figure.set_size_inches(6.8, 0.9 + 0.24 * len(errors))
    axes = figure.subplots()
    names = list(errors)[::-1]
    rows = np.arange(len(names))
    for label, marker, colour, value in (
        ("network", "o", COLOURS[0], [errors[name].error for name in names]),
        ("mean of the corpus", "s", COLOURS[1], [errors[name].mean_error for name in names]),
        ("event most alike", "D", COLOURS[2], [errors[name].neighbour_error for name in names]),
    ):
        axes.plot(value, rows, marker, color=colour, label=label, ms=4.2)
    axes.set_yticks(rows, [name.replace("_", " ").replace(".", ": ") for name in names])
    axes.set(xlabel="mean absolute error [standard deviations]; of identities the share that is wrong")
    axes.set_xlim(left=0)
    axes.grid(axis="y")
    figure.legend(loc="outside right upper")


@styled
def maps(figure: Figure, latents: Mapping[str, LatentMap]) -> None:
    """Events in the plane in which a trunk spreads them the most, coloured by what they are."""
    for axes, (name, latent) in model_panels(
        figure, latents, "1st component [σ]", "2nd component [σ]", sharex=False
    ):
        far = 3.5
        for place, kind in enumerate(KINDS):
            points = latent.points[latent.kind == place]
            axes.plot(
                *points.T, ".", ms=2.4, mew=0, alpha=0.7, color=COLOURS[place], label=kind, rasterized=True
            )
        axes.set(xlim=(-far, far), ylim=(-far, far))
        axes.set_title(f"{name}\n{100 * latent.explained:.0f} % of the variance", color=_STYLES[name].colour)
    handles = [
        Line2D([], [], ls="none", marker="o", ms=4, color=COLOURS[place]) for place in range(len(KINDS))
    ]
    figure.legend(handles, list(KINDS), loc="outside right upper")
    width, height = figure.get_size_inches()
    figure.set_size_inches(width + 0.8, height * 1.25)


# -- inside ------------------------------------------------------------------------------------------


def _grid(
    figure: Figure, cells: Sequence[Cell], label: str, value: Callable[[Cell], Measured]
) -> dict[tuple[str, str], Axes]:
    """A number of each cell against labels, with errors: a column for each task, a row for each tuning."""
    not_empty(cells)
    tasks = list(dict.fromkeys(cell.task for cell in cells))
    panels = _panels(figure, tasks, label)
    names = list(dict.fromkeys(cell.pretraining for cell in cells))
    for (task, tuning), axes in panels.items():
        for place, name in enumerate(names):
            own = sorted(
                (cell for cell in _of_panel(cells, task, tuning) if cell.pretraining == name),
                key=lambda cell: cell.labels,
            )
            found = [value(cell) for cell in own]
            axes.errorbar(
                [cell.labels * 1.05 ** (place - 2.5) for cell in own],
                [one.value for one in found],
                [one.se for one in found],
                color=_STYLES[name].colour, marker=_MARKERS[name], ms=3.8, lw=1.0, elinewidth=0.8,
            )  # fmt: skip
        axes.set(xscale="log")
        axes.grid(axis="y")
    _count_ticks(panels.values(), sorted({cell.labels for cell in cells}))
    _legend(figure, names)
    return panels


def _of_panel(cells: Sequence[Cell], task: str, tuning: str) -> Iterator[Cell]:
    """Cells of a task and tuning, and those from scratch."""
    return (
        cell for cell in cells if cell.task == task and (cell.tuning == tuning or cell.pretraining == SCRATCH)
    )


def _panels(figure: Figure, tasks: Sequence[str], label: str) -> dict[tuple[str, str], Axes]:
    """A panel for each task (columns) and tuning (rows), by both."""
    figure.set_size_inches(2.3 * len(tasks) + 1.9, 4.6)
    grid = figure.subplots(len(TUNINGS), len(tasks), squeeze=False, sharex=True, sharey="col")
    found = {}
    for row, (tuning, called) in enumerate(TUNINGS.items()):
        for column, task in enumerate(tasks):
            axes = grid[row, column]
            found[task, tuning] = axes
            axes.set_title(task if row == 0 else "", color=INK)
            if column == 0:
                axes.set_ylabel(f"{called}\n{label}")
    return found


def _count_ticks(panels: Iterable[Axes], counts: Sequence[int]) -> None:
    for axes in panels:
        axes.set_xlim(counts[0] / 1.4, counts[-1] * 1.4)
        axes.xaxis.set_major_locator(FixedLocator(list(counts)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{value / 1000:g}k" if value >= 1000 else f"{value:g}")
        )
        place = axes.get_subplotspec()
        if place is not None and place.is_last_row():
            axes.set_xlabel("labels")


def _legend(figure: Figure, names: Sequence[str], *, lines: bool = True) -> None:
    handles = [
        Line2D(
            [],
            [],
            color=_STYLES[name].colour,
            marker=_MARKERS[name],
            ms=4,
            lw=1.0,
            ls="-" if lines else "none",
        )
        for name in names
    ]
    figure.legend(
        handles, [CALLED.get(name, name) for name in names], loc="outside right upper", labelcolor=MUTED
    )
