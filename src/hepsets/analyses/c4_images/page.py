"""The report of a run on turned images: its sections, in the order a reader asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hepsets.analyses.c4_images.about import OURS, PLAIN, SETS
from hepsets.analyses.c4_images.comparison import ModelResult
from hepsets.analyses.c4_images.figures.models import (
    accuracies,
    confusions,
    errors_against,
    style_of,
    tested_turned,
)
from hepsets.analyses.c4_images.figures.symmetry import (
    configurations,
    errors_by_layer,
    kernel_pictures,
    turned_through_layers,
)
from hepsets.analyses.c4_images.figures.views import event_images
from hepsets.analyses.c4_images.result import Result
from hepsets.analyses.c4_images.samples import MAIN, PUBLISHED, TEST, UPRIGHT
from hepsets.analyses.c4_images.summary import PARTS, TITLES, called
from hepsets.core.measured import Measured, per_cent
from hepsets.report.figures import TrainingCurve, training_curves
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

TURNED = {
    "none": "as they are",
    "quarter": "each turned once by a multiple of 90°",
    "any": "each turned once by an angle of its own",
}
"""How images are turned, in words."""


def make_page(result: Result, figures: FigureFiles) -> Page:
    """The page, out of what the run found alone."""
    return Page(
        docs="c4_images",
        title="Is rotation symmetry worth building into an image network?",
        summary=_summary(result),
        facts=_facts(result),
        key_figures=_key_figures(result),
        sections=tuple(sections(result, figures)),
    )


def sections(result: Result, figures: FigureFiles) -> Iterator[Section]:
    """All sections; what was not looked into has none."""
    yield Section("The models", tuple(_models(result, figures)))
    yield Section("One image, turned four ways", tuple(_one_image(result, figures)))
    if result.kernels is not None:
        yield Section("What averaging loses", tuple(_kernels(result, figures)))
    yield Section("Does it turn with the image?", tuple(_symmetry(result, figures)))
    if result.of(UPRIGHT):
        yield Section("Trained upright, tested turned", tuple(_upright(result, figures)))
    yield Section("What accuracy costs", tuple(_costs(result, figures)))
    yield Section("Mistakes and training", tuple(_training(result, figures)))
    views = [sample for sample in result.samples if sample.endswith("_views")]
    if views:
        yield Section("Events along the beam", tuple(_views(result, views, figures)))
    if result.of(PUBLISHED):
        yield Section("The coursework's setting", tuple(_published(result)))
    yield configuration(result.config, result.origin)


def _summary(result: Result) -> str:
    lead = result.lead
    said = (
        f"{lead.name}, with {lead.parameters:,} parameters, is right about {per_cent(lead.accuracy, 2)} % of "
    )
    said += f"{result.samples[MAIN].counts[TEST]:,} test images, {TURNED[result.config.data.turns]}."
    for one in result.gains:
        if one.data == lead.data and one.other == PLAIN:
            said += (
                f" That is {per_cent(one.difference, 2)} per cent more than {PLAIN}, which has as many "
                "parameters and no symmetry."
            )
    return said


def _facts(result: Result) -> tuple[tuple[str, str], ...]:
    config, main = result.config, result.samples[MAIN]
    return (
        ("images", ", ".join((*config.data.train, *config.data.test)) or "scikit-learn's digits"),
        ("turns", TURNED[config.data.turns]),
        ("training", f"{main.counts['training']:,}, {main.counts['validation']:,} more for validation"),
        ("test", f"{main.counts[TEST]:,}"),
        ("trainings", f"{config.trainings} of each model"),
        ("scale", config.scale),
        ("seed", str(config.seed)),
        ("date", result.origin.date),
    )


def _key_figures(result: Result) -> tuple[KeyFigure, ...]:
    lead = result.lead
    wrong = Measured(1 - lead.accuracy.value, lead.accuracy.se)
    found = [
        KeyFigure(f"{per_cent(lead.accuracy, 2)} %", "accuracy", lead.name),
        KeyFigure(f"{per_cent(wrong, 2)} %", "test error", f"{lead.parameters:,} parameters"),
    ]
    for one in result.gains:
        if one.data == lead.data and one.other == PLAIN:
            found.append(
                KeyFigure(f"{per_cent(one.difference, 2)} %", f"gain over {PLAIN}", "same test images")
            )
    found.append(KeyFigure(power_text(lead.invariance_error), "change under four turns", "of a probability"))
    return tuple(found)


def _models(result: Result, figures: FigureFiles) -> Iterator[Content]:
    models = result.of(MAIN)
    yield (
        "`fcnn` knows nothing of an image; `cnn` knows shifts; `averaged` is the coursework's, whose first "
        "layer is averaged over four turns; `p4cnn` turns with the image in every layer, `p4mcnn` is "
        "mirrored, too. All are trained alike and keep their best state on validation images."
    )
    yield _table(models)
    yield figures(
        "accuracies",
        accuracies(models),
        "Accuracy; the error bar holds test images and seeds, dots below are single trainings.",
    )
    rows = [(one.other, one.difference) for one in result.gains if one.data == models[0].data]
    if rows:
        yield Table(
            (Column(f"{OURS} is better than"), Column("by", "accuracy, same test images")),
            tuple(rows),
            "What test images have in common cancels in the difference.",
        )


def _table(models: Sequence[ModelResult]) -> Table:
    rows = tuple(
        (
            one.name,
            one.parameters,
            len(one.seeds),
            one.accuracy,
            one.of_test.of_images,
            one.of_test.spread if len(one.seeds) > 1 else None,
            one.equivariance_error,
            one.invariance_error,
            one.seconds,
            one.images_per_s,
        )
        for one in models
    )
    columns = (
        Column("model"),
        Column("parameters"),
        Column("trainings"),
        Column("accuracy"),
        Column("error", "of test images", digits=4),
        Column("spread", "between trainings", digits=4),
        Column("equivariance error", "worst layer"),
        Column("invariance error", "of a probability"),
        Column("training", "s", digits=0),
        Column("scoring", "images per s of computing", digits=0),
    )
    return Table(columns, rows)


def _one_image(result: Result, figures: FigureFiles) -> Iterator[Content]:
    yield (
        "The coursework's figure: an image in its four turns, and a channel of each first "
        "layer. A plain convolution sees another image each time. The averaged layer turns with the image. "
        "So does the p4 layer, whose four maps change places as well: what one orientation of the kernel "
        "saw, the next one sees. Laid out in a square, the four turn as one picture."
    )
    yield figures(
        "one_image",
        turned_through_layers(result.image),
        "Columns: the image turned. On the right stands the largest difference to the turned output of the "
        "first column, in units of its largest number.",
    )


def _kernels(result: Result, figures: FigureFiles) -> Iterator[Content]:
    kernels = result.kernels
    assert kernels is not None
    side = kernels.own.shape[1]
    yield (
        "Turning the image four ways, convolving with one kernel, turning back and averaging is the same "
        "as one convolution with the kernel averaged over its four turns, since convolution is linear. "
        f"Such a kernel looks alike from all four sides: of its {kernels.weights} numbers {kernels.free} "
        f"are independent ({side} × {side} pixels), and of the trained kernels the average keeps "
        f"{100 * kernels.left:.0f} % of the sum of squares. It answers to a spot or a ring, but to an edge "
        "or a stroke always alike, whichever way it runs: the orientation, by which a 6 is told from the "
        "parts of an 8, is gone before the second layer, and nothing behind it can bring it back. A p4 "
        "layer keeps the four answers apart, one for each orientation of the kernel, lets the next layer "
        "combine them, and takes their maximum only at the end."
    )
    yield figures(
        "kernels",
        kernel_pictures(kernels),
        "The strongest kernels of the averaged layer as trained, the same averaged, and a kernel of the p4 "
        "layer. Blue is positive, orange negative.",
    )


def _symmetry(result: Result, figures: FigureFiles) -> Iterator[Content]:
    models = [one for one in result.of(MAIN) if one.layers]
    yield (
        "The equivariance error is the largest difference between the output for a turned image and the "
        "turned output, in units of the largest output (Cohen & Welling 2016, equation 3). In the averaged "
        "network only the first layer has the symmetry; from the second on it is a plain network."
    )
    yield figures(
        "errors_by_layer",
        errors_by_layer(models),
        "After each layer, on test images, the worst of three turns.",
    )
    accepted = [one for one in result.layers if one.accepted]
    refused = [one for one in result.layers if not one.accepted]
    yield (
        f"Of {len(result.layers):,} combinations of layer, kernel, image size, stride and padding "
        f"{len(accepted):,} are accepted, with an error of at most "
        f"{power_text(max(one.error for one in accepted))}. {len(refused):,} are refused with a message that "
        "says what to use, since their windows leave out pixels on one side: done all the same, the least "
        f"error among them would be {min((one.error for one in refused), default=0):.2g}."
    )
    yield figures(
        "configurations",
        configurations(result.layers),
        "Each dot is one configuration; the dashed line is the bound of 10⁻⁵.",
    )


def _upright(result: Result, figures: FigureFiles) -> Iterator[Content]:
    models = result.of(UPRIGHT)
    yield (
        "Trained on images as they are, and tested on turned ones. What p4 networks learn of upright "
        "images holds for quarter turns to the bit; for angles between it is a matter of the grid. "
        "Symmetry is not always right: a turned 6 is a 9, which costs on upright images."
    )
    yield figures(
        "upright",
        tested_turned(models, PARTS | {TEST: "upright"}),
        "Accuracy of models trained upright, by how the same test images are turned.",
    )
    yield Table(
        (
            Column("model"),
            Column("upright", "accuracy"),
            Column("quarter turns", "accuracy"),
            Column("any angle", "accuracy"),
        ),
        tuple((one.name, *(one.tests[part].accuracy for part in PARTS)) for one in models),
    )


def _costs(result: Result, figures: FigureFiles) -> Iterator[Content]:
    whole = result.samples[MAIN].counts["training"]
    everything = result.of(MAIN, plain=False)
    of_all = [one for one in everything if one.images == whole]
    yield figures(
        "parameters",
        errors_against(of_all, lambda one: one.parameters, "parameters"),
        "Test error against parameters.",
    )
    fewer = {one.name for one in everything if one.images < whole}
    if fewer:
        own = [one for one in everything if one.name in fewer and one.variant.width == 1]
        yield figures(
            "training_images",
            errors_against(own, lambda one: one.images, "training images"),
            "Test error against training images, of as many steps each.",
        )
        yield _halved(own)
    yield figures(
        "time",
        errors_against(of_all, lambda one: 1e6 / one.images_per_s, "computing time per image [µs]"),
        "Test error against the time that scoring takes.",
    )
    changed = [one for one in everything if not one.variant.plain]
    if changed:
        rows = tuple(
            (called(one, whole), one.parameters, one.images, one.accuracy, one.images_per_s)
            for one in changed
        )
        columns = (
            Column("model"),
            Column("parameters"),
            Column("training images"),
            Column("accuracy"),
            Column("scoring", "images per s of computing", digits=0),
        )
        yield Table(columns, rows, "Other widths, and fewer training images.")


def _halved(models: Sequence[ModelResult]) -> str:
    """How many images each model needs where another has all, as far as the points tell."""
    ours = sorted((one for one in models if one.name == OURS), key=lambda one: one.images)
    plain = sorted((one for one in models if one.name == PLAIN), key=lambda one: one.images)
    if not ours or not plain:
        return "Symmetry pays most where images are few."
    best = plain[-1]
    enough = next((one for one in ours if one.accuracy.value >= best.accuracy.value), None)
    if enough is None:
        return f"{OURS} does not reach with fewer images what {PLAIN} has with {best.images:,}."
    return (
        f"{OURS} is right about {per_cent(enough.accuracy, 2)} % with {enough.images:,} training images, "
        f"{PLAIN} about {per_cent(best.accuracy, 2)} % with {best.images:,}."
    )


def _training(result: Result, figures: FigureFiles) -> Iterator[Content]:
    models = {one.name: one for one in result.of(MAIN)}
    yield figures(
        "confusion",
        confusions(models, result.samples[MAIN].classes),
        "Of each true class the percentage taken for each, mean over trainings; shares below half a per "
        "cent are left out.",
    )
    curves = {
        name: TrainingCurve(list(one.history.train), list(one.history.validation), one.history.best)
        for name, one in models.items()
    }
    yield figures(
        "training",
        training_curves(curves, {name: style_of(name) for name in curves}),
        "Loss on training (dashed) and validation images (solid) of the first training; the circle marks "
        "what was kept.",
    )


def _views(result: Result, views: Sequence[str], figures: FigureFiles) -> Iterator[Content]:
    yield (
        "Nothing changes when a collision of unpolarised beams is turned about the beam. Events come at "
        "all azimuths, so that turned ones surprise no network; what is built in need not be learnt. An "
        "image of the transverse plane knows four of these turns; the same particles in cylindrical "
        "coordinates, whose azimuths are counted from the hardest particle, know all of them. Both are "
        "shown the transverse momenta of charged particles and photons and nothing else. SuperKEKB's beams "
        "cross at 83 mrad, so that the laboratory is not quite symmetric."
    )
    for sample in views:
        facts = result.samples[sample]
        if sample in result.event_images:
            yield figures(
                sample,
                event_images(dict(zip(facts.classes, result.event_images[sample], strict=True))),
                f"{TITLES[sample]}: test events, charged particles in blue, photons in orange.",
            )
        yield Table(
            (
                Column("model"),
                Column("parameters"),
                Column("trainings"),
                Column("accuracy"),
                Column("accuracy", "events turned by any angle"),
                Column("change", "of a probability, quarter turns (sets: any)"),
                Column("scoring", "events per s", digits=0),
            ),
            tuple(
                (
                    one.name,
                    one.parameters,
                    len(one.seeds),
                    one.accuracy,
                    one.tests[f"{TEST}_any"].accuracy,
                    one.invariance_error,
                    one.images_per_s,
                )
                for one in result.of(sample)
            ),
            f"{TITLES[sample]}, {facts.counts['training']:,} training events.",
        )
    if any(one.name == SETS for sample in views for one in result.of(sample)):
        yield (
            f"`{SETS}` are Deep Sets on the same particles, with more parameters than the networks on "
            "images; a change of 1e-7 under any angle is rounding."
        )


def _published(result: Result) -> Iterator[Content]:
    facts = result.samples[PUBLISHED]
    yield (
        f"{facts.counts['training']:,} images turned by multiples of 90°, "
        f"{result.config.published.fit.epochs} epochs of Adam at a constant rate in batches of 64. The "
        "coursework found 89 % (fully connected), 95 % (CNN) and 91 % (averaged)."
    )
    published = {"fcnn": 0.89, "cnn": 0.95, "averaged": 0.91}
    yield Table(
        (
            Column("model"),
            Column("parameters"),
            Column("trainings"),
            Column("accuracy"),
            Column("coursework", "accuracy", digits=2),
        ),
        tuple(
            (one.name, one.parameters, len(one.seeds), one.accuracy, published.get(one.name))
            for one in result.of(PUBLISHED)
        ),
    )
