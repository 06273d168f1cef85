"""Tables as text, for a screen, a terminal and markdown, without the columns in which no row has an entry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from hepsets.core.screen import WIDTH


def aligned(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table as lines: the first column to the left, the others to the right; columns beyond the screen go.

    Examples
    --------
    >>> rows = [("a", "0.9 ± 0.1", ""), ("longer", "0.8 ± 0.1", "")]
    >>> print(*aligned(("model", "AUC", "limit"), rows), sep=chr(10))
    model         AUC
    a       0.9 ± 0.1
    longer  0.8 ± 0.1
    """
    table = _filled(headings, rows)
    widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
    fitting = sum(np.cumsum([width + 2 for width in widths]) <= WIDTH + 2)
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row[:fitting], widths, strict=False))
        ).rstrip()
        for row in table
    ]


def terminal_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, left: Sequence[str] = (), **options: Any
) -> Table:
    """A table to print on a terminal.

    Parameters
    ----------
    headings, rows
        As texts.
    left
        Headings of the columns whose cells stand to the left. With any, cells are not broken into lines.
    options
        Of :class:`rich.table.Table`, as its ``title``.
    """
    first, *others = _filled(headings, rows)
    table = Table(box=SIMPLE_HEAD, pad_edge=not left, **options)
    for heading in first:
        table.add_column(
            heading, justify="right" if left and heading not in left else "left", no_wrap=bool(left)
        )
    for row in others:
        table.add_row(*row)
    return table


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table as lines of markdown.

    Examples
    --------
    >>> rows = [("a", "", "0.9"), ("b", "", "0.8")]
    >>> print(*markdown_table(("model", "to the limit", "AUC"), rows), sep=chr(10))
    | model | AUC |
    |---|---|
    | a | 0.9 |
    | b | 0.8 |
    """
    table = _filled(headings, rows)
    first, *others = (f"| {' | '.join(row)} |" for row in table)
    return [first, "|---" * len(table[0]) + "|", *others]


def code(name: str, *, strong: bool = False) -> str:
    """A name as markdown's code, emphasised where it is ours.

    Examples
    --------
    >>> code("bdt"), code("combined", strong=True)
    ('`bdt`', '**`combined`**')
    """
    return f"**`{name}`**" if strong else f"`{name}`"


def _filled(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    """Headings and rows without the columns in which no row has an entry; without rows, all."""
    table = [tuple(row) for row in rows]
    kept = [place for place in range(len(headings)) if not table or any(row[place] for row in table)]
    return [tuple(row[place] for place in kept) for row in (tuple(headings), *table)]
