"""The report of a flavour run: its sections, in the order a reader asks."""

from __future__ import annotations

from collections.abc import Iterator

from hepsets.analyses.z_flavour.cells import CELLS, THREE
from hepsets.analyses.z_flavour.comparison import SHOWN, CellResult, ModelResult
from hepsets.analyses.z_flavour.config import Config
from hepsets.analyses.z_flavour.figures.classes import tagger_styles
from hepsets.analyses.z_flavour.page_closer_look import closer_look, comparison_figures
from hepsets.analyses.z_flavour.page_detector import detector_section
from hepsets.analyses.z_flavour.page_seeds import seeds_section
from hepsets.analyses.z_flavour.result import Result
from hepsets.analyses.z_flavour.summary import TITLES, not_converged
from hepsets.core.measured import Measured, per_cent
from hepsets.formats.read_counts import ReadCounts
from hepsets.report import figures as shared_figures
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

REASONS = {
    "published": (
        "The networks of the coursework on the columns of its files: positions in the laboratory, "
        "standardised by a mean and a standard deviation that far vertices rule, values beyond four of these "
        "masked, the event's columns repeated in every row. Flights of millimetres vanish in such a scale."
    ),
    "seeded": (
        "The same events and the same truth in them, vertices made of the true production points and kinds "
        "known; features are flights, masses and signed impact parameters over their errors. Both truths are "
        "more than a detector has."
    ),
    "found": (
        "What a detector would see: vertices by the finder, kinds by counted clusters and time of flight. "
        "Models know four flavours; the accuracy of b, c and s is theirs with ud events left out."
    ),
    "unidentified": (
        "The same events, but nothing tells what a particle is: no clusters, no time of flight, no lepton, "
        "photon or neutral hadron, only tracks and clusters. K_S and Λ are still found, by their masses."
    ),
    "hemispheres": (
        "Each hemisphere alone, as double tags need it. A further output tells b from b̄ hemispheres."
    ),
    "jets": (
        "The same by what FCCAnalyses tells of the constituents of a jet, `pfcand_*`, and nothing else: no "
        "vertices. Exported, it is a tagger that WeaverInterface loads."
    ),
}


def make_page(result: Result, figures: FigureFiles) -> Page:
    """The page, out of what the run found alone."""
    if not result.config.data.train and not result.config.data.test:
        figures = figures.of_simulation()
    return Page(
        docs="z_flavour",
        title="Which quark did the Z decay to?",
        summary=_summary(result),
        facts=_facts(result),
        key_figures=_key_figures(result.best),
        sections=tuple(sections(result, figures)),
    )


def sections(result: Result, figures: FigureFiles) -> Iterator[Section]:
    """All sections; what was not compared has none."""
    if result.counts is not None:
        yield Section("What the files hold", (_what_files_hold(result.counts),))
    for name, cell in result.cells.items():
        yield Section(TITLES[name], tuple(_cell(cell, figures)))
    yield from closer_look(result.look, result.cells, figures)
    if result.scan is not None:
        yield detector_section(result.scan, figures)
    if result.seeds is not None:
        yield seeds_section(result.seeds)
    yield configuration(result.config, result.origin)


def _summary(result: Result) -> str:
    best = result.best
    world = TITLES[best.cell].lower()
    told = " and ".join(
        f"{per_cent(quality.accuracy, 2)} % of {_named(quality.classes)} right"
        for quality in sorted(best.quality.values(), key=lambda one: len(one.classes))
    )
    trained = "Every model was trained once, so none is called best."
    if result.seeds is not None:
        number = len(result.seeds.seeds)
        trained = f"These numbers are of one training; how far {number} trainings scatter stands below."
    return f"{best.name} ({world}): {told}. {trained}"


def _named(classes: tuple[str, ...]) -> str:
    return f"{', '.join(classes[:-1])} and {classes[-1]} events"


def _facts(result: Result) -> tuple[tuple[str, str], ...]:
    config: Config = result.config
    training, validation, test = result.lead.counts
    return (
        ("events", ", ".join((*config.data.train, *config.data.test)) or "generated here"),
        ("training", f"{training:,} events, {validation:,} more for validation"),
        ("test", f"{test:,} events"),
        ("scale", config.scale),
        ("seed", str(config.seed)),
        ("date", result.origin.date),
    )


def _what_files_hold(counts: ReadCounts) -> Table:
    """What was read, what of it is masked, and what is odd but used as it stands."""
    rows = [("read", "events", counts.events), ("read", "particles", counts.particles)]
    rows.append(("read", "vertices", counts.vertices))
    rows += [("masked", what, count) for what, count in counts.masked.items() if count]
    rows += [("odd, kept", what, count) for what, count in counts.kept.items() if count]
    return Table(
        (Column("what was done"), Column("entries"), Column("number", digits=0)),
        tuple(rows),
        "No model sees a masked entry: a mask beside it says that it is not known.",
    )


def _key_figures(best: ModelResult) -> tuple[KeyFigure, ...]:
    found = [
        KeyFigure(f"{per_cent(quality.accuracy, 1)} %", f"accuracy, {classes} flavours", best.name)
        for classes, quality in best.quality.items()
    ]
    for flavour, against, mistag in SHOWN:
        for point in best.points:
            if point.pair == (flavour, against, mistag):
                shown = per_cent(point.measured, 1)
                found.append(KeyFigure(f"{shown} %", f"{flavour} at {100 * mistag:g} % {against}", best.name))
    return tuple(found[:5])


def _cell(cell: CellResult, figures: FigureFiles) -> Iterator[Content]:
    """Table and figures of one comparison."""
    yield REASONS[cell.name]
    yield _table(cell)
    if told := not_converged(cell):
        yield told
    if cell.models:
        yield _confusion(cell.models[-1])
        styles = tagger_styles(model.name for model in cell.models)
        curves = {
            model.name: shared_figures.TrainingCurve(
                list(model.history.train), list(model.history.validation), model.history.best
            )
            for model in cell.models
            if len(model.history.validation) > 1
        }
        if curves:
            yield figures(
                f"training_{cell.name}",
                shared_figures.training_curves(curves, styles, steps="epoch (trees: round)"),
                "Loss on training (dashed) and validation events (solid); the circle marks what was kept.",
            )
        yield from comparison_figures(cell, figures)


def _table(cell: CellResult) -> Content:
    rows = []
    for model in cell.models:
        points = {point.pair: point.measured for point in model.points}
        own, three = model.quality[max(model.quality)], model.quality.get(len(THREE))
        rows.append(
            (
                model.name,
                model.parameters,
                len(model.history.train),
                own.accuracy,
                None if three is own or three is None else three.accuracy,
                own.mean_auc,
                *(points.get(shown) for shown in SHOWN),
                model.charge_accuracy,
                model.seconds,
                model.score_rate,
            )
        )
    level = CELLS[cell.name].level
    columns = (
        Column("model"),
        Column("parameters", "or trees"),
        Column("passes", "or rounds", digits=0),
        Column("accuracy"),
        Column("accuracy", "of b, c, s"),
        Column("AUC", "mean of one against the rest"),
        *(Column(f"{a} efficiency", f"at {100 * m:g} % {b}") for a, b, m in SHOWN),
        Column("charge", "b from b̄"),
        Column("training", "s", digits=0),
        Column("scoring", f"{level}s per s", digits=0),
    )
    filled = [at for at in range(len(columns)) if any(row[at] is not None for row in rows)]
    return Table(tuple(columns[at] for at in filled), tuple(tuple(row[at] for at in filled) for row in rows))


def _confusion(model: ModelResult) -> Content:
    """The confusion matrix of one model."""
    quality = model.quality[max(model.quality)]
    return Table(
        (Column("true"), *(Column(f"called {name}", model.name) for name in quality.classes)),
        tuple(
            (
                name,
                *(
                    Measured(float(share), float(se))
                    for share, se in zip(
                        quality.confusion.share[row], quality.confusion.share_se[row], strict=True
                    )
                ),
            )
            for row, name in enumerate(quality.classes)
        ),
    )
