"""The report's section on intervals: how often they hold the truth, and whether posteriors are calibrated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from scipy.stats import binom, chi2

from hepsets.analyses.delta_c9.comparison import Row
from hepsets.analyses.delta_c9.page.models import Styles, chosen, rows_by_model
from hepsets.analyses.delta_c9.result import Result
from hepsets.core.errors import InputError
from hepsets.evaluate.estimates.simulation_based_calibration import DRAWS
from hepsets.report.likelihood_figures import DELTA_C9, ONE_SIGMA, nth_marker
from hepsets.report.page import Content, FigureFiles
from hepsets.report.style import INK, MUTED, RULE, Style, model_panels, p_text, styled


def intervals(result: Result, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """Coverage of intervals and calibration of posteriors."""
    config = result.config
    window = config.windows[0]
    for level in config.levels:
        rows = [
            row
            for row in chosen(
                result.comparison.rows, level=level, window=window, events=min(result.config.set_events)
            )
            if row.quality.coverage68 is not None
        ]
        by_model = rows_by_model(rows)
        if by_model:
            yield figures(
                f"coverage_{level}",
                coverage(by_model, styles),
                f"How often the 68.3 % interval holds the truth, {level} level, {window} GeV².",
            )
    for cell in result.predictions:
        ranks = {
            model: found.ranks
            for (where, model), found in result.comparison.calibration.items()
            if where == cell
        }
        if ranks:
            yield figures(
                f"calibration_{cell.level}",
                rank_histograms(ranks, styles, draws=DRAWS),
                f"Simulation-based calibration, {cell.level} level: ΔC9 drawn from a flat prior.",
            )


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

    Raises
    ------
    InputError
        If there is nothing to draw, or ranks are not among the draws.
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
