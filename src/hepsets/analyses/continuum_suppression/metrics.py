"""The metrics of ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepsets.analyses.continuum_suppression.comparison import ComparisonResult, ModelResult
from hepsets.analyses.continuum_suppression.config import BDT, Config
from hepsets.analyses.continuum_suppression.samples import SampleFacts
from hepsets.analyses.continuum_suppression.trust import Trust
from hepsets.core.metrics import record, to_json


def metrics_of(
    config: Config, samples: SampleFacts, comparisons: Mapping[str, ComparisonResult], trust: Trust
) -> dict[str, Any]:
    """The metrics of ``result.json``; names are an interface.

    ``models`` and ``gain_over_bdt_at_90`` at the top are those of ``tagged`` where it is compared, else of
    the first comparison.
    """
    metrics: dict[str, Any] = {
        "comparisons": {name: _comparison_metrics(result) for name, result in comparisons.items()},
        "signal_efficiency": config.signal_efficiency,
        **_table_metrics(comparisons[samples.studied]),
        "unseen_modes": [
            record(
                model=row.model,
                mode=row.mode,
                signal_efficiency=row.efficiency,
                signal_efficiency_seen=row.seen,
            )
            for row in trust.unseen
        ],
        "shifted_detector": [
            record(
                model=row.model,
                shift=row.shift,
                background_at_90=row.background,
                signal_efficiency_at_nominal_cut=row.signal_efficiency,
            )
            for row in trust.shifted
        ],
    }
    if trust.disco:
        metrics["disco"] = [
            record(
                strength=row.strength,
                background_at_90=row.background,
                mbc_distance_correlation=row.dependence.value,
                sculpting_p_value=row.p_value,
            )
            for row in trust.disco
        ]
    if samples.efficiency:
        metrics["efficiency"] = samples.efficiency
    plain: dict[str, Any] = to_json(metrics)
    return plain


def _table_metrics(result: ComparisonResult) -> dict[str, Any]:
    return {
        "models": [_model_metrics(model) for model in result.models],
        "gain_over_bdt_at_90": {model.name: model.gain for model in result.models if model.name != BDT},
    }


def _comparison_metrics(result: ComparisonResult) -> dict[str, Any]:
    return {
        **_table_metrics(result),
        "gain_over_bdt_with_tag_at_90": {
            model.name: model.gain_over_tag for model in result.models if model.gain_over_tag is not None
        },
        "training_seeds": {
            model.name: {"gains_over_bdt_at_90": model.seed_gains, "spread": model.seed_spread}
            for model in result.models
            if model.seed_gains
        },
        "not_told_apart": result.not_told_apart,
        "least_signal_probability": result.cut,
        "events": {"training": result.training, "test": result.test},
    }


def _model_metrics(model: ModelResult) -> dict[str, Any]:
    dependence = {f"{name}_distance_correlation": of.value for name, of in model.dependence.items()}
    sculpting = {
        "sculpting_p_value" if name == "mbc" else f"sculpting_p_value_{name}": bias.p_value
        for name, bias in model.sculpting.items()
    }
    return record(
        name=model.name,
        parameters=model.parameters,
        auc=model.auc,
        background_at_90=model.left.background,
        expected_calibration_error=model.calibration.expected_error.value,
        train_seconds=model.seconds,
        **dependence,
        **sculpting,
    )
