"""The tables of a run, on the terminal and as markdown, and what must be said before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console

from hepsets.analyses.continuum_suppression.comparison import ComparisonResult
from hepsets.analyses.continuum_suppression.config import BDT, OURS, OWN
from hepsets.analyses.continuum_suppression.recommended import recommended, sculpting_warning
from hepsets.analyses.continuum_suppression.result import Result
from hepsets.core.measured import per_cent
from hepsets.core.text_tables import aligned, code, markdown_table, terminal_table

TITLES: Mapping[str, str] = {
    "shape_only": "Shape only: candidates wrong in signal and background",
    "quality_80": "Correct candidates, tag cut at 80 % signal efficiency",
    "quality_50": "Correct candidates, tag cut at 50 % signal efficiency",
    "rho_rho": "One mode, B⁺ → ρ⁺ρ⁰, against continuum and B B̄",
    "tagged": "Correct candidates against any continuum candidate",
    OWN: "Your own events",
}
"""What each comparison is called."""

HEADINGS = (
    "model",
    "AUC",
    "background left",
    "less than bdt",
    "less than bdt_with_tag",
    "seeds",
    "sculpting p",
)


def rows_of(result: ComparisonResult) -> Iterator[tuple[str, ...]]:
    """The table of one comparison under :data:`HEADINGS`, in per cent, the best model first."""
    for model in result.ranked:
        yield (
            model.name,
            f"{model.auc.value:.4f} ± {model.auc.se:.4f}",
            per_cent(model.left.background, 2),
            "" if model.name == BDT else per_cent(model.gain, 1),
            "" if model.gain_over_tag is None else per_cent(model.gain_over_tag, 1),
            "" if model.seed_spread is None else f"± {100 * model.seed_spread:.1f}",
            f"{model.sculpting['mbc'].p_value:.2g}" if "mbc" in model.sculpting else "",
        )


def notes_of(result: ComparisonResult) -> Iterator[str]:
    """What a reader of a comparison's table must know, in sentences."""
    for purpose, events in (("train", result.training), ("test", result.test)):
        yield f"{events.signal:,} signal and {events.background:,} background events to {purpose} on."
    if result.cut is not None:
        yield (
            f"Signal probability of the tag of at least {result.cut:.3g}, chosen on training events; "
            "models trained on what passes."
        )
    if pairs := result.not_told_apart:
        named = "; ".join(f"{better} and {worse}" for better, worse in pairs)
        yield f"Not told apart (less than two errors): {named}."


def markdown(result: Result) -> str:
    """All tables as the documentation shows them."""
    at = f"{100 * result.config.signal_efficiency:g} % signal efficiency"
    lines = [
        f"Background left at {at} and how much less that is than what `bdt` and `bdt_with_tag` leave on "
        "the same events (paired errors) [%]; spread of the gain over `bdt` among training seeds.",
        "",
    ]
    for name, comparison in result.comparisons.items():
        lines += [f"### {TITLES[name]} (`{name}`)", "", " ".join(notes_of(comparison)), ""]
        rows = [(code(name, strong=name == OURS), *rest) for name, *rest in rows_of(comparison)]
        lines += [*markdown_table(HEADINGS, rows), ""]
    return "\n".join(lines)


def first_warnings(result: Result) -> list[str]:
    """What must be said first: weights that do not close, and where the recommended model sculpts Mbc."""
    weights = result.off_resonance.warning if result.off_resonance is not None else ""
    return [
        *([f"WARNING: {weights}."] if weights else []),
        *_sculpting(result),
    ]


def _sculpting(result: Result) -> list[str]:
    """In which comparisons the recommended model sculpts Mbc."""
    return [
        f"{text} ({TITLES[name]}.)"
        for name, comparison in result.comparisons.items()
        if (text := sculpting_warning(comparison.models))
    ]


def headline(result: Result) -> Iterator[str]:
    """What must be said first, the models of the comparison that leads, and the gain in the others."""
    yield from first_warnings(result)
    lead = result.lead
    yield f"{TITLES[lead.name]}; per cent, at {100 * result.config.signal_efficiency:g} % signal efficiency"
    yield from aligned(HEADINGS[:5], [row[:5] for row in rows_of(lead)])
    for name, other in result.comparisons.items():
        best = recommended(other.models)
        if name != lead.name and best.name != BDT:
            yield f"{TITLES[name]}: {best.name} leaves {per_cent(best.gain, 1)} % less than {BDT}"


def print_summary(result: Result) -> None:
    """Print a table of models for each comparison, best first.

    Warnings of weights and sculpting come before all else, then what is to be said of the user's files.
    """
    for warning in (*first_warnings(result), *result.samples.told):
        print(warning)
    console = Console()
    console.width = max(console.width, 124)
    for name, comparison in result.comparisons.items():
        table = terminal_table(
            HEADINGS, rows_of(comparison), left=("model",), title=TITLES[name], title_justify="left"
        )
        console.print(table)
        for note in notes_of(comparison):
            console.print(note, style="dim", highlight=False)
