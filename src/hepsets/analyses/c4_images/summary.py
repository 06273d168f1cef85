"""The tables of a run, on the terminal and as markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from hepsets.analyses.c4_images.comparison import ModelResult
from hepsets.analyses.c4_images.result import Result
from hepsets.analyses.c4_images.samples import MAIN, PUBLISHED, TEST, UPRIGHT
from hepsets.core.measured import Measured, per_cent
from hepsets.core.text_tables import aligned, markdown_table, terminal_table

TITLES = {
    MAIN: "Turned images",
    UPRIGHT: "Trained upright, tested turned",
    "upsilon4s_views": "Along the beam: B B̄ or continuum at SuperKEKB",
    "z_views": "Along the beam: b or light quarks from the Z",
    PUBLISHED: "The coursework's setting",
}
"""What the samples are called."""

PARTS = {
    TEST: "as trained",
    f"{TEST}_quarter": "quarter turns",
    f"{TEST}_any": "any angle",
}
"""What the parts that judge are called."""

HEADINGS = ("model", "parameters", "trainings", "tested on", "accuracy", "test error", "images/s")


def rows_of(result: Result, sample: str) -> Iterator[tuple[str, ...]]:
    """The table of a sample under :data:`HEADINGS`, in per cent."""
    for one in result.of(sample, plain=sample != MAIN):
        for part, tested in one.tests.items():
            wrong = Measured(1 - tested.accuracy.value, tested.accuracy.se)
            yield (
                called(one, result.samples[sample].counts["training"]),
                f"{one.parameters:,}",
                str(len(one.seeds)),
                "upright" if sample == UPRIGHT and part == TEST else PARTS[part],
                per_cent(tested.accuracy, 2),
                per_cent(wrong, 2),
                f"{one.images_per_s:,.0f}",
            )


def called(one: ModelResult, whole: int) -> str:
    """A model with what makes it differ from its own."""
    width = "" if one.variant.width == 1 else f", {one.variant.width:g} times as wide"
    fewer = "" if one.images == whole else f", {one.images:,} images"
    return f"{one.name}{width}{fewer}"


def headline(result: Result) -> Iterator[str]:
    """Accuracies on the images of the run, and by how much ours is better."""
    shown = [HEADINGS.index(name) for name in ("model", "parameters", "trainings", "tested on", "accuracy")]
    yield f"{TITLES[MAIN]} (per cent)"
    rows = [[row[at] for at in shown] for row in rows_of(result, MAIN)]
    yield from aligned([HEADINGS[at] for at in shown], rows)
    yield from gain_lines(result)


def print_summary(result: Result) -> None:
    """The tables of all samples."""
    console = Console()
    for sample in result.samples:
        title = f"{TITLES[sample]} (per cent)"
        console.print(terminal_table(HEADINGS, rows_of(result, sample), title=title))
    for line in gain_lines(result):
        console.print(line, highlight=False)


def gain_lines(result: Result) -> Iterator[str]:
    """By how much ours is better, a line each."""
    for one in result.gains:
        yield f"{one.data}: {one.model} over {one.other}: {per_cent(one.difference, 2)} per cent"


def markdown(result: Result) -> str:
    """The same as markdown."""
    parts = []
    for sample in result.samples:
        lines = markdown_table(HEADINGS, rows_of(result, sample))
        parts.append("\n".join([f"**{TITLES[sample]}** (per cent)", "", *lines]))
    parts += list(gain_lines(result))
    return "\n\n".join(parts) + "\n"
