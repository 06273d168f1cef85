"""The table that a run prints on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from hepsets.analyses.delta_c9.result import Result
from hepsets.core.text_tables import aligned, terminal_table


def headline(result: Result) -> Iterator[str]:
    """Spread, bias and coverage at the first truth, on the smallest data sets."""
    rows = result.comparison.rows
    least, truth = min(row.events for row in rows), rows[0].quality.delta_c9
    yield f"sets of {least:,} signal events, true ΔC9 = {truth:g}"
    yield from aligned(
        ("level, q², model", "std", "std / bound", "bias", "coverage"),
        [
            (
                f"{row.level}, {row.window}, {row.model}",
                str(row.quality.spread),
                "" if row.over_bound is None else str(row.over_bound),
                str(row.quality.bias),
                "" if row.quality.coverage68 is None else str(row.quality.coverage68),
            )
            for row in rows
            if row.events == least and row.quality.delta_c9 == truth
        ],
    )


def print_summary(result: Result) -> None:
    """Print spread, bias and coverage of each model, on the smallest data sets."""
    least = min(row.events for row in result.comparison.rows)
    rows = [
        (
            row.level,
            row.window,
            row.model,
            f"{row.quality.delta_c9:g}",
            str(row.quality.spread),
            "" if row.over_bound is None else str(row.over_bound),
            str(row.quality.bias),
            "" if row.quality.coverage68 is None else str(row.quality.coverage68),
        )
        for row in result.comparison.rows
        if row.events == least
    ]
    headings = ("level", "q²", "model", "ΔC9", "std", "std / bound", "bias", "coverage")
    table = terminal_table(headings, rows, left=headings[:3])
    console = Console()
    console.width = max(console.width, 132)
    console.print(f"sets of {least} signal events")
    console.print(table)
