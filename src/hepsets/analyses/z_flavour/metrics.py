"""The metrics of ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepsets.analyses.z_flavour.cells import CELLS
from hepsets.analyses.z_flavour.comparison import CellResult, ModelResult
from hepsets.core.metrics import record, to_json


def metrics_of(cells: Mapping[Any, CellResult]) -> dict[str, Any]:
    """The metrics of ``result.json``; names are an interface.

    ``models`` are taggers of events; those of hemispheres are ``hemisphere_models``. A model of four classes
    has two entries: with all of them, and with three, ud events left out.
    """
    entries = [
        (CELLS[model.cell].level, entry)
        for cell in cells.values()
        for model in cell.models
        for entry in _entries(model)
    ]
    metrics: dict[str, Any] = {
        "models": [entry for level, entry in entries if level == "event"],
        "hemisphere_models": [entry for level, entry in entries if level == "hemisphere"],
        "working_points": [
            point for cell in cells.values() for model in cell.models for point in _points(model)
        ],
        "events": {
            name: dict(zip(("training", "validation", "test"), cell.counts, strict=True))
            for name, cell in cells.items()
        },
    }
    plain: dict[str, Any] = to_json(metrics)
    return plain


def _entries(model: ModelResult) -> list[dict[str, Any]]:
    extra = {} if model.charge_accuracy is None else {"b_charge_accuracy": model.charge_accuracy}
    return [
        record(
            name=model.name,
            world=CELLS[model.cell].world,
            classes=classes,
            parameters=model.parameters,
            accuracy=quality.accuracy,
            auc=quality.mean_auc,
            train_s=model.seconds,
            score_events_per_s=model.score_rate,
            **extra,
        )
        for classes, quality in model.quality.items()
    ]


def _points(model: ModelResult) -> list[dict[str, Any]]:
    cell = CELLS[model.cell]
    return [
        {
            "model": model.name,
            "world": cell.world,
            "level": cell.level,
            "flavour": point.flavour,
            "against": point.against,
            "mistag": point.mistag,
            "efficiency": point.efficiency,
            "efficiency_se": point.se,
        }
        for point in model.points
    ]
