"""The metrics of ``result.json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hepsets.analyses.flavour_tagging.closer_look import CloserLook
from hepsets.analyses.flavour_tagging.comparison import ModelResult
from hepsets.analyses.flavour_tagging.lost_points import LostPoints
from hepsets.core.measured import Measured
from hepsets.core.metrics import record, to_json


def metrics_of(
    models: Sequence[ModelResult], look: CloserLook, sizes: tuple[int, int, int]
) -> dict[str, Any]:
    """The metrics of ``result.json``; names are an interface.

    ``se`` is the bootstrap error on the test events, ``seed_spread`` the standard deviation of trainings.
    """
    metrics: dict[str, Any] = {
        "flavour_tagging": [_model(one) for one in models],
        "bins": [entry for one in models for entry in _bins(one)],
        "learning_curve": [
            {
                "model": point.model,
                "events": point.events,
                "effective_efficiency": point.power.value,
                "se": point.power.se,
            }
            for point in look.learning
        ],
        "importance": [
            {"model": look.model, **record(inputs=one.inputs, lost=one.lost)} for one in look.importance
        ],
        "truth_changes": look.truth_changes,
        "tag_sides": dict(zip(("training", "validation", "test"), sizes, strict=True)),
    }
    if look.decays is not None:
        metrics["true_decays"] = {
            "categories": list(look.decays.categories),
            **record(
                together=look.decays.together,
                silent=look.decays.silent,
                silent_inside=look.decays.silent_inside,
            ),
        }
    if look.lost is not None:
        metrics["lost_points"] = _lost(look.lost)
    plain: dict[str, Any] = to_json(metrics)
    return plain


def _lost(lost: LostPoints) -> dict[str, Any]:
    steps = [record(step=one.name, power=one.power) for one in lost.steps]
    for entry, step in zip(steps, lost.steps, strict=True):
        if step.lost is not None:
            entry |= record(lost=step.lost)
    fates = [record(category=one.category, reached_stage=one.stage, share=one.share) for one in lost.fates]
    for entry, fate in zip(fates, lost.fates, strict=True):
        if fate.lost is not None:
            entry |= record(perfect=fate.perfect, reached=fate.reached, lost=fate.lost)
    found: dict[str, Any] = {"steps": steps, "fates": fates}
    if lost.identification is not None:
        told = lost.identification
        found["perfect_identification"] = record(power=told.power, gain=told.gain)
    return found


def _model(one: ModelResult) -> dict[str, Any]:
    power, line = one.power, one.line
    found = {
        "model": one.name,
        "effective_efficiency": power.binned.value,
        "se": power.binned.se,
        "binomial_se": power.binomial_se,
        "calibration_slope": line.slope.value,
        "calibration_slope_se": line.slope.se,
        **record(
            calibration_offset=line.offset,
            raw_calibration_slope=one.raw_line.slope,
            raw_calibration_offset=one.raw_line.offset,
            delta_w=line.difference,
            effective_efficiency_difference=power.difference,
            integral=power.integral,
        ),
        "conjugation_asymmetry": one.asymmetry,
        "parameters": one.parameters,
        "train_seconds": one.seconds,
        "score_rate": one.score_rate,
    }
    if one.gain is not None:
        found |= record(gain_over_trees=one.gain)
    if one.seed_spread is not None:
        found |= {"seeds": list(one.seeds), "seed_spread": one.seed_spread}
    return found


def _bins(one: ModelResult) -> list[dict[str, Any]]:
    nothing = Measured(0.0, 0.0)
    found = []
    for each in one.power.bins:
        filled = each.share.value > 0 and each.wrong.value == each.wrong.value
        both = each.difference.value == each.difference.value
        found.append(
            {
                "model": one.name,
                **record(
                    low=each.low,
                    high=each.high,
                    share=each.share,
                    wrong=each.wrong if filled else nothing,
                    predicted=each.predicted if filled else 0.0,
                    delta_w=each.difference if both else nothing,
                    share_asymmetry=each.share_difference,
                ),
            }
        )
    return found
