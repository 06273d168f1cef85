"""The tables of a run, on the terminal and as markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hepsets.analyses.z_flavour.about import OURS, TREES
from hepsets.analyses.z_flavour.comparison import SHOWN, CellResult, ModelResult
from hepsets.analyses.z_flavour.other_seeds import Quantity, SeedStudy
from hepsets.analyses.z_flavour.result import Result
from hepsets.core.measured import Measured
from hepsets.core.screen import aligned, filled

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


def seed_headings(study: SeedStudy) -> tuple[str, ...]:
    """Of the table of trainings with other seeds."""
    return "comparison", "model", "per cent", *(f"seed {seed}" for seed in study.seeds), "mean", "spread"


def seed_rows(study: SeedStudy) -> Iterator[tuple[str, ...]]:
    """The table of trainings with other seeds under :func:`seed_headings`, model by model."""
    for one in sorted(study.scatter, key=lambda one: (COMPARISONS.index(one.cell), one.name)):
        values = (f"{100 * value:.2f}" for value in one.values)
        mean, spread = per_cent(one.mean), f"{100 * one.spread:.2f}"
        yield one.cell, one.name, _named(one.quantity), *values, mean, spread


def seed_lines(study: SeedStudy) -> Iterator[str]:
    """Which neighbours are not told apart, a sentence for each comparison with any."""
    for cell in dict.fromkeys(one.cell for one in study.neighbours):
        found = [
            f"{one.higher} and {one.lower} by {_named(one.quantity)} ({per_cent(one.difference)})"
            for one in study.neighbours
            if one.cell == cell and not one.distinct
        ]
        yield f"Not told apart in {cell}, spread of trainings counted: {'; '.join(found) or 'none'}."


def per_cent(value: Measured, digits: int = 2) -> str:
    """A share and its error, in per cent without the sign."""
    return f"{100 * value.value:.{digits}f} ± {100 * value.se:.{digits}f}"


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
                yield f"{TITLES[name]}: {model.name} {per_cent(accuracy)}"


def print_summary(result: Result) -> None:
    """The tables of all comparisons."""
    console = Console()
    for name, cell in result.cells.items():
        headings, rows = filled(HEADINGS, rows_of(cell))
        table = Table(*headings, box=SIMPLE_HEAD, title=f"{TITLES[name]} (per cent)")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    if result.seeds is not None:
        table = Table(*seed_headings(result.seeds), box=SIMPLE_HEAD, title=SEEDS_TITLE)
        for row in seed_rows(result.seeds):
            table.add_row(*row)
        console.print(table)
        for line in seed_lines(result.seeds):
            console.print(line, highlight=False)


def markdown(result: Result) -> str:
    """The same as markdown."""
    parts = []
    for name, cell in result.cells.items():
        parts.append(_markdown_table(f"{TITLES[name]}** (per cent)", *filled(HEADINGS, rows_of(cell))))
        if told := not_converged(cell):
            parts.append(told)
    if result.seeds is not None:
        headings = seed_headings(result.seeds)
        parts.append(_markdown_table(f"{SEEDS_TITLE}**", headings, seed_rows(result.seeds)))
        parts += seed_lines(result.seeds)
    return "\n\n".join(parts) + "\n"


def _markdown_table(title: str, headings: Sequence[str], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (f"| {' | '.join(row)} |" for row in (headings, *rows))
    heading = next(lines)
    return "\n".join([f"**{title}", "", heading, "|---" * len(headings) + "|", *lines])
