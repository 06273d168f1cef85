"""The numbers of a run: the metrics of ``result.json`` and the table on the terminal."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hepsets.analyses.delta_c9.comparison import Comparison, Row
from hepsets.analyses.delta_c9.detector import DetectorStudy
from hepsets.analyses.delta_c9.result import Result


def metrics_of(comparison: Comparison, detector: DetectorStudy) -> dict[str, Any]:
    """The metrics of ``result.json``; names are an interface."""
    metrics: dict[str, Any] = {
        "results": [_row(row) for row in comparison.rows],
        "bound": [
            {
                "level": bound.level,
                "window": bound.window,
                "events": bound.events,
                "delta_c9": bound.delta_c9,
                "sigma": bound.sigma,
                "sigma_attainable": bound.attainable,
            }
            for bound in comparison.bounds
        ],
        "linearity": [_row(row) for row in comparison.linearity],
        "calibration": [
            {
                "level": cell.level,
                "window": cell.window,
                "model": model,
                "p_uniform": found.p_uniform,
                "p_kolmogorov": found.p_kolmogorov,
                "coverage68": found.coverage68.value,
                "coverage68_se": found.coverage68.se,
                "coverage95": found.coverage95.value,
                "coverage95_se": found.coverage95.se,
            }
            for (cell, model), found in comparison.calibration.items()
        ],
        "q2_shift": [
            {
                "level": cell.level,
                "model": model,
                "q2_shift": shift,
                "shift_over_std": moved.value,
                "shift_over_std_se": moved.se,
            }
            for cell, by_model in comparison.shifts.items()
            for model, by_shift in by_model.items()
            for shift, moved in by_shift.items()
        ],
    }
    if detector.efficiency is not None:
        metrics["efficiency"] = {"value": detector.efficiency.value, "se": detector.efficiency.se}
        metrics["resolution"] = {name: width.value for name, width in detector.resolution.items()}
        metrics["resolution_se"] = {name: width.se for name, width in detector.resolution.items()}
    if detector.suppression is not None:
        found = detector.suppression
        metrics["suppression"] = {
            "cut": found.cut,
            "fom": found.fom,
            "fom_before": found.fom_before,
            "b_over_s_before": found.b_over_s_before,
            "b_over_s_after": found.b_over_s_after.value,
            "b_over_s_after_se": found.b_over_s_after.se,
            "signal_efficiency": found.signal_efficiency.value,
            "signal_efficiency_se": found.signal_efficiency.se,
        }
    return metrics


def _row(row: Row) -> dict[str, Any]:
    found = {"level": row.level, "window": row.window, "model": row.model, "events": row.events}
    found |= {key: value for key, value in row.quality.row().items() if value is not None}
    if row.over_bound is not None:
        found |= {"std_over_bound": row.over_bound.value, "std_over_bound_se": row.over_bound.se}
    if row.quality.coverage68 is not None:
        found["coverage68_se"] = row.quality.coverage68.se
    return found


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
