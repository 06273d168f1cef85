"""Figures of working points: ROC curves of pairs of flavours over published ones, scans of the detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from hepsets.analyses.z_flavour.published import PUBLISHED, points_of
from hepsets.evaluate.scores.working_points import PairCurve, WorkingPoint
from hepsets.report.style import INK, RULE, Style, model_styles, not_empty, styled

PUBLISHED_MARKERS = ("D", "s", "v", "P", "X")
"""Of the taggers of :data:`PUBLISHED`, in their order, in outline."""

COLUMNS = 3


@dataclass(frozen=True)
class Scan:
    """Working points against a property of the detector.

    Parameters
    ----------
    label
        Of the property, with its unit.
    nominal
        Its value in the detector as it is planned.
    values
        Those that were tried, shape ``(n_values,)``.
    points
        For each value the working points of the tagger that was trained on events of that detector; the same
        pairs and mis-identifications for all.
    of_planned
        Those of the tagger that was trained on events of the planned one.
    logarithmic
        Whether the axis is.
    """

    label: str
    nominal: float
    values: Sequence[float]
    points: Sequence[Sequence[WorkingPoint]]
    of_planned: Sequence[Sequence[WorkingPoint]] = ()
    logarithmic: bool = False


@styled
def pair_rocs(
    figure: Figure, models: Mapping[str, Sequence[PairCurve]], styles: Mapping[str, Style], *, level: str
) -> None:
    """ROC curves of pairs of flavours with their errors, over the points of published taggers.

    Parameters
    ----------
    figure
        To draw on.
    models
        By model its curves, the same pairs for all.
    styles
        Of the models.
    level
        What was tagged, for the axes: ``"event"`` or ``"hemisphere"``.
    """
    not_empty(models)
    pairs = list(dict.fromkeys((c.flavour, c.against) for curves in models.values() for c in curves))
    rows = -(-len(pairs) // COLUMNS)
    figure.set_size_inches(9.6, 2.75 * rows + 1.1)
    grid = figure.subplots(rows, COLUMNS, sharex=True, squeeze=False)
    shown: dict[str, Line2D] = {}
    for axes in list(grid.flat)[len(pairs) :]:
        axes.remove()
    for number, (axes, (flavour, against)) in enumerate(zip(grid.flat, pairs, strict=False)):
        for name, curves in models.items():
            for curve in curves:
                if (curve.flavour, curve.against) == (flavour, against):
                    _curve(axes, curve, styles[name])
        shown |= _published_points(axes, flavour, against)
        axes.set_title(f"{flavour} against {against}")
        axes.set(xscale="log", xlim=(8e-4, 1), ylim=(0, 1.02))
        axes.xaxis.set_major_locator(FixedLocator([1e-3, 1e-2, 1e-1, 1]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks([1e-3, 1e-2, 1e-1, 1], ["0.1 %", "1 %", "10 %", "100 %"])
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.grid(axis="y")
        if number + COLUMNS >= len(pairs):
            axes.set_xlabel(f"mis-identified {level}s")
            axes.tick_params(labelbottom=True)
        if number % COLUMNS == 0:
            axes.set_ylabel(f"efficiency per {level}")
    handles = [Line2D([], [], color=styles[m].colour, ls=styles[m].dash, lw=1.6) for m in models]
    names = [*models, *(f"{name} (published)" for name in shown)]
    figure.legend([*handles, *shown.values()], names, loc="outside lower center", ncols=min(4, len(names)))


def _curve(axes: Axes, curve: PairCurve, style: Style) -> None:
    axes.fill_between(curve.mistag, curve.low, curve.high, color=style.colour, alpha=0.18, lw=0)
    axes.plot(curve.mistag, curve.efficiency, color=style.colour, ls=style.dash, lw=1.4)


def _published_points(axes: Axes, flavour: str, against: str) -> dict[str, Line2D]:
    handles = {}
    for tagger, points in points_of(flavour, against):
        marker = PUBLISHED_MARKERS[PUBLISHED.index(tagger)]
        (handles[tagger.name],) = axes.plot(
            [p.mistag for p in points],
            [p.efficiency for p in points],
            ls="",
            marker=marker,
            ms=5.5,
            mfc="none",
            mec=INK,
            mew=1.1,
            zorder=4,
            clip_on=False,
        )
    return handles


@styled
def working_point_bars(
    figure: Figure,
    models: Mapping[str, Sequence[WorkingPoint]],
    styles: Mapping[str, Style],
    *,
    level: str,
) -> None:
    """Efficiencies at the working points, a row for each, with the published ones beside them."""
    not_empty(models)
    rows = list(dict.fromkeys(p.pair for points in models.values() for p in points))
    figure.set_size_inches(8.6, 1.2 + len(rows) * (0.16 + 0.11 * len(models)))
    axes = figure.subplots()
    shown: dict[str, Line2D] = {}
    for place, (name, points) in enumerate(models.items()):
        shift = 0.7 * ((place + 0.5) / len(models) - 0.5)
        for p in points:
            at = rows.index(p.pair) + shift
            errors = [[p.efficiency - p.low], [p.high - p.efficiency]]
            axes.errorbar(
                p.efficiency,
                at,
                xerr=errors,
                fmt=styles[name].marker,
                ms=4,
                lw=1.2,
                color=styles[name].colour,
            )
    for row, (flavour, against, mistag) in enumerate(rows):
        for tagger, found in points_of(flavour, against):
            for one in found:
                if one.mistag == mistag:
                    marker = PUBLISHED_MARKERS[PUBLISHED.index(tagger)]
                    (shown[tagger.name],) = axes.plot(
                        one.efficiency, row, marker=marker, ms=5.5, mfc="none", mec=INK, ls="", zorder=1
                    )
        if row:
            axes.axhline(row - 0.5, color=RULE, lw=0.6)
    axes.set_yticks(range(len(rows)), [f"{a} at {100 * m:g} % {b}" for a, b, m in rows])
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlim=(0, 1.01), xlabel=f"efficiency per {level}")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    handles = [Line2D([], [], color=styles[m].colour, marker=styles[m].marker, ms=4, lw=1.2) for m in models]
    names = [*models, *(f"{name} (published)" for name in shown)]
    axes.legend([*handles, *shown.values()], names, loc="upper left", bbox_to_anchor=(1.0, 1.0))


@styled
def detector_scans(figure: Figure, scans: Sequence[Scan], *, level: str) -> None:
    """Efficiencies against properties of the detector, a panel for each; grey marks the planned one.

    Filled points are of taggers that were trained and judged on events of that detector, open ones of the
    tagger of the planned one. All saw the same generated events, so they scatter less about a trend than
    their bars say.
    """
    not_empty(scans)
    figure.set_size_inches(3.0 * len(scans) + 0.4, 3.7)
    panels = figure.subplots(1, len(scans), sharey=True, squeeze=False)[0]
    keys = list(dict.fromkeys(_key(p) for scan in scans for points in scan.points for p in points))
    styles = model_styles(keys)
    shown: dict[str, Any] = {}
    for axes, scan in zip(panels, scans, strict=True):
        axes.axvline(scan.nominal, color=RULE, lw=4, zorder=0)
        for key in keys:
            for points, planned in ((scan.points, False), (scan.of_planned, True)):
                line = _along(axes, scan.values, points, key, styles[key], planned=planned)
                if line is not None:
                    shown[f"{key}, trained on the planned detector" if planned else key] = line
        if scan.logarithmic:
            axes.set_xscale("log")
            axes.set_xticks(sorted(scan.values), [f"{value:g}" for value in sorted(scan.values)])
            axes.xaxis.set_minor_locator(NullLocator())
        axes.margins(x=0.08)
        axes.set(xlabel=scan.label, ylim=(0, 1.02))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.grid(axis="y")
    panels[0].set_ylabel(f"efficiency per {level}")
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=min(3, len(shown)))


def _key(point: WorkingPoint) -> str:
    return f"{point.flavour} at {100 * point.mistag:g} % {point.against}"


def _along(
    axes: Axes,
    values: Sequence[float],
    points: Sequence[Sequence[WorkingPoint]],
    key: str,
    style: Style,
    *,
    planned: bool,
) -> Any:
    """One working point along an axis, or nothing where it was not measured."""
    there = sorted(
        ((value, p) for value, at in zip(values, points, strict=False) for p in at if _key(p) == key),
        key=lambda pair: pair[0],
    )
    if not there:
        return None
    return axes.errorbar(
        [value for value, _ in there],
        [p.efficiency for _, p in there],
        np.array([[p.efficiency - p.low, p.high - p.efficiency] for _, p in there]).T,
        color=style.colour,
        ls=":" if planned else style.dash,
        marker=style.marker,
        mfc="none" if planned else style.colour,
        ms=4,
        lw=0.9 if planned else 1.2,
    )


def caveats() -> list[str]:
    """What sets each published tagger apart from ours: lines for a page."""
    return [f"{tagger.name}: {tagger.source}; {tagger.caveats}." for tagger in PUBLISHED]
