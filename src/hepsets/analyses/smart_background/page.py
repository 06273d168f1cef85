"""The report of a smart-background run: its sections, in the order a reader asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hepsets.analyses.smart_background import figures as own_figures
from hepsets.analyses.smart_background.comparison import ModelResult, best_of
from hepsets.analyses.smart_background.model_table import ModelRow, model_table
from hepsets.analyses.smart_background.page_studies import study_sections
from hepsets.analyses.smart_background.ranking import crowned, trainings_table, verdict
from hepsets.analyses.smart_background.result import Result
from hepsets.analyses.smart_background.training import RARE
from hepsets.core.config import to_mapping
from hepsets.core.measured import Measured
from hepsets.evaluate.filter.limit import Limit
from hepsets.report import figures as shared_figures
from hepsets.report import style
from hepsets.report.decay_trees import decay_tree
from hepsets.report.effective_fraction import effective_fractions
from hepsets.report.page import (
    Content,
    Drawing,
    FigureFiles,
    KeyFigure,
    Page,
    Section,
    SpeedupExplorer,
    configuration,
)


def make_page(result: Result, figures: FigureFiles) -> Page:
    """The page, out of what the run found alone."""
    if result.samples.made_here:
        figures = figures.of_simulation()
    best = best_of(result.models)
    return Page(
        docs="smart_background",
        title="Smart background",
        summary=_summary(result, best),
        facts=_facts(result, best),
        key_figures=_key_figures(result, best),
        sections=tuple(sections(result, figures)),
    )


def _summary(result: Result, best: ModelResult) -> str:
    skim = f"{result.samples.skim} events" if result.samples.made_here else "passing events"
    text = verdict(result.models) + (
        f" With the threshold of {best.name} a data set of {skim} costs "
        f"{best.speedup.speedup} times less computing, with weights and without bias "
        f"{best.importance.speedup} times less."
    )
    if result.limit is not None:
        text += (
            " The best that any filter could reach that sees the generated event alone is estimated at "
            f"{result.limit.max_speedup} and {result.limit.importance_speedup}."
        )
    return text


def _facts(result: Result, best: ModelResult) -> tuple[tuple[str, str], ...]:
    config, data = result.config, result.config.data
    source = (
        f"{data.sample}, generated here" if result.samples.made_here else ", ".join((*data.train, *data.test))
    )
    held_out = f"{best.fits[0].validation_events:,}"
    retention = str(result.samples.retention)
    if result.samples.retention_is_set:
        retention += " (set: files without weights cannot tell)"
    return (
        ("events", source),
        ("skim", data.skim if result.samples.made_here else "label of the files"),
        ("training", f"{result.samples.training:,} events, {held_out} of them for validation"),
        ("test", f"{result.samples.test:,} events"),
        ("trainings", f"{config.training_seeds} of each model"),
        ("retention", retention),
        ("scale", config.scale),
        ("seed", str(config.seed)),
        ("date", result.origin.date),
    )


def _key_figures(result: Result, best: ModelResult) -> tuple[KeyFigure, ...]:
    quality, gain, unbiased = best.classification, best.speedup, best.importance
    found = [
        KeyFigure(f"{gain.speedup.value:.2f} ± {gain.speedup.se:.2f}", "speedup with a threshold", best.name),
        KeyFigure(
            f"{unbiased.speedup.value:.2f} ± {unbiased.speedup.se:.2f}",
            "speedup with weights",
            "unbiased importance sampling",
        ),
        KeyFigure(f"{quality.auc.value:.3f} ± {quality.auc.se:.3f}", "area under the ROC curve", best.name),
    ]
    if result.limit is not None:
        limit = result.limit.auc
        found.append(KeyFigure(f"{limit.value:.3f} ± {limit.se:.3f}", "limit of the area", "any filter"))
    return tuple(found)


def sections(result: Result, figures: FigureFiles) -> Iterator[Section]:
    """All sections; what was not looked at has none."""
    best = best_of(result.models)
    styles = style.model_styles([model.name for model in result.models])
    yield Section(
        "Models",
        (_prose_models(result), _table(result), verdict(result.models), trainings_table(result.models)),
    )
    yield Section("Separation", tuple(_separation(result, styles, figures)))
    yield Section("Speedup", tuple(_speedup(result, best, styles, figures)))
    yield Section("Limit", tuple(_limit(result.limit, figures)))
    yield Section("Bias", tuple(_bias(result, best, styles[best.name].colour, figures)))
    calibrations = {model.name: model.calibration for model in result.models}
    yield Section(
        "Calibration",
        (
            figures(
                "calibration",
                shared_figures.calibration_curves(calibrations, styles),
                "Share of passing events against mean score in the test sample as it stands; "
                "errors are Wilson intervals.",
            ),
        ),
    )
    yield Section("Training", (_training(result, styles, figures),))
    yield from study_sections(result.studies, figures)
    yield Section("Events", tuple(_events(result, best)))
    yield configuration(_shown(result), result.origin)


def _separation(result: Result, styles: dict[str, style.Style], figures: FigureFiles) -> Iterator[Content]:
    models = {model.name: model for model in result.models}
    yield figures(
        "roc",
        shared_figures.roc_curves({n: m.classification for n, m in models.items()}, styles, result.limit),
        "ROC curves on the test events, and the areas under them with standard errors (DeLong).",
    )
    yield figures(
        "scores",
        shared_figures.score_distributions(
            {n: (result.samples.label, m.scores, None) for n, m in models.items()},
            styles,
            {n: m.speedup.threshold for n, m in models.items()},
        ),
        "Scores of passing (line) and failing (filled) test events, each normalised to one; "
        "dotted, the threshold picked on validation events.",
    )


def _speedup(
    result: Result, best: ModelResult, styles: dict[str, style.Style], figures: FigureFiles
) -> Iterator[Content]:
    costs = result.config.speedup
    curves = {model.name: model.curve for model in result.models}
    chosen = {model.name: model.speedup for model in result.models}
    yield (
        "Computing per skimmed event without a filter, divided by that with it. A threshold loses "
        "passing events and with them shapes of distributions; the slider shows what it costs "
        "and gains. "
        f"Costs: retention {best.speedup.retention:.3f}"
        f"{'' if costs.retention is None else ' (set)'}, generation "
        f"{costs.time_generate:g} s, simulation and reconstruction "
        f"{costs.time_simulate:g} s per event, the network as measured."
    )
    yield SpeedupExplorer(curves, chosen, styles, best.name, result.limit)
    yield figures(
        "speedup",
        own_figures.speedup_curves(curves, chosen, styles, result.limit),
        "Speedup against the share of events that goes on to the simulation. Points: thresholds "
        "picked on validation events, judged on test events.",
    )


def _training(result: Result, styles: dict[str, style.Style], figures: FigureFiles) -> Content:
    curves = {
        model.name: shared_figures.TrainingCurve(
            first.train_loss, first.validation_loss, first.best_epoch - 1
        )
        for model in result.models
        for first in model.fits[:1]
    }
    return figures(
        "training",
        shared_figures.training_curves(curves, styles),
        "Loss on training (dashed) and validation events (solid); the circle marks the state that "
        "was kept. Training losses are taken with dropout on and, where a model learns from soft "
        "labels, against those.",
    )


def _shown(result: Result) -> dict[str, Any]:
    """The configuration, for users' files without what concerns our own events alone."""
    values = to_mapping(result.config)
    if not result.samples.made_here:
        for name in ("limit", "multi_skim", "few_labels"):
            values.pop(name)
        for name in ("sample", "skim", "trials", "train_events", "test_events"):
            values["data"].pop(name)
    return values


def _prose_models(result: Result) -> str:
    text = (
        "The first training of each model, which is the one that is saved. Errors stand in brackets, in "
        "units of the last digit. Loss and accuracy refer to the test sample as it stands, without weights; "
        "f₁ and f₀ are the shares of passing and failing events that are kept at the threshold, "
        "which was picked on validation events; the errors of speedups hold that of this choice."
    )
    particles, ids = result.samples.unknown
    if particles:
        text += (
            f" {particles} particles of the test events have one of {ids} PDG ids that training saw "
            f"fewer than {RARE} times; they take the <unknown> token."
        )
    return text


def _table(result: Result) -> Content:
    rows = []
    for model in result.models:
        quality, gain, unbiased = model.classification, model.speedup, model.importance
        distance = None
        if result.limit is not None:
            se = float(np.hypot(result.limit.auc.se, quality.auc.se))
            distance = Measured(result.limit.auc.value - quality.auc.value, se)
        rows.append(
            ModelRow(
                name=model.name,
                parameters=model.parameters,
                inputs=str(model.inputs),
                loss=quality.loss,
                accuracy=quality.accuracy,
                auc=quality.auc,
                max_speedup=gain.speedup,
                importance_speedup=unbiased.speedup,
                threshold=gain.threshold,
                true_positive_rate=gain.true_positive_rate,
                false_positive_rate=gain.false_positive_rate,
                train_events_per_s=model.fits[0].events_per_s,
                score_events_per_s=model.score_events_per_s,
                to_limit=distance,
            )
        )
    best = crowned(result.models)
    return model_table(rows, best=None if best is None else best.name)


def _limit(limit: Limit | None, figures: FigureFiles) -> Iterator[Content]:
    if limit is None:
        yield (
            "The labels of these files were made elsewhere, so the detector simulation behind them cannot be "
            "repeated here and their limit stays unknown."
        )
        return
    yield (
        f"Whether an event passes is partly chance: one that passed passes again in a fresh simulation with "
        f"probability {limit.passes_again}. {limit.events:,} test events were simulated {limit.trials} times "
        f"each; the distribution of their pass probability gives the best ROC curve and speedup that any "
        f"filter can reach: area {limit.auc}, speedup {limit.max_speedup} with a threshold and "
        f"{limit.importance_speedup} with weights. Ranking by one half of the simulations and judging by the "
        f"other gives lower bounds: {limit.auc_halves}, {limit.max_speedup_halves} and "
        f"{limit.importance_halves}. The speedup with weights hangs on events that hardly ever pass: "
        f"{limit.further_events:,} of them were simulated {limit.further_trials} times more, and what is "
        f"not known about them after that leaves it about between {limit.importance_bracket[0]:.2f} and "
        f"{limit.importance_bracket[1]:.2f}, ends that fluctuate themselves; its error holds their distance."
    )
    yield figures(
        "limit",
        own_figures.limit_summary(limit),
        "Left: share of passing and of failing events with at least a pass probability. Right: the best "
        "speedup against the cut on it.",
    )


def _bias(result: Result, best: ModelResult, colour: str, figures: FigureFiles) -> Iterator[Content]:
    labels = result.samples.axis_labels
    if best.biases:
        yield (
            f"All passing test events (grey) and those that {best.name} keeps at its threshold (points), "
            "with the pull of every bin against a filter that ignores the observable, and the "
            "Kullback–Leibler divergence."
        )
        yield figures(
            "bias",
            own_figures.bias_histograms(best.biases, labels, colour),
            f"Observables of the passing events before and after the threshold of {best.name}.",
        )
    yield (
        f"Importance sampling keeps {100 * best.importance.kept:.0f} % of all events, each with its own "
        "probability, and weights them with its inverse: below, the weighted passing events against all of "
        "them. Pulls are those of the choice of events; without bias they have mean 0 and width 1. The kept "
        "events are worth "
        f"{100 * best.importance.effective_fraction:.0f} % of the passing ones (Kish)."
    )
    yield figures(
        "importance",
        own_figures.weighted_histograms(best.weighted_biases, labels, colour),
        f"Observables of all passing events, and of those that {best.name} keeps, weighted.",
    )
    yield from _effective_fractions(best, labels, colour, figures)
    yield figures(
        "floors",
        own_figures.floor_scan(best.floors, colour),
        "Floors of the keep probability. A smaller one saves no more than what events cost that fail anyway, "
        "and lets single events weigh more: the largest weight is that of a passing event that the network "
        "had given up. Dotted: the floor chosen on validation events.",
    )


def _effective_fractions(
    best: ModelResult, labels: dict[str, str], colour: str, figures: FigureFiles
) -> Iterator[Content]:
    """Where the unbiased speedup lives, and what it costs to spread it evenly."""
    spread = [f for f in best.effective_fractions if f.passing[f.lowest] > 0]
    if not spread:
        return
    worst = min(spread, key=lambda found: found.fraction[found.lowest])
    low, high = worst.lowest, worst.highest
    text = (
        "The speedup without bias is that of the whole sample. Events that look like failing ones are kept "
        "rarely and weigh much, so bins of an observable keep different effective fractions, and the same "
        "production is worth more to some analyses than to others. The widest range is in "
        f"{worst.observable}: from {Measured(worst.fraction[high], worst.fraction_se[high])} (speedup "
        f"{Measured(worst.speedup[high], worst.speedup_se[high])}) down to "
        f"{Measured(worst.fraction[low], worst.fraction_se[low])} "
        f"({Measured(worst.speedup[low], worst.speedup_se[low])})."
    )
    for protection in best.protections:
        gain = protection.importance
        text += (
            f" A keep rule with the same effective fraction in all bins of {protection.rule.observable} "
            f"(hepsets filter --protect {protection.rule.observable}) keeps "
            f"{gain.effective_fraction:.2f} in all of them and speeds up "
            f"{gain.speedup} times in place of "
            f"{best.importance.speedup}."
        )
    yield text
    rules = {"least cost": best.effective_fractions} | {
        f"protect {each.rule.observable}": each.fractions for each in best.protections
    }
    yield figures(
        "effective_fraction",
        effective_fractions(rules, labels, colour),
        f"Share of the passing events that those which {best.name} keeps are worth, by bin, with standard "
        "errors; on the right the unbiased speedup for who looks at that bin alone. Grey: number of passing "
        "events.",
    )


def _events(result: Result, best: ModelResult) -> Iterator[Content]:
    yield (
        "The first test events of each kind: kept and passing, kept and failing, dropped and passing, "
        f"dropped and failing, at the threshold {best.speedup.threshold:.3f} of {best.name}."
    )
    for event in result.samples.shown:
        all_scores = ", ".join(f"{model.name} {model.scores[event.number]:.2f}" for model in result.models)
        yield Drawing(
            decay_tree(event.events, 0),
            f"Test event {event.number}: {'passes' if event.passes else 'fails'} the skim, "
            f"{'kept' if event.kept else 'dropped'}. Scores: {all_scores}.",
        )
