"""The table that a run prints on the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hepsets.analyses.delta_c9.result import Result


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
