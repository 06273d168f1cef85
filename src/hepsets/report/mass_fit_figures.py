"""Figures of mass fits: the spectrum with its components and pulls, and the pulls of toys."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.stats import norm

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.picture import FitPicture, Panel, picture_of
from hepsets.evaluate.fits.record import MassFit
from hepsets.evaluate.fits.toys import ToyStudy
from hepsets.report.style import COLOURS, INK, MUTED, RULE, styled

_DASHES = ((0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1)))


def mass_fit_figure(result: MassFit, label: str, *, bins: int = 60) -> Figure:
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
    return fit_picture_figure(picture_of(result, bins), label)


@styled
def fit_picture_figure(
    figure: Figure,
    picture: FitPicture,
    label: str,
    *,
    titles: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """The same of a fit that was kept as :func:`~hepsets.evaluate.fits.picture.picture_of` gives it.

    The numbers of the fit are written above it, the names of what is drawn below it.

    Parameters
    ----------
    picture
        What is drawn.
    label
        What the mass is called.
    titles
        Of the panels, by their categories.
    names
        Of components, by what the model calls them.
    """
    panels = picture.panels
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure.set_size_inches(6.4 if columns == 1 else 3.6 * columns, 4.6 * rows + 0.4)
    grid = figure.subplots(2 * rows, columns, squeeze=False, sharex=True, height_ratios=[3.2, 1] * rows)
    for c in range(rows * columns):
        row, column = divmod(c, columns)
        above, below = grid[2 * row, column], grid[2 * row + 1, column]
        if c >= len(panels):
            above.remove()
            below.remove()
            continue
        _spectrum(above, below, picture, panels[c], written=column == 0)
        below.set_xlabel(f"{label} [GeV]")
        below.tick_params(labelbottom=True)
        if panels[c].name:
            above.set_title((titles or {}).get(panels[c].name, f"category {panels[c].name}"))
    _numbers_and_names(figure, picture, names or {}, columns)


def _spectrum(above: Axes, below: Axes, picture: FitPicture, panel: Panel, *, written: bool) -> None:
    edges = picture.edges
    middle = 0.5 * (edges[1:] + edges[:-1])
    seen = np.isfinite(panel.counts)
    drawn = seen & ((panel.counts != 0) | picture.weighted)  # empty bins have no point, but their pull
    if picture.hidden is not None:
        for axes in (above, below):
            axes.axvspan(picture.hidden.low, picture.hidden.high, color=RULE, alpha=0.6, lw=0)
    above.errorbar(
        middle[drawn], panel.counts[drawn], [panel.below[drawn], panel.above[drawn]],
        fmt="o", ms=2.6, lw=0.8, color=INK, label="events", zorder=5,
    )  # fmt: skip
    _curves(above, picture, panel)
    pull = panel.pulls[seen]
    below.axhspan(-2, 2, color=RULE, alpha=0.45, lw=0)
    below.axhline(0, color=MUTED, lw=0.8)
    below.bar(middle[seen], pull, np.diff(edges)[seen], color=COLOURS[0], lw=0)
    most = max(4.0, 1.1 * float(np.abs(pull).max(initial=0)))
    below.set(xlim=(edges[0], edges[-1]), ylim=(-most, most))
    below.xaxis.set_major_locator(MaxNLocator(6))
    top = float(np.maximum(panel.counts + panel.above, panel.expected)[seen].max(initial=0))
    parts = panel.parts[np.isfinite(panel.parts)]  # a yield may be negative
    least = min(float(panel.counts[seen].min(initial=0)), float(parts.min(initial=0)))
    above.set_ylim(1.1 * least, 1.1 * top)
    if written:
        step = 1e3 * float(edges[1] - edges[0])
        above.set_ylabel(f"{'weighted ' if picture.weighted else ''}events / ({step:.3g} MeV)")
        below.set_ylabel("pull")


def _curves(axes: Axes, picture: FitPicture, panel: Panel) -> None:
    """Total and components, in events per bin."""
    axes.plot(picture.points, panel.parts.sum(axis=0), color=INK, lw=1.5, label="fit")
    for k, (component, part) in enumerate(zip(picture.components, panel.parts, strict=True)):
        name = component.replace("_", " ")
        if k == 0:
            axes.fill_between(picture.points, part, color=COLOURS[0], alpha=0.25, lw=0, label=name)
            continue
        colour, dashes = COLOURS[k % len(COLOURS)], _DASHES[(k - 1) % 4]
        axes.plot(picture.points, part, color=colour, lw=1.3, ls=dashes, label=name)


def _numbers_and_names(figure: Figure, picture: FitPicture, names: Mapping[str, str], columns: int) -> None:
    """The numbers of the fit above all panels, and below them the names of what is drawn in each."""
    told, half = picture.told, (len(picture.told) + 1) // 2
    lines = [told] if columns > 1 else [told[:half], told[half:]]
    figure.suptitle("\n".join("    ".join(line) for line in lines), x=0.01, ha="left", fontsize=8)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    shown = [names.get(label, label) for label in labels]
    figure.legend(
        [handles[-1], *handles[:-1]],
        [shown[-1], *shown[:-1]],
        loc="outside lower center",
        ncols=4 if columns == 1 else 8,
        handlelength=2.2,
    )


@styled
def toy_figure(figure: Figure, toys: ToyStudy, names: Mapping[str, str] | None = None) -> None:
    """Pulls of what was watched in toys, with the normal distribution that they should have.

    Parameters
    ----------
    toys
        The toys.
    names
        Of parameters, by what the model calls them.

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
    for parameter, pulls, axes in zip(shown, toys.pulls, panels, strict=False):  # takes no panel too many
        counts = np.histogram(np.clip(pulls, -3.999, 3.999), edges)[0]
        axes.stairs(counts, edges, fill=True, color=COLOURS[0], alpha=0.35)
        axes.plot(points, toys.count * np.diff(edges)[0] * norm.pdf(points), color=INK, lw=1.2)
        name = (names or {}).get(parameter.name, parameter.name)
        axes.set(xlabel=f"pull of {name}", xlim=(-4, 4), ylim=(0, 1.45 * max(counts.max(), 1)))
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
