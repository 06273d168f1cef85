"""Figures of mass fits: the spectrum with its components and pulls, and the pulls of toys."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.stats import chi2, norm

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.record import MassFit
from hepsets.evaluate.fits.toys import ToyStudy
from hepsets.report.style import COLOURS, INK, MUTED, RULE, Array, styled

_CURVE = 600
_DASHES = ((0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1)))
_ONE_SIGMA = 0.6827


@styled
def mass_fit_figure(figure: Figure, result: MassFit, label: str, *, bins: int = 60) -> None:
    """Events with their fit, its components, and below (events − fit)/error; a panel for each category.

    Parameters
    ----------
    result
        The fit; where it is blinded, nothing is drawn in the region.
    label
        What the mass is called.
    bins
        In the range.
    """
    categories = result.fit.model.categories
    columns = min(3, len(categories))
    rows = -(-len(categories) // columns)
    figure.set_size_inches(6.4 if columns == 1 else 4.1 * columns, 4.7 * rows)
    grid = figure.subplots(2 * rows, columns, squeeze=False, sharex=True, height_ratios=[3.2, 1] * rows)
    for c in range(rows * columns):
        row, column = divmod(c, columns)
        above, below = grid[2 * row, column], grid[2 * row + 1, column]
        if c >= len(categories):
            above.remove()
            below.remove()
            continue
        _spectrum(above, below, result, c, bins, written=column == 0)
        below.set_xlabel(f"{label} [GeV]")
        below.tick_params(labelbottom=True)
        if c == 0:
            _legend(above, result)
        if categories[c]:
            above.set_title(f"category {categories[c]}")


def _spectrum(above: Axes, below: Axes, result: MassFit, category: int, bins: int, *, written: bool) -> None:
    model, values, spectrum = result.fit.model, result.fit.values, result.spectrum
    name = model.categories[category]
    mass = spectrum.masses[name]
    weights = None if spectrum.weights is None else spectrum.weights[name]
    edges = np.linspace(model.window.low, model.window.high, bins + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    counts = np.histogram(mass, edges, weights=weights)[0].astype(np.float64)
    expected = model.expected(values, category, edges)
    if weights is None:
        low, high = _poisson(counts)
        error = np.sqrt(np.maximum(expected, 1e-9))
    else:
        error = np.sqrt(np.histogram(mass, edges, weights=weights**2)[0])
        low = high = error
    seen = np.ones(bins, dtype=bool)
    if result.blinding is not None:
        hidden = result.blinding.region
        seen = (edges[1:] <= hidden.low) | (edges[:-1] >= hidden.high)
        for axes in (above, below):
            axes.axvspan(hidden.low, hidden.high, color=RULE, alpha=0.6, lw=0)
    above.errorbar(
        middle[seen], counts[seen], [low[seen], high[seen]],
        fmt="o", ms=2.6, lw=0.8, color=INK, label="events", zorder=5,
    )  # fmt: skip
    _curves(above, result, category, bins)
    pull = (counts - expected) / np.where(error > 0, error, np.inf)
    below.axhspan(-2, 2, color=RULE, alpha=0.45, lw=0)
    below.axhline(0, color=MUTED, lw=0.8)
    below.bar(middle[seen], pull[seen], np.diff(edges)[seen], color=COLOURS[0], lw=0)
    most = max(4.0, 1.1 * float(np.abs(pull[seen]).max(initial=0)))
    below.set(xlim=(edges[0], edges[-1]), ylim=(-most, most))
    below.xaxis.set_major_locator(MaxNLocator(6))
    top = float(np.max(np.where(seen, np.maximum(counts + high, expected), 0)))
    above.set_ylim(min(0.0, 1.1 * float(counts.min())), 1.18 * top)
    if written:
        step = 1e3 * float(edges[1] - edges[0])
        above.set_ylabel(f"{'weighted ' if weights is not None else ''}events / ({step:.3g} MeV)")
        below.set_ylabel("pull")


def _curves(axes: Axes, result: MassFit, category: int, bins: int) -> None:
    """Total and components, in events per bin; not in a blinded region."""
    model, values = result.fit.model, result.fit.values
    points = np.linspace(model.window.low, model.window.high, _CURVE)
    scale = model.window.width / bins
    parts = [
        values[place.count] * model.density(values, category, k, points) * scale
        for k, place in enumerate(model.places[category])
    ]
    drawn = np.ones(_CURVE)
    if result.blinding is not None:
        hidden = result.blinding.region
        drawn[(points > hidden.low) & (points < hidden.high)] = np.nan
    axes.plot(points, sum(parts) * drawn, color=INK, lw=1.5, label="fit")
    for k, (component, part) in enumerate(zip(model.components, parts, strict=True)):
        name = component.name.replace("_", " ")
        if k == 0:
            axes.fill_between(points, part * drawn, color=COLOURS[0], alpha=0.25, lw=0, label=name)
            continue
        axes.plot(
            points, part * drawn, color=COLOURS[k % len(COLOURS)], lw=1.3, ls=_DASHES[(k - 1) % 4], label=name
        )


def _legend(axes: Axes, result: MassFit) -> None:
    """Names of what is drawn under the numbers of the fit, on the side where the peak is not."""
    told = [
        f"signal {result.signal}",
        f"mean {1e3 * result.mean.value:.2f} ± {1e3 * result.mean.se:.2f} MeV",
        f"width {1e3 * result.fit.sigma().value:.2f} ± {1e3 * result.fit.sigma().se:.2f} MeV",
    ]
    if result.blinding is not None:
        told = [f"{line} (blinded)" if k < 2 else line for k, line in enumerate(told)]
    if result.goodness.chi2 is not None:
        told.append(f"χ²/ndf {result.goodness.chi2:.1f}/{result.goodness.ndf}")
    window, hidden = result.fit.model.window, result.blinding
    peak = result.mean.value if hidden is None else 0.5 * (hidden.region.low + hidden.region.high)
    handles, names = axes.get_legend_handles_labels()
    axes.legend(
        [handles[-1], *handles[:-1]],
        [names[-1], *names[:-1]],
        loc="upper right" if peak < 0.5 * (window.low + window.high) else "upper left",
        title="\n".join(told),
        title_fontsize=8,
        alignment="left",
        handlelength=2.2,
    )


def _poisson(counts: Array) -> tuple[Array, Array]:
    """Lengths of the central 68.27 % intervals of Poisson means (Garwood 1936) below and above counts."""
    tail = (1 - _ONE_SIGMA) / 2
    lower = np.where(counts > 0, chi2.ppf(tail, 2 * np.maximum(counts, 1)) / 2, 0.0)
    upper = chi2.ppf(1 - tail, 2 * (counts + 1)) / 2
    return counts - lower, upper - counts


@styled
def toy_figure(figure: Figure, toys: ToyStudy) -> None:
    """Pulls of what was watched in toys, with the normal distribution that they should have.

    Parameters
    ----------
    toys
        The toys.

    Raises
    ------
    InputError
        If nothing was watched.
    """
    if not toys.parameters:
        raise InputError("toys that watched nothing", "at least one parameter")
    shown = toys.parameters[:6]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure.set_size_inches(3.6 * columns + 0.4, 3.1 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).flat
    edges = np.linspace(-4, 4, 33)
    points = np.linspace(-4, 4, 200)
    for axes, parameter, pulls in zip(panels, shown, toys.pulls, strict=False):
        counts = np.histogram(np.clip(pulls, -3.999, 3.999), edges)[0]
        axes.stairs(counts, edges, fill=True, color=COLOURS[0], alpha=0.35)
        axes.plot(points, toys.count * np.diff(edges)[0] * norm.pdf(points), color=INK, lw=1.2)
        axes.set(xlabel=f"pull of {parameter.name}", xlim=(-4, 4), ylim=(0, 1.45 * max(counts.max(), 1)))
        axes.text(
            0.03,
            0.97,
            f"mean {parameter.pull_mean}\nwidth {parameter.pull_width}\nMINOS covers {parameter.coverage}",
            transform=axes.transAxes,
            va="top",
            fontsize=8,
            linespacing=1.5,
        )
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    for axes in panels:
        axes.remove()
    figure.axes[0].set_ylabel("toys")
