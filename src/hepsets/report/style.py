"""The house style of figures: colours, markers and lines of models, and how a figure is made and saved."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hepsets.core.errors import InputError

Array = NDArray[np.float64]


P = ParamSpec("P")


# Neutral colours; report.page turns exactly these into the page's light or dark ones
INK = "#15191e"


MUTED = "#6a727c"


RULE = "#d5d9de"


PAPER = "#fffffe"


# Mid-tones that hold on white and on black; the first eight are apart from one another for all common kinds
# of colour vision (after Okabe and Ito, 2008, without its yellow and with its light tones darkened), those
# after them by dash and marker as well
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#b5508c", "#a87900", "#3b9bd9", "#7a5cc7", "#8c6d5a"),
    *("#c4314b", "#6f7d1c", "#1c8a99"),
)


_APART = 8


_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.6)), (0, (1.2, 1.2)))


_MARKERS = ("o", "s", "^")


_LIMIT_DASH = (0, (6, 2))


_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "none",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "mathtext.fontset": "dejavusans",
    "svg.hashsalt": "hepsets",
}


@dataclass(frozen=True)
class Style:
    """How one model is drawn in every figure."""

    colour: str
    dash: Any
    marker: str


def model_styles(names: Sequence[str]) -> dict[str, Style]:
    """A colour, dash and marker for each model, by its place in ``names``."""
    return {
        name: Style(
            COLOURS[i % len(COLOURS)],
            _DASHES[i // _APART % len(_DASHES)],
            _MARKERS[i // _APART % len(_MARKERS)],
        )
        for i, name in enumerate(names)
    }


def house_style() -> AbstractContextManager[None]:
    """The settings under which figures are drawn and must be saved."""
    return mpl.rc_context(_STYLE)


def save(figure: Figure, path: str | Path, form: str | None = None) -> None:
    """Save a figure on white paper, as ``form`` (``"png"``, say), or as the ending of ``path`` says."""
    with house_style():
        figure.savefig(path, format=form, facecolor="white", dpi=160)


def mark_simulation(figure: Figure) -> None:
    """Write "simulation" over the top right panel of a figure, above its title if it has one."""
    placed = [(axes, axes.get_subplotspec()) for axes in figure.axes]
    top = [(axes, place) for axes, place in placed if place is not None and place.rowspan.start == 0]
    if not top:
        return
    axes, _ = max(top, key=lambda one: one[1].colspan.stop)
    titles = [title for loc in ("left", "center", "right") if (title := axes.get_title(loc=loc))]
    lines = max((title.count("\n") + 1 for title in titles), default=0)
    with house_style():
        axes.annotate(
            "simulation", (1, 1), xytext=(0, 5 + 11.5 * lines),
            xycoords="axes fraction", textcoords="offset points",
            ha="right", color=MUTED, fontstyle="italic", fontsize=8,
        )  # fmt: skip


class ShownFigure(Figure):
    """A figure that a notebook shows, whether or not pyplot was imported."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with house_style():
            self.savefig(buffer, format="png", dpi=100, facecolor="white")
        return buffer.getvalue()


def styled(draw: Callable[Concatenate[Figure, P], None]) -> Callable[P, Figure]:
    """Turn a function that draws on a figure into one that returns it, drawn in the house style."""

    @functools.wraps(draw)
    def figure(*args: P.args, **options: P.kwargs) -> Figure:
        with house_style():
            drawn = ShownFigure()
            draw(drawn, *args, **options)
            return drawn

    return figure


def model_panels(
    figure: Figure,
    models: Mapping[str, Any],
    x_label: str,
    y_label: str,
    *,
    sharex: bool = True,
    sharey: bool = False,
) -> list[tuple[Axes, tuple[str, Any]]]:
    """One small panel per model, axis labels at the rim only."""
    not_empty(models)
    columns = min(4, len(models))
    rows = -(-len(models) // columns)
    figure.set_size_inches(2.35 * columns + 0.4, 1.95 * rows + 0.3)
    grid = figure.subplots(rows, columns, sharex=sharex, sharey=sharey, squeeze=False)
    panels = list(zip(grid.flat, models.items(), strict=False))
    for axes in list(grid.flat)[len(models) :]:
        axes.remove()
    for i, (axes, _) in enumerate(panels):
        if i + columns >= len(models):
            axes.set_xlabel(x_label)
            axes.tick_params(labelbottom=True)
        if i % columns == 0:
            axes.set_ylabel(y_label)
    return panels


def not_empty(content: Mapping[str, Any] | Sequence[Any]) -> None:
    """Refuse to draw nothing.

    Raises
    ------
    InputError
        If there is no entry.
    """
    if not content:
        raise InputError("nothing to draw", "at least one entry")


def p_text(p: float) -> str:
    """A p-value for a title: two decimals, a power of ten below 0.01, or that it is next to nothing."""
    if p >= 0.01:
        return f"= {p:.2f}"
    if p < 1e-99:
        return "< $10^{-99}$"
    return f"= {power_label(p)}"


def power_label(value: float) -> str:
    r"""A number by a power of ten, one digit before it, for a figure's label.

    Examples
    --------
    >>> print(power_label(8.3e-7))
    $8 \cdot 10^{-7}$
    """
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"${mantissa} \\cdot 10^{{{int(exponent)}}}$"
