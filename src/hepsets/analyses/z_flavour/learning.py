"""Our tagger trained on fewer events: what more would buy."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from hepsets.analyses.z_flavour.about import OURS, CellName
from hepsets.analyses.z_flavour.cells import CELLS
from hepsets.analyses.z_flavour.comparison import judge
from hepsets.analyses.z_flavour.config import Config
from hepsets.analyses.z_flavour.samples import Sample
from hepsets.analyses.z_flavour.training import Alone, train_alone
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose
from hepsets.evaluate.scores.learning_curve import LearningCurve, fit_learning_curve

TARGET = 2e6
"""Events per flavour that Particle Transformer was trained on."""


def learning_curve(
    config: Config, cell: CellName, sample: Sample, whole: Measured, folder: Path, *, workers: int = 1
) -> LearningCurve | None:
    """Error rates of our tagger against training events per flavour, carried on to :data:`TARGET`.

    Parameters
    ----------
    config
        The run's; ``look.learning_shares`` says which shares of the training events are tried.
    cell
        The comparison.
    sample
        Its events.
    whole
        Accuracy of our tagger trained on all of them.
    folder
        Where the smaller trainings go.
    workers
        Trainings at once.

    Returns
    -------
    LearningCurve or None
        None for less than three sizes.
    """
    shares = sorted(set(config.look.learning_shares))
    if len(shares) < 2:
        return None
    fit = dataclasses.replace(config.fit, least_steps=config.look.learning_steps)
    alone = dataclasses.replace(config, cells=(cell,), models=(OURS,), fit=fit)
    tasks = [Alone(alone, smaller(sample, share, config.seed), folder / f"{share:g}") for share in shares]
    trained = train_alone(tasks, workers=workers, device=config.fit.device)
    test = sample.load(Purpose.TEST, CELLS[cell].classes)
    classes = len(CELLS[cell].classes)
    points = []
    for task, (training, found) in zip(tasks, trained, strict=True):
        points.append((_events(task.sample, classes), judge(training, found, test).quality[classes].accuracy))
    points.append((_events(sample, classes), whole))
    return fit_learning_curve(*_columns(points), at=TARGET)


def smaller(sample: Sample, share: float, seed: int) -> Sample:
    """The same events with only a share of each flavour's training events, at least one; none are moved."""
    training, chosen = sample.events[Purpose.TRAINING], []
    for flavour in np.unique(sample.flavour):
        own = training[sample.flavour[training] == flavour]
        order = np.random.default_rng([seed, int(flavour), 77]).permutation(own)
        chosen.append(order[: max(1, round(share * len(own)))])
    events = {**sample.events, Purpose.TRAINING: np.sort(np.concatenate(chosen))}
    return dataclasses.replace(sample, events=events)


def _events(sample: Sample, classes: int) -> int:
    """Training events per flavour."""
    return round(sample.count(Purpose.TRAINING) / classes)


def _columns(points: list[tuple[int, Measured]]) -> tuple[list[int], list[float], list[float]]:
    return (
        [events for events, _ in points],
        [1 - accuracy.value for _, accuracy in points],
        [accuracy.se for _, accuracy in points],
    )
