"""The report of a smart-background run: its sections, in the order a reader asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import tomli_w
from particle import InvalidParticle, Particle, ParticleNotFound, pdgid

from hepsets.analyses.smart_background import figures as own_figures
from hepsets.analyses.smart_background.comparison import (
    ModelResult,
    unknown_particles,
)
from hepsets.analyses.smart_background.config import Config
from hepsets.analyses.smart_background.many_skims_page import multi_skim_sections
from hepsets.analyses.smart_background.metrics import best_of
from hepsets.analyses.smart_background.model_table import ModelRow, model_table
from hepsets.analyses.smart_background.ranking import crowned, trainings_table, verdict
from hepsets.analyses.smart_background.result import Result
from hepsets.analyses.smart_background.studies.inputs import EmbeddingMap, Studies, Variant
from hepsets.analyses.smart_background.studies.loss import LossRow
from hepsets.analyses.smart_background.training import RARE
from hepsets.core import config as configuration
from hepsets.core.measured import Measured
from hepsets.core.run import RunFolder, versions
from hepsets.evaluate.filter.limit import Limit
from hepsets.learn.decay_trees.decay_gcn import parse_family
from hepsets.report import figures, style
from hepsets.report.decay_trees import decay_tree
from hepsets.report.effective_fraction import effective_fractions
from hepsets.report.page import (
    Content,
    Drawing,
    FigureFiles,
    KeyFigure,
    Listing,
    Page,
    Section,
    SpeedupExplorer,
    write_page,
)
from hepsets.select.variables.generated import passing_observables

SHOWN_EVENTS = 4
"""Decay trees in the report."""


def write_report(config: Config, result: Result, folder: RunFolder) -> None:
    """Write ``report.html`` and the figures."""
    keep = FigureFiles(folder.path / "figures")
    best = best_of(result.models)
    write_page(
        folder.path / "report.html",
        Page(
            title="Smart background",
            summary=_summary(result, best),
            facts=_facts(config, result, best),
            key_figures=_key_figures(result, best),
            sections=tuple(_sections(config, result, best, keep)),
        ),
    )


def _summary(result: Result, best: ModelResult) -> str:
    skim = f"{result.samples.skim} events" if result.samples.made_here else "passing events"
    text = verdict(result.models) + (
        f" With the threshold of {best.name} a data set of {skim} costs {best.speedup.speedup:.1f} times "
        f"less computing, with weights and without bias {best.importance.speedup:.1f} times less."
    )
    if result.limit is not None:
        text += (
            " The best that any filter could reach that sees the generated event alone is estimated at "
            f"{result.limit.max_speedup.value:.1f} and {result.limit.importance_speedup.value:.1f}."
        )
    return text


def _facts(config: Config, result: Result, best: ModelResult) -> tuple[tuple[str, str], ...]:
    data = config.data
    source = (
        f"{data.sample}, generated here" if result.samples.made_here else ", ".join((*data.train, *data.test))
    )
    held_out = f"{len(best.fit.validation_indices):,}"
    retention = str(result.samples.retention)
    if result.samples.retention_is_set:
        retention += " (set: files without weights cannot tell)"
    return (
        ("events", source),
        ("skim", data.skim if result.samples.made_here else "label of the files"),
        ("training", f"{len(result.samples.train):,} events, {held_out} of them for validation"),
        ("test", f"{len(result.samples.test):,} events"),
        ("trainings", f"{config.training_seeds} of each model"),
        ("retention", retention),
        ("scale", config.scale),
        ("seed", str(config.seed)),
        ("date", date.today().isoformat()),
    )


def _key_figures(result: Result, best: ModelResult) -> tuple[KeyFigure, ...]:
    quality, gain, unbiased = best.classification, best.speedup, best.importance
    found = [
        KeyFigure(f"{gain.speedup:.2f} ± {gain.speedup_se:.2f}", "speedup with a threshold", best.name),
        KeyFigure(
            f"{unbiased.speedup:.2f} ± {unbiased.speedup_se:.2f}",
            "speedup with weights",
            "unbiased importance sampling",
        ),
        KeyFigure(f"{quality.auc:.3f} ± {quality.auc_se:.3f}", "area under the ROC curve", best.name),
    ]
    if result.limit is not None:
        limit = result.limit.auc
        found.append(KeyFigure(f"{limit.value:.3f} ± {limit.se:.3f}", "limit of the area", "any filter"))
    return tuple(found)


def _sections(config: Config, result: Result, best: ModelResult, keep: FigureFiles) -> Iterator[Section]:
    models = {model.name: model for model in result.models}
    styles = style.model_styles(list(models))
    label = result.samples.test.columns["label"]
    limit = result.limit

    yield Section(
        "Models",
        (_prose_models(result), _table(result), verdict(result.models), trainings_table(result.models)),
    )
    yield Section(
        "Separation",
        (
            keep(
                "roc",
                figures.roc_curves({n: m.classification for n, m in models.items()}, styles, limit),
                "ROC curves on the test events, and the areas under them with standard errors (DeLong).",
            ),
            keep(
                "scores",
                figures.score_distributions(
                    {n: (label, m.scores, None) for n, m in models.items()},
                    styles,
                    {n: m.speedup.threshold for n, m in models.items()},
                ),
                "Scores of passing (line) and failing (filled) test events, each normalised to one; "
                "dotted, the threshold picked on validation events.",
            ),
        ),
    )
    yield Section(
        "Speedup",
        (
            "Computing per skimmed event without a filter, divided by that with it. A threshold loses "
            "passing events and with them shapes of distributions; the slider shows what it costs "
            "and gains. "
            f"Costs: retention {best.speedup.retention:.3f}"
            f"{'' if config.speedup.retention is None else ' (set)'}, generation "
            f"{config.speedup.time_generate:g} s, simulation and reconstruction "
            f"{config.speedup.time_simulate:g} s per event, the network as measured.",
            SpeedupExplorer(
                {n: m.curve for n, m in models.items()},
                {n: m.speedup for n, m in models.items()},
                styles,
                best.name,
                limit,
            ),
            keep(
                "speedup",
                own_figures.speedup_curves(
                    {n: m.curve for n, m in models.items()},
                    {n: m.speedup for n, m in models.items()},
                    styles,
                    limit,
                ),
                "Speedup against the share of events that goes on to the simulation. Points: thresholds "
                "picked on validation events, judged on test events.",
            ),
        ),
    )
    yield Section("Limit", tuple(_limit(limit, keep)))
    yield Section("Bias", tuple(_bias(result, best, styles[best.name].colour, keep)))
    yield Section(
        "Calibration",
        (
            keep(
                "calibration",
                figures.calibration_curves({n: m.calibration for n, m in models.items()}, styles),
                "Share of passing events against mean score in the test sample as it stands; "
                "errors are Wilson intervals.",
            ),
        ),
    )
    yield Section(
        "Training",
        (
            keep(
                "training",
                figures.training_curves(
                    {
                        n: figures.TrainingCurve(
                            [epoch.train_loss for epoch in m.fit.history],
                            [epoch.validation_loss for epoch in m.fit.history],
                            m.fit.best_epoch - 1,
                        )
                        for n, m in models.items()
                    },
                    styles,
                ),
                "Loss on training (dashed) and validation events (solid); the circle marks the state that "
                "was kept. Training losses are taken with dropout on and, where a model learns from soft "
                "labels, against those.",
            ),
        ),
    )
    yield from _studies(result.studies, keep)
    yield Section("Events", tuple(_events(result, best)))
    yield Section(
        "Configuration",
        (
            Listing("config.toml", _shown(config, result)),
            Listing("versions", "\n".join(f"{name} {version}" for name, version in versions().items())),
        ),
    )


def _shown(config: Config, result: Result) -> str:
    """The configuration, for users' files without what concerns our own events alone."""
    values = configuration.to_mapping(config)
    if not result.samples.made_here:
        for name in ("limit", "multi_skim", "few_labels"):
            values.pop(name)
        for name in ("sample", "skim", "trials", "train_events", "test_events"):
            values["data"].pop(name)
    return tomli_w.dumps(values)


def _prose_models(result: Result) -> str:
    text = (
        "The first training of each model, which is the one that is saved. Errors stand in brackets, in "
        "units of the last digit. Loss and accuracy refer to the test sample as it stands, without weights; "
        "f₁ and f₀ are the shares of passing and failing events that are kept at the threshold, "
        "which was picked on validation events; the errors of speedups hold that of this choice."
    )
    particles, ids = unknown_particles(result.samples)
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
            se = float(np.hypot(result.limit.auc.se, quality.auc_se))
            distance = Measured(result.limit.auc.value - quality.auc, se)
        rows.append(
            ModelRow(
                name=model.name,
                parameters=model.parameters,
                inputs=str(model.config.inputs),
                loss=Measured(quality.loss, quality.loss_se),
                accuracy=Measured(quality.accuracy, quality.accuracy_se),
                auc=Measured(quality.auc, quality.auc_se),
                max_speedup=Measured(gain.speedup, gain.speedup_se),
                importance_speedup=Measured(unbiased.speedup, unbiased.speedup_se),
                threshold=gain.threshold,
                true_positive_rate=Measured(gain.true_positive_rate, gain.true_positive_rate_se),
                false_positive_rate=Measured(gain.false_positive_rate, gain.false_positive_rate_se),
                train_events_per_s=model.fit.train_events_per_s,
                score_events_per_s=model.score_events_per_s,
                to_limit=distance,
            )
        )
    best = crowned(result.models)
    return model_table(rows, best=None if best is None else best.name)


def _limit(limit: Limit | None, keep: FigureFiles) -> Iterator[Content]:
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
    yield keep(
        "limit",
        own_figures.limit_summary(limit),
        "Left: share of passing and of failing events with at least a pass probability. Right: the best "
        "speedup against the cut on it.",
    )


def _bias(result: Result, best: ModelResult, colour: str, keep: FigureFiles) -> Iterator[Content]:
    labels = _axis_labels(result)
    if best.biases:
        yield (
            f"All passing test events (grey) and those that {best.name} keeps at its threshold (points), "
            "with the pull of every bin against a filter that ignores the observable, and the "
            "Kullback–Leibler divergence."
        )
        yield keep(
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
    yield keep(
        "importance",
        own_figures.weighted_histograms(best.weighted_biases, labels, colour),
        f"Observables of all passing events, and of those that {best.name} keeps, weighted.",
    )
    yield from _effective_fractions(best, labels, colour, keep)
    yield keep(
        "floors",
        own_figures.floor_scan(best.floors, colour),
        "Floors of the keep probability. A smaller one saves no more than what events cost that fail anyway, "
        "and lets single events weigh more: the largest weight is that of a passing event that the network "
        "had given up. Dotted: the floor chosen on validation events.",
    )


def _effective_fractions(
    best: ModelResult, labels: dict[str, str], colour: str, keep: FigureFiles
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
            f"{Measured(gain.speedup, gain.speedup_se)} times in place of "
            f"{Measured(best.importance.speedup, best.importance.speedup_se)}."
        )
    yield text
    rules = {"least cost": best.effective_fractions} | {
        f"protect {each.rule.observable}": each.fractions for each in best.protections
    }
    yield keep(
        "effective_fraction",
        effective_fractions(rules, labels, colour),
        f"Share of the passing events that those which {best.name} keeps are worth, by bin, with standard "
        "errors; on the right the unbiased speedup for who looks at that bin alone. Grey: number of passing "
        "events.",
    )


def _axis_labels(result: Result) -> dict[str, str]:
    events = result.samples.test[:1]
    return {
        found.name: f"{found.label} [{found.unit}]" if found.unit else found.label
        for found in passing_observables(events)
    }


def _studies(studies: Studies, keep: FigureFiles) -> Iterator[Section]:
    if studies.features:
        drawn = []
        for inputs, rows in studies.features.items():
            first, *others = rows
            drawn.append(
                keep(
                    f"features_{inputs}",
                    own_figures.feature_study(
                        f"all features, {inputs} inputs (AUC {first.auc})",
                        {row.name: row.change for row in others},
                    ),
                    f"{inputs.capitalize()} inputs: change of the AUC of deep_sets_gcn_pdg, paired errors.",
                )
            )
        raw, scaled = studies.features["raw"][0], studies.features["scaled"][0]
        yield Section(
            "Study of features",
            (f"Normalised inputs: AUC {scaled.auc} against {raw.auc} on raw ones.", *drawn),
        )
    if studies.layers:
        yield Section(
            "Study of layers",
            (
                keep(
                    "layers",
                    own_figures.layer_scan(_scan(studies.layers)),
                    "AUC of members of the DS/GCN family.",
                ),
            ),
        )
    if studies.loss:
        yield Section("A loss that knows its purpose", tuple(_loss(studies.loss, keep)))
    for skim in dict.fromkeys(point.skim for point in studies.few_labels):
        yield Section(f"New skim, few labels: {skim}", tuple(_few_labels(studies, skim, keep)))
    if studies.embedding is not None:
        yield Section("Learnt PDG embedding", (_embedding(studies.embedding, keep),))
    if studies.skims is not None:
        yield from multi_skim_sections(studies.skims, keep)


def _loss(rows: tuple[LossRow, ...], keep: FigureFiles) -> Iterator[Content]:
    first, *others = rows
    yield (
        "The unbiased speedup can be trained for: the network's output is then itself the probability to "
        "keep an event, and the loss is the computing time per effective passing event. The other way is to "
        "learn the probability to pass by cross entropy, calibrate it, and take the closed form p ∝ √P(pass) "
        "or the logistic form of Belle II's production. Scales, offsets and floors are chosen on validation "
        "events."
    )
    yield keep(
        "loss",
        own_figures.feature_study(
            f"{first.name}, p ∝ √P ({first.speedup})",
            {
                f"{row.name}{', p ∝ √P' if row.form == 'root' else ', logistic p'}": Measured(
                    100 * (row.ratio.value - 1), 100 * row.ratio.se
                )
                for row in others
            },
            quantity="unbiased speedup [%]",
        ),
        "Change of the unbiased speedup on the test events, with paired errors.",
    )


def _few_labels(studies: Studies, skim: str, keep: FigureFiles) -> Iterator[Content]:
    points = [point for point in studies.few_labels if point.skim == skim]
    names = {"head": "head on the frozen trunk", "fine_tune": "fine-tuned", "scratch": "from scratch"}
    auc: dict[str, dict[int, Measured]] = {names[point.method]: {} for point in points}
    gain: dict[str, dict[int, Measured]] = {names[point.method]: {} for point in points}
    for point in points:
        auc[names[point.method]][point.labels] = point.auc
        gain[names[point.method]][point.labels] = point.importance_speedup
    yield (
        f"The trunk was trained on all skims but {skim}. Then some events were labelled for {skim}, as many "
        "that fail as pass. On the frozen trunk a head is a logistic regression, and the scores of the other "
        "skims stay the same to the last bit; fine-tuning starts from the trunk and moves all of it. Keep "
        "rules come from the labelled events alone."
    )
    yield keep(
        f"few_labels_{skim}",
        own_figures.learning_curves(auc, gain),
        "Means over disjoint draws of the labelled events; errors hold their spread and that of the test "
        "sample, which all points share.",
    )


def _scan(rows: tuple[Variant, ...]) -> list[own_figures.ScanPoint]:
    points = []
    for row in rows:
        layers, graph_layers = parse_family(row.name) or (0, ())
        points.append(own_figures.ScanPoint(row.name, layers, len(graph_layers), row.auc))
    return points


def _embedding(found: EmbeddingMap, keep: FigureFiles) -> Drawing:
    first, second = (f"{100 * share:.0f} %" for share in found.explained)
    return keep(
        "embedding",
        own_figures.embedding_map(
            found.positions,
            [_label(int(i)) for i in found.pdg],
            [_kind(int(i)) for i in found.pdg],
            found.occurrences,
        ),
        f"The two main directions of the embedding of deep_sets_gcn_pdg_normalized ({first} and {second} of "
        "its variance); the size of a point shows how often the particle occurs.",
    )


def _label(pdg: int) -> str:
    """Name in matplotlib's math text, or the number of a particle without a name."""
    try:
        return f"${Particle.from_pdgid(pdg).latex_name}$"
    except (ParticleNotFound, InvalidParticle):
        return str(pdg)


def _kind(pdg: int) -> str:
    if pdgid.is_lepton(pdg):
        return "leptons"
    if pdgid.has_bottom(pdg):
        return "beauty"
    if pdgid.has_charm(pdg):
        return "charm"
    if pdgid.is_baryon(pdg):
        return "light baryons"
    if pdgid.has_strange(pdg):
        return "strange mesons"
    return "light mesons" if pdgid.is_meson(pdg) else "others"


def _events(result: Result, best: ModelResult) -> Iterator[Content]:
    test = result.samples.test
    label = test.columns["label"]
    scores = best.scores
    yield (
        "The first test events of each kind: kept and passing, kept and failing, dropped and passing, "
        f"dropped and failing, at the threshold {best.speedup.threshold:.3f} of {best.name}."
    )
    kept = scores >= best.speedup.threshold
    for wanted in ((True, True), (True, False), (False, True), (False, False))[:SHOWN_EVENTS]:
        found = np.flatnonzero((kept == wanted[0]) & (label == wanted[1]))
        if not len(found):
            continue
        event = int(found[0])
        all_scores = ", ".join(f"{model.name} {model.scores[event]:.2f}" for model in result.models)
        yield Drawing(
            decay_tree(test, event),
            f"Test event {event}: {'passes' if wanted[1] else 'fails'} the skim, "
            f"{'kept' if wanted[0] else 'dropped'}. Scores: {all_scores}.",
        )
