"""The report's section on the size of the data set: errors, spread and bias against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import ArrayLike

from hepsets.analyses.delta_c9.comparison import Row
from hepsets.analyses.delta_c9.page.models import Styles, chosen, rows_by_model
from hepsets.analyses.delta_c9.result import Result
from hepsets.core.measured import Measured
from hepsets.evaluate.estimates.quality import mean_error
from hepsets.report.likelihood_figures import BOUND_LINE, DELTA_C9
from hepsets.report.page import Content, FigureFiles
from hepsets.report.style import MUTED, RULE, Array, Style, not_empty, styled

LEAST_SPREAD = 0.3
"""Least spread, in bounds, that is drawn on a logarithmic axis."""


def sizes(result: Result, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """Errors, spread and bias against the size of the data set."""
    config = result.config
    window = config.windows[0]
    for level in config.levels:
        rows = [
            row
            for row in chosen(result.comparison.rows, level=level, window=window)
            if row.quality.delta_c9 in config.truths
        ]
        by_model = rows_by_model(rows)
        if not by_model:
            continue
        squared: dict[str, dict[int, Measured]] = {}
        absolute: dict[str, dict[int, Measured]] = {}
        for name, of_model in by_model.items():
            for events in config.set_events:
                points = [row.quality for row in of_model if row.events == events]
                if points:
                    one, two = mean_error(points)
                    squared.setdefault(name, {})[events] = one
                    absolute.setdefault(name, {})[events] = two
        bound = {
            events: np.array(
                [
                    bound.sigma
                    for bound in result.comparison.bounds
                    if (bound.level, bound.window, bound.events) == (level, window, events)
                    and bound.delta_c9 in config.truths
                ]
            )
            for events in config.set_events
        }
        yield figures(
            f"errors_{level}",
            errors_by_size(squared, absolute, styles, bound),
            f"Mean squared and absolute error against the size of the set, {level} level, {window} GeV².",
        )
        yield figures(
            f"spread_{level}",
            spread_and_bias(by_model, styles),
            f"Spread and bias in units of the bound, {level} level, {window} GeV².",
        )


@styled
def errors_by_size(
    figure: Figure,
    squared: Mapping[str, Mapping[int, Measured]],
    absolute: Mapping[str, Mapping[int, Measured]],
    styles: Mapping[str, Style],
    bound: Mapping[int, ArrayLike],
) -> None:
    """Mean squared and mean absolute error over all truths against the events in a set.

    Parameters
    ----------
    squared, absolute
        By model, then by events per set.
    bound
        By events per set, the Cramér–Rao bound on the standard deviation at each of the truths; a
        Gaussian estimator at the bound errs by σ² and √(2/π) σ.
    """
    not_empty(squared)
    figure.set_size_inches(9.4, 3.9)
    sizes = np.array(sorted(bound))
    sigma = [np.asarray(bound[size], dtype=np.float64) for size in sizes]
    panels = figure.subplots(1, 2)
    for axes, models, least, label in (
        (panels[0], squared, [float(np.mean(s**2)) for s in sigma], "mean squared error"),
        (
            panels[1],
            absolute,
            [float(np.sqrt(2 / np.pi) * np.mean(s)) for s in sigma],
            "mean absolute error",
        ),
    ):
        axes.plot(sizes, least, label="bound", zorder=3, **BOUND_LINE)
        for name, points in models.items():
            _by_size(axes, points, styles[name], 1.0, name)
        axes.set(yscale="log", ylabel=label)
        _size_axis(axes, sizes)
        _plain_log(axes)
    panels[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


@styled
def spread_and_bias(
    figure: Figure,
    models: Mapping[str, Sequence[Row]],
    styles: Mapping[str, Style],
    *,
    tolerance: float = 0.2,
) -> None:
    """Spread and bias of the predictions in units of the bound against the events in a set.

    One column per truth in ``models``; the grey band of the bias is ± ``tolerance`` bounds. Where
    models differ much the axes turn logarithmic (that of the bias beyond ± 1). Spreads below
    :data:`LEAST_SPREAD` are arrows at the rim.
    """
    not_empty(models)
    every = [point for points in models.values() for point in points]
    truths = sorted({point.quality.delta_c9 for point in every})
    sizes = np.array(sorted({point.events for point in every}))
    figure.set_size_inches(min(9.4, 2.4 * len(truths) + 2.2), 5.0)
    grid = figure.subplots(2, len(truths), sharex=True, sharey="row", squeeze=False)
    for column, truth in enumerate(truths):
        top, bottom = grid[:, column]
        top.axhline(1, **BOUND_LINE)
        bottom.axhspan(-tolerance, tolerance, color=RULE, lw=0)
        bottom.axhline(0, color=MUTED, lw=0.8)
        for factor, (name, all_points) in zip(_beside(len(models)), models.items(), strict=True):
            points = [point for point in all_points if point.quality.delta_c9 == truth]
            for axes, quantity in ((top, "spread"), (bottom, "bias")):
                measured = {p.events: _over(getattr(p.quality, quantity), p.bound) for p in points}
                _by_size(axes, measured, styles[name], factor, name)
        top.set_title(f"true {DELTA_C9} = {truth:g}".replace("-", "−"))
        _size_axis(bottom, sizes)
    grid[0, 0].set_ylabel("spread / bound")
    grid[1, 0].set_ylabel("bias / bound")
    if max(point.quality.spread.value / point.bound for point in every) > 1.5:
        grid[0, 0].set_yscale("log")
        grid[0, 0].yaxis.set_minor_locator(NullLocator())
        grid[0, 0].yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        spreads = [point.quality.spread.value / point.bound for point in every]
        near = [1.1, 1.2] if max(spreads) < 2 else []
        grid[0, 0].set_yticks([0.5, 0.7, 1, *near, 1.5, 2, 3, 5, 10, 20, 50])
        floor = max(0.93 * min(1.0, *spreads), LEAST_SPREAD)
        grid[0, 0].set_ylim(floor, 1.1 * max(spreads))
        for name, all_points in models.items():  # what lies on one value, below the axis
            for point in all_points:
                if point.quality.spread.value / point.bound < floor:
                    panel = grid[0, truths.index(point.quality.delta_c9)]
                    panel.plot(point.events, 1.08 * floor, "v", ms=5, color=styles[name].colour)
    low = 1.15 * min(-2 * tolerance, *((p.quality.bias.value - p.quality.bias.se) / p.bound for p in every))
    high = 1.15 * max(2 * tolerance, *((p.quality.bias.value + p.quality.bias.se) / p.bound for p in every))
    if max(-low, high) > 3:
        grid[1, 0].set_yscale("symlog", linthresh=1)
        grid[1, 0].set_yticks([s * t for t in (0, 0.5, 1, 3, 10, 30, 100) for s in (-1, 1)])
        grid[1, 0].yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
    grid[1, 0].set_ylim(low, high)
    for axes in grid.flat:
        axes.grid(axis="y")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        [Line2D([], [], **BOUND_LINE), Patch(color=RULE), *handles],
        ["bound", f"± {tolerance:g} bounds", *names],
        loc="outside right upper",
    )
    figure.align_ylabels()


def _over(measured: Measured, unit: float) -> Measured:
    return Measured(measured.value / unit, measured.se / unit)


def _beside(n: int) -> Array:
    """Factors on a logarithmic axis that keep the points of ``n`` models apart."""
    return np.exp(np.linspace(-0.1, 0.1, n)) if n > 1 else np.ones(1)


def _by_size(axes: Axes, points: Mapping[int, Measured], style: Style, factor: float, label: str) -> None:
    sizes = sorted(points)
    axes.errorbar(
        factor * np.array(sizes, dtype=np.float64),
        [points[size].value for size in sizes],
        [points[size].se for size in sizes],
        color=style.colour,
        ls=style.dash,
        marker=style.marker,
        ms=4,
        lw=1.1,
        label=label,
    )


def _size_axis(axes: Axes, sizes: Iterable[int]) -> None:
    shown = [int(size) for size in sizes]
    axes.set_xscale("log")
    axes.set_xticks(shown, [f"{size:,}".replace(",", "\u202f") for size in shown])
    axes.minorticks_off()
    axes.margins(x=0.12)
    axes.set_xlabel("signal events per set")


def _plain_log(axes: Axes) -> None:
    """Ticks at 1, 2 and 5 of each decade, written out."""
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(axis="y")
