"""The figures of ΔC9 over many data sets: what each model predicts, how far from the truth and the bound.

Style and helpers are those of :mod:`hepsets.report.figures`. Likelihoods and intervals are drawn by
:mod:`hepsets.analyses.delta_c9.figures.intervals`, events by :mod:`hepsets.analyses.delta_c9.figures.decays`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike
from scipy.stats import norm

from hepsets.analyses.delta_c9.comparison import Row
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.report.likelihood_figures import BOUND_LINE, DELTA_C9, TRUTH_LINE, nth_marker
from hepsets.report.page import cell_text
from hepsets.report.style import INK, MUTED, RULE, Array, Style, model_panels, not_empty, styled

MOST_PEAKS = 2.0
"""An axis of densities reaches no higher, in peaks of the bound's Gaussian."""

LEAST_SPREAD = 0.3
"""Least spread, in bounds, that is drawn on a logarithmic axis."""


# -- predictions and truth ---------------------------------------------------------------------------


@styled
def linearity(
    figure: Figure, models: Mapping[str, Sequence[Row]], styles: Mapping[str, Style], most: float = 8.0
) -> None:
    """Mean prediction with the spread against the truth; below, their distance in units of the bound.

    The grey band is the bound. ``models``: sets of one size. Means farther from the truth than
    ``most`` bounds are arrows at the rim.
    """
    not_empty(models)
    columns = min(4, len(models))
    rows = -(-len(models) // columns)
    figure.set_size_inches(2.3 * columns + 0.6, 3.0 * rows + 0.3)
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[2.2, 1] * rows)
    every = [point for points in models.values() for point in points]
    farthest = max(abs(p.quality.bias.value) / p.bound + p.quality.spread.value / p.bound for p in every)
    reach = 1.1 * min(max(2.0, farthest), most)
    truths = [point.quality.delta_c9 for point in every]
    low, high = min(truths), max(truths)
    pad = 0.06 * (high - low) or 0.1
    ends = [
        p.quality.delta_c9 + np.clip(p.quality.bias.value, -most * p.bound, most * p.bound) for p in every
    ]
    widest = max(min(p.quality.spread.value, most * p.bound) for p in every)
    bottom_end, top_end = min(low, *ends) - widest - pad, max(high, *ends) + widest + pad
    for i, (name, unsorted) in enumerate(models.items()):
        row, column = divmod(i, columns)
        top = figure.add_subplot(grid[2 * row, column])
        bottom = figure.add_subplot(grid[2 * row + 1, column], sharex=top)
        points = sorted(unsorted, key=lambda point: point.quality.delta_c9)
        truth = np.array([point.quality.delta_c9 for point in points])
        bound = np.array([point.bound for point in points])
        bias = np.array([point.quality.bias.value for point in points])
        spread = np.array([point.quality.spread.value for point in points])
        drawn: dict[str, Any] = {
            "fmt": styles[name].marker,
            "ms": 3,
            "lw": 1.1,
            "color": styles[name].colour,
        }
        top.fill_between(truth, truth - bound, truth + bound, color=RULE, lw=0)
        top.plot([low - pad, high + pad], [low - pad, high + pad], color=MUTED, lw=0.8)
        top.errorbar(truth, truth + bias, spread, **drawn)
        top.set_title(name, color=styles[name].colour)
        top.tick_params(labelbottom=False)
        top.set(xlim=(low - pad, high + pad), ylim=(bottom_end, top_end))
        bottom.axhspan(-1, 1, color=RULE, lw=0)
        bottom.axhline(0, color=MUTED, lw=0.8)
        pull = bias / bound
        inside = np.abs(pull) < reach
        bottom.errorbar(truth[inside], pull[inside], (spread / bound)[inside], **drawn)
        for sign, marker in ((1, "^"), (-1, "v")):
            out = sign * pull >= reach
            bottom.plot(
                truth[out], np.full(out.sum(), 0.9 * sign * reach), marker, ms=4, color=styles[name].colour
            )
        bottom.set_ylim(-reach, reach)
        bottom.yaxis.set_major_locator(MaxNLocator(4, integer=True, symmetric=True))
        bottom.xaxis.set_major_locator(MaxNLocator(5))
        if i + columns >= len(models):
            bottom.set_xlabel(f"true {DELTA_C9}")
        if column == 0:
            top.set_ylabel(f"predicted {DELTA_C9}")
            bottom.set_ylabel("distance /\nbound")
        else:
            top.tick_params(labelleft=False)
            bottom.tick_params(labelleft=False)
    figure.align_ylabels()
    keys = [
        Line2D([], [], color=INK, marker="o", ms=3, lw=1.1),
        Patch(color=RULE),
        Line2D([], [], color=MUTED, lw=0.8),
    ]
    figure.legend(keys, ["mean ± standard deviation", "± bound", "truth"], loc="outside upper left", ncols=3)


@styled
def prediction_distributions(
    figure: Figure,
    predictions: Mapping[str, ArrayLike],
    styles: Mapping[str, Style],
    *,
    truth: float,
    bound: float,
    exact: ArrayLike | None = None,
    most: float = 10.0,
) -> None:
    """Predictions for many sets of one truth, with those of the exact likelihood and the bound's Gaussian.

    Parameters
    ----------
    predictions
        Of each model, shape ``(n_sets,)``.
    truth, bound
        The true ΔC9 (vertical line) and the Cramér–Rao bound on the standard deviation.
    exact
        Estimates by the exact likelihood on the same sets.
    most
        The axis reaches no farther from the truth, in bounds; what lies beyond is counted in the panel.
    """
    not_empty(predictions)
    values = {name: _finite(name, value) for name, value in predictions.items()}
    reference = None if exact is None else _finite("the exact likelihood", exact)
    reach = _reach(values.values(), truth, bound, most)
    edges = np.linspace(truth - reach, truth + reach, 49)
    fine = np.linspace(truth - reach, truth + reach, 300)
    panels = model_panels(figure, values, f"predicted {DELTA_C9}", "density of sets", sharey=True)
    figure.set_size_inches(2.35 * min(4, len(values)) + 0.4, 2.5 * -(-len(values) // 4) + 0.4)
    peak = 1 / (np.sqrt(2 * np.pi) * bound)
    highest = peak
    for axes, (name, value) in panels:
        drawn = _density(value, edges)
        if drawn.max() > MOST_PEAKS * peak:
            axes.annotate(
                f"up to {drawn.max():.0f}",
                (0.98 if value.mean() < truth else 0.02, 0.8),
                xycoords="axes fraction",
                ha="right" if value.mean() < truth else "left",
                fontsize=7.5,
                color=MUTED,
            )
        highest = max(highest, min(float(drawn.max()), MOST_PEAKS * peak))
        axes.stairs(drawn, edges, fill=True, color=styles[name].colour, alpha=0.45)
        if reference is not None:
            axes.stairs(_density(reference, edges), edges, color=MUTED, lw=1)
        axes.plot(fine, norm.pdf(fine, truth, bound), **BOUND_LINE)
        axes.axvline(truth, **TRUTH_LINE)
        axes.set_title(f"{name}\n{_moments(value)}", color=styles[name].colour, fontsize=8)
        beyond = float(np.mean(np.abs(value - truth) > reach))
        if beyond > 0:
            right = value.mean() > truth
            axes.annotate(
                f"{100 * beyond:.2g} % beyond",
                (0.98 if right else 0.02, 0.9),
                xycoords="axes fraction",
                ha="right" if right else "left",
                fontsize=7.5,
                color=MUTED,
            )
        axes.set_xlim(edges[0], edges[-1])
        axes.xaxis.set_major_locator(MaxNLocator(4))
    panels[0][0].set_ylim(0, 1.08 * highest)
    keys: list[Any] = [Line2D([], [], **BOUND_LINE), Line2D([], [], **TRUTH_LINE)]
    texts = ["bound", f"true {DELTA_C9} = {truth:g}".replace("-", "−")]
    if reference is not None:
        keys.append(Line2D([], [], color=MUTED, lw=1))
        texts.append("exact likelihood, same sets")
    figure.legend(keys, texts, loc="outside upper left", ncols=3)


def _finite(name: str, values: ArrayLike) -> Array:
    checked = np.asarray(values, dtype=np.float64)
    if len(checked) < 2 or not np.isfinite(checked).all():
        raise InputError(f"{len(checked)} predictions of {name}", "at least two, all finite")
    return checked


def _density(value: Array, edges: Array) -> Array:
    """Histogram over the number of all values, also of those beyond the edges."""
    return np.asarray(np.histogram(value, edges)[0] / (len(value) * np.diff(edges)))


def _reach(predictions: Iterable[Array], truth: float, bound: float, most: float) -> float:
    """Distance from the truth, between 4 and ``most`` bounds, that holds nearly all predictions."""
    ends = [float(np.quantile(np.abs(value - truth), 0.998)) / bound for value in predictions]
    return bound * min(max([4.0, *(1.05 * end for end in ends)]), most)


def _mean_and_spread(value: Array) -> tuple[Measured, Measured]:
    """Mean and standard deviation with the errors that independent Gaussian values have."""
    spread = float(value.std(ddof=1))
    root = float(np.sqrt(len(value)))
    return Measured(float(value.mean()), spread / root), Measured(spread, spread / (root * np.sqrt(2)))


def _moments(value: Array) -> str:
    mean, spread = _mean_and_spread(value)
    return f"mean {mean}\nspread {spread}".replace("-", "−")


def _bracketed(value: Array) -> str:
    mean, spread = _mean_and_spread(value)
    return f"{cell_text(mean)}, σ {cell_text(spread)}"


@styled
def toy_pools(
    figure: Figure,
    disjoint: Mapping[str, ArrayLike],
    bootstrapped: Mapping[str, ArrayLike],
    styles: Mapping[str, Style],
    *,
    truth: float,
    bound: float,
    most: float = 10.0,
) -> None:
    """Predictions for disjoint sets, and for sets drawn with replacement from one pool of events.

    Sets from one pool share its fluctuation: their mean leaves the truth with it, and the error that
    they would quote does not know.

    Parameters
    ----------
    disjoint, bootstrapped
        Predictions of each model, shape ``(n_sets,)``.
    truth, bound
        The true ΔC9 (vertical line) and the Cramér–Rao bound on the standard deviation.
    most
        The axis reaches no farther from the truth, in bounds.
    """
    not_empty(disjoint)
    pairs = {
        name: (_finite(name, values), _finite(name, bootstrapped[name])) for name, values in disjoint.items()
    }
    reach = _reach([value for pair in pairs.values() for value in pair], truth, bound, most)
    edges = np.linspace(truth - reach, truth + reach, 49)
    fine = np.linspace(truth - reach, truth + reach, 300)
    columns = min(4, len(disjoint))
    rows = -(-len(disjoint) // columns)
    panels = model_panels(figure, pairs, f"predicted {DELTA_C9}", "density of sets", sharey=True)
    figure.set_size_inches(2.35 * columns + 0.4, 2.6 * rows + 0.5)
    for axes, (name, (apart, pooled)) in panels:
        axes.stairs(_density(apart, edges), edges, fill=True, color=styles[name].colour, alpha=0.45)
        axes.stairs(_density(pooled, edges), edges, color=MUTED, lw=1.1)
        axes.plot(fine, norm.pdf(fine, truth, bound), **BOUND_LINE)
        axes.axvline(truth, **TRUTH_LINE)
        lines = [f"{kind} {_bracketed(value)}" for kind, value in (("disjoint", apart), ("one pool", pooled))]
        axes.set_title("\n".join([name, *lines]), color=styles[name].colour, fontsize=7.2)
        axes.set(xlim=(edges[0], edges[-1]), ylim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator(4))
    keys = [
        Patch(color=MUTED, alpha=0.45),
        Line2D([], [], color=MUTED, lw=1.1),
        Line2D([], [], **BOUND_LINE),
        Line2D([], [], **TRUTH_LINE),
    ]
    texts = ["disjoint sets", "sets from one pool", "bound", f"true {DELTA_C9} = {truth:g}"]
    figure.legend(keys, [text.replace("-", "−") for text in texts], loc="outside upper left", ncols=4)


# -- against the size of the sets ----------------------------------------------------------------------


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


# -- trust ---------------------------------------------------------------------------------------------


@styled
def shift_effects(
    figure: Figure, effects: Mapping[str, Mapping[float, Measured]], styles: Mapping[str, Style]
) -> None:
    """Shift of each model's prediction, in its standard deviations, when the events' q² is shifted.

    ``effects``: by model, then by the shift of q² in GeV².
    """
    not_empty(effects)
    shifts = sorted({shift for of_model in effects.values() for shift in of_model})
    figure.set_size_inches(8.2, 1.0 + len(effects) * (0.18 + 0.12 * len(shifts)))
    axes = figure.subplots()
    for row, (name, of_model) in enumerate(effects.items()):
        for k, shift in enumerate(shifts):
            if shift in of_model:
                axes.errorbar(
                    of_model[shift].value,
                    row + 0.6 * ((k + 0.5) / len(shifts) - 0.5),
                    xerr=of_model[shift].se,
                    ms=4.5,
                    lw=1.2,
                    **nth_marker(k, styles[name].colour),
                )
    axes.axvline(0, color=MUTED, lw=0.9)
    for edge in range(1, len(effects)):
        axes.axhline(edge - 0.5, color=RULE, lw=0.6)
    axes.set_yticks(range(len(effects)), list(effects))
    for text, name in zip(axes.get_yticklabels(), effects, strict=True):
        text.set_color(styles[name].colour)
    axes.set_ylim(len(effects) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.margins(x=0.08)
    axes.set_xlabel("shift of the prediction / its standard deviation")
    keys = [Line2D([], [], ls="", ms=4.5, **nth_marker(k, INK)) for k in range(len(shifts))]
    texts = [f"$q^2$ {shift:+g} GeV²".replace("-", "−") for shift in shifts]
    axes.legend(keys, texts, loc="upper left", bbox_to_anchor=(1.0, 1.0))
