"""The report of a run on pre-training: its sections, in the order a reader asks."""

from __future__ import annotations

from collections.abc import Iterator

from hepsets.analyses.pretraining.about import question
from hepsets.analyses.pretraining.figures import (
    calibration_errors,
    hidden_particles,
    label_savings,
    learning_curves,
    maps,
    outside,
)
from hepsets.analyses.pretraining.result import Result
from hepsets.analyses.pretraining.savings import Cost
from hepsets.analyses.pretraining.summary import equivalent, helps, limit_in_words, rates_in_words, verdict
from hepsets.analyses.pretraining.trunks import TrunkFacts
from hepsets.core.measured import Measured
from hepsets.report.page import (
    Column,
    Content,
    FigureFiles,
    KeyFigure,
    Page,
    Section,
    Table,
    configuration,
)


def make_page(result: Result, figures: FigureFiles) -> Page:
    """The page, out of what the run found alone."""
    figures = figures.of_simulation()  # all of its events are generated
    return Page(
        docs="pretraining",
        title=question,
        summary=" ".join(verdict(result, task) for task in result.tasks),
        facts=_facts(result),
        key_figures=_key_figures(result),
        sections=tuple(sections(result, figures)),
    )


def sections(result: Result, figures: FigureFiles) -> Iterator[Section]:
    """All sections; what was not looked into has none."""
    yield Section("Tasks and labels", tuple(_tasks(result)))
    yield Section("Learning curves", tuple(_curves(result, figures)))
    yield Section("Labels saved", tuple(_savings(result, figures)))
    yield Section("When it pays", tuple(_costs(result)))
    yield Section("Calibration", tuple(_calibration(result, figures)))
    yield Section("Outside the domain", tuple(_outside(result, figures)))
    masked = [one for one in result.trunks if one.masked]
    if masked:
        yield Section("Hidden particles", tuple(_hidden(masked, figures)))
    yield Section("What trunks see", tuple(_trunks(result, figures)))
    if result.taggers:
        yield Section("Flavour tagging", tuple(_taggers(result)))
    yield configuration(result.config, result.origin)


def _facts(result: Result) -> tuple[tuple[str, str], ...]:
    config = result.config
    return (
        ("corpus", f"{result.corpus_events:,} events, none of them in a task"),
        ("trunk", f"{result.trunks[0].parameters:,} weights"),
        ("labels", ", ".join(f"{n:,}" for n in config.labels.counts)),
        ("draws", f"{config.labels.draws}, disjoint"),
        ("test", f"{config.labels.test:,} events of each task"),
        ("scale", config.scale),
        ("seed", f"{config.seed}, of the corpus {config.pretrain.corpus.seed}"),
        ("date", result.origin.date),
    )


def _key_figures(result: Result) -> tuple[KeyFigure, ...]:
    found = []
    for task in result.tasks:
        one = result.best(task)
        saving = one.saving
        times = (saving.low if saving.beyond else saving.equivalent) / saving.labels
        factor = f"{'> ' if saving.beyond else ''}{times:.1f}×"
        note = f"{saving.labels:,} labels, {one.pretraining}, {one.tuning}"
        found.append(KeyFigure(factor if helps(saving) else "none", f"labels saved: {task}", note))
    return tuple(found[:4])


def _tasks(result: Result) -> Iterator[Content]:
    yield (
        "Each task has labelled events of its own, as many of either class, from generator blocks that no "
        "corpus "
        "reaches: those that labels are drawn from, development events that choose learning rates and "
        "weights, and "
        "test events that judge and do nothing else. The contents of all events were compared: none is in "
        "two places. "
        "Networks from scratch have the same architecture, and their learning rate is chosen in the same way."
    )
    yield (
        "Both classes of continuum suppression are candidates of one mode, correct ones and such as "
        "continuum makes; "
        "trunks see momenta in the frame of the collision, so Mbc can be found out with many labels."
    )
    rows = tuple((name, one.asks, 1e3 * one.seconds_per_event) for name, one in result.tasks.items())
    yield Table(
        (Column("task"), Column("asks"), Column("a label costs", "ms of computing", digits=1)),
        rows,
        "The cost is that of our generator and parametric detector, rejected events included.",
    )


def _curves(result: Result, figures: FigureFiles) -> Iterator[Content]:
    yield figures(
        "learning_curves",
        learning_curves(result.cells, result.limits),
        "Area under the ROC curve on test events, mean over disjoint label draws. Bars hold the spread of "
        "draws and, "
        "common to all, the error of the test events. The curve from scratch is the same in both rows."
        + (" Dashed with its error: the limit of any network." if result.limits else ""),
    )
    for task in result.limits:
        yield limit_in_words(result, task)
    columns = (
        Column("task"),
        Column("pre-training"),
        Column("tuning"),
        Column("labels"),
        Column("AUC"),
        Column("calibration error", "expected", digits=3),
        Column("rate", "chosen"),
    )
    rows = tuple(
        (cell.task, cell.pretraining, cell.tuning, cell.labels, cell.auc, cell.ece, f"{cell.rate:g}")
        for cell in result.cells
    )
    limits = tuple(
        (task, "limit of any network", None, None, limit.auc, None, None)
        for task, limit in result.limits.items()
    )
    yield Table(columns, rows + limits)
    yield "\n\n".join(rates_in_words(result, task) for task in result.tasks)


def _savings(result: Result, figures: FigureFiles) -> Iterator[Content]:
    yield "\n\n".join(verdict(result, task) for task in result.tasks)
    yield (
        "Which combination saves most is read off the same test events as how much: among many of them the "
        "best "
        "is flattered. The table has all."
    )
    yield figures(
        "label_savings",
        label_savings(result.savings),
        "How many labels training from scratch needs to reach the same area, per label; bars are the band "
        "of both "
        "curves, added as if they shared neither test events nor labels, so rather wide. A small triangle "
        "up: scratch does not get there with its most labels, the number is a limit from below; down: it is "
        "better already with its fewest, a limit from above.",
    )
    rows = tuple(
        (one.task, one.pretraining, one.tuning, one.saving.labels, equivalent(one.saving))
        for one in result.savings
    )
    yield Table(
        (
            Column("task"),
            Column("pre-training"),
            Column("tuning"),
            Column("labels"),
            Column("labels from scratch", "band"),
        ),
        rows,
    )


def _costs(result: Result) -> Iterator[Content]:
    tasks = list(result.tasks)
    yield (
        "Pre-training costs the corpus, pilots that choose weights, and training. A task that starts from "
        "it saves the "
        "computing of the labels that it does not need. After so many tasks of one kind both are equal; at "
        "an experiment, "
        "whose labels cost a full simulation or a person's work, it is fewer by the ratio of these costs."
    )

    def row(one: Cost) -> tuple[str | int | float | None, ...]:
        each = (one.break_even.get(task) for task in tasks)
        return (
            one.pretraining,
            one.cpu_hours,
            one.labels,
            *("never" if k is None else k for k in each),
            "never" if one.break_even_tasks is None else one.break_even_tasks,
        )

    yield Table(
        (
            Column("pre-training"),
            Column("computing", "CPU hours", digits=3),
            Column("at", "labels"),
            *(Column(task, "tasks") for task in tasks),
            Column("median", "tasks"),
        ),
        tuple(row(one) for one in result.costs),
        "Everything is trained; never: no labels are saved beyond the band. Where scratch does not get "
        "there, tasks are a limit from above.",
    )


def _calibration(result: Result, figures: FigureFiles) -> Iterator[Content]:
    chance = result.cells[0].points[0].chance_ece
    yield figures(
        "calibration_errors",
        calibration_errors(result.cells),
        "Expected calibration error of scores as training left them; chance alone makes it about "
        f"{chance:.3f} on so "
        "many test events. Bars: standard error of the mean over draws.",
    )


def _outside(result: Result, figures: FigureFiles) -> Iterator[Content]:
    most = max(result.config.labels.counts)
    yield figures(
        "outside",
        outside(result.cells),
        f"Networks with {most:,} labels, not trained again: on test events, on such as a detector with "
        "another "
        f"{result.config.labels.shift.replace('_', ' ')} sees, and on test events with inputs missing (all "
        "clusters; of "
        "generated events all places and times). Bars: standard error of the mean over draws. The smart "
        "background's "
        "network sees no detector: there the labels change.",
    )
    columns = ("task", "pre-training", "tuning", "AUC", *result.tests_elsewhere)
    rows: tuple[tuple[str | Measured, ...], ...] = tuple(
        (one.task, one.pretraining, one.tuning, one.auc, *map(one.auc_elsewhere, one.elsewhere))
        for one in result.cells
        if one.elsewhere
    )
    yield Table(tuple(map(Column, columns)), rows, "Errors of draws and of test events.")


def _hidden(masked: list[TrunkFacts], figures: FigureFiles) -> Iterator[Content]:
    lead = masked[0]
    yield (
        f"The trunk `{lead.pretraining}` is shown events of which 30 % of the tracks and clusters are "
        "hidden, and says "
        "what they were; predictions are assigned to hidden particles at least cost, those of both "
        "baselines too."
    )
    yield figures(
        "hidden_particles",
        hidden_particles(lead.masked),
        "Errors on validation events of the corpus.",
    )
    better = sum(one.error < one.baseline_error for one in lead.masked.values())
    yield f"The network is better than both baselines for {better} of {len(lead.masked)} features."


def _trunks(result: Result, figures: FigureFiles) -> Iterator[Content]:
    rows = []
    for one in result.trunks:
        pairs = [one.retrieval.get(name) for name in ("particles", "events")]
        weights = ", ".join(
            f"{name} {getattr(one.objective, name):g}"
            for name in ("masked", "contrastive", "supervised")
            if getattr(one.objective, name)
        )
        rows.append(
            (
                one.pretraining,
                weights,
                one.events,
                *(None if pair is None else pair.top1 for pair in pairs),
                *(None if pair is None else pair.chance for pair in pairs),
                None if pairs[1] is None else pairs[1].alignment,
                None if pairs[1] is None else pairs[1].uniformity,
            )
        )
    yield Table(
        (
            Column("pre-training"),
            Column("weights", "chosen on development events"),
            Column("trained on", "events"),
            Column("particles found", "share", digits=3),
            Column("events found", "share", digits=3),
            Column("particles", "by chance", digits=4),
            Column("events", "by chance", digits=4),
            Column("alignment", "of events", digits=3),
            Column("uniformity", "of events", digits=3),
        ),
        tuple(rows),
        "How often the nearest generated particle or event is the one that was reconstructed, among those "
        "of 256 events.",
    )
    pilots = tuple(
        (one.pretraining, weight, loss) for one in result.trunks for weight, loss in one.pilots.items()
    )
    if pilots:
        yield Table(
            (
                Column("pre-training"),
                Column("weight", "of the second part"),
                Column("log loss", "nat", digits=4),
            ),
            pilots,
            "Pilots: linear classifiers on trunks that were trained for a part of the time, mean over tasks.",
        )
    yield figures(
        "maps",
        maps({one.pretraining: one.latent for one in result.trunks}),
        "Validation events of the corpus as each trunk sees them, in the plane in which they are spread the "
        "most; what "
        "they are was told to the trunks with a supervised or contrastive part alone.",
    )


def _taggers(result: Result) -> Iterator[Content]:
    scratch = next(one for one in result.taggers if one.model == "from scratch")
    best = max(result.taggers, key=lambda one: one.power.value)
    yield (
        "B⁰ or B̄⁰ from all that truth does not give to the other B, calibrated on development events by an "
        "odd function. "
        f"With {scratch.labels:,} labels the network from scratch has an effective efficiency of "
        f"{100 * scratch.power.value:.1f} ± {100 * scratch.power.se:.1f} %, the best of all, {best.model}, "
        f"{100 * best.power.value:.1f} ± {100 * best.power.se:.1f} %. Belle II's 37.4 % (GFlaT, data) and "
        "43.4 % (TFlaT, "
        "simulation) are of full simulation and millions of events; a parametric detector and a signal B "
        "that truth takes "
        "out are comparable with them only as an order of magnitude. `hepsets run flavour-tagging` compares "
        "taggers, boosted "
        "trees among them."
    )
    yield Table(
        (
            Column("tagger"),
            Column("labels"),
            Column("effective efficiency"),
            Column("calibration slope", "1 if right"),
        ),
        tuple((one.model, one.labels, one.power, one.slope) for one in result.taggers),
    )
