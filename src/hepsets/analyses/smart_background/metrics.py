"""The numbers of a run: the metrics of ``result.json`` and the table on the terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hepsets.analyses.smart_background.comparison import ModelResult
from hepsets.analyses.smart_background.ranking import (
    HEADINGS,
    QUANTITIES,
    alike,
    crowned,
    legend,
    limit_row,
    repeated,
    rows_of,
    verdict,
)
from hepsets.analyses.smart_background.result import Result
from hepsets.analyses.smart_background.samples import Samples
from hepsets.analyses.smart_background.studies.inputs import Studies
from hepsets.analyses.smart_background.studies.many_skims import MULTI_SKIM, MultiSkim
from hepsets.evaluate.filter.effective_fraction import EffectiveFraction
from hepsets.evaluate.filter.limit import Limit


def metrics_of(
    samples: Samples,
    models: Sequence[ModelResult],
    limit: Limit | None,
    studies: Studies,
) -> dict[str, Any]:
    """The metrics of ``result.json``; names are an interface."""
    metrics: dict[str, Any] = {
        "models": [_model_metrics(model, models) for model in models],
        "best_model": best_of(models).name if models else None,
        "crowned_model": None if (best := crowned(models)) is None else best.name,
        "retention": {samples.skim: dataclasses.asdict(samples.retention)},
        "retention_is_set": samples.retention_is_set,
        "bias": [
            {
                "model": model.name,
                "observable": bias.observable,
                "kl": bias.kl.value,
                "kl_se": bias.kl.se,
                "max_abs_pull": abs(bias.max_pull),
            }
            for model in models
            for bias in model.biases
        ],
    }
    skim = samples.skim
    metrics["effective_fraction"] = [
        _fraction_metrics(model.name, skim, None, each)
        for model in models
        for each in model.effective_fractions
    ]
    metrics["protect"] = [
        {
            "model": model.name,
            "skim": skim,
            "observable": protection.rule.observable,
            "floor": protection.rule.floor,
            "speedup": protection.importance.speedup,
            "speedup_se": protection.importance.speedup_se,
            "effective_fraction": protection.importance.effective_fraction,
            "bins": [
                _fraction_metrics(model.name, skim, protection.rule.observable, each)
                for each in protection.fractions
                if each.observable == protection.rule.observable
            ],
        }
        for model in models
        for protection in model.protections
    ]
    metrics["threshold"] = [
        {
            "model": model.name,
            "skim": skim,
            "speedup": model.speedup.speedup,
            "speedup_se": model.speedup.speedup_se,
            "effective_fraction": model.speedup.true_positive_rate,
            "max_abs_pull": max((abs(bias.max_pull) for bias in model.biases), default=0.0),
        }
        for model in models
    ]
    metrics["importance"] = [
        {
            "model": model.name,
            "skim": skim,
            "speedup": model.importance.speedup,
            "speedup_se": model.importance.speedup_se,
            "effective_fraction": model.importance.effective_fraction,
            "max_abs_pull": max(
                (float(abs(bias.pulls).max()) for bias in model.weighted_biases), default=0.0
            ),
            "pulls_rms": _rms([bias.pulls for bias in model.weighted_biases]),
        }
        for model in models
    ]
    if samples.generated_per_s is not None:
        metrics["generation"] = {"events_per_s": samples.generated_per_s}
    if limit is not None:
        metrics["limit"] = {
            "auc": limit.auc.value,
            "auc_se": limit.auc.se,
            "max_speedup": limit.max_speedup.value,
            "max_speedup_se": limit.max_speedup.se,
            "importance_speedup": limit.importance_speedup.value,
            "importance_speedup_se": limit.importance_speedup.se,
            "importance_speedup_low": limit.importance_bracket[0],
            "importance_speedup_high": limit.importance_bracket[1],
            "importance_speedup_halves": limit.importance_halves.value,
            "importance_speedup_halves_se": limit.importance_halves.se,
        }
    if studies.skims is not None:
        _add_many_skims(metrics, studies.skims)
    if studies.loss:
        metrics.setdefault("studies", {})["loss"] = [
            {
                "training": row.name,
                "form": row.form,
                "floor": row.floor,
                "auc": row.auc.value,
                "auc_se": row.auc.se,
                "importance_speedup": row.speedup.value,
                "importance_speedup_se": row.speedup.se,
                "ratio": row.ratio.value,
                "ratio_se": row.ratio.se,
            }
            for row in studies.loss
        ]
    if studies.few_labels:
        metrics.setdefault("studies", {})["few_labels"] = [
            {
                "skim": point.skim,
                "method": point.method,
                "labels": point.labels,
                "draws": point.draws,
                "auc": point.auc.value,
                "auc_se": point.auc.se,
                "importance_speedup": point.importance_speedup.value,
                "importance_speedup_se": point.importance_speedup.se,
            }
            for point in studies.few_labels
        ]
    for name, rows in (
        *((f"features_{key}", rows) for key, rows in studies.features.items()),
        ("layers", studies.layers),
    ):
        if rows:
            metrics.setdefault("studies", {})[name] = [
                {
                    "name": row.name,
                    "parameters": row.parameters,
                    "auc": row.auc.value,
                    "auc_se": row.auc.se,
                    "change": row.change.value,
                    "change_se": row.change.se,
                }
                for row in rows
            ]
    return metrics


def _add_many_skims(metrics: dict[str, Any], found: MultiSkim) -> None:
    """Every skim as a further entry beside the models', the rest under ``studies.skims``."""
    for each in found.skims:
        metrics["threshold"].append(
            {
                "model": MULTI_SKIM,
                "skim": each.skim,
                "speedup": each.threshold.speedup,
                "speedup_se": each.threshold.speedup_se,
                "effective_fraction": each.threshold.true_positive_rate,
                "effective_fraction_se": each.threshold.true_positive_rate_se,
                "max_abs_pull": max((abs(bias.max_pull) for bias in each.biases), default=0.0),
            }
        )
        pulls = [bias.pulls for bias in each.weighted_biases]
        metrics["importance"].append(
            {
                "model": MULTI_SKIM,
                "skim": each.skim,
                "speedup": each.importance.speedup,
                "speedup_se": each.importance.speedup_se,
                "effective_fraction": each.effective_fraction.value,
                "effective_fraction_se": each.effective_fraction.se,
                "max_abs_pull": max((float(abs(pull).max()) for pull in pulls), default=0.0),
                "pulls_rms": _rms(pulls),
            }
        )
    metrics.setdefault("studies", {})["skims"] = {
        "train_events": found.train_events,
        "test_events": found.test_events,
        "generated": found.generated,
        "parameters": found.parameters,
        "score_events_per_s": found.score_events_per_s,
        "skims": [
            {
                "skim": each.skim,
                "retention": each.retention.value,
                "retention_se": each.retention.se,
                "auc": each.auc.value,
                "auc_se": each.auc.se,
                "auc_of_event_type": each.auc_of_event_type.value,
                "auc_of_event_type_se": each.auc_of_event_type.se,
                "effective_fraction_of_all": each.effective_fraction_of_all.value,
                "effective_fraction_of_all_se": each.effective_fraction_of_all.se,
            }
            for each in found.skims
        ],
        "samples": [
            {
                "skim": each.skim,
                "sample": one.sample,
                "passing": one.passing,
                "retention": one.retention.value,
                "retention_se": one.retention.se,
                "auc": one.auc.value,
                "auc_se": one.auc.se,
                "importance_speedup": one.importance_speedup.value,
                "importance_speedup_se": one.importance_speedup.se,
            }
            for each in found.skims
            for one in each.samples
        ],
        "alone": [
            {
                "skim": alone.skim,
                "auc": alone.auc.value,
                "auc_se": alone.auc.se,
                "gain_of_all": alone.gain.value,
                "gain_of_all_se": alone.gain.se,
                "importance_speedup": alone.importance.speedup,
                "importance_speedup_se": alone.importance.speedup_se,
            }
            for alone in found.alone
        ],
        "shared_random": {
            "each": {
                each.skim: dataclasses.asdict(share)
                for each, share in zip(found.skims, found.random.each, strict=True)
            },
            "simulated_shared": found.random.shared.value,
            "simulated_shared_se": found.random.shared.se,
            "simulated_independent": found.random.independent.value,
            "simulated_independent_se": found.random.independent.se,
            "saving": found.random.saving.value,
            "saving_se": found.random.saving.se,
            "saving_of_separate": found.random.separate_saving.value,
            "saving_of_separate_se": found.random.separate_saving.se,
        },
    }


def _fraction_metrics(model: str, skim: str, protect: str | None, found: EffectiveFraction) -> dict[str, Any]:
    """Effective fraction and unbiased speedup by bin of one observable; lists have an entry for each bin."""
    return {
        "model": model,
        "skim": skim,
        "observable": found.observable,
        "protect": protect,
        "edges": found.edges.tolist(),
        "passing": found.passing.tolist(),
        "effective_fraction": found.fraction.tolist(),
        "effective_fraction_se": found.fraction_se.tolist(),
        "speedup": found.speedup.tolist(),
        "speedup_se": found.speedup_se.tolist(),
    }


def best_of(models: Sequence[ModelResult]) -> ModelResult:
    """The model of greatest AUC on validation events: the test events choose nothing."""
    return max(models, key=lambda model: model.validation_auc)


def _rms(pulls: list[NDArray[np.float64]]) -> float:
    """Root mean square of pulls, those of bins where nothing was left to chance left out."""
    all_pulls = np.concatenate(pulls) if pulls else np.zeros(0)
    some = all_pulls[all_pulls != 0]
    return float(np.sqrt(np.mean(some**2))) if len(some) else 0.0


def _model_metrics(model: ModelResult, models: Sequence[ModelResult]) -> dict[str, Any]:
    return {
        **_trainings_metrics(model, models),
        "name": model.name,
        "inputs": model.config.inputs,
        "parameters": model.parameters,
        "loss": model.classification.loss,
        "loss_se": model.classification.loss_se,
        "accuracy": model.classification.accuracy,
        "accuracy_se": model.classification.accuracy_se,
        "auc": model.classification.auc,
        "auc_se": model.classification.auc_se,
        "max_speedup": model.speedup.speedup,
        "max_speedup_se": model.speedup.speedup_se,
        "threshold": model.speedup.threshold,
        "true_positive_rate": model.speedup.true_positive_rate,
        "true_positive_rate_se": model.speedup.true_positive_rate_se,
        "false_positive_rate": model.speedup.false_positive_rate,
        "false_positive_rate_se": model.speedup.false_positive_rate_se,
        "importance_speedup": model.importance.speedup,
        "importance_speedup_se": model.importance.speedup_se,
        "expected_calibration_error": model.calibration.expected_error,
        "expected_calibration_error_se": model.calibration.expected_error_se,
        "train_events_per_s": model.fit.train_events_per_s,
        "score_events_per_s": model.score_events_per_s,
    }


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
            "epochs": len(each.history),
            "best_epoch": each.best_epoch,
            "converged": each.converged,
            **{quantity: repeated(model, quantity).trainings[at].value for quantity in QUANTITIES},
        }
        for at, each in enumerate(model.fits)
    ]
    return found


def print_summary(result: Result) -> None:
    """Print the table of models, best last, the limit, and which models can be told apart.

    What a terminal has no room for, parameters, inputs, and spreads that are not known, is in ``table.md``.
    """
    once = len(result.models[0].fits) == 1
    shown = [
        place
        for place, heading in enumerate(HEADINGS)
        if heading not in ("parameters", "inputs") and not (once and heading == "spread")
    ]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place in shown:
        heading = (
            HEADINGS[place]
            .replace("speedup, ", "speedup,\n")
            .replace("not distinguishable", "not told\napart")
        )
        table.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
    rows = [[str(number), *row] for number, row in enumerate(rows_of(result.models, result.limit), 1)]
    for row in reversed(rows):
        table.add_row(*(row[place] for place in shown))
    if result.limit is not None:
        table.add_section()
        last = ["", *limit_row(result.limit)]
        table.add_row(*(last[place] for place in shown))
    console = Console()
    console.width = max(console.width, 150)  # a number that is cut would be another
    console.print(table)
    console.print(legend(result.models), highlight=False)
    console.print(verdict(result.models), highlight=False)
