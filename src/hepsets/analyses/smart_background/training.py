"""The trainings of a run: each model several times, side by side, each kept as soon as it is done."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.smart_background.about import TRUNK_MODEL
from hepsets.analyses.smart_background.config import OURS, Config, fit_config, model_config, task_of
from hepsets.analyses.smart_background.samples import Samples, content_keys, in_files
from hepsets.core.errors import InputError
from hepsets.core.events import Events, read_parquet
from hepsets.core.pdg import PdgMap
from hepsets.core.progress import follow, progress_bar
from hepsets.core.purpose import Purpose
from hepsets.core.run import log, write_atomically
from hepsets.deploy.trunk_shipped import checked_trunk
from hepsets.learn.decay_trees.model import EventModel, ModelConfig
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.decay_trees.soft_labels import soft_labels
from hepsets.learn.files import load, save
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.pretraining.tuning import generated_model
from hepsets.learn.registry import only_here
from hepsets.learn.training.calibration import calibrate_model
from hepsets.learn.training.checkpoint import EpochRecord
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import FitResult, fit, split_train_validation
from hepsets.learn.training.side_by_side import side_by_side
from hepsets.learn.training.task import Binary

RARE = 20
"""A PDG id that occurs less often in training shares the ``<unknown>`` token."""

SEED_STEP = 1_000_003
"""Between the seeds of two trainings of a model."""

SLOWEST = ("transformer", OURS, "gcn_stack", "DS_6_GCN_135")
"""Models whose training takes longest, by far; they go first."""


@dataclass(frozen=True)
class Training:
    """One training of one model.

    Parameters
    ----------
    model
        Its name.
    number
        Which of its trainings, from 0; each has initial weights, an order of events and dropout of its
        own, and all have the same training and validation events.
    options
        All of the model's options, in place of the configured ones.
    as_
        Name of its files; that of the model by default.
    """

    model: str
    number: int = 0
    options: ModelConfig | None = None
    as_: str = ""

    def path(self, folder: Path) -> Path:
        """Where it is kept: the first training among a run's models, the others below ``seeds``."""
        name = self.as_ or self.model
        return folder / (f"seeds/{name}_{self.number + 1}" if self.number else name)


def train_all(
    config: Config, trainings: Sequence[Training], samples: Samples, folder: Path, *, workers: int = 1
) -> list[tuple[EventModel, FitResult]]:
    """Train what is not in ``folder`` yet, several at once, and load all of it, in the order given."""
    todo = [one for one in dict.fromkeys(trainings) if not _is_done(one.path(folder))]
    todo.sort(key=lambda one: rank_of_time(one.model))
    device = device_of(config, [one.model for one in todo])
    if todo:
        with in_files(samples, folder) as kept:
            alone = [one for one in todo if only_here("decay_trees", one.model)]
            together = [one for one in todo if one not in alone]
            for some, processes in ((together, workers), (alone, 1)):
                tasks = [_Task(config, one, str(kept.train_file), str(folder)) for one in some]
                done = side_by_side(_train_task, tasks, workers=processes, device=device)
                for one, told in zip(some, done, strict=True):
                    if not told:
                        _tell(one.path(folder))
    events_of.cache_clear()
    return [
        train(config, one.model, samples.train, folder, training=one, options=one.options)
        for one in trainings
    ]


def rank_of_time(model: str) -> int:
    """Its place when the slowest models go first."""
    return SLOWEST.index(model) if model in SLOWEST else len(SLOWEST)


def device_of(config: Config, names: Sequence[str]) -> str:
    """The device that trainings of these models have in common: a GPU as soon as one asks for it."""
    devices = {fit_config(config, name).device for name in names}
    return "cuda" if "cuda" in devices else "auto" if "auto" in devices else "cpu"


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a model learns from its training events.

    Arrays have the shape ``(n_events,)``, or ``(n_events, heads)`` for more than one head.

    Parameters
    ----------
    targets, weights
        What the model is trained to say, and how much it counts; all the same without weights.
    labels, label_weights
        What its probabilities are calibrated with on validation events; not at all without labels.
    task
        What for; as the run says by default.
    """

    targets: NDArray[np.float64]
    weights: NDArray[np.float64] | None = None
    labels: NDArray[np.bool_] | None = None
    label_weights: NDArray[np.float64] | None = None
    task: Binary | None = None


def train(
    config: Config,
    name: str,
    events: Events,
    folder: Path,
    *,
    options: ModelConfig | None = None,
    as_: str = "",
    lesson: Lesson | None = None,
    settings: FitConfig | None = None,
    start: EventModel | None = None,
    training: Training | None = None,
) -> tuple[EventModel, FitResult]:
    """Train a model and save it; a model that is there already is loaded, a checkpoint resumed.

    Parameters
    ----------
    name
        Model to build.
    events
        Training events with event columns ``label`` and, where a model takes soft labels, ``passes``.
    folder
        Where models are kept.
    options
        All of the model's options, in place of the configured ones.
    as_
        File name; ``name`` by default.
    lesson
        What to learn; by default one score for the event column ``label``.
    settings
        The training, in place of the configured one.
    start
        A model to go on from, in place of a fresh one; it is trained itself.
    training
        Which training of the model, and its files; the first by default.
    """
    training = training or Training(name, as_=as_)
    stem = training.path(folder)
    stem.parent.mkdir(exist_ok=True)
    path, record, checkpoint = (_with(stem, end) for end in (".safetensors", ".fit.json", ".checkpoint"))
    seed = (config.seed + training.number * SEED_STEP) % 2**63
    settings = dataclasses.replace(settings or fit_config(config, name), seed=seed, split_seed=config.seed)
    if path.exists() and record.exists():
        return load(path, EventModel), _read_fit(record, events, settings)
    options = options or model_config(config, name)
    if start is None and config.trunk is not None and name == TRUNK_MODEL:
        trunk = Trunk.load(checked_trunk(config.trunk, config.trunk_sha256))
        start = generated_model(trunk, config.tune, seed=seed)
    model = start or build_model(
        name,
        PdgMap.fit(events.particles["pdg"], min_count=RARE),
        dataclasses.replace(options, seed=seed),
    )
    lesson = lesson or lesson_of(config, name, events)
    with progress_bar(f"training {stem.name}", 1.0) as advance:
        result = fit(
            model,
            events,
            lesson.targets,
            lesson.weights,
            config=settings,
            task=lesson.task or task_of(config, name),
            progress=follow(advance, 1.0),
            checkpoint=checkpoint,
            validation=content_keys(events),
        )
    problem = _calibrated(model, events, lesson, result)
    _write_fit(record, result, settings, problem)
    save(model, path)
    checkpoint.unlink(missing_ok=True)
    if multiprocessing.parent_process() is None:
        _tell(stem)
    return model, result


def _calibrated(model: EventModel, events: Events, lesson: Lesson, result: FitResult) -> str:
    """Calibrate the model on validation events where there is a need; why that failed, if so."""
    if lesson.labels is None:
        return ""
    held_out = result.validation_indices
    weights = None if lesson.label_weights is None else lesson.label_weights[held_out]
    try:
        calibrate_model(model, result.validation(events), lesson.labels[held_out], weights)
    except InputError as error:  # too few events to learn from: the scores stay as they are
        return str(error)
    return ""


def lesson_of(config: Config, name: str, events: Events) -> Lesson:
    """What a model learns of one skim: labels, or soft labels where it takes them and there are any."""
    label = events.columns["label"]
    hard = np.asarray(label, dtype=np.float64)
    if name != OURS:
        return Lesson(hard)
    if "passes" not in events.columns:
        return Lesson(hard, labels=label)
    soft = soft_labels(label, events.columns["passes"], config.data.trials, events.columns["weight"])
    return Lesson(soft, labels=label)  # soft labels leave scores too cautious


# -- inside ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    config: Config
    training: Training
    events: str
    folder: str


def _train_task(task: _Task) -> bool:
    """Train; whether it was logged, which other processes cannot."""
    one = task.training
    train(
        task.config,
        one.model,
        events_of(task.events, Purpose.TRAINING),
        Path(task.folder),
        training=one,
        options=one.options,
    )
    return multiprocessing.parent_process() is None


@lru_cache(maxsize=2)
def events_of(path: str, purpose: Purpose) -> Events:
    """The events of a file, which a worker reads once for all of its tasks."""
    return read_parquet(path).used_for(purpose)


def _with(stem: Path, end: str) -> Path:
    return stem.with_name(stem.name + end)


def _is_done(stem: Path) -> bool:
    return _with(stem, ".safetensors").exists() and _with(stem, ".fit.json").exists()


def _tell(stem: Path) -> None:
    """Log how a training went; it may have been in another process."""
    content = json.loads(_with(stem, ".fit.json").read_text())
    log.info(
        "%s: best epoch %d of %d, %.0f events/s",
        stem.name,
        content["best_epoch"],
        len(content["history"]),
        content["train_events_per_s"],
    )
    if content["converged"] is False:
        log.warning(
            "%s has not converged: its validation loss still fell when its training ended; "
            "raise fit.epochs or fit.least_steps",
            stem.name,
        )
    if content["calibration_problem"]:
        log.warning("%s is not calibrated: %s", stem.name, content["calibration_problem"])


def _write_fit(path: Path, result: FitResult, settings: FitConfig, problem: str) -> None:
    content = {
        "settings": dataclasses.asdict(settings),
        "history": [dataclasses.asdict(epoch) for epoch in result.history],
        "best_epoch": result.best_epoch,
        "train_events_per_s": result.train_events_per_s,
        "converged": result.converged,
        "calibration_problem": problem,
    }
    write_atomically(path, json.dumps(content, indent=1) + "\n")


def _read_fit(path: Path, events: Events, settings: FitConfig) -> FitResult:
    content = json.loads(path.read_text())
    seed = settings.seed if settings.split_seed is None else settings.split_seed
    return FitResult(
        tuple(EpochRecord(**epoch) for epoch in content["history"]),
        content["best_epoch"],
        *split_train_validation(len(events), settings.validation_fraction, seed, content_keys(events)),
        content["train_events_per_s"],
        content["converged"],
    )
