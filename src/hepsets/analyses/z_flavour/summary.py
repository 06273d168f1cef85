"""The tables of a run, on the terminal and as markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from hepsets.analyses.z_flavour.about import OURS, TREES
from hepsets.analyses.z_flavour.comparison import SHOWN, CellResult, ModelResult
from hepsets.analyses.z_flavour.other_seeds import Quantity, SeedStudy
from hepsets.analyses.z_flavour.result import Result
from hepsets.core.measured import per_cent
from hepsets.core.text_tables import aligned, markdown_table, terminal_table

TITLES = {
    "published": "As published: the coursework's features, seeded vertices, true kinds",
    "seeded": "The same events with proper features",
    "found": "Found vertices, counted clusters and time of flight",
    "unidentified": "The same without identification",
    "hemispheres": "Hemispheres",
    "jets": "Hemispheres as jets of FCCAnalyses",
}
"""What each comparison is called."""

COMPARISONS = tuple(TITLES)

SEEDS_TITLE = "Trainings with other seeds"

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
            per_cent(own.accuracy, 2),
            "" if of_three is None or of_three is own else per_cent(of_three.accuracy, 2),
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


def seed_headings(study: SeedStudy) -> tuple[str, ...]:
    """Of the table of trainings with other seeds."""
    return "comparison", "model", "per cent", *(f"seed {seed}" for seed in study.seeds), "mean", "spread"


def seed_rows(study: SeedStudy) -> Iterator[tuple[str, ...]]:
    """The table of trainings with other seeds under :func:`seed_headings`, model by model."""
    for one in sorted(study.scatter, key=lambda one: (COMPARISONS.index(one.cell), one.name)):
        values = (f"{100 * value:.2f}" for value in one.values)
        mean, spread = per_cent(one.mean, 2), f"{100 * one.spread:.2f}"
        yield one.cell, one.name, _named(one.quantity), *values, mean, spread


def seed_lines(study: SeedStudy) -> Iterator[str]:
    """Which neighbours are not told apart, a sentence for each comparison with any."""
    for cell in dict.fromkeys(one.cell for one in study.neighbours):
        found = [
            f"{one.higher} and {one.lower} by {_named(one.quantity)} ({per_cent(one.difference, 2)})"
            for one in study.neighbours
            if one.cell == cell and not one.distinct
        ]
        yield f"Not told apart in {cell}, spread of trainings counted: {'; '.join(found) or 'none'}."


def _point(model: ModelResult, flavour: str, against: str, mistag: float) -> str:
    for point in model.points:
        if point.pair == (flavour, against, mistag):
            return per_cent(point.measured, 1)
    return ""


def _named(quantity: Quantity) -> str:
    if quantity.point is None:
        return f"accuracy of {quantity.classes} flavours"
    flavour, against, mistag = quantity.point
    return f"{flavour} at {100 * mistag:g} % {against}"


def headline(result: Result) -> Iterator[str]:
    """The models of the comparison that leads, in per cent, and ours in the others."""
    lead = result.lead
    yield f"{TITLES[lead.name]} (per cent)"
    shown = [0, 3, *range(5, 5 + len(SHOWN))]
    yield from aligned([HEADINGS[at] for at in shown], [[row[at] for at in shown] for row in rows_of(lead)])
    for name, cell in result.cells.items():
        for model in cell.models:
            if name != lead.name and model.name == OURS:
                accuracy = model.quality[max(model.quality)].accuracy
                yield f"{TITLES[name]}: {model.name} {per_cent(accuracy, 2)}"


def print_summary(result: Result) -> None:
    """The tables of all comparisons."""
    console = Console()
    for name, cell in result.cells.items():
        console.print(terminal_table(HEADINGS, rows_of(cell), title=f"{TITLES[name]} (per cent)"))
    if result.seeds is not None:
        headings, rows = seed_headings(result.seeds), seed_rows(result.seeds)
        console.print(terminal_table(headings, rows, title=SEEDS_TITLE))
        for line in seed_lines(result.seeds):
            console.print(line, highlight=False)


def markdown(result: Result) -> str:
    """The same as markdown."""
    parts = []
    for name, cell in result.cells.items():
        lines = markdown_table(HEADINGS, rows_of(cell))
        parts.append("\n".join([f"**{TITLES[name]}** (per cent)", "", *lines]))
        if told := not_converged(cell):
            parts.append(told)
    if result.seeds is not None:
        lines = markdown_table(seed_headings(result.seeds), seed_rows(result.seeds))
        parts.append("\n".join([f"**{SEEDS_TITLE}**", "", *lines]))
        parts += seed_lines(result.seeds)
    return "\n\n".join(parts) + "\n"
