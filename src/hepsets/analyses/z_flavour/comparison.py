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
from hepsets.analyses.z_flavour.split import TEST
from hepsets.analyses.z_flavour.training import Model, Trained, Training
from hepsets.core.measured import Measured
from hepsets.core.progress import progress_bar
from hepsets.evaluate.scores.many_classes import ManyClassQuality, class_scores, judge_classes
from hepsets.evaluate.scores.working_points import WorkingPoint, working_points
from hepsets.learn.tables.class_trees import ClassTrees
from hepsets.learn.training.history import History
from hepsets.learn.training.score import score_heads
from hepsets.represent.vertexed_events.table import tree_table


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
        Events of the training, validation and test part.
    truth
        Places of the true classes of the test examples, shape ``(n,)``.
    models
        In the order of the configuration.
    """

    name: CellName
    counts: tuple[int, int, int]
    truth: NDArray[np.int64]
    models: tuple[ModelResult, ...]


def compare(
    samples: Mapping[SampleName, Sample], trained: Mapping[Training, Trained]
) -> dict[CellName, CellResult]:
    """Judge all models, comparison by comparison."""
    cells = tuple(dict.fromkeys(training.cell for training in trained))
    found: dict[CellName, CellResult] = {}
    with progress_bar("judging models", len(trained)) as advance:
        for name in cells:
            cell = CELLS[name]
            sample = samples[cell.sample]
            test = sample.load(TEST, cell.classes)
            judged = []
            for training, one in trained.items():
                if training.cell == name:
                    judged.append(judge(training, one, test))
                    advance(1)
            counts = [sample.count(part) for part in range(3)]
            found[name] = CellResult(name, (counts[0], counts[1], counts[2]), test.flavour, tuple(judged))
    return found


def scores_of(model: Model, examples: Labelled) -> NDArray[np.float32]:
    """Probability of each class, and of the charge where there is one, float32, shape ``(n, n_outputs)``."""
    if isinstance(model, ClassTrees):
        return model.probabilities(tree_table(examples.data))
    return score_heads(model, examples.data)


def of_classes(scores: NDArray[np.float32], classes: Sequence[str]) -> NDArray[np.float64]:
    """The probabilities of the classes among scores of shape ``(n, n_outputs)``, adding up to one."""
    found = scores[:, : len(classes)].astype(np.float64)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def judge(training: Training, trained: Trained, test: Labelled) -> ModelResult:
    """Measure one model on the test examples."""
    cell, model = CELLS[training.cell], trained.model
    start = time.perf_counter()
    scores = scores_of(model, test)
    rate = len(scores) / (time.perf_counter() - start)
    classes = cell.classes
    probabilities = of_classes(scores, classes)
    quality = {len(classes): judge_classes(test.flavour, probabilities, classes)}
    if len(classes) > len(THREE):
        shown = test.flavour < len(THREE)
        three = probabilities[shown, : len(THREE)]
        three = np.maximum(three, 1e-12) / np.maximum(three, 1e-12).sum(axis=1, keepdims=True)
        quality[len(THREE)] = judge_classes(test.flavour[shown], three, THREE)
    charge = None
    signed = (test.flavour == 0) & (test.charge != 0)
    if cell.charge and scores.shape[1] > len(classes) and signed.any():
        right = (scores[signed, -1] > 0.5) == (test.charge[signed] > 0)
        charge = Measured.proportion(int(right.sum()), len(right))
    return ModelResult(
        training.name,
        training.cell,
        len(model) if isinstance(model, ClassTrees) else model.n_parameters,
        quality,
        tuple(working_points(class_scores(test.flavour, probabilities, classes))),
        charge,
        trained.history,
        trained.seconds,
        rate,
    )
