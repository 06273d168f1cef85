"""The report of a run: kept as data, drawn as a page, and drawn again from what was kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hepsets.core.config import to_toml
from hepsets.core.errors import InputError
from hepsets.core.kept import keep, read_kept
from hepsets.core.run import read_result
from hepsets.report.page import FigureFiles, Listing, Page, Section, write_page

Result = TypeVar("Result")

STEM = "report"
"""What a run keeps for its page is in ``report.json`` and ``report.npz``, the page in ``report.html``."""


def report(result: Result, make_page: Callable[[Result, FigureFiles], Page], folder: Path) -> None:
    """Keep what a run found, and write its page and figures from what was kept.

    Parameters
    ----------
    result
        A dataclass as :func:`~hepsets.core.kept.keep` takes it.
    make_page
        Draws a result.
    folder
        The run's.
    """
    keep(folder / STEM, result)
    _draw(read_kept(folder / STEM, type(result)), make_page, folder)


def page_of(analysis: Any) -> Callable[[Any, FigureFiles], Page]:
    """How an analysis draws a result: its own ``make_page``, or its ``sections`` under its name."""
    own: Callable[[Any, FigureFiles], Page] | None = getattr(analysis, "make_page", None)
    if own is not None:
        return own

    def make_page(result: Any, figures: FigureFiles) -> Page:
        config = result.config
        return Page(
            title=analysis.name.replace("-", " ").capitalize(),
            summary=analysis.question,
            facts=(("scale", str(config.scale)), ("seed", str(config.seed))),
            sections=(
                *analysis.sections(result, figures),
                Section("Configuration", (Listing("config.toml", to_toml(config)),)),
            ),
        )

    return make_page


def redraw(folder: str | Path, analysis: Callable[[str], Any]) -> Path:
    """Draw page and figures of a finished run again; nothing else is read or computed.

    Parameters
    ----------
    folder
        Of the run.
    analysis
        Gives the module of an analysis by its name: it has ``Result``, and what :func:`page_of` needs.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If this is not the folder of a finished run, or that of an older version.
    """
    folder = Path(folder)
    module = analysis(read_result(folder)["analysis"])
    if not (folder / f"{STEM}.json").is_file():
        raise InputError(
            f"{folder} is a run of an older version, without {STEM}.json",
            "a run that kept what its report shows",
            f"repeat it with --config {folder / 'config.toml'}",
        )
    _draw(read_kept(folder / STEM, module.Result), page_of(module), folder)
    return folder / f"{STEM}.html"


def _draw(result: Any, make_page: Callable[[Any, FigureFiles], Page], folder: Path) -> None:
    (folder / "figures").mkdir(exist_ok=True)
    figures = FigureFiles(folder / "figures")
    page = make_page(result, figures)
    figures.wait()
    write_page(folder / f"{STEM}.html", page)
