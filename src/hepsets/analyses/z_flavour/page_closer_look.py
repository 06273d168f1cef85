"""The report's sections beyond the comparisons: working points, R_b, limits, what taggers rest on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hepsets.analyses.z_flavour.about import OURS, CellName
from hepsets.analyses.z_flavour.cells import CELLS
from hepsets.analyses.z_flavour.closer_look import CloserLook
from hepsets.analyses.z_flavour.closure import Closure
from hepsets.analyses.z_flavour.comparison import CellResult
from hepsets.analyses.z_flavour.figures.attention import attention_weights
from hepsets.analyses.z_flavour.figures.classes import (
    FLAVOUR_STYLES,
    class_probabilities,
    confusion_matrices,
    feature_shapes,
    importances,
    rocs_against_rest,
    tagger_styles,
)
from hepsets.analyses.z_flavour.figures.limits import (
    learning_curves,
    partial_widths,
    repeated_measurements,
)
from hepsets.analyses.z_flavour.figures.working_points import caveats, pair_rocs, working_point_bars
from hepsets.analyses.z_flavour.published import COURSEWORK
from hepsets.core.measured import Measured, per_cent
from hepsets.evaluate.scores.learning_curve import LearningCurve
from hepsets.evaluate.scores.many_classes import class_scores
from hepsets.report import figures as shared_figures
from hepsets.report.page import Column, Content, FigureFiles, Section, Table

LEAKS = (
    "Seeded vertices and true kinds are truth that no detector has. Here are accuracies with and without "
    "them, for the same three flavours. The difference mixes vertices, kinds, and training on three flavours "
    "against four, of which ud was left out when judged: it isolates none of these."
)

_WITH_POINTS: tuple[CellName, ...] = ("hemispheres", "found")

_LOOKED_INTO: tuple[CellName, ...] = ("seeded", "found", "hemispheres")
"""Comparisons with ROC curves against the rest, and calibration."""

LIMIT = (
    "The same generated decays were simulated again and again and scored by the same tagger. The mean of "
    "several scores is right more often than one, and carried on to infinitely many simulations it shows "
    "how much of the mistakes the detector makes, for this tagger. It is no bound on other taggers: this "
    "one's own mistakes do not average out. Nor is it what a better detector would give, on which one would "
    "train anew."
)


def closer_look(
    look: CloserLook, cells: Mapping[CellName, CellResult], figures: FigureFiles
) -> Iterator[Section]:
    """All sections, as far as there is something to show."""
    yield from _working_points(look, cells, figures)
    leak = _leak(cells)
    if leak is not None:
        yield Section("How much truth leaks", (LEAKS, leak))
    if look.closure is not None:
        yield Section("R_b and R_c from double tags", tuple(_closure(look.closure, figures)))
    limits = tuple(_limits(look, figures))
    if limits:
        yield Section("What is in reach", limits)
    rests = tuple(_rests_on(look, figures))
    if rests:
        yield Section("What taggers look at", rests)
    if look.vertexing is not None:
        yield Section("Vertices", (_vertexing(look),))
    yield Section("What others reached on the coursework's files", (_coursework(),))


def comparison_figures(cell: CellResult, figures: FigureFiles) -> Iterator[Content]:
    """Confusion matrices, ROC curves against the rest and calibration of one comparison."""
    models = {model.name: model.quality[max(model.quality)] for model in cell.models}
    if not models:
        return
    styles = tagger_styles(models)
    yield figures(
        f"confusion_{cell.name}",
        confusion_matrices(models, styles),
        "Of each true flavour (rows) the percentage that is taken for each (columns), with its binomial "
        "error; above, the accuracy of the model.",
    )
    if cell.name not in _LOOKED_INTO:
        return
    yield figures(
        f"rest_{cell.name}",
        rocs_against_rest(models, styles),
        "Each flavour against all others of the test events, and the areas under the curves.",
    )
    last = cell.models[-1].name
    curves = models[last].calibration
    yield figures(
        f"calibration_{cell.name}",
        shared_figures.calibration_curves(dict(curves), FLAVOUR_STYLES, "share of the flavour"),
        f"Share of events of a flavour against its probability, {last}. Chance alone would give the error in "
        "brackets. Networks are calibrated by validation events; boosted trees are not.",
    )


# -- inside ------------------------------------------------------------------------------------------


def _working_points(
    look: CloserLook, cells: Mapping[CellName, CellResult], figures: FigureFiles
) -> Iterator[Section]:
    content: list[Content] = []
    for name in _WITH_POINTS:
        curves, cell = look.curves.get(name), cells.get(name)
        if not curves or cell is None:
            continue
        level = CELLS[cell.name].level
        styles = tagger_styles(curves)
        content.append(
            figures(
                f"pairs_{name}",
                pair_rocs(curves, styles, level=level),
                f"Efficiency per {level} against the share of another flavour that is mistaken for it. The "
                "score for A against B is p(A) / (p(A) + p(B)). Bands: 68 % intervals, from counting and "
                "from the threshold. Open markers: published taggers of jets, on other events; see below.",
            )
        )
        content.append(
            figures(
                f"points_{name}",
                working_point_bars({model.name: model.points for model in cell.models}, styles, level=level),
                "The same at the usual working points. Thresholds are points of the test events' own ROC "
                "curve, not chosen beforehand.",
            )
        )
    if content:
        content.append(
            "Published taggers were measured on jets of other processes and energies, most with far more "
            "training events; they are drawn for orientation, not ranked. " + " ".join(caveats())
        )
        yield Section("Working points beside published taggers", tuple(content))


def _leak(cells: Mapping[CellName, CellResult]) -> Table | None:
    compared: tuple[CellName, ...] = ("seeded", "found")
    of = {
        name: {model.name: model.quality[3].accuracy for model in cells[name].models if 3 in model.quality}
        for name in compared
        if name in cells
    }
    if len(of) < 2:
        return None
    rows = []
    for name in of["seeded"]:
        if name in of["found"]:
            seeded, found = of["seeded"][name], of["found"][name]
            leak = Measured(seeded.value - found.value, (seeded.se**2 + found.se**2) ** 0.5)
            rows.append((name, seeded, found, leak))
    if not rows:
        return None
    columns = (
        Column("model"), Column("seeded, true kinds"), Column("found, measured kinds"), Column("difference"),
    )  # fmt: skip
    note = "Accuracy for b, c and s. Errors of the difference ignore that the events are the same."
    return Table(columns, tuple(rows), note)


def _closure(closure: Closure, figures: FigureFiles) -> Iterator[Content]:
    whole, width, truth, realised = closure.whole, closure.pull_width, closure.truth, closure.realised
    yield (
        f"Half of the test events were mixed as the Z decays, {whole.events:,} in all, and the shares of b "
        "and c measured by tagging both hemispheres; the other half stood for simulation. The tagger saw "
        "none of them. The efficiencies for b and c, and of the c tag for b, are measured with them; all "
        "else is simulation's. What comes out must be what was mixed."
    )
    if not closure.two_tags:
        yield (
            "With two tags these events had no solution: R_c was not measured, and R_b is by the b tag "
            f"alone, with R_c set to what was mixed, {truth['c']}."
        )
    names = ("b b", "c c", "b c", "c b", "light b", "light c")
    yield Table(
        (
            Column("share"),
            Column("measured"),
            Column("mixed"),
            Column("realised"),
            Column("data"),
            Column("simulation"),
        ),
        (
            ("R_b", whole.r_b, truth["b"], realised["b"], whole.r_b_data, whole.r_b_simulation),
            ("R_c", whole.r_c if closure.two_tags else None, truth["c"], realised["c"], None, None),
        ),
        "Mixed: the chance of each decay. Realised: the share of the decays that were drawn; by how much "
        "these differ is part of the error, as in data. The last two columns: parts of the error from the "
        "counts of data and of simulation.",
    )
    yield Table(
        (Column("hemispheres, tag"), Column("efficiency"), Column("C", "correlation"), Column("from")),
        tuple(
            (
                name,
                whole.efficiency[name],
                whole.correlation.get(name),
                "data" if name in whole.from_data else "simulation",
            )
            for name in names
            if name in whole.efficiency
        ),
    )
    yield figures(
        "r_b",
        partial_widths(closure.samples, closure.truth["b"], whole.r_b),
        f"R_b of {len(closure.samples)} disjoint samples by the b tag, with the errors of their own counts, "
        "and of all of them (open, with the whole error), by "
        f"{'both tags' if closure.two_tags else 'the b tag, too'}; the line is what was mixed. The pulls are "
        f"of the samples, with R_c set to what was mixed; their width is {width}.",
    )


def _limits(look: CloserLook, figures: FigureFiles) -> Iterator[Content]:
    if look.limit:
        one = next(iter(look.limit.values()))
        yield LIMIT
        yield figures(
            "limit",
            repeated_measurements(look.limit, tagger_styles(look.limit)),
            f"Accuracy of the mean score of so many simulations of {one.events:,} decays, {one.trials} each. "
            f"Infinitely many gain {per_cent(one.gain, 1)} % over one: the error is of the difference, event "
            "by event, as the decays are the same. "
            f"Of the misjudged ones, {per_cent(one.flipped_back, 0)} % are judged rightly when simulated "
            "once more.",
        )
    if look.learning is not None:
        far = look.learning.extrapolated
        yield figures(
            "learning",
            learning_curves({OURS: look.learning}, tagger_styles([OURS])),
            "Share of misjudged test events against training events, with a power law and a floor fitted to "
            f"it. At {look.learning.at:,.0f} per flavour it says {100 * far.value:.1f} % "
            f"({100 * far.low:.1f} to {100 * far.high:.1f}), if the law goes on to hold. Every size was "
            f"trained once{_scaled(look.learning)}.",
        )


def _scaled(curve: LearningCurve) -> str:
    """What was done to errors that even the best law does not fit."""
    if curve.error_scale == 1:
        return ""
    return (
        f"; the best law misses the sizes by χ² = {curve.chi2:.1f}, so the band is of errors "
        f"{curve.error_scale:.1f} times those of the test events"
    )


def _rests_on(look: CloserLook, figures: FigureFiles) -> Iterator[Content]:
    if look.shapes:
        yield figures(
            "features",
            feature_shapes(look.shapes),
            "Features by flavour, each normalised to one; the ends of an axis hold what lies beyond.",
        )
    if look.scores is not None:
        yield figures(
            "probabilities",
            class_probabilities(
                class_scores(look.scores.truth, look.scores.probabilities, look.scores.classes)
            ),
            f"Probabilities that {OURS} gives to test events of each flavour.",
        )
    if look.importance:
        yield figures(
            "importance",
            importances(look.importance),
            f"Accuracy that {OURS} loses when a group of features is exchanged between the members of all "
            "test events. Groups that carry the same information stand in for one another.",
        )
    if look.attention is not None:
        yield figures(
            "attention",
            attention_weights(look.attention),
            "Attention of the coursework's recurrent network along its sequence: vertices, then particles.",
        )


def _vertexing(look: CloserLook) -> Table:
    quality = look.vertexing
    assert quality is not None
    return Table(
        (Column("quantity"), Column("value")),
        (
            ("b hemispheres with a vertex of the b or c hadron's chain", quality.b_efficiency),
            ("s s̄ events with a fake one", quality.fake_rate),
            ("KS probability that χ² probabilities of true vertices are flat", quality.chi2_probability_ks_p),
            ("flight length, width of the core [µm]", quality.flight_resolution_um),
        ),
    )


def _coursework() -> Table:
    return Table(
        (Column("who"), Column("training events"), Column("accuracy", "b, c, s")),
        tuple(
            (
                one.who,
                one.events,
                one.accuracy if one.accuracy_se is None else Measured(one.accuracy, one.accuracy_se),
            )
            for one in COURSEWORK
        ),
        "Quoted, on other events than ours: seeded vertices, true kinds.",
    )
