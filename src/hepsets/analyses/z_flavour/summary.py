"""The tables of a run, on the terminal and as markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hepsets.analyses.z_flavour.about import TREES
from hepsets.analyses.z_flavour.comparison import CellResult, ModelResult
from hepsets.analyses.z_flavour.result import Result
from hepsets.core.measured import Measured

TITLES = {
    "published": "As published: the coursework's features, seeded vertices, true kinds",
    "seeded": "The same events with proper features",
    "found": "Found vertices, counted clusters and time of flight",
    "unidentified": "The same without clusters and time of flight",
    "hemispheres": "Hemispheres",
    "jets": "Hemispheres as jets of FCCAnalyses",
}
"""What each comparison is called."""

SHOWN = (("b", "c", 0.01), ("c", "b", 0.01), ("c", "ud", 0.01), ("s", "ud", 0.1))
"""Working points of the tables: flavour, against, mis-identification."""

HEADINGS = (
    "model",
    "parameters",
    "passes",
    "accuracy",
    "of b, c, s",
    *(f"{a} at {100 * m:g} % {b}" for a, b, m in SHOWN),
    "training [s]",
)


def rows_of(cell: CellResult) -> Iterator[tuple[str, ...]]:
    """The table of one comparison under :data:`HEADINGS`, in per cent; rounds of trees are passes."""
    for model in cell.models:
        of_three = model.quality.get(3)
        own = model.quality[max(model.quality)]
        yield (
            model.name,
            str(model.parameters),
            str(len(model.history.train)),
            per_cent(own.accuracy),
            "" if of_three is None or of_three is own else per_cent(of_three.accuracy),
            *(_point(model, *shown) for shown in SHOWN),
            f"{model.seconds:.0f}",
        )


def not_converged(cell: CellResult) -> str:
    """Which networks were best after their last pass, as a sentence; empty if none.

    More passes might have lowered their losses further.
    """
    names = [
        model.name
        for model in cell.models
        if model.name != TREES and model.history.best == len(model.history.train) - 1
    ]
    if not names:
        return ""
    return (
        f"Not converged: the validation loss was least after the last pass for {', '.join(names)}; "
        "more passes may do better."
    )


def per_cent(value: Measured, digits: int = 2) -> str:
    """A share and its error, in per cent without the sign."""
    return f"{100 * value.value:.{digits}f} ± {100 * value.se:.{digits}f}"


def _point(model: ModelResult, flavour: str, against: str, mistag: float) -> str:
    for point in model.points:
        if point.pair == (flavour, against, mistag):
            return per_cent(point.measured, 1)
    return ""


def print_summary(result: Result) -> None:
    """The tables of all comparisons."""
    console = Console()
    for name, cell in result.cells.items():
        table = Table(*HEADINGS, box=SIMPLE_HEAD, title=f"{TITLES[name]} (per cent)")
        for row in rows_of(cell):
            table.add_row(*row)
        console.print(table)


def markdown(result: Result) -> str:
    """The same as markdown."""
    parts = []
    for name, cell in result.cells.items():
        lines = [
            f"**{TITLES[name]}** (per cent)",
            "",
            f"| {' | '.join(HEADINGS)} |",
            "|---" * len(HEADINGS) + "|",
        ]
        parts.append("\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows_of(cell))]))
        if told := not_converged(cell):
            parts.append(told)
    return "\n\n".join(parts) + "\n"
