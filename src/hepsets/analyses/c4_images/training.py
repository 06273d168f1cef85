"""The trainings of a run, several at once: each is kept with what it says of the test images."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.c4_images.about import SETS
from hepsets.analyses.c4_images.config import Config, fit_of
from hepsets.analyses.c4_images.event_samples import sets_of
from hepsets.analyses.c4_images.samples import Sample, labels_of, some
from hepsets.analyses.c4_images.trainings import Training, options, trainings
from hepsets.core.errors import InputError
from hepsets.core.progress import follow, progress_bar
from hepsets.core.purpose import Purpose
from hepsets.core.run import log
from hepsets.core.whole_file import whole_file
from hepsets.learn import files
from hepsets.learn.images.model import ImageModel
from hepsets.learn.images.recipe import image_recipe
from hepsets.learn.images.training import train_images
from hepsets.learn.particle_sets.model import SetModel
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.training.fit import fit
from hepsets.learn.training.history import History, keep_history, read_history
from hepsets.learn.training.score import score
from hepsets.learn.training.side_by_side import side_by_side
from hepsets.represent.images.augmentation import RandomTurns
from hepsets.represent.images.event_views import CYLINDRICAL
from hepsets.represent.particle_sets.features import SetSpec

_COSTS = {"fcnn": 0.2, "cnn": 1.0, "averaged": 1.0, "p4cnn": 2.0, "p4mcnn": 3.5, SETS: 0.5}


@dataclass(frozen=True)
class Trained:
    """What a training left.

    Parameters
    ----------
    training
        Which one.
    model
        Path of the model.
    history
        Losses.
    seconds
        Computing time of its one thread.
    chosen
        By part of the sample that judges, the class that is most probable, shape ``(n_images,)``.
    """

    training: Training
    model: Path
    history: History
    seconds: float
    chosen: Mapping[str, NDArray[np.int64]]


def train_all(
    config: Config, samples: Mapping[str, Sample], folder: Path, *, workers: int = 1
) -> list[Trained]:
    """Train what is not in the folder yet, longest first, one thread each, and tell what each found.

    Parameters
    ----------
    config
        The run's.
    samples
        By name.
    folder
        Where models and what they say are kept.
    workers
        Processes.

    Raises
    ------
    InputError
        Before the first training, for images that a network cannot take, or of one class only.
    """
    wanted = trainings(config)
    _demand_trainable(config, wanted, samples)
    tasks = [
        _Task(config, one, samples[one.variant.sample], folder / one.variant.sample)
        for one in sorted(wanted, key=lambda one: _cost(one, samples), reverse=True)
    ]
    todo = [task for task in tasks if not task.path("fit.json").exists()]
    for _ in side_by_side(_train, todo, workers=workers, device=config.fit.device):
        pass
    found = [
        _read(_Task(config, one, samples[one.variant.sample], folder / one.variant.sample)) for one in wanted
    ]
    for one in found:
        log.info(
            "%s/%s: %s, %.0f s", one.training.variant.sample, one.training.stem, one.history, one.seconds
        )
    return found


def load_model(trained: Trained) -> ImageModel:
    """The model of images that a training left."""
    return files.load(trained.model, ImageModel)


def load_set_model(trained: Trained) -> SetModel:
    """The model of sets that a training left."""
    return files.load(trained.model, SetModel)


# -- inside ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    config: Config
    training: Training
    sample: Sample
    folder: Path

    def path(self, ending: str) -> Path:
        """One of its files."""
        return self.folder / f"{self.training.stem}.{ending}"


def _demand_trainable(config: Config, wanted: Sequence[Training], samples: Mapping[str, Sample]) -> None:
    for variant in dict.fromkeys(one.variant for one in wanted if one.variant.model != SETS):
        sample = samples[variant.sample]
        shape, classes = sample.shape, len(sample.classes)
        image_recipe(variant.model).build(shape, classes, options(config, variant, shape, classes))
        shown = labels_of(sample, str(Purpose.TRAINING))[: variant.images or None]
        if (shown == shown[0]).all():
            raise InputError(
                f"class {shown[0]} for each of {len(shown):,} training images of {variant.sample}",
                "images of several classes",
                "take more images",
            )


def _cost(one: Training, samples: Mapping[str, Sample]) -> float:
    sample = samples[one.variant.sample]
    pixels = sample.shape[1] * sample.shape[2]
    images = one.variant.images or sample.counts[str(Purpose.TRAINING)]
    return _COSTS[one.variant.model] * one.variant.width**2 * images * pixels


def _train(task: _Task) -> None:
    task.folder.mkdir(parents=True, exist_ok=True)
    begin = time.process_time()
    train = _train_sets if task.training.variant.model == SETS else _train_images
    history, seconds, chosen = train(task, begin)
    with whole_file(task.path("chosen.npz")) as partial, partial.open("wb") as file:
        small: dict[str, Any] = {part: one.astype(np.int16) for part, one in chosen.items()}
        np.savez_compressed(file, allow_pickle=False, **small)
    keep_history(task.path("fit.json"), history, seconds)


_Found = tuple[History, float, dict[str, NDArray[np.int64]]]


def _train_images(task: _Task, begin: float) -> _Found:
    variant, sample = task.training.variant, task.sample
    train = sample.load(str(Purpose.TRAINING))
    if variant.images:
        train = some(train, variant.images)
    chosen = options(task.config, variant, sample.shape, len(sample.classes))
    settings = fit_of(task.config, variant.sample)
    if variant.images:  # a few passes over fewer images would show too few steps, not too few images
        steps = settings.epochs * -(-sample.counts[str(Purpose.TRAINING)] // settings.batch)
        settings = dataclasses.replace(settings, least_steps=steps)
    with progress_bar(f"training {variant.sample}/{task.training.stem}", 1.0) as advance:
        model = train_images(
            variant.model,
            train,
            sample.load(str(Purpose.VALIDATION)),
            dataclasses.replace(chosen, fit=settings),
            task.training.seed,
            augmentation=None if variant.augmentation == "none" else RandomTurns(variant.augmentation),
            progress=follow(advance, 1.0),
        )
    seconds = time.process_time() - begin
    files.save(model, task.path("safetensors"))
    losses = [epoch.train_loss for epoch in model.history], [epoch.validation_loss for epoch in model.history]
    history = History(tuple(losses[0]), tuple(losses[1]), model.best_epoch - 1)
    return history, seconds, {
        part: model.probabilities(sample.load(part)).argmax(axis=1) for part in sample.tests
    }  # fmt: skip


def _train_sets(task: _Task, begin: float) -> _Found:
    """Deep Sets on cylindrical coordinates; which of two classes is one yes or no."""
    sample, config = task.sample, task.config
    spec = SetSpec("particles", CYLINDRICAL)
    model = build_set_model(
        "multi_deep_sets", sets=[dataclasses.asdict(spec)], event_features=[], seed=task.training.seed
    )
    train, held = (sets_of(sample, str(purpose)) for purpose in (Purpose.TRAINING, Purpose.VALIDATION))
    labels, held_labels = (
        sample.load(str(purpose)).labels for purpose in (Purpose.TRAINING, Purpose.VALIDATION)
    )
    settings = dataclasses.replace(
        fit_of(config, sample.name), seed=task.training.seed, learning_rate=2e-3, device="cpu"
    )
    result = fit(model, train, labels, config=settings, validation=(model.prepare(held), held_labels))
    seconds = time.process_time() - begin
    files.save(model, task.path("safetensors"))
    return History.of(result), seconds, {
        part: (score(model, sets_of(sample, part)) >= 0.5).astype(np.int64) for part in sample.tests
    }  # fmt: skip


def _read(task: _Task) -> Trained:
    with np.load(task.path("chosen.npz"), allow_pickle=False) as kept:
        chosen = {part: kept[part].astype(np.int64) for part in kept}
    history, seconds = read_history(task.path("fit.json"))
    return Trained(task.training, task.path("safetensors"), history, seconds, chosen)
