"""The report's sections on what each model predicts, over many data sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from scipy.stats import norm

from hepsets.analyses.delta_c9.comparison import Row
from hepsets.analyses.delta_c9.page.models import Styles, chosen, rows_by_model, sigma_of
from hepsets.analyses.delta_c9.predictions import Key
from hepsets.analyses.delta_c9.result import Result
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.report.likelihood_figures import BOUND_LINE, DELTA_C9, TRUTH_LINE
from hepsets.report.page import Content, FigureFiles, cell_text
from hepsets.report.style import INK, MUTED, RULE, Array, Style, model_panels, not_empty, styled

MOST_PEAKS = 2.0
"""An axis of densities reaches no higher, in peaks of the bound's Gaussian."""


def predictions(result: Result, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """Predictions against the truth, and their distributions."""
    config = result.config
    least = min(result.config.set_events)
    for level in config.levels:
        by_model = rows_by_model(chosen(result.comparison.linearity, level=level))
        if by_model:
            yield figures(
                f"linearity_{level}",
                linearity(by_model, styles),
                f"Predictions at the ΔC9 of testing, {level} level: mean and standard deviation of sets of "
                f"{least:,} signal decays.",
            )
    for cell, found in result.predictions.items():
        truth = config.shown_truth(cell.window)
        sigma = sigma_of(result.comparison.bounds, cell, truth, least)
        if sigma is None:
            continue
        drawn = {
            key.model: estimates.value
            for key, estimates in found.items()
            if key.kind == "toys" and key.delta_c9 == truth and key.events == least
        }
        yield figures(
            f"predictions_{cell.name}",
            prediction_distributions(drawn, styles, truth=truth, bound=sigma, exact=drawn.get("exact")),
            f"Predictions for sets of {least:,} signal decays, {cell.level} level, {cell.window} GeV².",
        )


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
        top.plot([low - pad, high + pad], [low - pad, high + pad], color=MUTED, lw=0.8)
        _means_and_pulls(top, bottom, unsorted, styles[name], reach)
        top.set_title(name, color=styles[name].colour)
        top.set(xlim=(low - pad, high + pad), ylim=(bottom_end, top_end))
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


def _means_and_pulls(top: Axes, bottom: Axes, unsorted: Sequence[Row], style: Style, reach: float) -> None:
    """One model: its means with their spread, and below their distance from the truth in bounds."""
    points = sorted(unsorted, key=lambda point: point.quality.delta_c9)
    truth = np.array([point.quality.delta_c9 for point in points])
    bound = np.array([point.bound for point in points])
    bias = np.array([point.quality.bias.value for point in points])
    spread = np.array([point.quality.spread.value for point in points])
    drawn: dict[str, Any] = {"fmt": style.marker, "ms": 3, "lw": 1.1, "color": style.colour}
    top.fill_between(truth, truth - bound, truth + bound, color=RULE, lw=0)
    top.errorbar(truth, truth + bias, spread, **drawn)
    top.tick_params(labelbottom=False)
    bottom.axhspan(-1, 1, color=RULE, lw=0)
    bottom.axhline(0, color=MUTED, lw=0.8)
    pull = bias / bound
    inside = np.abs(pull) < reach
    bottom.errorbar(truth[inside], pull[inside], (spread / bound)[inside], **drawn)
    for sign, marker in ((1, "^"), (-1, "v")):
        out = sign * pull >= reach
        bottom.plot(truth[out], np.full(out.sum(), 0.9 * sign * reach), marker, ms=4, color=style.colour)
    bottom.set_ylim(-reach, reach)
    bottom.yaxis.set_major_locator(MaxNLocator(4, integer=True, symmetric=True))
    bottom.xaxis.set_major_locator(MaxNLocator(5))


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


def pools(result: Result, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """Disjoint sets beside sets that share a pool of events."""
    config = result.config
    least = min(result.config.set_events)
    for cell, found in result.predictions.items():
        pooled = {key.model: of.value for key, of in found.items() if key.kind == "pooled"}
        truth = config.shown_truth(cell.window)
        if not pooled:
            continue
        sigma = sigma_of(result.comparison.bounds, cell, truth, least)
        assert sigma is not None
        disjoint = {name: found[Key("toys", name, truth, least)].value for name in pooled}
        yield (
            f"The study drew its data sets with replacement from one pool of events. Sets of {least:,} from "
            f"{config.study.pool_events:,} share the pool's own fluctuation: all their predictions are off "
            "by it together, and their spread does not show it."
        )
        yield figures(
            "pools",
            toy_pools(disjoint, pooled, styles, truth=truth, bound=sigma),
            f"Disjoint data sets, and sets from one pool, {cell.level} level, {cell.window} GeV².",
        )


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
