"""The figures of ΔC9's likelihoods and intervals: of one data set, and whether they hold what they promise.

Style and helpers are those of :mod:`hepsets.report.figures`; what models predict for many data sets
is drawn by :mod:`hepsets.analyses.delta_c9.figures.predictions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from scipy.stats import binom, chi2

from hepsets.analyses.delta_c9.comparison import Row
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.report.likelihood_figures import DELTA_C9, ONE_SIGMA, TRUTH_LINE, nth_marker
from hepsets.report.style import COLOURS, INK, MUTED, RULE, Style, model_panels, not_empty, p_text, styled

# -- one data set --------------------------------------------------------------------------------------


@styled
def posterior_products(
    figure: Figure,
    values: ArrayLike,
    events: ArrayLike,
    running: Mapping[str, Mapping[int, ArrayLike]],
    *,
    truth: float,
) -> None:
    """Posteriors of a few events over the trained values of ΔC9, and of the product over more and more.

    Parameters
    ----------
    values
        Of ΔC9, shape ``(n_values,)``.
    events
        Probabilities given one event each, shape ``(n_events, n_values)``.
    running
        By kind of product (raw, normalised), then by events multiplied: probabilities, shape
        ``(n_values,)``; drawn over their maximum.
    truth
        True ΔC9 (vertical line).
    """
    not_empty(running)
    at = np.asarray(values, dtype=np.float64)
    singles = np.asarray(events, dtype=np.float64)
    if singles.ndim != 2 or singles.shape[1] != len(at):
        raise InputError(f"posteriors of shape {singles.shape}", f"(n_events, {len(at)})")
    figure.set_size_inches(min(9.4, 3.1 * (1 + len(running)) + 1.0), 3.5)
    panels = figure.subplots(1, 1 + len(running))
    for k, posterior in enumerate(singles):
        colour = COLOURS[k % len(COLOURS)]
        panels[0].plot(at, posterior, color=colour, lw=1, marker="o", ms=1.8)
    panels[0].axhline(1 / len(at), color=MUTED, lw=0.9, ls=(0, (2, 2)))
    panels[0].annotate(
        f"1/{len(at)}",
        (1, 1 / len(at)),
        (3, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=MUTED,
    )
    panels[0].set_ylabel("probability given one event")
    panels[0].set_title(f"{len(singles)} single events")
    panels[0].set_ylim(0, None)
    numbers = sorted({n for of_kind in running.values() for n in of_kind})
    depth = dict(zip(numbers, np.linspace(0.25, 1, len(numbers)), strict=True))
    for axes, (kind, of_kind) in zip(panels[1:], running.items(), strict=True):
        for n in sorted(of_kind):
            posterior = np.asarray(of_kind[n], dtype=np.float64)
            axes.plot(
                at,
                posterior / posterior.max(),
                color=COLOURS[0],
                alpha=depth[n],
                lw=0.8 + depth[n],
                marker="o",
                ms=1.8,
                label=f"{n:,}".replace(",", "\u202f"),
            )
        axes.set_title(kind)
        axes.set_ylim(0, 1.06)
    panels[1].set_ylabel("product / its maximum")
    for axes in panels:
        axes.axvline(truth, zorder=1, **TRUTH_LINE)
        axes.set_xlabel(DELTA_C9)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    panels[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), title="events")


@styled
def nuisance_effects(
    figure: Figure,
    directions: Mapping[str, tuple[Measured, Measured]],
    widths: Mapping[str, Mapping[str, Measured]],
    styles: Mapping[str, Style],
) -> None:
    """What the form factors do to ΔC9: its shift along each direction, and its error with and without.

    Parameters
    ----------
    directions
        By form-factor direction, the shift of the estimate when the truth lies at +1 σ and at −1 σ.
    widths
        By model, then by treatment ("fixed", "profiled", …): standard deviation of ΔC9.
    """
    not_empty(directions)
    not_empty(widths)
    treatments = list(dict.fromkeys(kind for of_model in widths.values() for kind in of_model))
    rows = max(len(directions) + 1, len(widths) * len(treatments))
    figure.set_size_inches(9.4, 1.2 + 0.3 * rows)
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    order = list(directions)[::-1]
    for shift, colour, label, offset in ((0, COLOURS[0], "+1 σ", 0.18), (1, COLOURS[1], "−1 σ", -0.18)):
        left.barh(
            np.arange(len(order)) + offset,
            [directions[name][shift].value for name in order],
            0.34,
            color=colour,
            alpha=0.8,
            lw=0,
            label=label,
        )
        left.errorbar(
            [directions[name][shift].value for name in order],
            np.arange(len(order)) + offset,
            xerr=[directions[name][shift].se for name in order],
            fmt="none",
            ecolor=INK,
            lw=1,
        )
    left.axvline(0, color=MUTED, lw=0.8)
    left.set_yticks(range(len(order)), order)
    left.set_xlabel(f"shift of the estimated {DELTA_C9}")
    left.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    for row, (name, of_model) in enumerate(widths.items()):
        for k, kind in enumerate(treatments):
            if kind in of_model:
                right.errorbar(
                    of_model[kind].value,
                    len(widths) - 1 - row - 0.5 * ((k + 0.5) / len(treatments) - 0.5),
                    xerr=of_model[kind].se,
                    ms=4.5,
                    lw=1.2,
                    **nth_marker(k, styles[name].colour),
                )
    right.set_yticks(range(len(widths)), list(widths)[::-1])
    for text, name in zip(right.get_yticklabels(), list(widths)[::-1], strict=True):
        text.set_color(styles[name].colour)
    right.set_ylim(-0.6, len(widths) - 0.4)
    right.set_xlim(0, None)
    right.margins(x=0.1)
    right.set_xlabel(f"standard deviation of {DELTA_C9}")
    keys = [Line2D([], [], ls="", ms=4.5, **nth_marker(k, INK)) for k in range(len(treatments))]
    right.legend(keys, treatments, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2)
    for axes in (left, right):
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")


# -- many data sets ------------------------------------------------------------------------------------


@styled
def coverage(
    figure: Figure,
    models: Mapping[str, Sequence[Row]],
    styles: Mapping[str, Style],
    *,
    tolerance: float = 0.03,
) -> None:
    """Share of 68.3 % intervals that hold the truth, against the truth; by model and set size.

    The grey band is ± ``tolerance``. Models without intervals are left out.
    """
    known = {
        name: [point for point in points if point.quality.coverage68 is not None]
        for name, points in models.items()
    }
    known = {name: points for name, points in known.items() if points}
    sizes = sorted({point.events for points in known.values() for point in points})
    truths = sorted({point.quality.delta_c9 for points in known.values() for point in points})
    panels = model_panels(figure, known, f"true {DELTA_C9}", "coverage", sharey=True)
    width, height = figure.get_size_inches()
    figure.set_size_inches(max(width, 5.0), height + 0.3)
    step = min(np.diff(truths), default=0.2) * 0.5 / max(len(sizes), 1)
    lowest, highest = 0.5, 0.85
    for axes, (name, points) in panels:
        axes.axhspan(ONE_SIGMA - tolerance, ONE_SIGMA + tolerance, color=RULE, lw=0)
        axes.axhline(ONE_SIGMA, color=MUTED, lw=0.9)
        for k, size in enumerate(sizes):
            shown = [
                (p.quality.delta_c9, p.quality.coverage68)
                for p in points
                if p.events == size and p.quality.coverage68
            ]
            axes.errorbar(
                [at + step * (k - (len(sizes) - 1) / 2) for at, _ in shown],
                [value.value for _, value in shown],
                [value.se for _, value in shown],
                ls="",
                ms=3.4,
                lw=1,
                **nth_marker(k, styles[name].colour),
            )
            lowest = min([lowest, *(value.value - value.se - 0.03 for _, value in shown)])
            highest = max([highest, *(value.value + value.se + 0.03 for _, value in shown)])
        axes.set_title(name, color=styles[name].colour)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    panels[0][0].set_ylim(max(lowest, -0.03), min(highest, 1.03))
    keys: list[Any] = [Line2D([], [], ls="", ms=3.4, **nth_marker(k, INK)) for k in range(len(sizes))]
    texts = [f"{size:,} events".replace(",", "\u202f") for size in sizes]
    band = f"{100 * ONE_SIGMA:.1f} ± {100 * tolerance:g} %"
    figure.legend([*keys, Patch(color=RULE)], [*texts, band], loc="outside upper left", ncols=4)


@styled
def rank_histograms(
    figure: Figure,
    ranks: Mapping[str, ArrayLike],
    styles: Mapping[str, Style],
    *,
    draws: int,
    bins: int = 20,
) -> None:
    """Simulation-based calibration: ranks of the truth among posterior draws, uniform if calibrated.

    Talts et al., arXiv:1804.06788. The grey band holds 95 % of the bins of a calibrated model; the
    title has the χ² test of uniformity.

    Parameters
    ----------
    ranks
        Of each model: of ``draws`` draws, how many lie below the truth, shape ``(n_sets,)``.
    draws
        Per set; ranks are 0 … ``draws``.
    bins
        At most; the largest number that divides the ``draws + 1`` ranks evenly is taken.
    """
    number = max(n for n in range(1, bins + 1) if (draws + 1) % n == 0)
    edges = np.linspace(0, 1, number + 1)
    panels = model_panels(figure, ranks, "rank of the truth / draws", "sets / expected", sharey=True)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.35 * -(-len(ranks) // 4))
    highest = 2.0
    for axes, (name, values) in panels:
        rank = np.asarray(values)
        if rank.size == 0 or rank.min() < 0 or rank.max() > draws:
            raise InputError(f"ranks of {name} outside 0 … {draws}", "ranks among the draws")
        counts = np.bincount(rank.astype(np.int64) * number // (draws + 1), minlength=number)
        expected = len(rank) / number
        low, high = binom.ppf([0.025, 0.975], len(rank), 1 / number) / expected
        axes.axhspan(low, high, color=RULE, lw=0)
        axes.axhline(1, color=MUTED, lw=0.9)
        axes.stairs(counts / expected, edges, baseline=None, color=styles[name].colour, lw=1.4)
        test = float(((counts - expected) ** 2 / expected).sum())
        p_value = f"uniform: p {p_text(chi2.sf(test, number - 1))}" if number > 1 else ""
        axes.set_title(f"{name}\n{p_value}", color=styles[name].colour, fontsize=8)
        axes.set_xlim(0, 1)
        highest = max(highest, 1.05 * float(counts.max()) / expected)
    panels[0][0].set_ylim(0, highest)
