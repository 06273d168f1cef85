"""Figures of the selection: scores, the scan of the cut, what it does to the mass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from hepsets.analyses.bs_dspi.checks import Sculpting
from hepsets.analyses.bs_dspi.cut import ChosenCut
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.area_importance import AreaImportance
from hepsets.evaluate.scores.classification import Classification
from hepsets.evaluate.scores.sideband import SidebandTest
from hepsets.report.style import COLOURS, INK, MUTED, RULE, Array, p_text, styled

MERITS = {
    "significance": "$S/\\sqrt{S+B}$",
    "punzi": "Punzi's $\\varepsilon/(a/2+\\sqrt{B})$",
    "s_over_sqrt_b": "$S/\\sqrt{B}$",
}
"""How figures of merit are written."""


@styled
def score_figure(
    figure: Figure, signal: Array, background: Array, threshold: float, names: tuple[str, str]
) -> None:
    """Scores of signal and background, each normalised to one, on a logarithmic axis.

    Parameters
    ----------
    signal, background
        Scores, shapes ``(n_signal,)`` and ``(n_background,)``.
    threshold
        Of the cut.
    names
        What the two are called.
    """
    figure.set_size_inches(6.4, 3.6)
    axes = figure.subplots()
    edges = np.linspace(0, 1, 51)
    left, right = (np.histogram(s, edges)[0] / max(len(s), 1) for s in (background, signal))
    axes.stairs(left, edges, fill=True, color=RULE, label=names[1])
    axes.stairs(right, edges, color=COLOURS[0], lw=1.6, label=names[0])
    axes.axvline(threshold, color=INK, lw=1, ls=(0, (2, 2)), label="cut")
    axes.set(yscale="log", xlabel="score", ylabel="candidates / 0.02, of all", xlim=(0, 1))
    figure.legend(loc="outside upper center", ncols=3)


@styled
def roc_figure(figure: Figure, quality: Classification, auc: Measured, names: tuple[str, str]) -> None:
    """Share of the signal that cuts keep against that of the background, on a logarithmic axis.

    Parameters
    ----------
    quality
        Of a classifier.
    auc
        The area, with an error that may know what candidates share.
    names
        What signal and background are called.
    """
    figure.set_size_inches(6.4, 3.4)
    axes = figure.subplots()
    rates = quality.roc.false_positive_rate, quality.roc.true_positive_rate
    seen = rates[0] > 0
    lowest = float(rates[0][seen].min(initial=1.0))
    axes.plot(rates[0][seen], rates[1][seen], color=COLOURS[0])
    guess = np.geomspace(lowest, 1, 100)
    axes.plot(guess, guess, color=MUTED, lw=0.9, ls=(0, (2, 2)))
    axes.annotate(
        "by chance", (0.5, 0.5), xytext=(-6, 4), textcoords="offset points", ha="right", color=MUTED
    )
    axes.set(xscale="log", xlabel=f"{names[1]} kept", ylabel=f"{names[0]} kept")
    axes.set(xlim=(lowest, 1), ylim=(0, 1.02), title=f"AUC {auc.value:.4f} ± {auc.se:.4f}")


@styled
def scan_figure(figure: Figure, cut: ChosenCut, tight: ChosenCut) -> None:
    """The figure of merit with its error along cuts, and signal kept against background kept.

    Parameters
    ----------
    cut, tight
        The cut, and the one with the best ratio of signal to background.
    """
    figure.set_size_inches(9.4, 3.6)
    left, right = figure.subplots(1, 2)
    scan = cut.scan
    band = scan.merit - scan.merit_se, scan.merit + scan.merit_se
    left.fill_between(scan.thresholds, *band, color=RULE, lw=0, label="± error")
    left.plot(scan.thresholds, scan.merit, color=COLOURS[0])
    left.axvspan(*scan.plateau, color=COLOURS[0], alpha=0.12, lw=0, label="within one error of the best")
    left.axvline(cut.threshold, color=INK, lw=1, ls=(0, (2, 2)), label="cut")
    left.set(xlabel="least score that is kept", ylabel=MERITS[scan.figure])
    left.legend(loc="lower center")
    left_over = scan.false_rate > 0  # the scale is logarithmic
    right.plot(scan.efficiency[left_over], scan.false_rate[left_over], color=COLOURS[0], label="cuts")
    for chosen, marker, name in ((cut, "o", "cut"), (tight, "s", "tight cut")):
        right.errorbar(
            chosen.efficiency.value, chosen.false_rate.value, chosen.false_rate.se,
            marker=marker, ms=5, ls="", color=INK, mfc="none" if marker == "s" else INK, label=name,
        )  # fmt: skip
    right.set(yscale="log", xlabel="share of signal kept", ylabel="share of combinations kept")
    right.legend(loc="upper left")


@styled
def sculpting_figure(figure: Figure, sculpting: Mapping[str, Sculpting]) -> None:
    """Mass of combinations before and after a cut, both normalised to one; a panel for each model.

    Parameters
    ----------
    sculpting
        By the name of the model.
    """
    figure.set_size_inches(4.4 * len(sculpting), 3.2)
    panels = figure.subplots(1, len(sculpting), squeeze=False, sharey=True)[0]
    for axes, (name, found) in zip(panels, sculpting.items(), strict=True):
        bias = found.bias
        width, middle = np.diff(bias.edges), 0.5 * (bias.edges[1:] + bias.edges[:-1])
        axes.stairs(bias.all_share / width, bias.edges, fill=True, color=RULE, label="all combinations")
        axes.errorbar(
            middle, bias.kept_share / width, bias.kept_share_se / width,
            fmt="o", ms=3, lw=1, color=COLOURS[0], label=f"the {bias.kept_events} that are kept",
        )  # fmt: skip
        axes.set(xlabel="$m(D_s\\pi)$ [GeV]", ylim=(0, None))
        axes.set_title(f"{name.replace('_', ' ')}: p {p_text(found.p_value)}")
    panels[0].set_ylim(0, 1.5 * panels[0].get_ylim()[1])
    for axes in panels:
        axes.legend(loc="upper right")
    panels[0].set_ylabel("share per GeV")


@styled
def sideband_figure(figure: Figure, found: SidebandTest) -> None:
    """Scores of true combinations under the peak and in the sideband, in bins that hold as many.

    Parameters
    ----------
    found
        Of the two.
    """
    figure.set_size_inches(6.4, 3.2)
    axes = figure.subplots()
    places = np.arange(len(found.peak))
    for shift, values, errors, colour, name in (
        (-0.1, found.sideband, found.sideband_se, MUTED, "sideband"),
        (0.1, found.peak, found.peak_se, COLOURS[0], "under the peak"),
    ):
        axes.errorbar(places + shift, values, errors, fmt="o", ms=4, lw=1.2, color=colour, label=name)
    ends = np.arange(len(found.edges)) - 0.5
    axes.set_xticks(ends, [f"{edge:.1g}" for edge in found.edges])
    axes.set(xlabel="score, in bins of as many combinations", ylabel="share of combinations", ylim=(0, None))
    axes.set_title(f"sideband and peak alike: p {p_text(found.p_value)}")
    axes.legend(loc="lower left")


@styled
def importance_figure(figure: Figure, importance: Sequence[AreaImportance]) -> None:
    """Area under the ROC curve that is lost without each group of variables, the largest on top.

    Parameters
    ----------
    importance
        Of the groups.
    """
    figure.set_size_inches(6.4, 0.6 + 0.28 * len(importance))
    axes = figure.subplots()
    order = sorted(importance, key=lambda one: one.loss.value)
    for row, one in enumerate(order):
        axes.errorbar(one.loss.value, row, xerr=one.loss.se, fmt="o", ms=4, lw=1.2, color=COLOURS[0])
    axes.axvline(0, color=MUTED, lw=0.8)
    shown = [one.name.replace("B_s", "$B_s$").replace("D_s", "$D_s$") for one in order]
    axes.set_yticks(range(len(order)), shown)
    axes.set_xscale("symlog", linthresh=1e-3)
    axes.set_xlim(left=min(-2e-4, *(1.2 * (one.loss.value - one.loss.se) for one in order)))
    axes.set(xlabel="area under the ROC curve that is lost (linear below 0.001)")
    axes.grid(axis="x")
