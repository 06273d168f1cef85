"""What a run looks at besides its comparisons: curves, R_b, limits, what one tagger rests on, vertices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hepsets.analyses.z_flavour.about import OURS
from hepsets.analyses.z_flavour.blocks import EVENTS, Z_SAMPLES
from hepsets.analyses.z_flavour.cells import CELLS, Cell, SampleName
from hepsets.analyses.z_flavour.closure import (
    Closure,
    HemisphereScores,
    choose_cuts,
    measure_closure,
)
from hepsets.analyses.z_flavour.comparison import Scores, of_classes, scores_of
from hepsets.analyses.z_flavour.config import Config
from hepsets.analyses.z_flavour.figures.attention import AttentionShape, attention_shape
from hepsets.analyses.z_flavour.figures.classes import FeatureShape, feature_shape
from hepsets.analyses.z_flavour.learning import learning_curve
from hepsets.analyses.z_flavour.measured_again import FIRST_BLOCK, SeenAgain, score_again
from hepsets.analyses.z_flavour.samples import Sample
from hepsets.analyses.z_flavour.training import Trained, Training
from hepsets.core.errors import InputError
from hepsets.core.parallel import map_in_order
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.progress import progress_bar
from hepsets.core.purpose import Purpose, demand
from hepsets.core.run import log
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.evaluate.scores.accuracy_importance import AccuracyImportance, accuracy_importance
from hepsets.evaluate.scores.importance import Exchange
from hepsets.evaluate.scores.learning_curve import LearningCurve
from hepsets.evaluate.scores.many_classes import accuracy
from hepsets.evaluate.scores.repeated_measurement import RepeatedMeasurement, judge_repeated
from hepsets.evaluate.scores.working_points import WORKING_POINTS, PairCurve, pair_curve
from hepsets.evaluate.vertexing import VertexingQuality, vertexing_quality
from hepsets.generate.z_pole import generate_z_block
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.gru_attention import GruAttention
from hepsets.learn.vertexed_events.model import VertexedModel
from hepsets.represent.particle_sets.data import PackedSet
from hepsets.represent.vertexed_events.data import VertexedData
from hepsets.represent.vertexed_events.vertices import VERTEX_KINDS
from hepsets.select.vertices.event import vertexed
from hepsets.simulate.layered import see_z_events

PAIRS = tuple(dict.fromkeys((flavour, against) for flavour, against, _ in WORKING_POINTS))
"""Flavours that are told apart, in the order of figures."""

_STRUCTURE = ("side", "vertex_side")
"""In which hemisphere a member is: exchanged, there would be no hemispheres, not just less known of them."""

SHOWN_EVENTS = 8000
"""Events of each flavour whose probabilities are kept for figures."""

STUDIED_EVENTS = 1000
"""Events of each flavour that the importance of inputs and attention are measured on."""

PARTICLE_SHAPES: Mapping[str, str] = {
    "log_momentum": "ln momentum / beam",
    "impact_2d_significance": "impact significance, 2-D (asinh)",
    "impact_3d_significance": "impact significance, 3-D (asinh)",
    "axis_distance": "ln distance to the axis",
    "clusters_per_cm": "ln clusters / cm",
    "flight_kaon": "time after that of a kaon (asinh)",
}
"""Features of particles whose distributions are drawn, and what axes call them."""

VERTEX_SHAPES: Mapping[str, str] = {
    "vertex_flight": "flight of vertices (asinh, 10 µm)",
    "vertex_flight_significance": "flight significance (asinh)",
    "vertex_mass": "vertex mass (asinh, 0.5 GeV)",
    "vertex_corrected_mass": "corrected mass (asinh, 0.5 GeV)",
}
"""Those of vertices."""

EVENT_SHAPES: Mapping[str, str] = {"log_particles": "ln (1 + particles)", "log_vertices": "ln (1 + vertices)"}
"""Those of events."""


@dataclass(frozen=True, eq=False)
class ShownScores:
    """Probabilities of test events that figures are drawn of.

    Parameters
    ----------
    truth
        Places of the true classes, shape ``(n,)``.
    probabilities
        Float32, shape ``(n, n_classes)``.
    classes
        Names of the flavours.
    """

    truth: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CloserLook:
    """What was looked at; what a run has no events or models for is missing.

    Parameters
    ----------
    curves
        ROC curves of pairs of flavours, by comparison and model.
    scores
        Probabilities of our tagger of events for some test events.
    shapes
        Distributions of features.
    attention
        What the recurrent network looks at.
    importance
        Of the inputs of our tagger of events.
    closure
        R_b and R_c.
    limit
        By model, the same decays seen again.
    vertexing
        Quality of the vertices.
    learning
        Error rates of our tagger of events against training events.
    """

    curves: dict[str, dict[str, tuple[PairCurve, ...]]]
    scores: ShownScores | None
    shapes: tuple[FeatureShape, ...]
    attention: AttentionShape | None
    importance: tuple[AccuracyImportance, ...]
    closure: Closure | None
    limit: dict[str, RepeatedMeasurement]
    vertexing: VertexingQuality | None
    learning: LearningCurve | None


def look_closer(
    config: Config,
    samples: Mapping[SampleName, Sample],
    trained: Mapping[Training, Trained],
    scores: Mapping[Training, Scores],
    folder: Path,
    *,
    workers: int = 1,
) -> CloserLook:
    """Look at the trained models of a run, and at its events.

    Parameters
    ----------
    config
        The run's.
    samples, trained
        Its events and models.
    scores
        What these say of the test events.
    folder
        Where smaller trainings go.
    workers
        Processes that generate and simulate.
    """
    generated = not config.data.train
    of_events = Training("found" if generated else "seeded", OURS)
    lead = trained.get(of_events)
    with progress_bar("looking closer", 7) as advance:
        curves = _curves(scores)
        advance(1)
        shown: ShownScores | None = None
        shapes: tuple[FeatureShape, ...] = ()
        importance: tuple[AccuracyImportance, ...] = ()
        if lead is not None and isinstance(lead.model, VertexedModel):
            cell = CELLS[of_events.cell]
            test = samples[cell.sample].load(Purpose.TEST, cell.classes)
            chosen = _first_of_each(test.flavour, SHOWN_EVENTS)
            probabilities = scores[of_events].of_classes(cell.classes).probabilities[chosen]
            shown = ShownScores(test.flavour[chosen], probabilities.astype(np.float32), cell.classes)
            shapes = tuple(_shapes(test.data[chosen], test.flavour[chosen], cell))
            studied = _first_of_each(test.flavour, STUDIED_EVENTS)
            importance = tuple(_importance(lead.model, test.data[studied], test.flavour[studied], cell))
        advance(1)
        attention = _attention(samples, trained)
        advance(1)
        closure = _closure(config, samples, trained, scores)
        advance(1)
        limit = {}
        if generated and lead is not None and isinstance(lead.model, VertexedModel):
            limit[OURS] = _limit(config, lead.model, workers)
        advance(1)
        vertexing = _vertexing(config) if generated else None
        advance(1)
        learning = None
        if lead is not None:
            cell = CELLS[of_events.cell]
            whole = accuracy(scores[of_events].of_classes(cell.classes))
            sample = samples[cell.sample]
            learning = learning_curve(config, of_events.cell, sample, whole, folder, workers=workers)
        advance(1)
    return CloserLook(curves, shown, shapes, attention, importance, closure, limit, vertexing, learning)


# -- inside ------------------------------------------------------------------------------------------


def _curves(scores: Mapping[Training, Scores]) -> dict[str, dict[str, tuple[PairCurve, ...]]]:
    found: dict[str, dict[str, tuple[PairCurve, ...]]] = {}
    for training, one in scores.items():
        cell = CELLS[training.cell]
        if cell.world != "published":
            sample = one.of_classes(cell.classes)
            pairs = [pair for pair in PAIRS if set(pair) <= set(cell.classes)]
            of_cell = found.setdefault(training.cell, {})
            of_cell[training.name] = tuple(pair_curve(sample, *pair) for pair in pairs)
    return found


def _first_of_each(flavour: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Places of at most so many examples of each flavour, flavour after flavour."""
    return np.concatenate([np.flatnonzero(flavour == each)[:number] for each in np.unique(flavour)])


def _shapes(data: VertexedData, flavour: NDArray[np.int64], cell: Cell) -> Iterator[FeatureShape]:
    spec = data.spec
    for one, names, wanted in (
        (data.particles, spec.particles, PARTICLE_SHAPES),
        (data.vertices, spec.vertices, VERTEX_SHAPES),
    ):
        truth = flavour[one.event_of_particle.numpy()]
        for name, label in wanted.items():
            if name in names:
                values = one.features[:, names.index(name)].float().numpy().astype(np.float64)
                shown = values != 0  # zero stands for what is not known
                if shown.any():
                    yield feature_shape(label, values[shown], truth[shown], cell.classes)
    for name, label in EVENT_SHAPES.items():
        values = data.event_features[:, spec.events.index(name)].numpy().astype(np.float64)
        yield feature_shape(label, values, flavour, cell.classes)


def _importance(
    model: VertexedModel, test: VertexedData, flavour: NDArray[np.int64], cell: Cell
) -> list[AccuracyImportance]:
    demand(test.purpose, Purpose.TEST, "importance is measured")
    data = test.seeing(model.spec)

    def score(events: VertexedData) -> NDArray[np.float64]:
        return of_classes(score_heads(model, events), cell.classes)

    exchanges = dict(_exchanges(data))
    return accuracy_importance(score, data, flavour, cell.classes, exchanges, repeats=1)


def _exchanges(data: VertexedData) -> Iterator[tuple[str, Exchange[VertexedData]]]:
    """Groups of features, which give one another away, exchanged between members of all events."""
    for which in ("particles", "vertices"):
        names: Sequence[str] = getattr(data.spec, which)
        groups: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            if name not in _STRUCTURE:
                groups.setdefault(_group(which, name), []).append(place)
        for group, columns in groups.items():
            yield group, _exchange(which, columns)


def _group(which: str, name: str) -> str:
    """What a feature is about."""
    if which == "vertices":
        if name in VERTEX_KINDS:
            return "vertices: kind"
        what = name.removeprefix("vertex_").removeprefix("corrected_").split("_")[0]
        return f"vertices: {what.replace('axis', 'angle to the axis')}"
    for begin, group in (
        ("impact", "impact parameters"), ("has_impact", "impact parameters"), ("axis_", "axis"),
        ("flight_", "time of flight"), ("has_flight", "time of flight"),
        ("clusters", "clusters"), ("has_clusters", "clusters"), ("truth", "true kind"),
        ("is_", "leptons and calorimeters"), ("in_", "the particle's vertex"),
        ("direction", "direction"), ("side", "direction"), ("charge", "charge"),
    ):  # fmt: skip
        if name.startswith(begin):
            return f"particles: {group}"
    return "particles: momentum"


def _exchange(which: str, columns: list[int]) -> Exchange[VertexedData]:
    def exchange(data: VertexedData, random: np.random.Generator) -> VertexedData:
        own: PackedSet = getattr(data, which)
        features = own.features.clone()
        order = torch.from_numpy(random.permutation(len(features)))
        features[:, columns] = features[order][:, columns]
        exchanged = PackedSet(features, own.offsets)
        if which == "particles":
            return dataclasses.replace(data, particles=exchanged)
        return dataclasses.replace(data, vertices=exchanged)

    return exchange


def _attention(
    samples: Mapping[SampleName, Sample], trained: Mapping[Training, Trained]
) -> AttentionShape | None:
    training = Training("published", "gru_attention")
    one = trained.get(training)
    if one is None or not isinstance(one.model, VertexedModel):
        return None
    model, cell = one.model, CELLS["published"]
    network = model.network
    assert isinstance(network, GruAttention)
    test = samples[cell.sample].load(Purpose.TEST, cell.classes)
    test = test[_first_of_each(test.flavour, STUDIED_EVENTS)]
    weights = []
    with torch.inference_mode():
        for batch in model.prepare(test.data).batches(256):
            weights.append(network.attention(*model.scaled(batch)[:2], batch).numpy())
    return attention_shape(np.concatenate(weights), network.caps[0], test.flavour, cell.classes)


def _closure(
    config: Config,
    samples: Mapping[SampleName, Sample],
    trained: Mapping[Training, Trained],
    scores: Mapping[Training, Scores],
) -> Closure | None:
    tagger = Training("hemispheres", OURS)
    if tagger not in trained:
        return None
    cell = CELLS["hemispheres"]
    held = samples[cell.sample].load(Purpose.VALIDATION, cell.classes)
    cuts = choose_cuts(*_of_hemispheres(scores_of(trained[tagger].model, held), cell), cell.classes)
    test, truth = _of_hemispheres(scores[tagger], cell)
    demand(test.purpose, Purpose.TEST, "R_b is measured")
    try:
        return measure_closure(
            test, truth, cell.classes, cuts, samples=config.look.closure_samples, seed=config.seed
        )
    except InputError as error:
        log.warning("no R_b: %s", error)
        return None


def _of_hemispheres(scores: Scores, cell: Cell) -> tuple[HemisphereScores, NDArray[np.int64]]:
    """What tells b and c in both hemispheres of each event, and the flavours of the events."""
    values = scores.values[:, : len(cell.classes)]
    return HemisphereScores.of(values, cell.classes, scores.purpose), scores.truth[::2]


def _limit(config: Config, model: VertexedModel, workers: int) -> RepeatedMeasurement:
    tasks = [
        SeenAgain(model, flavour, number, events, config.look.trials, config.seed, config.detector)
        for flavour in model.classes
        for number, events in _blocks(config.look.events)
    ]
    scores = list(map_in_order(score_again, tasks, min(workers, len(tasks))))
    truth = np.concatenate([np.full(task.events, model.classes.index(task.flavour)) for task in tasks])
    return judge_repeated(truth, np.concatenate(scores, axis=1))


def _blocks(events: int) -> Iterator[tuple[int, int]]:
    for number, start in enumerate(range(0, events, EVENTS)):
        yield number, min(EVENTS, events - start)


def _vertexing(config: Config) -> VertexingQuality | None:
    """Vertices of b b̄ and s s̄ events that no model sees."""
    found, seeded, seen = [], [], []
    detector = config.detector.detector()
    for flavour in (5, 3):
        for number, events in _blocks(config.look.vertexed_events):
            block = 2 * FIRST_BLOCK + number
            made = generate_z_block(Z_SAMPLES[flavour], config.seed, block, events)
            numbers = np.arange(events) + EVENTS * block + (flavour << 40)
            seen.append(see_z_events(made, seed=config.seed, event_numbers=numbers, detector=detector))
            found.append(vertexed(seen[-1], vertices="found"))
            seeded.append(vertexed(seen[-1], vertices="seeded"))
    joined = VertexedEvents.concatenate(found), VertexedEvents.concatenate(seeded)
    try:
        return vertexing_quality(*joined, ParticleSets.concatenate(seen))
    except InputError as error:
        log.warning("no quality of vertices: %s", error)
        return None
