"""The table that a run prints on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hepsets.analyses.delta_c9.result import Result
from hepsets.core.screen import aligned


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
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("level", "q²", "model", "ΔC9", "std", "std / bound", "bias", "coverage"):
        table.add_column(
            heading, justify="left" if heading in ("level", "q²", "model") else "right", no_wrap=True
        )
    least = min(row.events for row in result.comparison.rows)
    for row in result.comparison.rows:
        if row.events == least:
            quality = row.quality
            table.add_row(
                row.level,
                row.window,
                row.model,
                f"{quality.delta_c9:g}",
                str(quality.spread),
                "" if row.over_bound is None else str(row.over_bound),
                str(quality.bias),
                "" if quality.coverage68 is None else str(quality.coverage68),
            )
    console = Console()
    console.width = max(console.width, 132)
    console.print(f"sets of {least} signal events")
    console.print(table)
