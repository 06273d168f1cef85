"""The report of a flavour-tagging run: its sections, in the order a reader asks."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hepsets.analyses.flavour_tagging import figures as drawn
from hepsets.analyses.flavour_tagging.about import OURS, TREES
from hepsets.analyses.flavour_tagging.comparison import ModelResult
from hepsets.analyses.flavour_tagging.lost_points import FATES, LostPoints
from hepsets.analyses.flavour_tagging.result import Result
from hepsets.analyses.flavour_tagging.summary import notes_of
from hepsets.core.measured import Measured, per_cent
from hepsets.formats.whole_event_files import SetCounts
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
    power_text,
)

COMPARABLE = (
    "Lines mark what Belle II reached: 30.0 % (category-based) and 37.4 % (GFlaT) in data, 43.4 % (TFlaT) in "
    "simulation. They are no targets that these numbers could meet or miss: our detector is parametric, "
    "the signal "
    "is taken out by truth as if reconstructed without a mistake, identification is as good as its "
    "likelihoods say "
    "(no correlated tails, no hadronic showers misread), impact parameters are Gaussian with tails, and "
    "the decays "
    "lack form factors, CP violation and Dalitz structure. All of it makes tagging easier or harder by "
    "amounts that "
    "only full simulation can tell; the comparison of models on the same events is what holds."
)
"""How far a parametric detector is comparable."""


def make_page(result: Result, figures: FigureFiles) -> Page:
    """The page, out of what the run found alone."""
    if not result.config.data.train and not result.config.data.test:
        figures = figures.of_simulation()
    best = result.best
    train, held, test = result.sizes
    return Page(
        docs="flavour_tagging",
        title="B⁰ or B̄⁰?",
        summary=_summary(result),
        facts=(
            ("events", ", ".join((*result.config.data.train, *result.config.data.test)) or "generated here"),
            ("training", f"{train:,} tag sides, {held:,} more to calibrate with"),
            ("test", f"{test:,} tag sides"),
            ("scale", result.config.scale),
            ("seed", str(result.config.seed)),
            ("date", result.origin.date),
        ),
        key_figures=_key_figures(result, best),
        sections=tuple(sections(result, figures)),
    )


def sections(result: Result, figures: FigureFiles) -> Iterator[Section]:
    """All sections; what was not looked at has none."""
    if result.counts is not None:
        yield Section("What the files hold", (_files(result.counts),))
    yield Section("Effective tagging efficiency", tuple(_efficiency(result, figures)))
    yield Section("Calibration, and both flavours", tuple(_calibration(result, figures)))
    if len(result.look.learning) > 1:
        yield Section(
            "How many events it takes",
            (
                figures(
                    "learning_curve",
                    drawn.learning_curves(result.look.learning),
                    "Tag sides to train on against effective efficiency on the same test events.",
                ),
            ),
        )
    if result.look.importance:
        yield Section("What it rests on", tuple(_importance(result, figures)))
    if result.look.decays is not None:
        yield Section("What decays tell", tuple(_decays(result, figures)))
    if result.look.lost is not None:
        yield Section("Where the points go", tuple(_lost(result.look.lost, result.look.model, figures)))
    yield Section("Trainings", tuple(_trainings(result, figures)))
    yield configuration(result.config, result.origin)


def _summary(result: Result) -> str:
    best = result.best
    gain = (
        ""
        if best.gain is None
        else f", {per_cent(best.gain, 2)} % more than category trees on the same events"
    )
    return (
        f"{best.name}: effective tagging efficiency {per_cent(best.power.binned, 2)} %{gain}; wrong tags "
        f"rise with "
        f"those that it claims with a slope of {best.line.slope}."
    )


def _key_figures(result: Result, best: ModelResult) -> tuple[KeyFigure, ...]:
    found = [KeyFigure(f"{per_cent(best.power.binned, 1)} %", "effective tagging efficiency", best.name)]
    trees = [one for one in result.models if one.name == TREES]
    if trees and trees[0] is not best:
        found.append(
            KeyFigure(f"{per_cent(trees[0].power.binned, 1)} %", "the same of category trees", TREES)
        )
    found.append(KeyFigure(str(best.line.slope), "slope of true against claimed w", best.name))
    found.append(KeyFigure(power_text(best.asymmetry), "largest |r + r of the conjugate event|", best.name))
    return tuple(found)


def _files(counts: SetCounts) -> Table:
    rows = [("read", "sets", counts.events), ("read", "tracks and clusters", counts.particles)]
    rows += [("masked", what, count) for what, count in counts.masked.items()]
    return Table(
        (Column("what was done"), Column("entries"), Column("number", digits=0)),
        tuple(rows),
        "What is masked is 0 for all models.",
    )


def _efficiency(result: Result, figures: FigureFiles) -> Iterator[Content]:
    yield " ".join(notes_of(result))
    yield Table(
        (
            Column("model"),
            Column("ε_eff", "seven bins of |r|"),
            Column("mean r²", "the integral"),
            Column("binomial error"),
            Column("gain", f"over {TREES}, paired"),
            Column("spread", "of trainings"),
            Column("odd", "largest |r + r̄|"),
        ),
        tuple(
            (
                one.name,
                one.power.binned,
                one.power.integral,
                one.power.binomial_se,
                one.gain,
                one.seed_spread,
                one.asymmetry,
            )
            for one in result.models
        ),
    )
    yield figures(
        "efficiencies", drawn.efficiencies(result.models), "Errors are of test events and trainings."
    )
    yield COMPARABLE
    yield (
        f"{OURS} sums charge times vote of all tracks, and no vote knows the sign of a charge, only "
        f"products: "
        "an event with all particles exchanged for antiparticles has the opposite tag, to rounding. "
        "Other taggers have "
        "to learn it, from twice the events."
    )
    yield figures("tags", drawn.tags_of_both(result.models), "Calibrated tags of true B⁰ and B̄⁰.")


def _calibration(result: Result, figures: FigureFiles) -> Iterator[Content]:
    yield (
        "Calibrated on events of their own by a rising odd function of the logit. w = ⟨η⟩ + offset + "
        "slope (η − ⟨η⟩), "
        "fitted on test events without bins; ΔwB is the offset of true B⁰ minus that of B̄⁰. Detector "
        "and decays treat "
        "both alike, so ΔwB of 0 is what went in, and what differs from it comes from the tagger. "
        f"Errors are those of {result.sizes[2]:,} test tag sides alone; that the calibration saw only "
        f"{result.sizes[1]:,} moves offset and slope besides, by about "
        f"{math.sqrt(result.sizes[2] / result.sizes[1]):.1f} times as much."
    )
    yield Table(
        (
            Column("model"),
            Column("offset"),
            Column("slope"),
            Column("ΔwB"),
            Column("ε_eff of B⁰", "minus that of B̄⁰"),
            Column("slope", "before"),
            Column("offset", "before"),
        ),
        tuple(
            (
                one.name,
                one.line.offset,
                one.line.slope,
                one.line.difference,
                one.power.difference,
                one.raw_line.slope,
                one.raw_line.offset,
            )
            for one in result.models
        ),
    )
    yield figures("calibration", drawn.wrong_tags(result.models), "The seven bins; the line is no fit.")
    yield _bins(result.best)


def _bins(model: ModelResult) -> Table:
    return Table(
        (
            Column("|r|", model.name),
            Column("ε"),
            Column("w"),
            Column("claimed w"),
            Column("Δw"),
            Column("Δε/2ε"),
        ),
        tuple(
            (
                f"{each.low:g}–{each.high:g}",
                each.share,
                _finite(each.wrong),
                each.predicted if each.predicted == each.predicted else None,
                _finite(each.difference),
                each.share_difference,
            )
            for each in model.power.bins
        ),
    )


def _finite(value: Measured) -> Measured | None:
    return value if value.value == value.value else None


def _importance(result: Result, figures: FigureFiles) -> Iterator[Content]:
    yield (
        f"Columns of {result.look.model}'s inputs exchanged between all tracks, or all clusters, of the "
        f"test events; "
        "clusters are left out as a whole. Replacing all that is truth in the events by garbage changes "
        "its tags by "
        f"{result.look.truth_changes:g}."
    )
    yield figures("importance", drawn.importances(result.look.importance), "What is lost.")


def _decays(result: Result, figures: FigureFiles) -> Iterator[Content]:
    decays = result.look.decays
    assert decays is not None
    yield (
        "Particles as generated, seen or not. A perfect tagger of one category knows the sign of the "
        "net charge of its "
        f"particles and nothing else; of all votes together, with the best weights, "
        f"{per_cent(decays.together, 2)} %. "
        f"{per_cent(decays.silent, 2)} % of the decays have no vote; among them {result.look.model} still "
        f"reaches "
        f"{per_cent(decays.silent_inside, 2)} %, by momenta and what is missing. Votes are no bound: "
        f"momenta tell more."
    )
    yield Table(
        (
            Column("category"),
            Column("particles"),
            Column("share"),
            Column("right"),
            Column("perfect", "alone"),
            Column("reached", "of all decays"),
            Column("reached", "in these alone"),
        ),
        tuple(
            (one.name, one.what, one.share, one.right, one.perfect, one.reached, one.inside)
            for one in decays.categories
        ),
    )
    yield figures("categories", drawn.true_categories(decays), "Decays with several count in each.")


def _lost(lost: LostPoints, model: str, figures: FigureFiles) -> Iterator[Content]:
    yield (
        "The best use of the votes of true decays, then of those alone whose particles the detector could "
        "see, did see, and took for what they are; each knows where a particle comes from, which "
        f"{model} has to find out from momenta. It knows more than votes in return: its step may be a gain."
    )
    yield Table(
        (
            Column("votes known"),
            Column("of what"),
            Column("effective efficiency"),
            Column("lost", "in the step"),
        ),
        tuple((drawn.NAMES_OF_STEPS[one.name], one.what, one.power, one.lost) for one in lost.steps),
    )
    yield figures("lost_points", drawn.lost_points(lost), "Losses with errors of the same bootstraps.")
    if lost.identification is not None:
        told = lost.identification
        yield (
            f"Told the true species of each track, the same {model} reaches "
            f"{per_cent(told.power, 2)} %, {per_cent(told.gain, 2)} points more; it "
            "was not trained on such tracks, and could gain more if it were."
        )
    yield (
        "What became of the particles that vote, by category (the best of several), what a perfect tagger "
        "of this vote alone has inside, what ours reaches there, and how much all decays would gain if "
        "it reached as much. Less than 0: ours knows more than this vote. Decays count in each category."
    )
    yield Table(
        (
            *(Column("category"), Column("what became of it"), Column("share", "of its decays")),
            *(Column("perfect", "inside"), Column("reached", "inside"), Column("lost", "of all decays")),
        ),
        tuple(
            (one.category, FATES[one.stage], one.share, one.perfect, one.reached, one.lost)
            for one in lost.fates
        ),
    )
    yield figures("fates", drawn.fates(lost), "Of decays in which the category votes.")


def _trainings(result: Result, figures: FigureFiles) -> Iterator[Content]:
    yield Table(
        (
            Column("model"),
            Column("parameters", "or trees"),
            Column("passes", "or rounds", digits=0),
            Column("training", "s", digits=0),
            Column("tagging", "tag sides per s", digits=0),
        ),
        tuple(
            (one.name, one.parameters, len(one.history.train), one.seconds, one.score_rate)
            for one in result.models
        ),
    )
    curves = {
        one.name: shared_figures.TrainingCurve(
            list(one.history.train), list(one.history.validation), one.history.best
        )
        for one in result.models
        if len(one.history.validation) > 1
    }
    if curves:
        yield figures(
            "training",
            shared_figures.training_curves(curves, drawn.STYLES, steps="epoch (trees: round)"),
            "Loss on training (dashed) and held-back events (solid); the circle marks what was kept.",
        )
