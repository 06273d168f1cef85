"""The metrics of ``result.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hepsets.analyses.pretraining.curves import Cell
from hepsets.analyses.pretraining.flavour import Tagger
from hepsets.analyses.pretraining.limit import TaskLimit
from hepsets.analyses.pretraining.savings import Cost, Saving
from hepsets.analyses.pretraining.trunks import TrunkFacts
from hepsets.core.metrics import record, to_json


def metrics_of(
    trunks: Sequence[TrunkFacts],
    cells: Sequence[Cell],
    limits: Mapping[str, TaskLimit],
    savings: Sequence[Saving],
    taggers: Sequence[Tagger],
    costs: Sequence[Cost],
) -> dict[str, Any]:
    """The metrics of ``result.json``; names are an interface.

    ``masked`` and ``contrastive`` are of the first trunk that has the objective: with the default models of
    that which has no other; ``contrastive`` is of whole events. ``equivalent_scratch_labels`` at the
    most labels of the curve from scratch is a limit from below, as is its ``high``. ``break_even_tasks`` is
    null where pre-training saves half of the tasks nothing. ``elsewhere`` has tests outside the domain, mean
    over draws; ``limit`` by task what any network could reach, where a detector draws the label.
    """
    masked = next((one.masked for one in trunks if one.masked), {})
    found = next((one.retrieval for one in trunks if one.retrieval), {})
    events = found.get("events")
    plain: dict[str, Any] = to_json(
        {
            "curves": [point for cell in cells for point in _points(cell)],
            "elsewhere": [one for cell in cells for one in _elsewhere(cell)],
            "limit": limits,
            "label_saving": [_saving(one) for one in savings],
            "masked": {
                name: {"error": one.error, "baseline_error": one.baseline_error}
                for name, one in masked.items()
            },
            "contrastive": {"top1_retrieval": events.top1, "chance": events.chance} if events else {},
            "flavour_tagging": [
                {
                    "model": one.model,
                    "effective_efficiency": one.power.value,
                    "se": one.power.se,
                    "calibration_slope": one.slope.value,
                }
                for one in taggers
            ],
            "compute": [
                {
                    "pretraining": one.pretraining,
                    "cpu_hours": one.cpu_hours,
                    "break_even_tasks": one.break_even_tasks,
                }
                for one in costs
            ],
        }
    )
    return plain


def _points(cell: Cell) -> Iterator[dict[str, Any]]:
    for point in cell.points:
        yield {
            "task": cell.task,
            "pretraining": cell.pretraining,
            "tuning": cell.tuning,
            "labels": cell.labels,
            "draw": point.draw,
            "auc": point.auc.value,
            "auc_se": point.auc.se,
            "ece": point.ece.value,
        }


def _elsewhere(cell: Cell) -> Iterator[dict[str, Any]]:
    for test in cell.elsewhere:
        yield record(
            task=cell.task,
            pretraining=cell.pretraining,
            tuning=cell.tuning,
            labels=cell.labels,
            test=test,
            auc=cell.auc_elsewhere(test),
        )


def _saving(one: Saving) -> dict[str, Any]:
    return {
        "task": one.task,
        "pretraining": one.pretraining,
        "tuning": one.tuning,
        "labels": one.saving.labels,
        "equivalent_scratch_labels": one.saving.equivalent,
        "low": one.saving.low,
        "high": one.saving.high,
    }
