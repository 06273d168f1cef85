"""The table of a run, on the terminal and as markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from hepsets.analyses.flavour_tagging.about import OURS
from hepsets.analyses.flavour_tagging.comparison import ModelResult
from hepsets.analyses.flavour_tagging.result import Result
from hepsets.core.measured import per_cent
from hepsets.core.text_tables import aligned, code, markdown_table, terminal_table

TITLE = "Effective tagging efficiency ε_eff, calibrated, on the same test events"

HEADINGS = (
    "model",
    "ε_eff [%]",
    "over the trees [%]",
    "seeds",
    "slope of w",
    "offset of w [%]",
    "ΔwB [%]",
    "odd",
)


def rows_of(models: tuple[ModelResult, ...]) -> Iterator[tuple[str, ...]]:
    """The table under :data:`HEADINGS`."""
    for one in models:
        yield (
            one.name,
            per_cent(one.power.binned, 2),
            per_cent(one.gain, 2),
            "" if one.seed_spread is None else f"± {100 * one.seed_spread:.2f}",
            f"{one.line.slope.value:.3f} ± {one.line.slope.se:.3f}",
            per_cent(one.line.offset, 2),
            per_cent(one.line.difference, 2),
            f"{one.asymmetry:.1g}",
        )


def notes_of(result: Result) -> Iterator[str]:
    """What a reader of the table must know, in sentences."""
    train, held, test = result.sizes
    yield f"{train:,} tag sides to train on, {held:,} to calibrate with, {test:,} to judge by."
    yield "odd: largest |r + r of the event with all particles exchanged for antiparticles|."
    if result.look.decays is not None:
        decays = result.look.decays
        yield (
            f"A tagger that saw all leptons, kaons, slow pions, fast hadrons and Λ of true decays, and "
            f"only what "
            f"they are, would reach {per_cent(decays.together, 1)} %; "
            f"{per_cent(decays.silent, 1)} % of the decays have none that votes."
        )


def markdown(result: Result) -> str:
    """The same as markdown."""
    rows = [(code(name, strong=name == OURS), *rest) for name, *rest in rows_of(result.models)]
    return "\n".join([f"**{TITLE}**", "", *markdown_table(HEADINGS, rows), "", *notes_of(result)]) + "\n"


def headline(result: Result) -> Iterator[str]:
    """The taggers with their effective efficiencies and the slope of the wrong-tag fraction."""
    shown = [HEADINGS.index(name) for name in ("model", "ε_eff [%]", "over the trees [%]", "slope of w")]
    rows = [[row[at] for at in shown] for row in rows_of(result.models)]
    yield from aligned([HEADINGS[at] for at in shown], rows)
    yield from notes_of(result)


def print_summary(result: Result) -> None:
    """Print the table of models and what must be known of it."""
    console = Console()
    console.width = max(console.width, 110)
    console.print(terminal_table(HEADINGS, rows_of(result.models), title=TITLE, title_justify="left"))
    for note in notes_of(result):
        console.print(note, style="dim", highlight=False)
