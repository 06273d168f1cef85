"""The metrics of ``result.json``."""

from __future__ import annotations

from typing import Any

from hepsets.analyses.delta_c9.comparison import Comparison, Row
from hepsets.analyses.delta_c9.detector import DetectorStudy
from hepsets.core.metrics import record, to_json


def metrics_of(comparison: Comparison, detector: DetectorStudy) -> dict[str, Any]:
    """The metrics of ``result.json``; names are an interface."""
    metrics: dict[str, Any] = {
        "results": [_row(row) for row in comparison.rows],
        "bound": comparison.bounds,
        "linearity": [_row(row) for row in comparison.linearity],
        "calibration": [
            record(
                level=cell.level,
                window=cell.window,
                model=model,
                p_uniform=found.p_uniform,
                p_kolmogorov=found.p_kolmogorov,
                coverage68=found.coverage68,
                coverage95=found.coverage95,
            )
            for (cell, model), found in comparison.calibration.items()
        ],
        "q2_shift": [
            record(level=cell.level, model=model, q2_shift=shift, shift_over_std=moved)
            for cell, by_model in comparison.shifts.items()
            for model, by_shift in by_model.items()
            for shift, moved in by_shift.items()
        ],
    }
    if detector.efficiency is not None:
        metrics["efficiency"] = detector.efficiency
        metrics["resolution"] = {name: width.value for name, width in detector.resolution.items()}
        metrics["resolution_se"] = {name: width.se for name, width in detector.resolution.items()}
    if detector.suppression is not None:
        found = detector.suppression
        metrics["suppression"] = record(
            cut=found.cut,
            fom=found.fom,
            fom_before=found.fom_before,
            b_over_s_before=found.b_over_s_before,
            b_over_s_after=found.b_over_s_after,
            signal_efficiency=found.signal_efficiency,
        )
    plain: dict[str, Any] = to_json(metrics)
    return plain


def _row(row: Row) -> dict[str, Any]:
    quality = row.quality
    found = record(
        level=row.level,
        window=row.window,
        model=row.model,
        events=row.events,
        delta_c9=quality.delta_c9,
        std=quality.spread,
        bias=quality.bias,
        coverage68=quality.coverage68,
        toys=quality.toys,
        std_over_bound=row.over_bound,
    )
    return {name: value for name, value in found.items() if value is not None}
