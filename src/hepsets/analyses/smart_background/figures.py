"""Figures that only smart background draws: its studies, its limit, its filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from hepsets.analyses.smart_background.studies.inputs import Variant
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.filter.bias import Bias, WeightedBias
from hepsets.evaluate.filter.importance_sampling import FloorScan
from hepsets.evaluate.filter.limit import Limit
from hepsets.evaluate.filter.speedup import SpeedupCurve, SpeedupResult
from hepsets.learn.decay_trees.decay_gcn import parse_family
from hepsets.report.figures import ranking
from hepsets.report.style import (
    _LIMIT_DASH,
    _MARKERS,
    COLOURS,
    INK,
    MUTED,
    RULE,
    Array,
    Style,
    model_styles,
    not_empty,
    styled,
)


@styled
def speedup_curves(
    figure: Figure,
    curves: Mapping[str, SpeedupCurve],
    chosen: Mapping[str, SpeedupResult],
    styles: Mapping[str, Style],
    limit: Limit | None = None,
) -> None:
    """Speedup against the share of events that is simulated, and the speedups at the chosen thresholds."""
    not_empty(curves)
    figure.set_size_inches(9.4, max(4.2, 1.2 + 0.27 * len(curves)))
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    lowest = 1.0
    for name, curve in curves.items():
        # below a few kept events the curve is noise
        steady = curve.speedup_se < 0.15 * np.maximum(curve.speedup, 1e-12)
        kept = np.where(steady, curve.kept, np.nan)
        left.plot(kept, curve.speedup, color=styles[name].colour, ls=styles[name].dash, lw=1.1)
        if steady.any():
            lowest = min(lowest, float(np.nanmin(kept)))
        point = chosen[name]
        left.errorbar(
            point.kept,
            point.speedup.value,
            point.speedup.se,
            color=styles[name].colour,
            marker=styles[name].marker,
            ms=4.5,
            lw=1,
        )
    if limit is not None:
        shown = limit.curve.kept >= lowest
        left.plot(limit.curve.kept[shown], limit.curve.speedup[shown], color=INK, lw=1.3, ls=_LIMIT_DASH)
        top = int(np.argmax(limit.curve.speedup))
        left.annotate(
            "limit",
            (limit.curve.kept[top], limit.curve.speedup[top]),
            (0, 4),
            textcoords="offset points",
            ha="center",
            va="bottom",
        )
    left.axhline(1, color=RULE, lw=0.9)
    left.set(xscale="log", xlabel="share of generated events that is simulated", ylabel="speedup $S$")
    left.set_xlim(max(lowest, 1e-3), 1)
    left.set_ylim(0, None)
    left.margins(y=0.12)
    left.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    values = {name: point.speedup for name, point in chosen.items()}
    ranking(
        right,
        values,
        styles,
        None if limit is None else limit.max_speedup,
        "speedup on test events",
        2,
    )


@styled
def bias_histograms(
    figure: Figure, results: Sequence[Bias], axis_labels: Mapping[str, str], colour: str = COLOURS[0]
) -> None:
    """All passing events (grey) and those kept (points), with the pull of every bin below.

    ``axis_labels`` gives the label with unit of each observable; its name is the fallback.
    """
    panels = [
        _Compared(
            axis_labels.get(bias.observable, bias.observable),
            f"KL = ({_thousandths(bias.kl)})·10⁻³",
            bias.edges,
            bias.all_share,
            bias.kept_share,
            bias.kept_share_se,
            bias.pulls,
        )
        for bias in results
    ]
    _compared(figure, panels, colour)


@styled
def weighted_histograms(
    figure: Figure, results: Sequence[WeightedBias], axis_labels: Mapping[str, str], colour: str = COLOURS[0]
) -> None:
    """All passing events (grey) and the weighted kept ones (points), with the pull of every bin below.

    ``axis_labels`` gives the label with unit of each observable; its name is the fallback.
    """
    panels = [
        _Compared(
            axis_labels.get(bias.observable, bias.observable),
            f"χ²/ndf = {bias.chi2:.1f}/{bias.ndof}, p = {bias.p_value:.2f}",
            bias.edges,
            bias.all_sum / bias.all_sum.sum(),
            bias.kept_sum / bias.all_sum.sum(),
            bias.kept_se / bias.all_sum.sum(),
            bias.pulls,
        )
        for bias in results
    ]
    _compared(figure, panels, colour)


@dataclass(frozen=True)
class _Compared:
    """One panel: an observable in all events and in those that were kept."""

    label: str
    title: str
    edges: Array
    all_share: Array
    kept_share: Array
    kept_share_se: Array
    pulls: Array


def _compared(figure: Figure, panels: Sequence[_Compared], colour: str) -> None:
    """Histograms with the pulls below them, four panels in a row."""
    not_empty(panels)
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure.set_size_inches(2.55 * columns + 0.4, 2.75 * rows)
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[2.6, 1] * rows)
    largest = max(3.5, *(float(np.abs(panel.pulls).max()) for panel in panels)) * 1.08
    for i, panel in enumerate(panels):
        row, column = divmod(i, columns)
        top = figure.add_subplot(grid[2 * row, column])
        bottom = figure.add_subplot(grid[2 * row + 1, column], sharex=top)
        width = np.diff(panel.edges)
        centre = panel.edges[:-1] + width / 2
        top.stairs(panel.all_share / width, panel.edges, fill=True, color=RULE)
        top.errorbar(
            centre,
            panel.kept_share / width,
            panel.kept_share_se / width,
            fmt="o",
            ms=2.6,
            lw=1,
            color=colour,
        )
        top.set_ylim(0, None)
        top.tick_params(labelbottom=False, labelleft=False, left=False)
        top.set_title(panel.title, fontsize=8)
        bottom.axhspan(-2, 2, color=RULE, alpha=0.6, lw=0)
        bottom.bar(centre, panel.pulls, width, color=colour, lw=0)
        bottom.axhline(0, color=MUTED, lw=0.7)
        bottom.set_ylim(-largest, largest)
        bottom.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        bottom.xaxis.set_major_locator(MaxNLocator(4))
        bottom.set_xlabel(panel.label)
        if column == 0:
            top.set_ylabel("density")
            bottom.set_ylabel("pull")
        else:
            bottom.tick_params(labelleft=False)
    figure.align_ylabels()


@styled
def limit_summary(figure: Figure, limit: Limit) -> None:
    """The distribution of the pass probability, and how the best speedup depends on the cut."""
    figure.set_size_inches(9.4, 3.4)
    left, right = figure.subplots(1, 2)
    cut = np.append(limit.roc.thresholds, 0.0)
    for share, colour, name, at in (
        (limit.roc.true_positive_rate, COLOURS[0], "passing events, $f_1$", 0.3),
        (limit.roc.false_positive_rate, MUTED, "failing events, $f_0$", 0.1),
    ):
        share = np.append(share, 1.0)
        left.plot(cut, share, color=colour, lw=1.6)
        height = float(np.interp(at, cut[:0:-1], share[:0:-1]))
        left.annotate(name, (at, height), (5, 3), textcoords="offset points", color=colour)
    left.set(yscale="log", xlim=(0, 1), ylim=(1e-4, 1.3), xlabel="pass probability $p$")
    left.set_ylabel("share of events with at least $p$")
    left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    finite = np.isfinite(limit.curve.thresholds)
    cut, gain, se = (a[finite] for a in (limit.curve.thresholds, limit.curve.speedup, limit.curve.speedup_se))
    right.fill_between(cut, gain - se, gain + se, color=RULE, lw=0)
    right.plot(cut, gain, color=INK, ls=_LIMIT_DASH, lw=1.3)
    right.axvline(limit.threshold, color=MUTED, lw=0.8)
    right.annotate(
        f"$S$ = {limit.max_speedup.value:.1f} ± {limit.max_speedup.se:.1f}",
        (limit.threshold, limit.max_speedup.value),
        (8, 2),
        textcoords="offset points",
    )
    right.set(xlim=(0, 1), xlabel="cut on the pass probability $p$", ylabel="speedup $S$")
    right.set_ylim(0, None)
    right.margins(y=0.1)


@styled
def embedding_map(
    figure: Figure,
    coordinates: ArrayLike,
    names: Sequence[str],
    groups: Sequence[str],
    counts: ArrayLike | None = None,
) -> None:
    """A learnt embedding in two dimensions, with names; the most frequent are named first.

    Names that would cover an earlier one are left out.

    Parameters
    ----------
    coordinates
        Shape ``(n, 2)``.
    names, groups
        Of each of the ``n`` points; a group has a colour.
    counts
        How frequent each is, shape ``(n,)``; all alike by default.

    Raises
    ------
    InputError
        If names or groups are not as many as points.
    """
    points = np.asarray(coordinates, dtype=np.float64)
    if points.shape != (len(names), 2) or len(groups) != len(names):
        raise InputError(
            f"coordinates of shape {points.shape} for {len(names)} names",
            "two coordinates and a group for each",
        )
    frequency = np.ones(len(names)) if counts is None else np.asarray(counts, dtype=np.float64)
    figure.set_size_inches(8.2, 6.2)
    axes = figure.subplots()
    size = 6 + 60 * np.sqrt(frequency / frequency.max())
    for i, group in enumerate(dict.fromkeys(groups)):
        chosen = np.array([g == group for g in groups])
        axes.scatter(
            points[chosen, 0],
            points[chosen, 1],
            s=size[chosen],
            color=COLOURS[i % len(COLOURS)],
            alpha=0.75,
            lw=0,
            label=group,
        )
    axes.set(xlabel="first principal axis", ylabel="second principal axis")
    axes.margins(0.08)
    axes.grid()
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.2)
    figure.draw_without_rendering()  # fixes the transformation from data to pixels
    taken: list[Any] = []
    for i in np.argsort(-frequency, kind="stable"):
        text = axes.annotate(names[i], points[i], (4, 3), textcoords="offset points", fontsize=7.5)
        box = text.get_window_extent().padded(1)
        if any(box.overlaps(other) for other in taken):
            text.remove()
        else:
            taken.append(box)


@styled
def layer_scan(figure: Figure, rows: Sequence[Variant]) -> None:
    """AUC of the DS/GCN family against the number of layers, by the graph convolutions among them."""
    not_empty(rows)
    figure.set_size_inches(8.2, 4.0)
    axes = figure.subplots()
    depth = {row.name: parse_family(row.name) or (0, ()) for row in rows}
    layers = {name: number for name, (number, _) in depth.items()}
    graph_layers = {name: len(places) for name, (_, places) in depth.items()}
    kinds = sorted(set(graph_layers.values()))
    for k, kind in enumerate(kinds):
        chosen = sorted(
            (row for row in rows if graph_layers[row.name] == kind),
            key=lambda row: (layers[row.name], row.name),
        )
        x = [layers[row.name] + 0.12 * (k - (len(kinds) - 1) / 2) for row in chosen]
        axes.errorbar(
            x,
            [row.auc.value for row in chosen],
            [row.auc.se for row in chosen],
            fmt=_MARKERS[k % len(_MARKERS)],
            ms=4.5,
            lw=1.2,
            color=COLOURS[k % len(COLOURS)],
            label=f"{kind} graph convolution{'' if kind == 1 else 's'}",
        )
    best = max(rows, key=lambda row: row.auc.value)
    at = layers[best.name] + 0.12 * (kinds.index(graph_layers[best.name]) - (len(kinds) - 1) / 2)
    axes.annotate(
        best.name, (at, best.auc.value + best.auc.se), (0, 5), textcoords="offset points", ha="center"
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.1, y=0.14)
    axes.grid(axis="y")
    axes.set(xlabel="layers, input and output included", ylabel="area under the ROC curve")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


@styled
def learning_curves(
    figure: Figure,
    auc: Mapping[str, Mapping[int, Measured]],
    speedup: Mapping[str, Mapping[int, Measured]],
) -> None:
    """AUC and unbiased speedup of each method against the number of passing events with labels."""
    not_empty(auc)
    figure.set_size_inches(8.2, 3.4)
    for axes, curves, label in zip(
        figure.subplots(1, 2),
        (auc, speedup),
        ("area under the ROC curve", "unbiased speedup"),
        strict=True,
    ):
        for style, (name, points) in zip(model_styles(list(curves)).values(), curves.items(), strict=True):
            numbers = sorted(points)
            axes.errorbar(
                numbers,
                [points[n].value for n in numbers],
                [points[n].se for n in numbers],
                color=style.colour,
                marker=_MARKERS[list(curves).index(name) % len(_MARKERS)],
                ms=4.5,
                lw=1.3,
                label=name,
            )
        axes.set(xscale="log", xlabel="labelled events that pass", ylabel=label)
        every = sorted({n for points in curves.values() for n in points})
        axes.set_xticks(every, [f"{n}" for n in every])
        axes.minorticks_off()
        axes.margins(x=0.1, y=0.1)
        axes.grid(axis="y")
    axes.legend(loc="best")


@styled
def floor_scan(figure: Figure, scan: FloorScan, colour: str) -> None:
    """Unbiased speedup, and the largest weight of a passing event, against the floor."""
    figure.set_size_inches(8.2, 3.3)
    left, right = figure.subplots(1, 2)
    left.errorbar(scan.floors, scan.speedup, scan.speedup_se, color=colour, marker="o", ms=4, lw=1.2)
    left.set(xlabel="floor of the keep probability", ylabel="speedup without bias", ylim=(0, None))
    right.plot(scan.floors, scan.largest_weight, color=colour, marker="o", ms=4, lw=1.2)
    right.set(
        xlabel="floor of the keep probability", ylabel="largest weight of a passing event", yscale="log"
    )
    for axes in (left, right):
        axes.set_xscale("log")
        axes.axvline(scan.chosen, color=MUTED, ls=":", lw=1.2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    right.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


@styled
def feature_study(
    figure: Figure,
    baseline: str,
    differences: Mapping[str, Measured],
    *,
    quantity: str = "area under the ROC curve",
) -> None:
    """Change of a quantity by each variation against the baseline, with the paired error."""
    not_empty(differences)
    figure.set_size_inches(7.4, 0.9 + 0.3 * len(differences))
    axes = figure.subplots()
    order = list(differences)[::-1]
    for row, name in enumerate(order):
        change = differences[name]
        colour = COLOURS[0] if change.value >= 0 else COLOURS[1]
        axes.barh(row, change.value, 0.62, color=colour, alpha=0.8, lw=0)
        axes.errorbar(change.value, row, xerr=change.se, color=INK, lw=1)
    axes.axvline(0, color=MUTED, lw=0.8)
    axes.set_yticks(range(len(order)), order)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.margins(x=0.08)
    axes.set_xlabel(f"change of the {quantity} against\n{baseline}")


@styled
def areas_by_sample(figure: Figure, areas: Mapping[str, Mapping[str, Measured]]) -> None:
    """AUC of each skim's head, in all events and by sample; ``areas``: by skim, then by sample."""
    not_empty(areas)
    figure.set_size_inches(8.2, 3.6)
    axes = figure.subplots()
    names = list(dict.fromkeys(name for of_skim in areas.values() for name in of_skim))
    for k, name in enumerate(names):
        at = 0.72 * ((k + 0.5) / len(names) - 0.5)
        there = [(i + at, of_skim[name]) for i, of_skim in enumerate(areas.values()) if name in of_skim]
        axes.errorbar(
            [x for x, _ in there],
            [area.value for _, area in there],
            [area.se for _, area in there],
            fmt=_MARKERS[k % len(_MARKERS)],
            ms=4.5,
            lw=1.2,
            color=COLOURS[k % len(COLOURS)],
            label=name,
        )
    axes.set_xticks(range(len(areas)), list(areas))
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.5, len(areas) - 0.5)
    axes.grid(axis="y")
    axes.set(xlabel="skim", ylabel="area under the ROC curve")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


@styled
def simulated_shares(figure: Figure, each: Mapping[str, Measured], together: Mapping[str, Measured]) -> None:
    """Share of generated events that is simulated: for each skim alone, and for all of them together."""
    not_empty(each)
    figure.set_size_inches(7.4, 0.9 + 0.3 * (len(each) + len(together)))
    axes = figure.subplots()
    rows = [*((name, share, MUTED) for name, share in each.items())]
    rows += [(name, share, COLOURS[i]) for i, (name, share) in enumerate(together.items())]
    for row, (_, share, colour) in enumerate(reversed(rows)):
        axes.barh(row, share.value, 0.62, color=colour, alpha=0.8, lw=0)
        axes.errorbar(share.value, row, xerr=share.se, color=INK, lw=1)
        axes.annotate(
            f"{100 * share.value:.1f} %",
            (share.value + share.se, row),
            (5, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(range(len(rows)), [name for name, _, _ in reversed(rows)])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlim(0, 1.15 * max(share.value for _, share, _ in rows))
    axes.set_xlabel("share of generated events that is simulated")


def _thousandths(measured: Measured) -> str:
    digits = 1 if measured.se >= 1e-4 else 2
    return f"{1e3 * measured.value:.{digits}f} ± {1e3 * measured.se:.{digits}f}"
