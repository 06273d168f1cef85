"""The report's section on models: spread, bias and coverage; and what other sections take of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hepsets.analyses.delta_c9.bounds import Bound
from hepsets.analyses.delta_c9.comparison import Row
from hepsets.analyses.delta_c9.result import Result
from hepsets.analyses.delta_c9.samples import DATA, Cell
from hepsets.report.page import Column, Content, Table, Value
from hepsets.report.style import Style

ONE_VALUE = 1e-3
"""Predictions that spread less are all on one of the values of ΔC9."""

Styles = Mapping[str, Style]


def tables(result: Result) -> Iterator[Content]:
    """Spread, bias and coverage of each model, a table for each level."""
    yield (
        "Each row is about disjoint simulated data sets. The bound is that of Cramér and Rao, for the shape "
        "of the decay alone; of reconstructed events it is what the true decays behind them would tell, "
        "which no estimator can know. Errors stand in brackets, in units of the last digit."
    )
    least = min(result.config.set_events)
    for level in dict.fromkeys(row.level for row in result.comparison.rows):
        rows = chosen(result.comparison.rows, level=level, events=least)
        yield Table(
            (
                Column("q²", "GeV²"),
                Column("model"),
                Column("true ΔC9"),
                Column("std"),
                Column("std / bound"),
                Column("bias"),
                Column("coverage", "of 68.3 % intervals"),
            ),
            tuple(
                (
                    row.window,
                    row.model,
                    minus(row.quality.delta_c9),
                    *_spread_and_bias(row),
                    row.quality.coverage68,
                )
                for row in rows
            ),
            caption=f"{_named(level)}, {least:,} signal decays in a set",
        )


def _spread_and_bias(row: Row) -> tuple[Value, ...]:
    """Spread, spread over bound and bias; sets that all give one value have no spread to speak of."""
    quality = row.quality
    if quality.spread.value < ONE_VALUE:
        return "one value", None, minus(round(quality.bias.value, 4))
    return quality.spread, row.over_bound, quality.bias


def _named(level: str) -> str:
    return "your data" if level == DATA else f"{level} level"


def minus(value: float) -> str:
    """A number with a minus sign."""
    return f"{value:g}".replace("-", "−")


def chosen(rows: Sequence[Row], **wanted: object) -> list[Row]:
    """Rows whose named fields are as wanted."""
    return [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]


def rows_by_model(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of each model whose bound is known."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.sigma is not None:
            found.setdefault(row.model, []).append(row)
    return found


def sigma_of(bounds: Sequence[Bound], cell: Cell, truth: float, events: int) -> float | None:
    """The bound on the standard deviation in a cell, where it is known."""
    wanted = cell.level, cell.window, events
    for bound in bounds:
        if (bound.level, bound.window, bound.events, bound.delta_c9) == (*wanted, truth):
            return bound.sigma
    return None
