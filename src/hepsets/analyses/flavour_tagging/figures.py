"""The figures of flavour tagging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from hepsets.analyses.flavour_tagging.about import MODELS, TRUNK_MODEL
from hepsets.analyses.flavour_tagging.closer_look import Importance, LearningPoint, TrueDecays
from hepsets.analyses.flavour_tagging.comparison import HISTOGRAM, ModelResult
from hepsets.analyses.flavour_tagging.lost_points import FATES, LostPoints
from hepsets.report.style import COLOURS, INK, MUTED, RULE, model_panels, model_styles, not_empty, styled

STYLES = model_styles((*MODELS, TRUNK_MODEL))
"""How models are drawn in every figure."""

REFERENCES: Mapping[str, float] = {
    "category-based, data": 0.300,
    "GFlaT, data": 0.374,
    "TFlaT, simulation": 0.434,
}
"""Effective efficiencies of Belle II: Eur. Phys. J. C 82 (2022) 283; Phys. Rev. D 110 (2024) 012001;
TFlaT."""


NAMES_OF_STEPS: Mapping[str, str] = {
    "true": "all true votes",
    "accepted": "in the acceptance",
    "found": "found as tracks",
    "identified": "identified",
    "tagger": "the tagger",
}
"""What the steps from true decays to the tagger are called."""


@styled
def tags_of_both(figure: Figure, models: Sequence[ModelResult]) -> None:
    """Distributions of r of true B⁰ and B̄⁰, a panel per model."""
    panels = model_panels(
        figure, {one.name: one for one in models}, "r = q (1 − 2w)", "share per bin", sharey=True
    )
    for axes, (name, one) in panels:
        for shares, colour, label in zip(one.histograms, COLOURS, ("B⁰", "B̄⁰"), strict=False):
            axes.stairs(shares, HISTOGRAM, color=colour, label=label)
        axes.set_title(name)
        axes.set_yscale("log")
    curves, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(curves, labels, loc="outside upper left", ncols=2)


@styled
def wrong_tags(figure: Figure, models: Sequence[ModelResult]) -> None:
    """True against claimed share of wrong tags in the seven bins, a panel per model."""
    panels = model_panels(figure, {one.name: one for one in models}, "claimed w", "true w", sharey=True)
    for axes, (name, one) in panels:
        axes.plot([0, 0.5], [0, 0.5], color=RULE, zorder=0)
        bins = [each for each in one.power.bins if np.isfinite(each.wrong.value)]
        axes.errorbar(
            [each.predicted for each in bins],
            [each.wrong.value for each in bins],
            [each.wrong.se for each in bins],
            fmt=STYLES[name].marker,
            color=STYLES[name].colour,
            ms=3.5,
        )
        axes.set_title(f"{name}: slope {one.line.slope.value:.3f} ± {one.line.slope.se:.3f}", fontsize=8)


@styled
def efficiencies(figure: Figure, models: Sequence[ModelResult]) -> None:
    """Effective efficiency of each model, with those of Belle II for scale."""
    not_empty(models)
    figure.set_size_inches(6.4, 0.42 * len(models) + 1.5)
    axes = figure.subplots()
    for place, one in enumerate(reversed(models)):
        style = STYLES[one.name]
        spread = one.seed_spread or 0.0
        axes.errorbar(
            one.power.binned.value, place, xerr=np.hypot(one.power.binned.se, spread),
            fmt=style.marker, color=style.colour,
        )  # fmt: skip
    for label, value in REFERENCES.items():
        axes.plot([value, value], [-0.6, len(models) - 0.5], color=MUTED, lw=0.9, ls=(0, (4, 2)))
        axes.text(
            value, len(models) - 0.35, f"{label}\n{100 * value:.1f} %", fontsize=7, color=MUTED, ha="center"
        )
    axes.set_yticks(range(len(models)), [one.name for one in reversed(models)])
    axes.set_ylim(-0.6, len(models) + 0.4)
    axes.set_xlabel("effective tagging efficiency")
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0))


@styled
def learning_curves(figure: Figure, points: Sequence[LearningPoint]) -> None:
    """Effective efficiency against the number of training tag sides."""
    not_empty(points)
    figure.set_size_inches(5.2, 3.3)
    axes = figure.subplots()
    for name in dict.fromkeys(point.model for point in points):
        own = [point for point in points if point.model == name]
        style = STYLES[name]
        axes.errorbar(
            [point.events for point in own],
            [point.power.value for point in own],
            [point.power.se for point in own],
            marker=style.marker,
            ls=style.dash,
            color=style.colour,
            label=name,
            ms=4,
        )
    for label, value in REFERENCES.items():
        axes.axhline(value, color=MUTED, lw=0.8, ls=(0, (4, 3)), zorder=0)
        axes.annotate(
            label, (1, value), xytext=(0, 2), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", fontsize=7, color=MUTED,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("tag sides to train on")
    axes.set_ylabel("effective tagging efficiency")
    axes.yaxis.set_major_formatter(PercentFormatter(1, 1))
    axes.legend()


@styled
def importances(figure: Figure, found: Sequence[Importance]) -> None:
    """What is lost if a group of inputs tells nothing."""
    not_empty(found)
    figure.set_size_inches(5.6, 0.34 * len(found) + 0.9)
    axes = figure.subplots()
    values = [one.lost for one in reversed(found)]
    axes.barh(
        range(len(values)),
        [v.value for v in values],
        xerr=[v.se for v in values],
        color=COLOURS[0],
        height=0.6,
    )
    axes.set_yticks(range(len(values)), [one.inputs for one in reversed(found)])
    axes.set_xlabel("effective efficiency lost")
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0))


@styled
def lost_points(figure: Figure, lost: LostPoints) -> None:
    """From all votes of true decays to the tagger: what is left after each step, and what it took."""
    rows = [(NAMES_OF_STEPS[one.name], one) for one in reversed(lost.steps)]
    figure.set_size_inches(6.4, 0.4 * len(rows) + 0.9)
    axes = figure.subplots()
    for place, (_, one) in enumerate(rows):
        is_last = one is lost.steps[-1]
        axes.barh(place, one.power.value, 0.6, xerr=one.power.se, color=COLOURS[0] if is_last else COLOURS[4])
        if one.lost is not None:
            axes.barh(place, one.lost.value, 0.6, one.power.value, color=RULE, zorder=0)
            axes.text(
                max(one.power.value, one.power.value + one.lost.value) + 0.012,
                place,
                f"{-100 * one.lost.value:+.1f} ± {100 * one.lost.se:.1f}".replace("-", "−"),
                va="center",
                fontsize=8,
                color=INK,
            )
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set_xlim(0, max(one.power.value for one in lost.steps) * 1.22)
    axes.set_xlabel("effective efficiency; grey: lost in the step")
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0))


@styled
def fates(figure: Figure, lost: LostPoints) -> None:
    """What became of the voting particles of each category, as shares of its decays."""
    names = list(dict.fromkeys(one.category for one in lost.fates))[::-1]
    figure.set_size_inches(6.4, 0.36 * len(names) + 1.2)
    axes = figure.subplots()
    begin = np.zeros(len(names))
    for (stage, what), colour in zip(
        reversed(list(FATES.items())), (*COLOURS[:2], COLOURS[4], RULE), strict=True
    ):
        shares = {one.category: one.share.value for one in lost.fates if one.stage == stage}
        widths = np.array([shares[name] for name in names])
        axes.barh(range(len(names)), widths, 0.6, begin, color=colour, label=what)
        begin += widths
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the decays in which the category votes")
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.1, 1), ncols=2, fontsize=8)


@styled
def true_categories(figure: Figure, decays: TrueDecays) -> None:
    """What perfect taggers of single categories would reach, and what ours gets of the same decays."""
    figure.set_size_inches(6.2, 0.42 * len(decays.categories) + 1.2)
    axes = figure.subplots()
    rows = list(reversed(decays.categories))
    place = np.arange(len(rows))
    for shift, values, colour, label in (
        (0.2, [one.perfect for one in rows], COLOURS[4], "its perfect tagger, alone"),
        (-0.2, [one.reached for one in rows], COLOURS[0], "ours, of decays that have it"),
    ):
        axes.barh(
            place + shift,
            [v.value for v in values],
            0.38,
            xerr=[v.se for v in values],
            color=colour,
            label=label,
        )
    axes.axvline(decays.together.value, color=INK, lw=0.9, ls=(0, (4, 2)))
    axes.set_yticks(place, [one.name for one in rows])
    axes.set_xlabel("effective efficiency; dashed: all votes together")
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
