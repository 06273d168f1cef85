"""Judge each trained model on the same test events."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.z_flavour.about import CellName
from hepsets.analyses.z_flavour.cells import CELLS, THREE, SampleName
from hepsets.analyses.z_flavour.samples import Labelled, Sample
from hepsets.analyses.z_flavour.training import Model, Trained, Training
from hepsets.core.measured import Measured
from hepsets.core.progress import progress_bar
from hepsets.core.purpose import Purpose, demand
from hepsets.evaluate.scores.many_classes import ClassScores, ManyClassQuality, class_scores, judge_classes
from hepsets.evaluate.scores.working_points import WorkingPoint, working_points
from hepsets.learn.tables.class_trees import ClassTrees
from hepsets.learn.training.history import History
from hepsets.learn.training.score import score_heads
from hepsets.represent.vertexed_events.table import tree_table

SHOWN = (("b", "c", 0.01), ("c", "b", 0.01), ("c", "ud", 0.01), ("s", "ud", 0.1))
"""Working points of the tables: flavour, against, mis-identification."""


@dataclass(frozen=True, eq=False)
class ModelResult:
    """One trained model and what it is worth on the test events.

    Parameters
    ----------
    name, cell
        The model, and the comparison that it belongs to.
    parameters
        Trainable parameters, or trees.
    quality
        By number of classes: with those that the model has, and with three where it has four, ud events left
        out and probabilities of the others scaled to add up.
    points
        Working points.
    charge_accuracy
        Share of b hemispheres whose sign of charge is right; where the model tells it.
    history, seconds
        Of the training.
    score_rate
        Events, or hemispheres, per second that are scored on one thread, from features on.
    """

    name: str
    cell: CellName
    parameters: int
    quality: dict[int, ManyClassQuality]
    points: tuple[WorkingPoint, ...]
    charge_accuracy: Measured | None
    history: History
    seconds: float
    score_rate: float


@dataclass(frozen=True, eq=False)
class CellResult:
    """All models of one comparison.

    Parameters
    ----------
    name
        The comparison.
    counts
        Events for training, validation and testing.
    truth
        Places of the true classes of the test examples, shape ``(n,)``.
    models
        In the order of the configuration.
    """

    name: CellName
    counts: tuple[int, int, int]
    truth: NDArray[np.int64]
    models: tuple[ModelResult, ...]


@dataclass(frozen=True, eq=False)
class Scores:
    """What a model says of labelled examples, and what these are for.

    Parameters
    ----------
    values
        Probability of each class, and of the charge where there is one, float32, shape ``(n, n_outputs)``.
    truth
        Places of the true classes, shape ``(n,)``.
    purpose
        What the examples are for.
    rate
        Examples per second that were scored on one thread, from features on.
    """

    values: NDArray[np.float32]
    truth: NDArray[np.int64]
    purpose: Purpose | None
    rate: float

    def of_classes(self, classes: Sequence[str]) -> ClassScores:
        """The probabilities of the classes alone, adding up to one."""
        found = of_classes(self.values, classes)
        return class_scores(self.truth, found, classes, self.purpose)


def compare(
    samples: Mapping[SampleName, Sample], trained: Mapping[Training, Trained]
) -> tuple[dict[CellName, CellResult], dict[Training, Scores]]:
    """Judge all models, comparison by comparison; and what each says of the test events."""
    cells = tuple(dict.fromkeys(training.cell for training in trained))
    found: dict[CellName, CellResult] = {}
    scores: dict[Training, Scores] = {}
    with progress_bar("judging models", len(trained)) as advance:
        for name in cells:
            cell = CELLS[name]
            sample = samples[cell.sample]
            test = sample.load(Purpose.TEST, cell.classes)
            judged = []
            for training, one in trained.items():
                if training.cell == name:
                    scores[training] = scores_of(one.model, test)
                    judged.append(judge(training, one, test, scores[training]))
                    advance(1)
            counts = (
                sample.count(Purpose.TRAINING),
                sample.count(Purpose.VALIDATION),
                sample.count(Purpose.TEST),
            )
            found[name] = CellResult(name, counts, test.flavour, tuple(judged))
    return found, scores


def scores_of(model: Model, examples: Labelled) -> Scores:
    """What a model says of examples."""
    start = time.perf_counter()
    if isinstance(model, ClassTrees):
        values = model.probabilities(tree_table(examples.data))
    else:
        values = score_heads(model, examples.data)
    rate = len(values) / (time.perf_counter() - start)
    return Scores(values, examples.flavour, examples.purpose, rate)


def of_classes(scores: NDArray[np.float32], classes: Sequence[str]) -> NDArray[np.float64]:
    """The probabilities of the classes among scores of shape ``(n, n_outputs)``, adding up to one."""
    found = scores[:, : len(classes)].astype(np.float64)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def of_three(sample: ClassScores) -> ClassScores:
    """Events of the first three flavours alone, and the probabilities of these, scaled to add up to one."""
    shown = sample.truth < len(THREE)
    three = np.maximum(sample.probabilities[shown, : len(THREE)], 1e-12)
    return class_scores(sample.truth[shown], three / three.sum(axis=1, keepdims=True), THREE, sample.purpose)


def judge(training: Training, trained: Trained, test: Labelled, scores: Scores | None = None) -> ModelResult:
    """Measure one model on the test examples.

    Parameters
    ----------
    training, trained
        The model.
    test
        The examples.
    scores
        What the model says of them, if that is known already.

    Raises
    ------
    InputError
        For training or validation examples.
    """
    demand(test.purpose, Purpose.TEST, "models are judged")
    cell, model = CELLS[training.cell], trained.model
    scores = scores or scores_of(model, test)
    classes = cell.classes
    sample = scores.of_classes(classes)
    quality = {len(classes): judge_classes(test.flavour, sample.probabilities, classes)}
    if len(classes) > len(THREE):
        three = of_three(sample)
        quality[len(THREE)] = judge_classes(three.truth, three.probabilities, THREE)
    charge = None
    signed = (test.flavour == 0) & (test.charge != 0)
    if cell.charge and scores.values.shape[1] > len(classes) and signed.any():
        right = (scores.values[signed, -1] > 0.5) == (test.charge[signed] > 0)
        charge = Measured.proportion(int(right.sum()), len(right))
    return ModelResult(
        training.name,
        training.cell,
        len(model) if isinstance(model, ClassTrees) else model.n_parameters,
        quality,
        tuple(working_points(sample)),
        charge,
        trained.history,
        trained.seconds,
        scores.rate,
    )
