"""The report's section on the detector: efficiency, resolution, and observables along q²."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from scipy.stats import norm

from hepsets.analyses.delta_c9.detector import Efficiency, TheoryCurves
from hepsets.analyses.delta_c9.page.axes import SIGNAL, SYMBOLS, UNITS, row_of_panels, variable_axis
from hepsets.analyses.delta_c9.result import Result
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.generate.kstmumu.observables import Asymmetries
from hepsets.report.page import Content, FigureFiles
from hepsets.report.style import COLOURS, INK, MUTED, RULE, not_empty, styled

VETOES = WINDOWS["0-20"].vetoes
SMOOTH = (8.9, 14.0)
"""Where the theory is a smooth continuation without its charmonium resonances [GeV²]."""

_MARKERS = ("o", "s", "^", "D", "v")


def detector(result: Result, figures: FigureFiles) -> Iterator[Content]:
    """What the detector does to decays, as far as it was looked at."""
    study, efficiency = result.detector, result.detector.efficiency
    if efficiency is None:
        return
    vetoes = WINDOWS[result.config.windows[0]].vetoes
    yield f"Of the decays in the window {efficiency} are selected."
    yield figures(
        "efficiency",
        efficiency_curves(study.passed, efficiency, vetoes=vetoes),
        "Efficiency against the true variables.",
    )
    yield figures("resolution", resolution_histograms(study.differences, study.resolution), "Resolution.")
    yield figures(
        "asymmetries",
        asymmetries_along_q_squared(study.theory, study.asymmetries, vetoes=vetoes),
        "A_FB and S₅ along q²; lines are the theory before any detector. From 8.9 to 14 GeV² it "
        "is a smooth continuation without its resonances.",
    )


@styled
def efficiency_curves(
    figure: Figure,
    efficiencies: Mapping[str, Efficiency],
    overall: Measured | None = None,
    *,
    vetoes: Sequence[tuple[float, float]] = (),
) -> None:
    """Efficiency against each variable, with Wilson's 68 % intervals; the line is that of all events.

    ``vetoes``: of q², shaded.
    """
    not_empty(efficiencies)
    panels = row_of_panels(figure, efficiencies, 2.6, sharey=True)
    highest = 0.0
    for axes, (name, curve) in zip(panels, efficiencies.items(), strict=True):
        share, low, high = curve.wilson()
        if overall is not None:
            axes.axhline(overall.value, color=MUTED, lw=0.9, ls=(0, (2, 2)), zorder=1)
        if name == "q_squared":
            _shade(axes, vetoes)
        axes.errorbar(
            (curve.edges[:-1] + curve.edges[1:]) / 2,
            share,
            [np.maximum(share - low, 0), np.maximum(high - share, 0)],
            np.diff(curve.edges) / 2,
            fmt="o",
            ms=2.4,
            lw=1,
            color=SIGNAL,
        )
        highest = max(highest, float(np.nanmax(high)))
        axes.set_xlim(curve.edges[0], curve.edges[-1])
        variable_axis(axes.xaxis, name)
        axes.grid(axis="y")
    panels[0].set_ylim(0, min(1.15 * highest, 1.02))
    panels[0].set_ylabel("efficiency")
    if overall is not None:
        panels[0].set_title(f"all: {overall}", color=MUTED)


@styled
def resolution_histograms(
    figure: Figure, differences: Mapping[str, ArrayLike], widths: Mapping[str, Measured]
) -> None:
    """Reconstructed − true value of each variable, with the 68 % width and a Gaussian of that width.

    Parameters
    ----------
    differences
        By variable, in its unit, shape ``(n_events,)``; the axes reach ± 6 widths, and the title says
        how much lies beyond. Widths below 0.02 are shown in thousandths.
    widths
        Half widths of the central 68.3 %.
    """
    not_empty(differences)
    panels = row_of_panels(figure, differences, 2.9, sharey=True)
    for axes, (name, values) in zip(panels, differences.items(), strict=True):
        width = widths[name]
        scale = 1e3 if width.value < 0.02 else 1.0
        value = scale * np.asarray(values, dtype=np.float64)
        core = scale * width.value
        edges = np.linspace(-6 * core, 6 * core, 61)
        counts, _ = np.histogram(value, edges)
        density = counts / (len(value) * np.diff(edges)) * core  # per width: all panels share the axis
        fine = np.linspace(edges[0], edges[-1], 300)
        axes.axvspan(-core, core, color=RULE, lw=0)
        axes.plot(fine, norm.pdf(fine / core), color=MUTED, lw=1, ls=(0, (2, 2)))
        axes.stairs(density, edges, color=SIGNAL, lw=1.3)
        unit = UNITS.get(name, "")
        shown = {1.0: unit, 1e3: {"": "10⁻³", "rad": "mrad"}.get(unit, f"10⁻³ {unit}")}[scale]
        axes.set_xlabel(f"reco − true {SYMBOLS.get(name, name)}" + (f" [{shown}]" if shown else ""))
        beyond = float(np.mean(np.abs(value) > edges[-1]))
        number = Measured(scale * width.value, scale * width.se)
        axes.set_title(f"68 %: ± ({number}) {shown}\n{100 * beyond:.1f} % beyond the axis", fontsize=8)
        axes.set_xlim(edges[0], edges[-1])
        axes.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))
    panels[0].set(yscale="log", ylim=(1e-4, 1.0), ylabel="density per 68 % width")


@styled
def asymmetries_along_q_squared(
    figure: Figure,
    theory: Mapping[float, TheoryCurves],
    measured: Mapping[str, Mapping[float, Asymmetries]],
    *,
    vetoes: Sequence[tuple[float, float]] = VETOES,
    smooth: tuple[float, float] | None = SMOOTH,
) -> None:
    """A_FB and S_5 against q² for several ΔC9: theory as lines, events as points, a column per level.

    Parameters
    ----------
    theory
        By ΔC9; that of the generator is drawn beside all events.
    measured
        By level of realism, then by ΔC9; bins without events are left out.
    vetoes
        Ranges of q² [GeV²], shaded.
    smooth
        Range of q² [GeV²] that is marked as free of resonances, which nature has there.

    Raises
    ------
    InputError
        If there is nothing to draw, or events at a ΔC9 that the theory is not given at.
    """
    not_empty(list(theory))
    not_empty(measured)
    values = sorted(theory)
    for of_level in measured.values():
        if not set(of_level) <= set(theory):
            raise InputError(f"events at ΔC9 = {sorted(of_level)}", f"those of the theory, {values}")
    figure.set_size_inches(min(9.4, 4.2 * len(measured) + 1.0), 5.8)
    grid = figure.subplots(2, len(measured), sharex=True, sharey="row", squeeze=False)
    for column, (level, of_level) in zip(grid.T, measured.items(), strict=True):
        for axes, name, label in zip(column, ("afb", "s5"), (r"$A_\mathrm{FB}$", "$S_5$"), strict=True):
            _shade(axes, vetoes)
            axes.axhline(0, color=MUTED, lw=0.7)
            for k, value in enumerate(values):
                colour = COLOURS[k % len(COLOURS)]
                axes.plot(theory[value].q_squared, getattr(theory[value], name), color=colour, lw=1)
                if value in of_level:
                    points = of_level[value]
                    centre = (points.edges[:-1] + points.edges[1:]) / 2
                    axes.errorbar(
                        centre + 0.1 * (k - (len(values) - 1) / 2),
                        getattr(points, name),
                        getattr(points, f"{name}_se"),
                        fmt=_MARKERS[k % len(_MARKERS)],
                        ms=3,
                        lw=1,
                        color=colour,
                    )
            axes.set_ylabel(label if level == next(iter(measured)) else "")
        column[0].set_title(level)
        variable_axis(column[1].xaxis, "q_squared")
    if smooth is not None:
        for axes in grid[0]:
            axes.plot(smooth, (0.03, 0.03), color=INK, lw=1.6, transform=axes.get_xaxis_transform())
            axes.annotate(
                "no resonances",
                (np.mean(smooth), 0.03),
                (0, 3),
                xycoords=axes.get_xaxis_transform(),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
            )
    keys: list[Any] = [
        Line2D([], [], color=COLOURS[k % len(COLOURS)], marker=_MARKERS[k % len(_MARKERS)], ms=3, lw=1)
        for k in range(len(values))
    ]
    texts = [rf"$\Delta C_9$ = {value:g}".replace("-", "−") for value in values]
    figure.legend([*keys, Patch(color=RULE)], [*texts, "veto"], loc="outside upper left", ncols=6)


def _shade(axes: Axes, vetoes: Sequence[tuple[float, float]]) -> None:
    for low, high in vetoes:
        axes.axvspan(low, high, color=RULE, lw=0, zorder=0)
