"""The figures of the reports: one function, one matplotlib figure.

All take arrays or results of :mod:`hepsets.evaluate` and return a :class:`matplotlib.figure.Figure`
that was never registered with pyplot, so nothing needs closing. Every model keeps its colour and
dash in all figures of a report (:func:`model_styles`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from hepsets.core.measured import Measured
from hepsets.evaluate.filter.limit import Limit
from hepsets.evaluate.scores.calibration import Calibration
from hepsets.evaluate.scores.classification import Classification, Roc
from hepsets.report.style import (
    _LIMIT_DASH,
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


@dataclass(frozen=True)
class TrainingCurve:
    """Loss per epoch of one model; ``best_epoch`` counts from 0."""

    train_loss: Sequence[float]
    validation_loss: Sequence[float]
    best_epoch: int


# -- models side by side -----------------------------------------------------------------------------


@styled
def roc_curves(
    figure: Figure,
    models: Mapping[str, Classification],
    styles: Mapping[str, Style],
    limit: Limit | None = None,
) -> None:
    """ROC curves, and beside them the areas with their errors, which also name the curves."""
    not_empty(models)
    figure.set_size_inches(9.4, max(4.2, 1.2 + 0.27 * len(models)))
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    left.plot([0, 1], [0, 1], color=RULE, lw=0.9)
    best = max(models, key=lambda name: models[name].auc.value)
    for name, model in models.items():
        roc = _thin(model.roc)
        left.plot(
            roc.false_positive_rate,
            roc.true_positive_rate,
            color=styles[name].colour,
            ls=styles[name].dash,
            lw=2.2 if name == best else 1.1,
        )
    if limit is not None:
        rates = limit.roc.false_positive_rate, limit.roc.true_positive_rate
        left.plot(*rates, color=INK, lw=1.3, ls=_LIMIT_DASH, label="limit of any filter")
        left.legend(loc="lower right")
    left.set(
        xlabel="false positive rate $f_0$", ylabel="true positive rate $f_1$", xlim=(0, 1), ylim=(0, 1.02)
    )
    left.set_aspect("equal", adjustable="box", anchor="W")
    values = {name: model.auc for name, model in models.items()}
    ranking(right, values, styles, None if limit is None else limit.auc, "area under the ROC curve", 3)


def ranking(
    axes: Axes,
    values: Mapping[str, Measured],
    styles: Mapping[str, Style],
    limit: Measured | None,
    label: str,
    digits: int,
    *,
    less_is_better: bool = False,
) -> None:
    """Values with errors, best on top, names at the axis in the colour of the model."""
    order = sorted(values, key=lambda name: values[name].value, reverse=less_is_better)
    for row, name in enumerate(order):
        style, measured = styles[name], values[name]
        axes.errorbar(
            measured.value, row, xerr=measured.se, color=style.colour, marker=style.marker, ms=4.5, lw=1.3
        )
        axes.annotate(
            f"{measured.value:.{digits}f} ± {measured.se:.{digits}f}",
            (1.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7.5,
            color=MUTED,
        )
    if limit is not None:
        axes.axvspan(limit.value - limit.se, limit.value + limit.se, color=RULE, lw=0)
        axes.axvline(limit.value, color=INK, lw=1.3, ls=_LIMIT_DASH)
        axes.annotate(
            f"limit {limit.value:.{digits}f} ± {limit.se:.{digits}f}",
            (limit.value, len(order) - 0.35),
            (-4, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(order)), order)
    for text, name in zip(axes.get_yticklabels(), order, strict=True):
        text.set_color(styles[name].colour)
    axes.set_ylim(-0.6, len(order) - 0.1)
    axes.margins(x=0.08)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(6))


# -- one panel per model -----------------------------------------------------------------------------


@styled
def score_distributions(
    figure: Figure,
    scores: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike | None]],
    styles: Mapping[str, Style],
    thresholds: Mapping[str, float] | None = None,
) -> None:
    """Scores of passing and failing events, each normalised to one; ``scores``: labels, scores, weights."""
    edges = np.linspace(0, 1, 41)
    for axes, (name, (labels, score, weights)) in model_panels(
        figure, scores, "score", "events per unit of score"
    ):
        passes, value = np.asarray(labels, dtype=bool), np.asarray(score, dtype=np.float64)
        weight = np.ones(len(value)) if weights is None else np.asarray(weights, dtype=np.float64)
        failing, _ = np.histogram(value[~passes], edges, weights=weight[~passes], density=True)
        passing, _ = np.histogram(value[passes], edges, weights=weight[passes], density=True)
        axes.stairs(failing, edges, fill=True, color=RULE)
        axes.stairs(passing, edges, color=styles[name].colour, lw=1.5)
        if thresholds is not None and name in thresholds:
            axes.axvline(thresholds[name], color=INK, lw=0.9, ls=(0, (2, 2)))
        axes.set_xlim(0, 1)
        axes.set_title(name, color=styles[name].colour)
        axes.set_ylim(0, None)


@styled
def filter_histograms(
    figure: Figure,
    edges: Array,
    scores: Mapping[str, NDArray[np.int64]],
    probabilities: Mapping[str, NDArray[np.int64]],
) -> None:
    """Numbers of filtered events by score and by keep probability, one line per skim.

    Parameters
    ----------
    edges
        Of the bins, shape ``(n_bins + 1,)``.
    scores, probabilities
        Events per bin for each skim, shape ``(n_bins,)``.
    """
    not_empty(scores)
    figure.set_size_inches(9.4, 3.4)
    panels = figure.subplots(1, 2, sharey=True)
    styles = model_styles(list(scores))
    for axes, counts, label in zip(
        panels, (scores, probabilities), ("score", "probability to be kept"), strict=True
    ):
        for name, values in counts.items():
            axes.stairs(values, edges, color=styles[name].colour, ls=styles[name].dash, label=name)
        axes.set(xlabel=label, xlim=(0, 1), yscale="symlog")
    most = max(values.max() for counts in (scores, probabilities) for values in counts.values())
    panels[0].set_ylim(0, 2 * max(most, 1))
    panels[0].set_ylabel("events")
    panels[1].legend()


@styled
def calibration_curves(
    figure: Figure,
    models: Mapping[str, Calibration],
    styles: Mapping[str, Style],
    share: str = "share that passes",
) -> None:
    """Share of passing events against mean score, with the expected calibration error."""
    for axes, (name, curve) in model_panels(figure, models, "mean score", share):
        axes.plot([0, 1], [0, 1], color=RULE, lw=0.9)
        axes.errorbar(
            curve.mean_score,
            curve.observed,
            # Wilson intervals need not enclose the observed share when it is 0 or 1
            [np.maximum(curve.observed - curve.low, 0), np.maximum(curve.high - curve.observed, 0)],
            color=styles[name].colour,
            marker=styles[name].marker,
            ms=3,
            lw=1.1,
        )
        axes.text(
            0.97,
            0.05,
            f"error {100 * curve.expected_error.value:.1f} %\n(chance {100 * curve.chance_error:.1f} %)",
            transform=axes.transAxes,
            ha="right",
            va="bottom",
            fontsize=7.5,
            color=MUTED,
        )
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set_title(name, color=styles[name].colour)


@styled
def training_curves(
    figure: Figure,
    models: Mapping[str, TrainingCurve],
    styles: Mapping[str, Style],
    *,
    steps: str = "epoch",
) -> None:
    """Training (thin) and validation (thick) loss by epoch, or other steps; what was kept is marked.

    Each panel is as long as its model's training: rounds of trees would leave no room for a network's epochs.
    """
    ends = [loss for curve in models.values() for loss in (*curve.train_loss, *curve.validation_loss)]
    low, high = min(ends, default=0.0), float(np.quantile(ends, 0.98)) if ends else 1.0
    pad = 0.06 * (high - low) or 0.05
    for axes, (name, curve) in model_panels(figure, models, steps, "loss", sharex=False, sharey=True):
        for other in models.values():
            axes.plot(
                range(1, len(other.validation_loss) + 1), other.validation_loss, color=RULE, lw=0.8, zorder=1
            )
        epochs = np.arange(1, len(curve.train_loss) + 1)
        axes.plot(epochs, curve.train_loss, color=styles[name].colour, lw=0.9, ls=(0, (3, 1.5)))
        axes.plot(
            epochs[: len(curve.validation_loss)], curve.validation_loss, color=styles[name].colour, lw=1.9
        )
        axes.plot(
            curve.best_epoch + 1,
            curve.validation_loss[curve.best_epoch],
            "o",
            ms=5,
            mfc=PAPER,
            mec=styles[name].colour,
        )
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlim(1 - 0.04 * len(epochs), 1.04 * len(epochs))
        axes.set_ylim(low - pad, high + pad)
        axes.set_title(name, color=styles[name].colour)


# -- inside ------------------------------------------------------------------------------------------


def _thin(roc: Roc, most: int = 400) -> Roc:
    """At most ``most`` points, evenly spaced along the curve; the eye sees no more."""
    if len(roc.thresholds) <= most:
        return roc
    along = roc.false_positive_rate + roc.true_positive_rate
    chosen = np.unique(np.searchsorted(along, np.linspace(0, along[-1], most)).clip(0, len(along) - 1))
    return Roc(roc.false_positive_rate[chosen], roc.true_positive_rate[chosen], roc.thresholds[chosen])
