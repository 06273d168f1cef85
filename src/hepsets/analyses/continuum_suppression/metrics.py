"""The metrics of ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepsets.analyses.continuum_suppression.comparison import ComparisonResult, ModelResult
from hepsets.analyses.continuum_suppression.config import BDT, Config
from hepsets.analyses.continuum_suppression.ensembles import Ensemble
from hepsets.analyses.continuum_suppression.off_resonance import OffResonance
from hepsets.analyses.continuum_suppression.recovery import Recovered
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
    if samples.told:
        metrics["told"] = list(samples.told)
    plain: dict[str, Any] = to_json(metrics)
    return plain


def extra_metrics(
    ensembles: Mapping[str, tuple[Ensemble, ...]],
    off_resonance: OffResonance | None,
    recovered: tuple[Recovered, ...],
) -> dict[str, Any]:
    """What a run may have besides: ``ensembles`` by comparison, ``off_resonance``, its ``recovery``."""
    more: dict[str, Any] = {}
    if off_resonance is not None:
        more["off_resonance"] = _off_resonance_metrics(off_resonance)
    if recovered:
        more["recovery"] = [
            record(
                mismodelling=one.mismodelling,
                model=one.model,
                gap=one.gap,
                reweighted=one.reweighted,
                data=one.data,
                effective_size=one.effective_size,
                events=one.events,
                clipped=one.clipped,
                **{f"background_at_90_{way}": left for way, left in one.left.items()},
            )
            for one in recovered
        ]
    found = {
        name: [
            record(
                model=one.name,
                trainings=one.trainings,
                auc=one.auc,
                background_at_90=one.left,
                spread=one.spread,
                expected_calibration_error=one.calibration.expected_error.value,
            )
            for one in each
        ]
        for name, each in ensembles.items()
    }
    plain: dict[str, Any] = to_json(more | ({"ensembles": found} if found else {}))
    return plain


def _off_resonance_metrics(found: OffResonance) -> dict[str, Any]:
    return {
        "use": found.use,
        "comparison": found.comparison,
        "warning": found.warning,
        "scale": found.scale,
        "events": {"training": found.train_events, "judging": found.held_events},
        "simulated_events": found.simulated_events,
        "effective_size": found.effective_size,
        "clipped": found.clipped,
        "auc_against_data": {"before": found.before.auc, "after": found.after.auc},
        "chi2": {
            one.variable: {"before": one.chi2_before, "after": one.chi2_after, "ndof": one.ndof}
            for one in found.closures
        },
        "background_at_90_of_data": found.left,
    }


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
