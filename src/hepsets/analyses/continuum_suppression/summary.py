"""The numbers of a run: the metrics of ``result.json`` and the table on the terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hepsets.analyses.continuum_suppression.comparison import ModelResult
from hepsets.analyses.continuum_suppression.recommended import sculpting_warning
from hepsets.analyses.continuum_suppression.samples import Samples
from hepsets.analyses.continuum_suppression.settings import BDT
from hepsets.analyses.continuum_suppression.trust import Trust
from hepsets.core.measured import Measured

if TYPE_CHECKING:
    from hepsets.analyses.continuum_suppression import Result


def metrics_of(samples: Samples, models: Sequence[ModelResult], trust: Trust) -> dict[str, Any]:
    """The metrics of ``result.json``; names are an interface."""
    metrics: dict[str, Any] = {
        "models": [_model_metrics(model) for model in models],
        "gain_over_bdt_at_90": {
            model.name: dataclasses.asdict(model.gain) for model in models if model.name != BDT
        },
        "unseen_modes": [
            {
                "model": row.model,
                "mode": row.mode,
                "signal_efficiency": row.efficiency.value,
                "signal_efficiency_se": row.efficiency.se,
                "signal_efficiency_seen": row.seen.value,
                "signal_efficiency_seen_se": row.seen.se,
            }
            for row in trust.unseen
        ],
        "shifted_detector": [
            {
                "model": row.model,
                "shift": row.shift,
                "background_at_90": row.background.value,
                "background_at_90_se": row.background.se,
                "signal_efficiency_at_nominal_cut": row.signal_efficiency.value,
                "signal_efficiency_at_nominal_cut_se": row.signal_efficiency.se,
            }
            for row in trust.shifted
        ],
    }
    if trust.disco:
        metrics["disco"] = [
            {
                "strength": row.strength,
                "background_at_90": row.background.value,
                "background_at_90_se": row.background.se,
                "mbc_distance_correlation": row.dependence.value.value,
                "mbc_distance_correlation_se": row.dependence.value.se,
                "sculpting_p_value": row.p_value,
            }
            for row in trust.disco
        ]
    if samples.efficiency:
        metrics["efficiency"] = {name: dataclasses.asdict(e) for name, e in samples.efficiency.items()}
    return metrics


def _model_metrics(model: ModelResult) -> dict[str, Any]:
    found = {
        "name": model.name,
        "parameters": model.parameters,
        "auc": model.auc.value,
        "auc_se": model.auc.se,
        "background_at_90": model.left.background,
        "background_at_90_se": model.left.background_se,
        "expected_calibration_error": model.calibration.expected_error,
        "train_seconds": model.seconds,
    }
    for name, dependence in model.dependence.items():
        found[f"{name}_distance_correlation"] = dependence.value.value
        found[f"{name}_distance_correlation_se"] = dependence.value.se
    for name, bias in model.sculpting.items():
        key = "sculpting_p_value" if name == "mbc" else f"sculpting_p_value_{name}"
        found[key] = bias.p_value
    return found


def print_summary(result: Result) -> None:
    """Print the table of models, best last; a warning comes first if the recommended one sculpts Mbc."""
    warning = sculpting_warning(result.models)
    if warning:
        print(warning)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("model", "AUC", "background left", "less than bdt", "dCorr(Mbc)", "sculpting p"):
        table.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
    for model in sorted(result.models, key=lambda model: -model.left.background):
        mbc = model.dependence.get("mbc")
        table.add_row(
            model.name,
            str(model.auc),
            str(Measured(model.left.background, model.left.background_se)),
            "" if model.name == BDT else str(model.gain),
            "" if mbc is None else str(mbc.value),
            f"{model.sculpting['mbc'].p_value:.3f}" if "mbc" in model.sculpting else "",
        )
    console = Console()
    console.width = max(console.width, 116)
    console.print(table)
