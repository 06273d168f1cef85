"""One figure of a page, by its name: drawn alone, and no file written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from hepsets.core.errors import InputError
from hepsets.report.page import Drawing, FigureFiles
from hepsets.report.style import mark_simulation


class _Found(Exception):  # noqa: N818 (it is no error)
    def __init__(self, figure: Figure) -> None:
        super().__init__()
        self.figure = figure


class _Sought(FigureFiles):
    """Takes the figures that a page draws, and stops it at the one that is sought."""

    def __init__(self, name: str | None, seen: list[str], simulation: bool = False) -> None:
        self.name, self.seen, self.simulation = name, seen, simulation

    def of_simulation(self) -> FigureFiles:
        """The same, with "simulation" written over each figure."""
        return _Sought(self.name, self.seen, True)

    def __call__(self, name: str, figure: Figure, caption: str) -> Drawing:
        """Nothing but a caption."""
        self.seen.append(name)
        if self.name in (name, None):
            if self.simulation:
                mark_simulation(figure)
            raise _Found(figure)
        return Drawing("", caption)


def one_figure(draw: Callable[[FigureFiles], Any], name: str | None = None) -> Figure:
    """A figure of a page.

    Parameters
    ----------
    draw
        Draws the page with what takes its figures.
    name
        Of the figure; that of its files in ``figures/``, without the ending. The first by default.

    Returns
    -------
    Figure
        Of no global state: a notebook shows it, ``savefig`` writes it.

    Raises
    ------
    InputError
        If the page has no such figure; it names those that there are.
    """
    seen: list[str] = []
    try:
        draw(_Sought(name, seen))
    except _Found as found:
        return found.figure
    raise InputError(
        "a page without figures" if name is None else f"no figure {name!r}",
        f"one of {', '.join(seen)}" if seen else "a page that has any",
    )
