"""The metrics of ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepsets.analyses.z_flavour.about import OURS, CellName
from hepsets.analyses.z_flavour.cells import CELLS
from hepsets.analyses.z_flavour.closer_look import CloserLook
from hepsets.analyses.z_flavour.closure import Closure
from hepsets.analyses.z_flavour.comparison import CellResult, ModelResult
from hepsets.analyses.z_flavour.detector_scan import CELL, DetectorScan
from hepsets.analyses.z_flavour.other_seeds import Quantity, SeedStudy
from hepsets.core.metrics import record, to_json
from hepsets.evaluate.scores.working_points import WorkingPoint


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


def look_metrics(look: CloserLook) -> dict[str, Any]:
    """The metrics of what was looked at besides the comparisons; what was not is missing.

    ``limit`` is a reference, no bound: see :mod:`hepsets.evaluate.scores.repeated_measurement`.
    """
    found: dict[str, Any] = {}
    if look.vertexing is not None:
        found["vertexing"] = look.vertexing
    for name, one in look.limit.items():
        found["limit"] = record(
            model=name,
            events=one.events,
            trials=one.trials,
            single=one.single,
            averaged=one.averaged,
            limit=one.limit,
            gain=one.gain,
            flipped_back=one.flipped_back,
        )
    if look.closure is not None:
        found |= _closure(look.closure)
    if look.learning is not None:
        curve, far = look.learning, look.learning.extrapolated
        found["learning_curve"] = record(
            model=OURS, events_per_class=curve.events, error_rate=curve.error_rate,
            error_rate_errors=curve.error_rate_se, exponent=curve.exponent, floor=curve.offset, at=curve.at,
            chi2=curve.chi2, ndof=curve.ndof, error_scale=curve.error_scale,
            extrapolated=far.value, extrapolated_low=far.low, extrapolated_high=far.high,
        )  # fmt: skip
    if look.importance:
        found["importance"] = [
            record(input=one.name, accuracy_loss=one.accuracy_loss) for one in look.importance
        ]
    plain: dict[str, Any] = to_json(found)
    return plain


def scan_metrics(scan: DetectorScan | None) -> dict[str, Any]:
    """The metrics of the study ``detector``; none without it.

    ``detector_scan`` has an entry for each detector, tagger and working point. ``trained_on`` is ``"itself"``
    or ``"planned"``: the tagger was trained on events of this detector, or of the run's. Entries of
    ``setting`` ``"planned"`` are of further trainings on the run's detector, told apart by their seeds.
    """
    if scan is None:
        return {}
    found = []
    for one in scan.seen:
        where = {"setting": one.setting, "value": one.value, "trained_on": "itself"}
        found += [_scanned(scan, where, scan.seed, point) for point in one.trained_anew]
        if not one.planned:
            where["trained_on"] = "planned"
            found += [_scanned(scan, where, scan.seed, point) for point in one.of_planned]
    for other in scan.other_seeds:
        where = {"setting": "planned", "trained_on": "itself"}
        found += [_scanned(scan, where, other.seed, point) for point in other.points]
    return {"detector_scan": found}


def seed_metrics(study: SeedStudy | None) -> dict[str, Any]:
    """The metrics of the study ``seeds``; none without it.

    ``seeds`` has an entry for each model that was trained again and each number of classes; its working
    points stand in the one with all classes. ``spread`` is the standard deviation between trainings, and
    ``accuracies`` and ``efficiencies`` are in the order of the seeds. ``seed_neighbours`` are models that
    follow each other by accuracy or, where a working point is named, by the efficiency there.
    """
    if study is None:
        return {}
    points: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for one in study.scatter:
        if one.quantity.point is not None:
            found = record(
                **_quantity(one.quantity), efficiencies=one.values, efficiency=one.mean, spread=one.spread
            )
            del found["classes"]
            points.setdefault((one.name, one.cell, one.quantity.classes), []).append(found)
    entries = [
        record(
            name=one.name,
            **_place(one.cell),
            classes=one.quantity.classes,
            seeds=study.seeds,
            accuracies=one.values,
            accuracy=one.mean,
            spread=one.spread,
            working_points=points.get((one.name, one.cell, one.quantity.classes), []),
        )
        for one in study.scatter
        if one.quantity.point is None
    ]
    neighbours = [
        record(
            **_place(one.cell),
            **_quantity(one.quantity),
            higher=one.higher,
            lower=one.lower,
            difference=one.difference,
            distinct=one.distinct,
        )
        for one in study.neighbours
    ]
    plain: dict[str, Any] = to_json({"seeds": entries, "seed_neighbours": neighbours})
    return plain


def _place(cell: CellName) -> dict[str, str]:
    return {"world": CELLS[cell].world, "level": CELLS[cell].level}


def _quantity(quantity: Quantity) -> dict[str, Any]:
    named = zip(("flavour", "against", "mistag"), quantity.point or (), strict=False)
    return {"classes": quantity.classes, **dict(named)}


def _scanned(scan: DetectorScan, where: Mapping[str, Any], seed: int, point: WorkingPoint) -> dict[str, Any]:
    return {
        **where,
        "model": scan.model,
        "level": CELL.level,
        "training_seed": seed,
        "flavour": point.flavour,
        "against": point.against,
        "mistag": point.mistag,
        "efficiency": point.efficiency,
        "efficiency_low": point.low,
        "efficiency_high": point.high,
    }


def _closure(closure: Closure) -> dict[str, Any]:
    """``r_c`` is missing where the two tags had no solution; ``r_b`` is by the b tag alone then."""
    whole, realised = closure.whole, closure.realised
    found = {
        "r_b": record(
            value=whole.r_b.value, se=whole.r_b.se, truth=closure.truth["b"], realised=realised["b"],
            data_se=whole.r_b_data, simulation_se=whole.r_b_simulation, events=whole.events,
            samples=len(closure.samples), pull_width=closure.pull_width, two_tags=closure.two_tags,
            efficiency=whole.efficiency["b b"], correlation=whole.correlation["b b"],
        )
    }  # fmt: skip
    if closure.two_tags:
        found["r_c"] = record(
            value=whole.r_c.value, se=whole.r_c.se, truth=closure.truth["c"], realised=realised["c"]
        )
    return found


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
