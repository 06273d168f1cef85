"""The report's sections on single data sets: their likelihoods, and what the theory does to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from hepsets.analyses.delta_c9.one_data_set import OneDataSet
from hepsets.analyses.delta_c9.page.models import Styles, minus
from hepsets.analyses.delta_c9.theory import Nuisances
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.report.likelihood_figures import DELTA_C9, TRUTH_LINE, likelihood_curves, nth_marker
from hepsets.report.page import Content, FigureFiles
from hepsets.report.style import COLOURS, INK, MUTED, Style, not_empty, styled


def one_set(sets: Mapping[str, OneDataSet], styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """Likelihood curves, and running products of posteriors, of one data set at each level."""
    for level, found in sets.items():
        if found.curves:
            yield figures(
                f"likelihood_{level}",
                likelihood_curves(found.curves, styles, truth=found.truth),
                f"The likelihood of one set of {found.events:,} signal decays, {level} level.",
            )
        if found.posteriors is not None:
            products = found.posteriors
            yield figures(
                f"posteriors_{level}",
                posterior_products(products.values, products.single, products.running, truth=found.truth),
                "The event-by-event model: posteriors of five decays, and products over more and more "
                f"decays, raw and normalised, {level} level.",
            )


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

    Raises
    ------
    InputError
        If there is nothing to draw, or the posteriors are over other values.
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


def form_factors(found: Nuisances | None, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """How far the theory moves ΔC9, and what the events know of it."""
    if found is None:
        return
    parts = ", ".join(f"{name} {value:.2f}" for name, value in found.uncertainty.items() if name != "total")
    floating = str(found.floating).replace("-", "−")
    yield (
        f"Form factors and subleading effects are uncertain: at ΔC9 = {minus(found.truth)} they move it by "
        f"{found.uncertainty['total']:.2f} ({parts}), several times the statistical error. Events constrain "
        f"them a little: in a fit in which they float, the bound for {found.events:,} decays is "
        f"{found.bound:.2f}; one such set gives ΔC9 = {floating}."
    )
    yield figures(
        "nuisances",
        nuisance_effects(
            {name: (Measured(shift, 0.0), Measured(-shift, 0.0)) for name, shift in found.shifts.items()},
            {
                "exact": {
                    "fixed": Measured(found.fixed_se, 0.0),
                    "floating": Measured(found.floating.se, 0.0),
                }
            },
            styles,
        ),
        "Shift of ΔC9 along each direction of the theory's parameters, to first order, and the error of one "
        f"set of {found.events:,} decays with them fixed and floating.",
    )


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
