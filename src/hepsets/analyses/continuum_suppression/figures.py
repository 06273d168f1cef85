"""The figures of continuum suppression; style and helpers are those of :mod:`hepsets.report.figures`.

Its learning curves, calibration and score distributions are drawn by that module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from hepsets.analyses.continuum_suppression.trust import PenaltyResult
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.filter.bias import Bias
from hepsets.evaluate.scores.background_at import BackgroundCurve, RatioCurve
from hepsets.evaluate.scores.importance import Importance
from hepsets.report.figures import ranking
from hepsets.report.style import COLOURS, INK, MUTED, PAPER, RULE, Array, Style, not_empty, p_text, styled
from hepsets.select.variables.continuum import CONTINUUM_VARIABLES

VARIABLE_LABELS: Mapping[str, str] = {variable.name: variable.label for variable in CONTINUUM_VARIABLES}
"""Labels without unit of the thirty variables."""

AXIS_LABELS: Mapping[str, str] = {
    **{v.name: f"{v.label} [{v.unit}]" if v.unit else v.label for v in CONTINUUM_VARIABLES},
    "mbc": r"$M_\mathrm{bc}$ [GeV]",
    "delta_e": r"$\Delta E$ [GeV]",
}
"""Labels with unit of the thirty variables, Mbc and ΔE."""


# -- the inputs --------------------------------------------------------------------------------------


@styled
def variable_distributions(
    figure: Figure,
    variables: Mapping[str, ArrayLike],
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    axis_labels: Mapping[str, str] = AXIS_LABELS,
    *,
    names: tuple[str, str] = ("signal", "background"),
    notes: Mapping[str, str] | None = None,
) -> None:
    """Each variable in two classes of events, each normalised to one, with bands of one standard error.

    Parameters
    ----------
    variables
        By name, each of shape ``(n_events,)``. The outer bins hold all that lies beyond the central 99 %.
    labels
        Shape ``(n_events,)``, bool: the event belongs to the first of ``names``.
    weights
        Shape ``(n_events,)``; all one if ``None``.
    axis_labels
        With unit; a variable's name is the fallback.
    names
        Of the two classes.
    notes
        Short text within the panel of a variable, such as a p-value.
    """
    not_empty(variables)
    first = np.asarray(labels, dtype=bool)
    weight = np.ones(len(first)) if weights is None else np.asarray(weights, dtype=np.float64)
    columns = min(5, len(variables))
    rows = -(-len(variables) // columns)
    figure.set_size_inches(1.84 * columns + 0.3, 1.5 * rows + 0.45)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in list(grid.flat)[len(variables) :]:
        axes.remove()
    for axes, (name, values) in zip(grid.flat, variables.items(), strict=False):
        value = np.asarray(values, dtype=np.float64)
        edges = np.linspace(*_central(value, first), 31)
        value = np.clip(value, edges[0], edges[-1])
        density, error = _density(value[~first], weight[~first], edges)
        axes.stairs(density, edges, fill=True, color=RULE, label=names[1])
        axes.stairs(
            density + error, edges, baseline=density - error, fill=True, color=MUTED, alpha=0.35, lw=0
        )
        density, error = _density(value[first], weight[first], edges)
        axes.stairs(
            density + error, edges, baseline=density - error, fill=True, color=COLOURS[0], alpha=0.35, lw=0
        )
        axes.stairs(density, edges, color=COLOURS[0], lw=1.2, label=names[0])
        axes.set(xlim=(edges[0], edges[-1]), xlabel=axis_labels.get(name, name))
        axes.set_ylim(0, None)
        axes.tick_params(labelleft=False, left=False)
        axes.xaxis.label.set_size(8)
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.tick_params(axis="x", labelsize=7)
        if notes is not None and name in notes:
            axes.set_title(notes[name], fontsize=7.5, color=MUTED)
    for row in grid:
        row[0].set_ylabel("density")
    handles, texts = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper left", ncols=2)


def _central(value: Array, first: NDArray[np.bool_]) -> tuple[float, float]:
    """Range that holds the central 99 % of both classes."""
    ends = np.array([np.quantile(value[side], [0.005, 0.995]) for side in (first, ~first) if side.any()])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _density(value: Array, weight: Array, edges: Array) -> tuple[Array, Array]:
    norm = weight.sum() * np.diff(edges)
    total, _ = np.histogram(value, edges, weights=weight)
    squares, _ = np.histogram(value, edges, weights=weight**2)
    return total / norm, np.sqrt(squares) / norm


@styled
def correlation_matrices(
    figure: Figure,
    variables: Mapping[str, ArrayLike],
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    variable_labels: Mapping[str, str] = VARIABLE_LABELS,
    *,
    names: tuple[str, str] = ("signal", "background"),
) -> None:
    """Linear correlations of the variables, in signal and in background; arguments as before."""
    not_empty(variables)
    first = np.asarray(labels, dtype=bool)
    weight = np.ones(len(first)) if weights is None else np.asarray(weights, dtype=np.float64)
    table = np.stack([np.asarray(values, dtype=np.float64) for values in variables.values()])
    size = 8 if len(table) < 15 else 6
    width = min(9.4, 3.6 + 0.6 * len(table))
    figure.set_size_inches(width, 0.3 + 0.51 * width)
    panels = figure.subplots(1, 2, sharey=True)
    # what does not correlate shows the paper, white or black
    blue, orange = to_rgba(COLOURS[0]), to_rgba(COLOURS[1])
    stops = (0.0, blue), (0.5, (*blue[:3], 0.0)), (0.5, (*orange[:3], 0.0)), (1.0, orange)
    colours = LinearSegmentedColormap.from_list("correlation", stops)
    norm = Normalize(-1, 1)
    texts = [variable_labels.get(name, name) for name in variables]
    for axes, side, title in zip(panels, (first, ~first), names, strict=True):
        correlation = _correlation(table[:, side], weight[side])
        axes.pcolormesh(correlation, cmap=colours, norm=norm)
        axes.set_aspect("equal")
        axes.set_xticks(np.arange(len(texts)) + 0.5, texts, rotation=90, fontsize=size)
        axes.set_yticks(np.arange(len(texts)) + 0.5, texts, fontsize=size)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_title(title)
    panels[0].invert_yaxis()
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=list(panels), shrink=0.6, pad=0.01)
    bar.set_label("linear correlation")
    bar.outline.set_visible(False)


def _correlation(table: Array, weight: Array) -> Array:
    """Weighted linear correlations; zero with a variable that is constant."""
    centred = table - (table @ weight / weight.sum())[:, None]
    covariance = (weight * centred) @ centred.T
    spread = np.sqrt(np.diag(covariance))
    scale = np.outer(spread, spread)
    return np.asarray(np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0))


# -- models side by side -----------------------------------------------------------------------------


@styled
def background_curves(
    figure: Figure,
    curves: Mapping[str, BackgroundCurve],
    points: Mapping[str, Measured],
    styles: Mapping[str, Style],
    *,
    marked: float = 0.9,
) -> None:
    """ROC curves as background left against signal efficiency; beside them the marked points.

    Bands are one standard error. ``points``: background left at the efficiency ``marked``.
    """
    not_empty(curves)
    figure.set_size_inches(9.4, max(4.2, 1.2 + 0.27 * len(curves)))
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    _mark(left, marked)
    for name, curve in curves.items():
        style = styles[name]
        some = curve.background > 0
        at, share, se = (a[some] for a in (curve.signal_efficiency, curve.background, curve.background_se))
        left.fill_between(at, np.maximum(share - se, 1e-9), share + se, color=style.colour, alpha=0.2, lw=0)
        left.plot(at, share, color=style.colour, ls=style.dash, lw=1.2)
        left.plot(
            marked, points[name].value, style.marker, ms=5, mfc=PAPER, mec=style.colour, mew=1.2, zorder=3
        )
    lowest = min(float(curve.background[curve.background > 0].min(initial=1)) for curve in curves.values())
    ends = [float(end) for curve in curves.values() for end in curve.signal_efficiency[[0, -1]]]
    left.set(yscale="log", xlim=(min(ends), 1), ylim=(max(0.5 * lowest, 1e-4), 1.05))
    left.set(xlabel="signal efficiency", ylabel="background left")
    left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    left.grid(axis="y")
    label = f"background left at {100 * marked:g} % signal efficiency"
    ranking(right, points, styles, None, label, 3, less_is_better=True)


@styled
def background_ratios(
    figure: Figure,
    curves: Mapping[str, RatioCurve],
    reference: str,
    styles: Mapping[str, Style],
    *,
    marked: float = 0.9,
) -> None:
    """Background left over that of ``reference`` on the same events, with bands of one standard error."""
    not_empty(curves)
    figure.set_size_inches(8.2, 4.2)
    axes = figure.subplots()
    _mark(axes, marked)
    axes.axhline(1, color=styles[reference].colour if reference in styles else INK, lw=1.3, label=reference)
    for name, curve in curves.items():
        style = styles[name]
        # elsewhere the curve is noise
        known = np.isfinite(curve.ratio) & (curve.ratio_se < 0.3 * np.maximum(curve.ratio, 1))
        ratio = np.where(known, curve.ratio, np.nan)
        band = ratio - curve.ratio_se, ratio + curve.ratio_se
        axes.fill_between(curve.signal_efficiency, *band, color=style.colour, alpha=0.2, lw=0)
        axes.plot(curve.signal_efficiency, ratio, color=style.colour, ls=style.dash, label=name)
    ends = [float(end) for curve in curves.values() for end in curve.signal_efficiency[[0, -1]]]
    axes.set(xlim=(min(ends), 1), xlabel="signal efficiency", ylabel=f"background left / that of {reference}")
    axes.set_ylim(0, None)
    axes.grid(axis="y")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


@styled
def gains(
    figure: Figure,
    values: Mapping[str, Mapping[str, Measured]],
    reference: str,
    styles: Mapping[str, Style],
    *,
    signal_efficiency: float = 0.9,
) -> None:
    """How much less background than ``reference`` each model leaves; by comparison, then by model."""
    axes = _by_row(figure, values, styles)
    axes.axvline(0, color=MUTED, lw=0.9, zorder=1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    lowest = min((v.value - v.se for row in values.values() for v in row.values()), default=0.0)
    axes.set_xlim(max(1.1 * min(lowest, 0.0) - 0.02, -1.0), None)
    axes.set_xlabel(f"less background than {reference} at {100 * signal_efficiency:g} % signal efficiency")


def _mark(axes: Axes, efficiency: float) -> None:
    axes.axvline(efficiency, color=MUTED, lw=0.9, ls=(0, (2, 2)), zorder=1)
    axes.annotate(
        f"{100 * efficiency:g} %",
        (efficiency, 1),
        (-3, -3),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=8,
        color=MUTED,
    )


@styled
def importance_bars(
    figure: Figure,
    groups: Mapping[str, Sequence[Importance]],
    labels: Mapping[str, str] = VARIABLE_LABELS,
    *,
    signal_efficiency: float = 0.9,
) -> None:
    """Growth of the background left when an input is exchanged between events, greatest on top.

    Parameters
    ----------
    groups
        Inputs by what they belong to: a panel each, on one scale.
    labels
        Of inputs; the name is the fallback.
    signal_efficiency
        At which the background was measured.
    """
    not_empty(groups)
    counts = [len(group) for group in groups.values()]
    figure.set_size_inches(7.4, 0.7 + sum(0.32 + 0.2 * count for count in counts))
    panels = figure.subplots(
        len(groups), 1, sharex=True, squeeze=False, height_ratios=[n + 0.6 for n in counts]
    )
    for place, (axes, (title, group)) in enumerate(zip(panels[:, 0], groups.items(), strict=True)):
        order = sorted(group, key=lambda one: one.increase.value)
        for row, one in enumerate(order):
            growth, se = 100 * one.increase.value, 100 * one.increase.se
            axes.barh(row, growth, 0.66, color=COLOURS[place % len(COLOURS)], alpha=0.8, lw=0)
            axes.errorbar(growth, row, xerr=se, color=INK, lw=1)
        axes.set_yticks(
            range(len(order)), [labels.get(one.name, one.name.replace("_", " ")) for one in order]
        )
        axes.axvline(0, color=MUTED, lw=0.8)
        axes.set_ylim(-0.6, len(order) - 0.4)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelbottom=place == len(counts) - 1)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_title(title.replace("_", " "), color=COLOURS[place % len(COLOURS)])
    panels[-1, 0].set_xlabel(
        f"growth of the background left at {100 * signal_efficiency:g} % signal efficiency\n"
        "when the input is taken from other events [%]"
    )


# -- trust -------------------------------------------------------------------------------------------


@styled
def sculpting_histograms(
    figure: Figure,
    results: Mapping[str, Sequence[Bias]],
    styles: Mapping[str, Style],
    axis_labels: Mapping[str, str] = AXIS_LABELS,
) -> None:
    """All background (grey) and what each model's cut leaves of it (points), with their ratio below.

    ``results``: by model, one per observable. The errors of the ratio allow for the left events being
    among all events.
    """
    not_empty(results)
    flat = [(name, bias) for name, biases in results.items() for bias in biases]
    columns = min(4, len(flat))
    rows = -(-len(flat) // columns)
    figure.set_size_inches(2.3 * columns + 0.5, 2.9 * rows + 0.2)
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[2.2, 1] * rows)
    ratios = [_ratio(bias) for _, bias in flat]
    reach = 1.1 * max(float(np.nanmax(np.abs(ratio - 1) + se)) for ratio, se in ratios)
    step = float(f"{0.6 * reach:.1g}")
    for i, ((name, bias), (ratio, se)) in enumerate(zip(flat, ratios, strict=True)):
        row, column = divmod(i, columns)
        top = figure.add_subplot(grid[2 * row, column])
        bottom = figure.add_subplot(grid[2 * row + 1, column], sharex=top)
        width = np.diff(bias.edges)
        centre = bias.edges[:-1] + width / 2
        colour = styles[name].colour
        top.stairs(bias.all_share / width, bias.edges, fill=True, color=RULE)
        points: dict[str, Any] = {
            "fmt": styles[name].marker,
            "ms": 2.8,
            "lw": 1,
            "color": colour,
            "xerr": width / 2,
        }
        top.errorbar(centre, bias.kept_share / width, bias.kept_share_se / width, **points)
        top.set_ylim(0, None)
        top.tick_params(labelbottom=False, labelleft=False, left=False)
        top.set_title(
            f"{name}\nχ²/ndf = {bias.chi2:.1f}/{bias.ndof}, p {p_text(bias.p_value)}",
            fontsize=8,
            color=colour,
        )
        bottom.axhline(1, color=MUTED, lw=0.8)
        bottom.errorbar(centre, ratio, se, **points)
        bottom.set(xlim=(bias.edges[0], bias.edges[-1]), ylim=(1 - reach, 1 + reach))
        bottom.set_xlabel(axis_labels.get(bias.observable, bias.observable))
        bottom.xaxis.set_major_locator(MaxNLocator(3))
        bottom.set_yticks([1 - step, 1, 1 + step])
        bottom.grid(axis="y")
        if column == 0:
            top.set_ylabel("density")
            bottom.set_ylabel("left / all")
        else:
            bottom.tick_params(labelleft=False)
    figure.align_ylabels()
    keys = [Patch(color=RULE), Line2D([], [], color=INK, marker="o", ms=2.8, lw=1)]
    figure.legend(keys, ["all background", "left by the cut"], loc="outside upper left", ncols=2)


def _ratio(bias: Bias) -> tuple[Array, Array]:
    """Shares of what is left over those of all, with the error of the efficiency in the bin."""
    overall = float(bias.all_share @ bias.efficiency)
    ratio = np.where(bias.all_share > 0, bias.efficiency / overall, np.nan)
    return ratio, bias.efficiency_se / overall


@styled
def penalty_costs(
    figure: Figure,
    points: Mapping[str, Sequence[PenaltyResult]],
    styles: Mapping[str, Style],
    *,
    signal_efficiency: float = 0.9,
    least_p: float = 0.01,
) -> None:
    """What independence of Mbc costs: background left against distance correlation, by strength λ.

    Open markers fail the sculpting test at ``least_p``; grey is what independent variables would show.
    """
    not_empty(points)
    figure.set_size_inches(8.2, 4.0)
    axes = figure.subplots()
    null = max(point.dependence.null for curve in points.values() for point in curve)
    axes.axvspan(0, null, color=RULE, lw=0)
    label: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "va": "top",
        "fontsize": 8,
    }
    axes.annotate("independent", (0, 1), (4, -3), color=MUTED, **label)
    for name, curve in points.items():
        style = styles[name]
        order = sorted(curve, key=lambda point: point.strength)
        x = [point.dependence.value.value for point in order]
        y = [point.background.value for point in order]
        axes.plot(x, y, color=style.colour, ls=style.dash, lw=1, label=name)
        for point, at, height in zip(order, x, y, strict=True):
            axes.errorbar(
                at,
                height,
                point.background.se,
                point.dependence.value.se,
                color=style.colour,
                marker=style.marker,
                ms=5,
                mfc=style.colour if point.p_value >= least_p else PAPER,
                lw=1,
            )
            text = f"$\\lambda$ = {point.strength:g}"
            axes.annotate(text, (at, height), (6, 5), textcoords="offset points", fontsize=8)
    axes.margins(x=0.14, y=0.12)
    axes.set_xlim(0, None)
    axes.grid(axis="y")
    axes.set_xlabel(r"distance correlation of score and $M_\mathrm{bc}$ in background")
    axes.set_ylabel(f"background left at {100 * signal_efficiency:g} % signal efficiency")
    full, empty = (Line2D([], [], ls="", marker="o", ms=5, color=INK, mfc=fill) for fill in (INK, PAPER))
    handles, texts = axes.get_legend_handles_labels()
    keys, meanings = [full, empty], [f"sculpting p ≥ {least_p:g}", f"sculpting p < {least_p:g}"]
    axes.legend([*handles, *keys], [*texts, *meanings], loc="upper left", bbox_to_anchor=(1.0, 1.0))


@styled
def shifted_detectors(
    figure: Figure,
    background: Mapping[str, Mapping[str, Measured]],
    styles: Mapping[str, Style],
    *,
    nominal: str = "nominal",
    signal_efficiency: float = 0.9,
) -> None:
    """Background left by each model in each detector; ``background``: by detector, then by model.

    Dashed lines mark the detector named ``nominal``, if there is one.
    """
    axes = _by_row(figure, background, styles)
    for name, value in background.get(nominal, {}).items():
        axes.axvline(value.value, color=styles[name].colour, lw=0.9, ls=(0, (2, 2)), zorder=1)
    axes.set_xlabel(f"background left at {100 * signal_efficiency:g} % signal efficiency")


@styled
def unseen_modes(
    figure: Figure,
    efficiencies: Mapping[str, Mapping[str, Measured]],
    styles: Mapping[str, Style],
    *,
    signal_efficiency: float = 0.9,
) -> None:
    """Signal efficiency of models in decay modes that they never saw; by mode, then by model."""
    axes = _by_row(figure, efficiencies, styles)
    axes.axvline(signal_efficiency, color=MUTED, lw=0.9, ls=(0, (2, 2)), zorder=1)
    axes.set_xlabel(
        "signal efficiency in a mode left out of training, at the cut\n"
        f"that keeps {100 * signal_efficiency:g} % of the other modes"
    )


def _by_row(
    figure: Figure, values: Mapping[str, Mapping[str, Measured]], styles: Mapping[str, Style]
) -> Axes:
    """One row per entry, in it one point per model."""
    not_empty(values)
    models = list(dict.fromkeys(name for row in values.values() for name in row))
    if not models:
        raise InputError("rows without models", "at least one model")
    figure.set_size_inches(8.2, 1.0 + len(values) * (0.16 + 0.13 * len(models)))
    axes = figure.subplots()
    for k, name in enumerate(models):
        shift = 0.7 * ((k + 0.5) / len(models) - 0.5)
        there = [(row + shift, of_row[name]) for row, of_row in enumerate(values.values()) if name in of_row]
        axes.errorbar(
            [value.value for _, value in there],
            [at for at, _ in there],
            xerr=[value.se for _, value in there],
            fmt=styles[name].marker,
            ms=4.5,
            lw=1.2,
            color=styles[name].colour,
            label=name,
        )
    for edge in range(1, len(values)):
        axes.axhline(edge - 0.5, color=RULE, lw=0.6)
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return axes
