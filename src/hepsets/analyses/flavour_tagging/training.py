"""The trainings of a run: each model, with other seeds and on fewer events, each kept when it is done."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.flavour_tagging.about import ALONE, DEEP_SETS, OURS, TREES, TRUNK_MODEL
from hepsets.analyses.flavour_tagging.config import Config
from hepsets.analyses.flavour_tagging.samples import Samples
from hepsets.core.particle_sets import ParticleSets, read_particle_sets, write_particle_sets
from hepsets.core.progress import follow, progress_bar
from hepsets.core.purpose import Purpose
from hepsets.core.run import log, write_atomically
from hepsets.deploy.trunk_shipped import checked_trunk
from hepsets.learn import files
from hepsets.learn.particle_sets.model import SetModel
from hepsets.learn.particle_sets.particle_encoder import WHOLE_EVENT
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.pretraining.corpus import with_marks
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.pretraining.tuning import seen_model
from hepsets.learn.training.fit import fit
from hepsets.learn.training.history import History, keep_history, read_history
from hepsets.learn.training.odd_calibration import OddSpline, fit_odd_spline
from hepsets.learn.training.score import logits_of
from hepsets.learn.training.side_by_side import side_by_side
from hepsets.learn.whole_events.category_trees import CategoryTagger, fit_categories
from hepsets.learn.whole_events.model import WholeEventModel, build_whole_event_model

REPETITION = 1_000_003
"""Distance of the seeds of repeated trainings."""

NETWORKS: Mapping[str, str] = {
    DEEP_SETS: "whole_event_deep_sets",
    ALONE: "charge_votes",
    OURS: "charge_votes",
    TRUNK_MODEL: "particle_encoder",
}
"""The network of each model that is one, by its name in the registry."""


class Tagger(Protocol):
    """What tags: trees or a network."""

    @property
    def n_parameters(self) -> int:
        """Trainable parameters, or trees."""

    def logits(self, sets: ParticleSets) -> NDArray[np.float64]:
        """Logits to be a B⁰, shape ``(n_events,)``."""


class NetworkTagger:
    """A network as a tagger; its own calibration is left alone.

    Parameters
    ----------
    model
        The network.
    """

    def __init__(self, model: WholeEventModel | SetModel) -> None:
        self.model = model

    @property
    def n_parameters(self) -> int:
        """Trainable parameters."""
        return self.model.n_parameters

    def logits(self, sets: ParticleSets) -> NDArray[np.float64]:
        """Logits to be a B⁰, shape ``(n_events,)``."""
        data = self.model.prepare(_as_seen_by(self.model, sets))
        return np.asarray(logits_of(self.model, data)[:, 0].double().numpy())


@dataclass(frozen=True)
class Training:
    """One training.

    Parameters
    ----------
    model
        Its name.
    repetition
        0, or the number of another training with another seed.
    share
        Share of the training sets that it sees.
    """

    model: str
    repetition: int = 0
    share: float = 1.0

    @property
    def file(self) -> str:
        """Name of its files, without ending."""
        seed = f"_seed_{self.repetition}" if self.repetition else ""
        return f"{self.model}{seed}" + (f"_share_{self.share:.4g}" if self.share < 1 else "")


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained tagger.

    Parameters
    ----------
    tagger
        It.
    calibration
        From its logits to calibrated ones.
    history, seconds
        Of the training.
    events
        Tag sides that it was trained on; those held back to stop it included.
    """

    tagger: Tagger
    calibration: OddSpline
    history: History
    seconds: float
    events: int

    def r(self, sets: ParticleSets) -> NDArray[np.float64]:
        """Calibrated q (1 − 2w), shape ``(n_events,)``."""
        return np.asarray(np.tanh(self.calibration(self.tagger.logits(sets)) / 2))


def trainings(config: Config) -> tuple[Training, ...]:
    """All that a run trains."""
    found = [Training(name) for name in config.models]
    found += [
        Training(name, repetition)
        for repetition in range(1, config.training_seeds)
        for name in config.seed_models
        if name in config.models
    ]
    found += [
        Training(name, share=share)
        for share in config.learning_shares
        for name in config.learning_models
        if name in config.models
    ]
    return tuple(found)


def train_all(config: Config, samples: Samples, folder: Path, *, workers: int = 1) -> dict[Training, Trained]:
    """Train what is not in the folder yet, longest first, one thread each, and load and calibrate all of
    it.
    """
    folder.mkdir(exist_ok=True)
    wanted = trainings(config)
    todo = sorted((t for t in wanted if not _fit_file(folder, t).exists()), key=_cost, reverse=True)
    if todo:
        shared = folder / "training_sets.parquet"
        write_particle_sets(samples.train, shared)
        tasks = [_Task(config, training, shared, folder) for training in todo]
        try:
            for _ in side_by_side(_train, tasks, workers=workers, device=config.fit.device):
                pass
        finally:
            _events_of.cache_clear()
            shared.unlink(missing_ok=True)
    found = {}
    with progress_bar("calibrating", len(wanted)) as advance:
        for training in wanted:
            found[training] = _load(training, samples, folder)
            log.info("%s: %s, %.0f s", training.file, found[training].history, found[training].seconds)
            advance(1)
    return found


def chosen_events(sets: ParticleSets, share: float, seed: int) -> ParticleSets:
    """A share of the events, both tag sides of each together."""
    if share >= 1:
        return sets
    number = sets.columns.get("event_number", np.arange(len(sets)))
    events = np.unique(number)
    drawn = np.random.default_rng([seed, 11]).permutation(events)[: max(20, round(share * len(events)))]
    return sets[np.isin(number, drawn)]


# -- inside ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    config: Config
    training: Training
    file: Path
    folder: Path


@lru_cache(maxsize=1)
def _events_of(path: Path) -> ParticleSets:
    return read_particle_sets(path).used_for(Purpose.TRAINING)


def _train(task: _Task) -> None:
    config, training, folder = task.config, task.training, task.folder
    start = time.perf_counter()
    sets = chosen_events(_events_of(task.file), training.share, config.seed)
    seed = (config.seed + REPETITION * training.repetition) % 2**31
    if training.model == TREES:
        trees, history = fit_categories(sets, dataclasses.replace(config.trees, seed=seed))
        trees.save(folder / training.file)
    else:
        history = _fit(task, sets, seed)
    write_atomically(folder / f"{training.file}.events.json", json.dumps(len(sets)))
    keep_history(_fit_file(folder, training), history, time.perf_counter() - start)


def _fit(task: _Task, sets: ParticleSets, seed: int) -> History:
    config, training = task.config, task.training
    model = network_of(config, training.model, seed)
    steps = config.learning_steps if training.share < 1 else 0
    checkpoint = task.folder / f"{training.file}.checkpoint"
    with progress_bar(f"training {training.file}", 1.0) as advance:
        result = fit(
            model,
            _as_seen_by(model, sets),
            sets.columns["q"] > 0,
            config=dataclasses.replace(config.fit, seed=seed, least_steps=steps, validation_fraction=0.1),
            progress=follow(advance, 1.0),
            checkpoint=checkpoint,
        )
    files.save(model, task.folder / f"{training.file}.safetensors")
    checkpoint.unlink(missing_ok=True)
    return History.of(result)


def network_of(config: Config, name: str, seed: int) -> WholeEventModel | SetModel:
    """A fresh network of a model, or one that starts from the trunk of the run.

    Parameters
    ----------
    config
        The run's.
    name
        Of the model.
    seed
        Of its weights.
    """
    if name == TRUNK_MODEL:
        if config.trunk is not None:
            trunk = Trunk.load(checked_trunk(config.trunk, config.trunk_sha256))
            return seen_model(trunk, config.tune, seed=seed)
        whole = [dataclasses.asdict(spec) for spec in WHOLE_EVENT]
        return build_set_model(NETWORKS[name], sets=whole, units=config.units, seed=seed)
    options: dict[str, int] = {"units": config.units, "seed": seed}
    if NETWORKS[name] == "charge_votes":
        options["rounds"] = 0 if name == ALONE else config.rounds
    return build_whole_event_model(NETWORKS[name], **options)


def _as_seen_by(model: WholeEventModel | SetModel, sets: ParticleSets) -> ParticleSets:
    return with_marks(sets) if isinstance(model, SetModel) else sets


def _load(training: Training, samples: Samples, folder: Path) -> Trained:
    tagger: Tagger
    if training.model == TREES:
        tagger = CategoryTagger.load(folder / training.file)
    else:
        path = folder / f"{training.file}.safetensors"
        is_encoder = training.model == TRUNK_MODEL
        tagger = NetworkTagger(
            files.load(path, SetModel) if is_encoder else files.load(path, WholeEventModel)
        )
    path = folder / f"{training.file}.calibration.json"
    if not path.exists():
        held = samples.validation
        spline = fit_odd_spline(tagger.logits(held), held.columns["q"], held.purpose)
        write_atomically(path, json.dumps(dataclasses.asdict(spline)))
    events = json.loads((folder / f"{training.file}.events.json").read_text())
    return Trained(
        tagger, OddSpline(**json.loads(path.read_text())), *read_history(_fit_file(folder, training)), events
    )


def _fit_file(folder: Path, training: Training) -> Path:
    return folder / f"{training.file}.fit.json"


def _cost(training: Training) -> float:
    """How long it takes, as far as it is known, with trees as the unit."""
    return training.share * {TREES: 2, DEEP_SETS: 1, ALONE: 1}.get(training.model, 6)
