"""The table of models of a filter study: quality, speedup, cost and distance to the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hepsets.core.measured import Measured
from hepsets.report.page import Column, Table


@dataclass(frozen=True)
class ModelRow:
    """One model; ``inputs`` is "raw" or "scaled", rates of training and scoring in events per second."""

    name: str
    parameters: int
    inputs: str
    loss: Measured
    accuracy: Measured
    auc: Measured
    max_speedup: Measured
    importance_speedup: Measured | None
    threshold: float
    true_positive_rate: Measured
    false_positive_rate: Measured
    train_events_per_s: float
    score_events_per_s: float
    to_limit: Measured | None


_COLUMNS = (
    Column("Model"),
    Column("Param."),
    Column("Inputs"),
    Column("AUC"),
    Column("To limit", "in AUC", digits=3),
    Column("Speedup", "threshold", digits=2),
    Column("Speedup", "weights", digits=2),
    Column("Thresh.", digits=3),
    Column("f₁", digits=3),
    Column("f₀", digits=3),
    Column("Loss", digits=3),
    Column("Acc.", digits=3),
    Column("Train", "10³/s", digits=1),
    Column("Score", "10³/s", digits=0),
)


def model_table(rows: Sequence[ModelRow], caption: str = "", best: str | None = None) -> Table:
    """The table, best AUC first; the row of ``best`` stands out.

    Say in the caption that errors stand in brackets, in units of the last digit.
    """
    ordered = sorted(rows, key=lambda row: -row.auc.value)
    names = [row.name for row in ordered]
    return Table(
        _COLUMNS,
        tuple(
            (
                row.name,
                row.parameters,
                row.inputs,
                row.auc,
                row.to_limit,
                row.max_speedup,
                row.importance_speedup,
                row.threshold,
                row.true_positive_rate,
                row.false_positive_rate,
                row.loss,
                row.accuracy,
                row.train_events_per_s / 1e3,
                row.score_events_per_s / 1e3,
            )
            for row in ordered
        ),
        caption,
        names.index(best) if best in names else None,
    )
