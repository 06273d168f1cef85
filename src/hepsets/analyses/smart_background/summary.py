"""The table that a run prints on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from hepsets.analyses.smart_background.ranking import HEADINGS, legend, limit_row, rows_of, verdict
from hepsets.analyses.smart_background.result import Result
from hepsets.core.text_tables import aligned, terminal_table


def headline(result: Result) -> Iterator[str]:
    """The models, best first, the limit, and which can be told apart."""
    shown = [HEADINGS.index(name) for name in ("model", "AUC", "speedup, threshold", "speedup, no bias")]
    rows = [["", *row] for row in rows_of(result.models, result.limit)]
    if result.limit is not None:
        rows.append(["", *limit_row(result.limit)])
    yield from aligned([HEADINGS[at] for at in shown], [[row[at] for at in shown] for row in rows])
    yield verdict(result.models)


def print_summary(result: Result) -> None:
    """Print the table of models, best first, the limit, and which models can be told apart.

    What a terminal has no room for, parameters, inputs, and spreads that are not known, is in ``table.md``;
    a column without any entry is left out.
    """
    once = len(result.models[0].fits) == 1
    rows = [(str(number), *row) for number, row in enumerate(rows_of(result.models, result.limit), 1)]
    rows = [*rows, *([("", *limit_row(result.limit))] if result.limit is not None else [])]
    left_out = ("parameters", "inputs", "spread") if once else ("parameters", "inputs")
    shown = [place for place, heading in enumerate(HEADINGS) if heading not in left_out]
    headings = [
        HEADINGS[at].replace("speedup, ", "speedup,\n").replace("not distinguishable", "not told\napart")
        for at in shown
    ]
    table = terminal_table(headings, ([row[at] for at in shown] for row in rows), left=("model",))
    if result.limit is not None:
        table.rows[-2].end_section = True
    console = Console()
    console.width = max(console.width, 150)  # a number that is cut would be another
    console.print(table)
    console.print(legend(result.models), highlight=False)
    console.print(verdict(result.models), highlight=False)
