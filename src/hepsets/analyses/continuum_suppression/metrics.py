"""The numbers of a run: the metrics of ``result.json``, the tables on the terminal and as markdown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hepsets.analyses.continuum_suppression.comparison import ComparisonResult, ModelResult
from hepsets.analyses.continuum_suppression.config import BDT, OURS, OWN, Config
from hepsets.analyses.continuum_suppression.recommended import sculpting_warning
from hepsets.analyses.continuum_suppression.result import Result
from hepsets.analyses.continuum_suppression.samples import Samples
from hepsets.analyses.continuum_suppression.trust import Trust
from hepsets.core.measured import Measured

TITLES: Mapping[str, str] = {
    "shape_only": "Shape only: candidates wrong in signal and background",
    "quality_80": "Correct candidates, tag cut at 80 % signal efficiency",
    "quality_50": "Correct candidates, tag cut at 50 % signal efficiency",
    "rho_rho": "One mode, B⁺ → ρ⁺ρ⁰, against continuum and B B̄",
    "tagged": "Correct candidates against any continuum candidate",
    OWN: "Your own events",
}
"""What each comparison is called."""


def metrics_of(
    config: Config, samples: Samples, comparisons: Mapping[str, ComparisonResult], trust: Trust
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


def _table_metrics(result: ComparisonResult) -> dict[str, Any]:
    return {
        "models": [_model_metrics(model) for model in result.models],
        "gain_over_bdt_at_90": {
            model.name: dataclasses.asdict(model.gain) for model in result.models if model.name != BDT
        },
    }


def _comparison_metrics(result: ComparisonResult) -> dict[str, Any]:
    pair = result.pair
    return {
        **_table_metrics(result),
        "gain_over_bdt_with_tag_at_90": {
            model.name: dataclasses.asdict(model.gain_over_tag)
            for model in result.models
            if model.gain_over_tag is not None
        },
        "training_seeds": {
            model.name: {"gains_over_bdt_at_90": list(model.seed_gains), "spread": model.seed_spread}
            for model in result.models
            if model.seed_gains
        },
        "not_told_apart": [list(names) for names in result.not_told_apart],
        "least_signal_probability": pair.cut,
        "events": {
            purpose: {"signal": int(label.sum()), "background": int((~label).sum())}
            for purpose, label in (
                ("training", pair.train.columns["label"]),
                ("test", pair.test.columns["label"]),
            )
        },
    }


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


HEADINGS = (
    "model",
    "AUC",
    "background left",
    "less than bdt",
    "less than bdt_with_tag",
    "seeds",
    "sculpting p",
)


def rows_of(result: ComparisonResult) -> Iterator[tuple[str, ...]]:
    """The table of one comparison under :data:`HEADINGS`, in per cent, the best model first."""
    for model in result.ranked:
        left = Measured(model.left.background, model.left.background_se)
        yield (
            model.name,
            f"{model.auc.value:.4f} ± {model.auc.se:.4f}",
            per_cent(left, 2),
            "" if model.name == BDT else per_cent(model.gain),
            "" if model.gain_over_tag is None else per_cent(model.gain_over_tag),
            "" if model.seed_spread is None else f"± {100 * model.seed_spread:.1f}",
            f"{model.sculpting['mbc'].p_value:.2g}" if "mbc" in model.sculpting else "",
        )


def per_cent(value: Measured, digits: int = 1) -> str:
    """A share and its error, in per cent without the sign."""
    return f"{100 * value.value:.{digits}f} ± {100 * value.se:.{digits}f}"


def notes_of(result: ComparisonResult) -> Iterator[str]:
    """What a reader of a comparison's table must know, in sentences."""
    for purpose, events in (("train", result.pair.train), ("test", result.pair.test)):
        label = events.columns["label"]
        yield f"{int(label.sum()):,} signal and {int((~label).sum()):,} background events to {purpose} on."
    if result.pair.cut is not None:
        yield (
            f"Signal probability of the tag of at least {result.pair.cut:.3g}, chosen on training events; "
            "models trained on what passes."
        )
    if pairs := result.not_told_apart:
        named = "; ".join(f"{better} and {worse}" for better, worse in pairs)
        yield f"Not told apart (less than two errors): {named}."


def markdown(config: Config, result: Result) -> str:
    """All tables as the documentation shows them."""
    at = f"{100 * config.signal_efficiency:g} % signal efficiency"
    lines = [
        f"Background left at {at} and how much less that is than what `bdt` and `bdt_with_tag` leave on "
        "the same events (paired errors) [%]; spread of the gain over `bdt` among training seeds.",
        "",
    ]
    for name, comparison in result.comparisons.items():
        lines += [f"### {TITLES[name]} (`{name}`)", "", " ".join(notes_of(comparison)), ""]
        lines += ["| " + " | ".join(HEADINGS) + " |", "|---" * len(HEADINGS) + "|"]
        for first, *rest in rows_of(comparison):
            lines.append(
                f"| {f'**`{first}`**' if first == OURS else f'`{first}`'} | " + " | ".join(rest) + " |"
            )
        lines.append("")
    return "\n".join(lines)


def sculpting_warnings(result: Result) -> list[str]:
    """What must be said first: in which comparisons the recommended model sculpts Mbc."""
    return [
        f"{text} ({TITLES[name]}.)"
        for name, comparison in result.comparisons.items()
        if (text := sculpting_warning(comparison.models))
    ]


def print_summary(result: Result) -> None:
    """Print a table of models for each comparison, best first; warnings of sculpting come before all else."""
    for warning in sculpting_warnings(result):
        print(warning)
    console = Console()
    console.width = max(console.width, 124)
    for name, comparison in result.comparisons.items():
        table = Table(box=SIMPLE_HEAD, pad_edge=False, title=TITLES[name], title_justify="left")
        for heading in HEADINGS:
            table.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
        for row in rows_of(comparison):
            table.add_row(*row)
        console.print(table)
        for note in notes_of(comparison):
            console.print(note, style="dim", highlight=False)
