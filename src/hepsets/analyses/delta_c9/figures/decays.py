"""The figures of B→K*⁰μ⁺μ⁻ events: detector, observables and images.

Style and helpers are those of :mod:`hepsets.report.figures`; what is inferred from the events is
drawn by :mod:`hepsets.analyses.delta_c9.figures.predictions`, background by
:mod:`hepsets.analyses.delta_c9.figures.background`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from hepsets.analyses.delta_c9.detector import Efficiency, TheoryCurves
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.generate.kstmumu.observables import Asymmetries
from hepsets.report.style import COLOURS, INK, MUTED, RULE, not_empty, styled

SYMBOLS: Mapping[str, str] = {
    "q_squared": r"$q^2$",
    "costheta_mu": r"$\cos\theta_\mu$",
    "costheta_K": r"$\cos\theta_K$",
    "chi": r"$\chi$",
}
"""Labels without unit of the four variables."""

UNITS: Mapping[str, str] = {"q_squared": "GeV²", "chi": "rad"}

VETOES = WINDOWS["0-20"].vetoes
SMOOTH = (8.9, 14.0)
"""Where the theory is a smooth continuation without its charmonium resonances [GeV²]."""

_MARKERS = ("o", "s", "^", "D", "v")
SIGNAL, BACKGROUND = COLOURS[0], COLOURS[1]


# -- detector ----------------------------------------------------------------------------------------


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
    panels = _row_of_panels(figure, efficiencies, 2.6, sharey=True)
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
    panels = _row_of_panels(figure, differences, 2.9, sharey=True)
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
        Shaded.
    smooth
        Range that is marked as free of resonances, which nature has there.
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


# -- images --------------------------------------------------------------------------------------------

_PLANES = ((0, 1), (0, 2), (1, 2))
_ANGLES = ("costheta_mu", "costheta_K", "chi")
_RANGES = ((-1.0, 1.0), (-1.0, 1.0), (-np.pi, np.pi))


@styled
def example_images(figure: Figure, images: Mapping[float, NDArray[np.floating[Any]]]) -> None:
    """Images of the angles: one slice, and the mean along each axis; a row for each ΔC9.

    Parameters
    ----------
    images
        By ΔC9: mean standardised q² in bins of (cosθ_μ, cosθ_K, χ), empty bins 0 (they show the
        paper), shape ``(n, n, n)``.
    """
    not_empty(list(images))
    for image in images.values():
        if image.ndim != 3:
            raise InputError(f"an image of shape {image.shape}", "three axes")
    figure.set_size_inches(9.4, 2.25 * len(images) + 0.7)
    grid = figure.subplots(len(images), 4, squeeze=False, sharex="col", sharey="col")
    maps = {
        value: [image[:, :, image.shape[2] // 2], *(image.mean(axis=3 - i - j) for i, j in _PLANES)]
        for value, image in images.items()
    }
    blue, orange = to_rgba(COLOURS[0]), to_rgba(COLOURS[1])
    stops = (0.0, blue), (0.5, (*blue[:3], 0.0)), (0.5, (*orange[:3], 0.0)), (1.0, orange)
    colours = LinearSegmentedColormap.from_list("standardised q2", stops)
    norms = []
    for columns in ([0], [1, 2, 3]):
        flat = np.concatenate([np.abs(of_one[c]).ravel() for of_one in maps.values() for c in columns])
        filled = flat[flat > 0]
        norms.append(Normalize(*(np.quantile(filled, 0.99) * np.array([-1, 1]) if filled.size else (-1, 1))))
    for r, (row, (value, of_one)) in enumerate(zip(grid, maps.items(), strict=True)):
        for c, (axes, shown, (i, j)) in enumerate(zip(row, of_one, ((0, 1), *_PLANES), strict=True)):
            extent = (*_RANGES[i], *_RANGES[j])
            axes.imshow(
                shown.T,
                origin="lower",
                extent=extent,
                aspect="auto",
                cmap=colours,
                norm=norms[min(c, 1)],
                interpolation="nearest",
            )
            variable_axis(axes.yaxis, _ANGLES[j])
            variable_axis(axes.xaxis, _ANGLES[i])
            if r < len(grid) - 1:
                axes.set_xlabel("")
            if r == 0:
                left_out = SYMBOLS[_ANGLES[3 - i - j]]
                axes.set_title(f"slice at {left_out} = 0" if c == 0 else f"mean over {left_out}")
        row[0].annotate(
            rf"$\Delta C_9$ = {value:g}".replace("-", "−"),
            (-0.42, 0.5),
            xycoords="axes fraction",
            rotation=90,
            va="center",
            ha="right",
            fontsize=9,
        )
    for panels, scale, label in (
        (grid[:, :1], norms[0], "standardised $q^2$"),
        (grid[:, 1:], norms[1], "mean standardised $q^2$, empty bins as 0"),
    ):
        bar = figure.colorbar(
            ScalarMappable(scale, colours),
            ax=list(panels.flat),
            location="bottom",
            fraction=0.05,
            aspect=14 if panels.shape[1] == 1 else 40,
            pad=0.02,
        )
        bar.set_label(label)
        bar.outline.set_visible(False)
        bar.ax.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))


# -- inside --------------------------------------------------------------------------------------------


def variable_axis(axis: Axis, name: str) -> None:
    """Label an axis by its variable with unit, with ticks that suit it."""
    symbol = SYMBOLS.get(name, name)
    axis.set_label_text(f"{symbol} [{UNITS[name]}]" if name in UNITS else symbol)
    if name == "chi":
        axis.set_ticks([-np.pi, 0, np.pi], ["−π", "0", "π"])
    elif name.startswith("costheta"):
        axis.set_ticks([-1, -0.5, 0, 0.5, 1], ["−1", "−0.5", "0", "0.5", "1"])
    else:
        axis.set_major_locator(MaxNLocator(5, integer=True))


def _row_of_panels(figure: Figure, content: Mapping[str, Any], height: float, *, sharey: bool) -> list[Axes]:
    figure.set_size_inches(min(9.4, 2.3 * len(content) + 0.4), height)
    return list(figure.subplots(1, len(content), sharey=sharey, squeeze=False)[0])
