"""Networks trained with few labels: learning rates chosen on development events, judged on test events."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn

from hepsets.analyses.pretraining.about import SCRATCH, Tuning
from hepsets.analyses.pretraining.config import Config
from hepsets.analyses.pretraining.samples import Sample, read_sample
from hepsets.analyses.pretraining.tasks import LABEL, TASKS
from hepsets.analyses.pretraining.trunks import trunk_file
from hepsets.core.events import Events
from hepsets.core.kept import keep, read_kept
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.pdg import PdgMap
from hepsets.core.purpose import Purpose, demand
from hepsets.core.run import log
from hepsets.evaluate.scores.calibration import calibrate
from hepsets.evaluate.scores.classification import classify
from hepsets.evaluate.scores.label_saving import mean_of_draws
from hepsets.learn.particle_sets.particle_encoder import WHOLE_EVENT
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.pretraining.tuning import generated_model, head_inputs, head_of, seen_model
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import logits_of
from hepsets.learn.training.side_by_side import side_by_side
from hepsets.learn.training.trainable import TrainingData
from hepsets.represent.decay_trees.data import EventData
from hepsets.represent.decay_trees.features import FeatureSpec
from hepsets.represent.particle_sets.data import SetData


@dataclass(frozen=True)
class Point:
    """A network trained with the labels of one draw, on test events.

    Parameters
    ----------
    draw
        Number of the draw.
    auc
        Area under the ROC curve.
    ece
        Expected calibration error, not calibrated after training.
    chance_ece
        What chance alone would make of it for calibrated scores on so many test events.
    """

    draw: int
    auc: Measured
    ece: Measured
    chance_ece: float


@dataclass(frozen=True, eq=False)
class Cell:
    """All draws of one number of labels.

    Parameters
    ----------
    task, pretraining, tuning, labels
        What was trained.
    tried
        Log loss [nat] on development events by learning rate, of the first draw; the least was taken.
    points
        By draw.
    elsewhere
        Areas outside the domain, by test and draw; for the most labels that all networks have.
    development_logits, test_logits
        What the network of the first draw says, shape ``(n_events,)``.
    seconds
        Computing time.
    """

    task: str
    pretraining: str
    tuning: str
    labels: int
    tried: dict[float, float]
    points: tuple[Point, ...]
    elsewhere: dict[str, tuple[float, ...]]
    development_logits: NDArray[np.float32]
    test_logits: NDArray[np.float32]
    seconds: float

    @property
    def rate(self) -> float:
        """The learning rate that was taken."""
        return min(self.tried, key=lambda rate: self.tried[rate])

    @property
    def auc(self) -> Measured:
        """Mean over draws, with the error of draws and test events."""
        return mean_of_draws([one.auc.value for one in self.points], [one.auc.se for one in self.points])

    def auc_elsewhere(self, test: str) -> Measured:
        """Area outside the domain, mean over draws; tests have as many events of each class as the test has.

        So the error of its events is taken to be that of the test events, draw by draw.
        """
        return mean_of_draws(self.elsewhere[test], [one.auc.se for one in self.points])

    @property
    def ece(self) -> float:
        """Mean over draws."""
        return float(np.mean([one.ece.value for one in self.points]))


@dataclass(frozen=True)
class Job:
    """All cells of a task and a pre-training, and where they are kept.

    Parameters
    ----------
    config
        The run's.
    task, pretraining
        Which.
    events, models
        Folders of labelled events and of trunks.
    cells
        Folder of what is found.
    """

    config: Config
    task: str
    pretraining: str
    events: Path
    models: Path
    cells: Path

    def wanted(self) -> list[tuple[Tuning, int]]:
        """Tuning and number of labels of each cell."""
        counts = self.config.labels.counts
        if self.pretraining == SCRATCH:
            return [("all", n) for n in sorted({*counts, *self.config.labels.scratch_counts})]
        return [("head", n) for n in counts] + [("all", n) for n in counts]

    def stem(self, tuning: str, labels: int) -> Path:
        """Path of a cell without ending."""
        return self.cells / f"{self.task}-{self.pretraining}-{tuning}-{labels}"


def train_all(
    config: Config, events: Path, models: Path, cells: Path, *, workers: int = 1
) -> tuple[Cell, ...]:
    """Train what is not in the folder ``cells`` yet, and tell what all found.

    Parameters
    ----------
    config
        The run's.
    events, models, cells
        Folders of labelled events, of trunks, and of what is found.
    workers
        Processes.
    """
    cells.mkdir(parents=True, exist_ok=True)
    jobs = [
        Job(config, task, pretraining, events, models, cells)
        for task in config.tasks
        for pretraining in (SCRATCH, *config.models)
    ]
    todo = [
        job for job in jobs if not all(job.stem(*one).with_suffix(".json").exists() for one in job.wanted())
    ]
    done = side_by_side(run_job, todo, workers=workers, device=config.fit.device)
    for job, _ in zip(todo, done, strict=True):
        for one in job.wanted():
            cell = read_kept(job.stem(*one), Cell)
            log.info("%s: AUC %s, rate %g", job.stem(*one).name, cell.auc, cell.rate)
    return tuple(read_kept(job.stem(*one), Cell) for job in jobs for one in job.wanted())


def run_job(job: Job) -> None:
    """Train what a job lacks."""
    trunk = Trunk.load(
        trunk_file(job.models, job.config.models[0] if job.pretraining == SCRATCH else job.pretraining)
    )
    sample, data = _events(job.task, job.events, trunk.pdg_map.ids)
    heads: Mapping[str, TrainingData] | None = None
    for tuning, labels in job.wanted():
        if job.stem(tuning, labels).with_suffix(".json").exists():
            continue
        if tuning == "head" and heads is None:
            whole = _model(job, trunk, "head", 0)
            heads = {part: head_inputs(whole, one) for part, one in data.items()}
        inputs = heads if tuning == "head" and heads else data
        keep(job.stem(tuning, labels), train_cell(job, trunk, sample, inputs, tuning, labels))


def train_cell(
    job: Job, trunk: Trunk, sample: Sample, data: Mapping[str, TrainingData], tuning: Tuning, labels: int
) -> Cell:
    """Choose the learning rate with the first draw, train all draws with it, and judge them.

    Parameters
    ----------
    job
        Which task and pre-training.
    trunk
        It starts from.
    sample, data
        The events with their labels, and what networks see of them, by part; of the head alone what it sees.
    tuning, labels
        Which cell.
    """
    begin = time.process_time()
    demand(sample.pool.purpose, Purpose.TRAINING, "networks are trained")
    demand(sample.development.purpose, Purpose.VALIDATION, "a learning rate is chosen")
    demand(sample.test.purpose, Purpose.TEST, "networks are judged")
    config = job.config
    tried: dict[float, float] = {}
    networks: dict[float, nn.Module] = {}
    held = sample.development.columns[LABEL]
    for rate in config.rates:
        networks[rate] = _trained(job, trunk, sample, data, (tuning, labels, 0, rate))
        tried[rate] = log_loss(held, logits_of(networks[rate], data["development"])[:, 0].numpy())
    best = min(tried, key=lambda rate: tried[rate])
    first = networks[best]
    others = (
        _trained(job, trunk, sample, data, (tuning, labels, draw, best))
        for draw in range(1, config.labels.draws)
    )
    points, elsewhere = [], {part: list[float]() for part in sample.elsewhere}
    for draw, network in enumerate((first, *others)):
        points.append(_judged(draw, sample.test.columns[LABEL], logits_of(network, data["test"])))
        if labels == max(config.labels.counts):
            for part, table in sample.elsewhere.items():
                said = logits_of(network, data[part])
                elsewhere[part].append(_judged(draw, table.columns[LABEL], said).auc.value)
    return Cell(
        job.task,
        job.pretraining,
        tuning,
        labels,
        tried,
        tuple(points),
        {part: tuple(areas) for part, areas in elsewhere.items() if areas},
        logits_of(first, data["development"])[:, 0].numpy(),
        logits_of(first, data["test"])[:, 0].numpy(),
        time.process_time() - begin,
    )


def log_loss(labels: NDArray[np.bool_], logits: NDArray[np.floating]) -> float:
    """Mean log loss [nat] of logits for labels, both of shape ``(n_events,)``."""
    return float(np.logaddexp(0, np.where(labels, -logits, logits).astype(np.float64)).mean())


# -- inside ------------------------------------------------------------------------------------------


def _model(job: Job, trunk: Trunk, tune: Tuning | None, seed: int) -> Any:
    make = seen_model if TASKS[job.task].side == "seen" else generated_model
    return make(trunk, tune, seed=seed)


def _trained(
    job: Job,
    trunk: Trunk,
    sample: Sample,
    data: Mapping[str, TrainingData],
    what: tuple[Tuning, int, int, float],
) -> nn.Module:
    """A network after training; a part of its labels stops it, development and test events do nothing."""
    tuning, labels, draw, rate = what
    seed = int(np.random.SeedSequence([job.config.seed, labels, draw]).generate_state(1)[0] >> 1)
    chosen = sample.draw(labels, draw)
    model = _model(job, trunk, None if job.pretraining == SCRATCH else tuning, seed)
    network = head_of(model) if tuning == "head" else model
    few = data["pool"].select(torch.from_numpy(chosen))
    settings = dataclasses.replace(job.config.fit, learning_rate=rate, seed=seed)
    fit(network, few, sample.pool.columns[LABEL][chosen], config=settings)
    return network


def _judged(draw: int, labels: NDArray[np.bool_], logits: torch.Tensor) -> Point:
    scores = expit(logits[:, 0].numpy().astype(np.float64))
    found = calibrate(labels, scores)
    return Point(draw, classify(labels, scores).auc, found.expected_error, found.chance_error)


@lru_cache(maxsize=1)
def _events(task: str, folder: Path, ids: tuple[int, ...]) -> tuple[Sample, dict[str, TrainingData]]:
    """The labelled events of a task, and what networks see of them, by part: read once by each process."""
    sample = read_sample(task, folder)
    tables = {"pool": sample.pool, "development": sample.development, "test": sample.test, **sample.elsewhere}
    if TASKS[task].side == "seen":
        return sample, {
            part: SetData.from_events(table, WHOLE_EVENT)
            for part, table in tables.items()
            if isinstance(table, ParticleSets)
        }
    return sample, {
        part: EventData.from_events(table, PdgMap(ids), FeatureSpec())
        for part, table in tables.items()
        if isinstance(table, Events)
    }
