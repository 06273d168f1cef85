"""Which models a run trains, and their training: several at once, each kept as soon as it is done."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.continuum_suppression.about import TRUNK_MODEL
from hepsets.analyses.continuum_suppression.config import BDT, OURS, TREES, Config, map_of, variant
from hepsets.analyses.continuum_suppression.own_sets import network_options, tree_columns
from hepsets.analyses.continuum_suppression.samples import Samples, write_training_events
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets, read_particle_sets
from hepsets.core.progress import follow, progress_bar
from hepsets.core.purpose import Purpose
from hepsets.core.run import log
from hepsets.deploy.trunk_shipped import checked_trunk
from hepsets.evaluate.scores.sample import check_sums
from hepsets.learn import files
from hepsets.learn.files import save
from hepsets.learn.particle_sets.model import SetModel
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.pretraining.tuning import seen_model
from hepsets.learn.registry import only_here
from hepsets.learn.tables.boosted_trees import BoostedTrees, fit_trees
from hepsets.learn.training import history as kept
from hepsets.learn.training.disco import DisCo
from hepsets.learn.training.fit import fit
from hepsets.learn.training.history import History, keep_history, read_history
from hepsets.learn.training.one_thread import one_thread
from hepsets.learn.training.side_by_side import side_by_side
from hepsets.select.skims.hadronic_tag import MODE_NAMES

Model: TypeAlias = BoostedTrees | SetModel

Trained: TypeAlias = kept.Trained[Model]

REPETITION = 1_000_003
"""Distance of the seeds of repeated trainings."""

LEAST_OF_MODE = 30
"""Fewer signal events of a mode in the test sample say nothing about it."""


@dataclass(frozen=True)
class Training:
    """One model to train.

    Parameters
    ----------
    model
        Its name.
    comparison
        Whose training events it sees.
    repetition
        0, or the number of another training of the same model, with another seed.
    unseen_mode
        The decay mode of the candidate that is left out, in signal and background.
    disco
        Strength λ of the penalty on dependence on Mbc; None trains as configured, without.
    """

    model: str
    comparison: str
    repetition: int = 0
    unseen_mode: str | None = None
    disco: float | None = None

    @property
    def file(self) -> str:
        """Name of its files, with the folder of the comparison and without the ending."""
        name = f"{self.comparison}/{self.model}"
        if self.repetition:
            name += f"_seed_{self.repetition}"
        if self.unseen_mode is not None:
            name += "_without_" + self.unseen_mode.replace(" ", "_").replace("*", "st")
        return name if self.disco is None else f"{name}_disco_{self.disco:g}"


def seed_of(config: Config, training: Training) -> int:
    """Seed of initial weights, split of the events and order of training."""
    return (config.seed + REPETITION * training.repetition) % 2**32


def trainings(config: Config, samples: Samples) -> tuple[Training, ...]:
    """All that a run trains: the models of each comparison, some with other seeds, those of the studies."""
    found = [Training(name, comparison) for comparison in samples.pairs for name in config.models]
    lead, studied = next(iter(samples.pairs)), samples.studied
    repeated = [name for name in config.models if name in config.seed_models]
    if repeated and BDT not in repeated:
        repeated.insert(0, BDT)  # gains are over the trees of the same seed
    found += [
        Training(name, lead, repetition)
        for repetition in range(1, config.training_seeds)
        for name in repeated
    ]
    if not samples.with_particles:
        return tuple(found)
    test = samples.pairs[studied].test
    if "unseen_modes" in config.studies:
        found += [
            Training(name, studied, unseen_mode=mode)
            for mode in config.unseen_modes
            if _is_frequent(mode, test)
            for name in config.trust_models
            if name in config.models
        ]
    if "disco" in config.studies and "mbc" in samples.pairs[studied].train.columns:
        found += [
            Training(config.disco.model, studied, disco=strength) for strength in config.disco.strengths
        ]
    return tuple(found)


def _is_frequent(mode: str, test: ParticleSets) -> bool:
    number = int((test.columns["label"] & (test.columns["mode"] == MODE_NAMES.index(mode))).sum())
    if number < LEAST_OF_MODE:
        log.warning("mode %s: %d signal events in the test sample, left alone", mode, number)
    return number >= LEAST_OF_MODE


def train_all(config: Config, samples: Samples, folder: Path, *, workers: int = 1) -> dict[Training, Trained]:
    """Train what is not in the folder yet, longest first, and load all of it.

    Each training uses one thread, so models do not depend on ``workers``; on a GPU they are trained
    one after the other.

    Raises
    ------
    InputError
        For negative weights beside the penalty DisCo, before anything is written.
    """
    wanted = trainings(config, samples)
    for training in wanted:
        weights = samples.pairs[training.comparison].train.columns["weight"]
        if training.disco is not None and (weights < 0).any():
            raise InputError(
                "negative weights for the study disco", "weights from 0 up: its penalty takes no others",
                "leave the study out",
            )  # fmt: skip
    write_training_events(samples)
    for name in samples.pairs:
        (folder / name).mkdir(parents=True, exist_ok=True)
    todo = sorted(
        (t for t in wanted if not _is_done(t, folder)),
        key=lambda t: _cost(t) * len(samples.pairs[t.comparison].train),
        reverse=True,
    )
    if not samples.with_particles:
        with progress_bar("training models", len(todo)) as advance:
            for training in todo:
                train(config, training, samples.pairs[training.comparison].train, folder)
                advance(1)
    else:
        tasks = [
            _Task(config, training, str(samples.pairs[training.comparison].train_file), str(folder))
            for training in todo
        ]
        alone = [task for task in tasks if only_here("particle_sets", task.training.model)]
        together = [task for task in tasks if task not in alone]
        for some, processes in ((together, workers), (alone, 1)):
            for _ in side_by_side(_train_in_worker, some, workers=processes, device=config.fit.device):
                pass
    _events_of.cache_clear()
    trained = {training: load(training, folder) for training in wanted}
    for training in todo:
        log.info("%s: %s, %.0f s", training.file, trained[training].history, trained[training].seconds)
    return trained


def class_weights(events: ParticleSets) -> NDArray[np.float64]:
    """Event weights ``(n_events,)`` with which signal and background weigh the same in training.

    Each is scaled to half of the events. Weights may be negative.

    Raises
    ------
    InputError
        If those of a class do not add to a positive number.
    """
    label, weight = events.columns["label"], events.columns["weight"].astype(np.float64)
    check_sums(label, weight)
    weights = np.empty(len(events))
    for which in (label, ~label):
        weights[which] = weight[which] / weight[which].mean() * 0.5 * len(label) / which.sum()
    return weights


def train(config: Config, training: Training, events: ParticleSets, folder: Path) -> None:
    """Train one model and save it in the folder; a training that was stopped goes on."""
    start = time.perf_counter()
    if training.unseen_mode is not None:
        events = events[events.columns["mode"] != MODE_NAMES.index(training.unseen_mode)]
    labels, weights = events.columns["label"], class_weights(events)
    path = _path(training, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    with one_thread():
        if training.model in TREES:
            settings = dataclasses.replace(config.trees, seed=seed_of(config, training))
            of_map = map_of(config)
            columns = tree_columns(training.model, of_map)
            trees, grown = fit_trees(events, labels, columns, weights, settings, name=training.model)
            trees.made_of = of_map.record() if of_map else {}
            history = History(grown.train_losses, grown.validation_losses, grown.best_trees - 1)
            save(trees, path)
        else:
            history = _train_network(config, training, events, labels, weights, path)
    keep_history(folder / f"{training.file}.fit.json", history, time.perf_counter() - start)


def load(training: Training, folder: Path) -> Trained:
    """A model that :func:`train` left in the folder."""
    path = _path(training, folder)
    model: Model = files.load(path, BoostedTrees) if training.model in TREES else files.load(path, SetModel)
    return Trained(model, *read_history(folder / f"{training.file}.fit.json"))


# -- inside ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    config: Config
    training: Training
    train_file: str
    folder: str


def _train_in_worker(task: _Task) -> None:
    train(task.config, task.training, _events_of(task.train_file), Path(task.folder))


@lru_cache(maxsize=1)
def _events_of(path: str) -> ParticleSets:
    return read_particle_sets(Path(path)).used_for(Purpose.TRAINING)


def _train_network(
    config: Config,
    training: Training,
    events: ParticleSets,
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    path: Path,
) -> History:
    base, of_map = variant(training.model)[0], map_of(config)
    seed = seed_of(config, training)
    if config.trunk is not None and training.model == TRUNK_MODEL:
        network = seen_model(
            Trunk.load(checked_trunk(config.trunk, config.trunk_sha256)), config.tune, seed=seed
        )
    else:
        network = build_set_model(base, **network_options(training.model, of_map), seed=seed)
        network.made_of = of_map.record() if of_map else {}
    settings = dataclasses.replace(config.fit, seed=seed)
    penalty = None
    if training.disco is not None:
        settings = dataclasses.replace(settings, batch=config.disco.batch_events)
        penalty = DisCo(events.columns["mbc"], labels, events.columns["weight"], strength=training.disco)
    checkpoint = path.with_suffix(".checkpoint")
    with progress_bar(f"training {training.file}", 1.0) as advance:
        result = fit(
            network,
            events,
            labels.astype(np.float64),
            weights,
            settings,
            progress=follow(advance, 1.0),
            checkpoint=checkpoint,
            penalty=penalty,
        )
    save(network, path)
    checkpoint.unlink(missing_ok=True)
    return History.of(result)


def _path(training: Training, folder: Path) -> Path:
    return folder / f"{training.file}.safetensors"


def _is_done(training: Training, folder: Path) -> bool:
    return _path(training, folder).exists() and (folder / f"{training.file}.fit.json").exists()


def _cost(training: Training) -> float:
    """How long it takes per event, as far as it is known, with trees as the unit."""
    return 1 if training.model in TREES else 8 if training.model == OURS else 3
