"""Search a model's hyper-parameters on validation events with Optuna."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from hepsets.analyses.smart_background.config import Config, check, fit_config, model_config, task_of
from hepsets.analyses.smart_background.samples import content_keys, get_training_events
from hepsets.analyses.smart_background.training import RARE, lesson_of
from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.core.progress import progress_bar
from hepsets.learn.decay_trees.model import ModelConfig
from hepsets.learn.decay_trees.recipe import event_recipe
from hepsets.learn.training.fit import fit


@dataclass(frozen=True)
class Tuned:
    """The best trial so far, of how many."""

    auc: float
    parameters: dict[str, Any]
    trials: int

    def lines(self) -> list[str]:
        """For people."""
        found = [f"  {key} = {value}" for key, value in self.parameters.items()]
        return [f"best of {self.trials} trials: validation AUC {self.auc:.4f} with", *found]


TUNED = "gcn_stack"
"""The model that is tuned where none is named."""


def tune(config: Config, model: str | None, *, trials: int, storage: Path, workers: int = 1) -> Tuned:
    """Add trials to a study and return the best of all its trials; ``model`` is :data:`TUNED` by default.

    The study's name holds the model and a fingerprint of the configuration, so a storage file can
    serve many studies and is resumed only by the same one. Only training files are read; test
    events are never looked at.

    Raises
    ------
    InputError
        For an unknown model or a storage file that is no SQLite data base of Optuna.
    """
    check(config)
    model = model or TUNED
    recipe = event_recipe(model)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    events_folder = storage.with_name(f"{storage.stem}-events-{configuration.sha256(config)[:12]}")
    if storage.exists():
        _study(storage, model, config)  # refused before the work on events
    events = get_training_events(config, events_folder, workers=workers)
    pdg_map = PdgMap.fit(events.particles["pdg"], min_count=RARE)
    lesson = lesson_of(config, model, events)
    own = model_config(config, model)
    study = _study(storage, model, config)
    # a sampler that began anew with the same seed would repeat the trials that are there already
    seed = np.random.SeedSequence([config.seed, len(study.trials)]).generate_state(1)
    study.sampler = optuna.samplers.TPESampler(seed=int(seed[0]))

    def objective(trial: optuna.Trial) -> float:
        options = dataclasses.replace(own, seed=config.seed, **_suggested(trial, own))
        settings = dataclasses.replace(
            fit_config(config, model),
            learning_rate=trial.suggest_float("learning_rate", 2e-4, 1e-2, log=True),
            batch=trial.suggest_categorical("batch_events", [128, 256, 512, 1024]),
        )
        result = fit(
            recipe.build(pdg_map, options),
            events,
            lesson.targets,
            config=settings,
            task=task_of(config, model),
            validation=content_keys(events),
        )
        return result.history[result.best_epoch - 1].metrics["auc"]

    with progress_bar(f"tuning {model}", trials) as advance:
        study.optimize(objective, n_trials=trials, callbacks=[lambda *_: advance(1)])
    return Tuned(float(study.best_value), dict(study.best_params), len(study.trials))


def _study(storage: Path, model: str, config: Config) -> optuna.Study:
    """The study of a model and a configuration in a storage file; made where there is none."""
    try:
        return optuna.create_study(
            study_name=f"{model}-{configuration.sha256(config)[:12]}",
            storage=f"sqlite:///{storage}",
            direction="maximize",
            load_if_exists=True,
        )
    except Exception as error:
        raise InputError(
            f"{storage} cannot be used ({str(error).splitlines()[0]})",
            "a new file or one that an earlier hepsets tune wrote",
        ) from error


def _suggested(trial: optuna.Trial, own: ModelConfig) -> dict[str, Any]:
    """Values to try of those options that the model has."""
    found: dict[str, Any] = {"units": trial.suggest_categorical("units", [16, 32, 64, 128])}
    if hasattr(own, "embedding"):
        found["embedding"] = trial.suggest_int("embedding", 4, 32)
    if hasattr(own, "dropout"):
        found["dropout"] = trial.suggest_float("dropout", 0.0, 0.3)
    if hasattr(own, "graph_layers"):
        found["graph_layers"] = trial.suggest_int("graph_layers", 1, 5)
    return found
