"""The metrics of ``result.json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.smart_background.comparison import ModelResult, best_of
from hepsets.analyses.smart_background.ranking import QUANTITIES, alike, crowned, repeated
from hepsets.analyses.smart_background.sample_facts import SampleFacts
from hepsets.analyses.smart_background.studies.inputs import Studies
from hepsets.analyses.smart_background.studies.many_skims import MULTI_SKIM, MultiSkim, OneSkim
from hepsets.core.metrics import record, to_json
from hepsets.evaluate.filter.effective_fraction import EffectiveFraction
from hepsets.evaluate.filter.limit import Limit


def metrics_of(
    samples: SampleFacts,
    models: Sequence[ModelResult],
    limit: Limit | None,
    studies: Studies,
) -> dict[str, Any]:
    """The metrics of ``result.json``; names are an interface."""
    metrics: dict[str, Any] = {
        "models": [_model_metrics(model, models) for model in models],
        "best_model": best_of(models).name if models else None,
        "crowned_model": None if (best := crowned(models)) is None else best.name,
        "retention": {samples.skim: samples.retention},
        "retention_is_set": samples.retention_is_set,
        "bias": [
            record(
                model=model.name,
                observable=bias.observable,
                kl=bias.kl,
                max_abs_pull=abs(bias.max_pull),
            )
            for model in models
            for bias in model.biases
        ],
    }
    metrics |= _filter_metrics(models, samples.skim)
    if samples.generated_per_s is not None:
        metrics["generation"] = {"events_per_s": samples.generated_per_s}
    if limit is not None:
        metrics["limit"] = record(
            auc=limit.auc,
            max_speedup=limit.max_speedup,
            importance_speedup=limit.importance_speedup,
            importance_speedup_low=limit.importance_bracket[0],
            importance_speedup_high=limit.importance_bracket[1],
            importance_speedup_halves=limit.importance_halves,
        )
    if found := _study_metrics(studies):
        metrics["studies"] = found
    if studies.skims is not None:
        metrics["threshold"] += [_threshold_of(each) for each in studies.skims.skims]
        metrics["importance"] += [_importance_of(each) for each in studies.skims.skims]
    plain: dict[str, Any] = to_json(metrics)
    return plain


def _filter_metrics(models: Sequence[ModelResult], skim: str) -> dict[str, Any]:
    """What the filter that is made of each model does."""
    return {
        "effective_fraction": [
            _fraction_metrics(model.name, skim, None, each)
            for model in models
            for each in model.effective_fractions
        ],
        "protect": [
            record(
                model=model.name,
                skim=skim,
                observable=protection.rule.observable,
                floor=protection.rule.floor,
                speedup=protection.importance.speedup,
                effective_fraction=protection.importance.effective_fraction,
                bins=[
                    _fraction_metrics(model.name, skim, protection.rule.observable, each)
                    for each in protection.fractions
                    if each.observable == protection.rule.observable
                ],
            )
            for model in models
            for protection in model.protections
        ],
        "threshold": [
            record(
                model=model.name,
                skim=skim,
                speedup=model.speedup.speedup,
                effective_fraction=model.speedup.true_positive_rate.value,
                max_abs_pull=max((abs(bias.max_pull) for bias in model.biases), default=0.0),
            )
            for model in models
        ],
        "importance": [
            record(
                model=model.name,
                skim=skim,
                speedup=model.importance.speedup,
                effective_fraction=model.importance.effective_fraction,
                max_abs_pull=max(
                    (float(abs(bias.pulls).max()) for bias in model.weighted_biases), default=0.0
                ),
                pulls_rms=_rms([bias.pulls for bias in model.weighted_biases]),
            )
            for model in models
        ],
    }


def _study_metrics(studies: Studies) -> dict[str, Any]:
    """What the studies found, those that were run."""
    found: dict[str, Any] = {
        "skims": None if studies.skims is None else _many_skims(studies.skims),
        "loss": [
            record(
                training=row.name,
                form=row.form,
                floor=row.floor,
                auc=row.auc,
                importance_speedup=row.speedup,
                ratio=row.ratio,
            )
            for row in studies.loss
        ],
        "few_labels": studies.few_labels,
        **{f"features_{inputs}": rows for inputs, rows in studies.features.items()},
        "layers": studies.layers,
    }
    return {name: rows for name, rows in found.items() if rows}


def _threshold_of(each: OneSkim) -> dict[str, Any]:
    """A skim of the model of many as a further entry beside the models'."""
    cut = each.threshold
    return record(
        model=MULTI_SKIM,
        skim=each.skim,
        speedup=cut.speedup,
        effective_fraction=cut.true_positive_rate,
        max_abs_pull=max((abs(bias.max_pull) for bias in each.biases), default=0.0),
    )


def _importance_of(each: OneSkim) -> dict[str, Any]:
    """The same for importance sampling."""
    pulls = [bias.pulls for bias in each.weighted_biases]
    return record(
        model=MULTI_SKIM,
        skim=each.skim,
        speedup=each.importance.speedup,
        effective_fraction=each.effective_fraction,
        max_abs_pull=max((float(abs(pull).max()) for pull in pulls), default=0.0),
        pulls_rms=_rms(pulls),
    )


def _many_skims(found: MultiSkim) -> dict[str, Any]:
    """The study of many skims, but for what stands beside the models."""
    return {
        "train_events": found.train_events,
        "test_events": found.test_events,
        "generated": found.generated,
        "parameters": found.parameters,
        "score_events_per_s": found.score_events_per_s,
        "skims": [
            record(
                skim=each.skim,
                retention=each.retention,
                auc=each.auc,
                auc_of_event_type=each.auc_of_event_type,
                effective_fraction_of_all=each.effective_fraction_of_all,
            )
            for each in found.skims
        ],
        "samples": [
            record(
                skim=each.skim,
                sample=one.sample,
                passing=one.passing,
                retention=one.retention,
                auc=one.auc,
                importance_speedup=one.importance_speedup,
            )
            for each in found.skims
            for one in each.samples
        ],
        "alone": [
            record(
                skim=alone.skim,
                auc=alone.auc,
                gain_of_all=alone.gain,
                importance_speedup=alone.importance.speedup,
            )
            for alone in found.alone
        ],
        "shared_random": record(
            each={each.skim: share for each, share in zip(found.skims, found.random.each, strict=True)},
            simulated_shared=found.random.shared,
            simulated_independent=found.random.independent,
            saving=found.random.saving,
            saving_of_separate=found.random.separate_saving,
        ),
    }


def _fraction_metrics(model: str, skim: str, protect: str | None, found: EffectiveFraction) -> dict[str, Any]:
    """Effective fraction and unbiased speedup by bin of one observable; lists have an entry for each bin."""
    return record(
        model=model,
        skim=skim,
        observable=found.observable,
        protect=protect,
        edges=found.edges,
        passing=found.passing,
        effective_fraction=found.fraction,
        effective_fraction_se=found.fraction_se,
        speedup=found.speedup,
        speedup_se=found.speedup_se,
    )


def _rms(pulls: list[NDArray[np.float64]]) -> float:
    """Root mean square of pulls, those of bins where nothing was left to chance left out."""
    all_pulls = np.concatenate(pulls) if pulls else np.zeros(0)
    some = all_pulls[all_pulls != 0]
    return float(np.sqrt(np.mean(some**2))) if len(some) else 0.0


def _model_metrics(model: ModelResult, models: Sequence[ModelResult]) -> dict[str, Any]:
    return record(
        **_trainings_metrics(model, models),
        name=model.name,
        inputs=model.inputs,
        parameters=model.parameters,
        loss=model.classification.loss,
        accuracy=model.classification.accuracy,
        auc=model.classification.auc,
        max_speedup=model.speedup.speedup,
        threshold=model.speedup.threshold,
        true_positive_rate=model.speedup.true_positive_rate,
        false_positive_rate=model.speedup.false_positive_rate,
        importance_speedup=model.importance.speedup,
        expected_calibration_error=model.calibration.expected_error,
        train_events_per_s=model.fits[0].events_per_s,
        score_events_per_s=model.score_events_per_s,
    )


def _trainings_metrics(model: ModelResult, models: Sequence[ModelResult]) -> dict[str, Any]:
    """All trainings of a model: means, spreads, and which models it cannot be told from."""
    found: dict[str, Any] = {"training_seeds": len(model.fits), "converged": model.converged}
    for quantity in QUANTITIES:
        values = repeated(model, quantity)
        found |= {
            f"{quantity}_mean": values.mean,
            f"{quantity}_mean_se": values.measured.se,
            f"{quantity}_seed_spread": values.spread,
            f"{quantity}_choice_se": values.trainings[0].choice_se,
            f"{quantity}_indistinguishable": [
                models[other].name for other in alike(models, quantity)[models.index(model)]
            ],
        }
    found["trainings"] = [
        {
            "epochs": len(each.train_loss),
            "best_epoch": each.best_epoch,
            "converged": each.converged,
            **{quantity: repeated(model, quantity).trainings[at].value for quantity in QUANTITIES},
        }
        for at, each in enumerate(model.fits)
    ]
    return found
