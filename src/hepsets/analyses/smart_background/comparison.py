"""Train each model and judge it on test events that nothing was tuned on."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.smart_background.samples import Samples
from hepsets.analyses.smart_background.settings import OURS, Config, fit_config
from hepsets.core.errors import InputError
from hepsets.core.event_random import uniforms
from hepsets.core.events import Events
from hepsets.core.pdg import PdgMap
from hepsets.core.progress import follow, progress_bar
from hepsets.core.run import log, write_atomically
from hepsets.deploy.filter_card import make_card, save_card
from hepsets.evaluate.bias import Bias, WeightedBias, measure_bias, measure_weighted_bias
from hepsets.evaluate.calibration import Calibration, calibrate
from hepsets.evaluate.classification import Classification, classify
from hepsets.evaluate.effective_fraction import EffectiveFraction
from hepsets.evaluate.protection import (
    Protection,
    effective_fractions,
    judge_protection,
    protected_rules,
)
from hepsets.evaluate.speedup import (
    FloorScan,
    ImportanceResult,
    SpeedupCurve,
    SpeedupResult,
    choose_keep_rule,
    choose_logistic_rule,
    choose_threshold,
    importance_speedup,
    scan_floors,
    speedup_at,
    speedup_curve,
)
from hepsets.learn.calibration import calibrate_model
from hepsets.learn.fit import EpochRecord, FitConfig, FitResult, fit, split_train_validation
from hepsets.learn.model import EventModel, ModelConfig, score
from hepsets.learn.model_file import load_model, save_model
from hepsets.learn.models import build_model
from hepsets.learn.soft_labels import soft_labels
from hepsets.select.observables import passing_observables

RARE = 20
"""A PDG id that occurs less often in training shares the ``<unknown>`` token."""

IMPORTANCE_TRIAL = 2**32
"""Trial number of the random numbers that importance sampling draws, beyond any detector's."""


@dataclass(frozen=True)
class ModelResult:
    """One trained model and what it is worth on the test events.

    ``scores`` has shape ``(n_test_events,)``; ``validation_auc`` is what models may be chosen by.
    """

    name: str
    config: ModelConfig
    parameters: int
    fit: FitResult
    validation_auc: float
    score_events_per_s: float
    scores: NDArray[np.float64]
    classification: Classification
    speedup: SpeedupResult
    curve: SpeedupCurve
    importance: ImportanceResult
    floors: FloorScan
    calibration: Calibration
    biases: tuple[Bias, ...]
    weighted_biases: tuple[WeightedBias, ...]
    effective_fractions: tuple[EffectiveFraction, ...]
    protections: tuple[Protection, ...]


def compare_models(config: Config, samples: Samples, folder: Path) -> tuple[ModelResult, ...]:
    """Train the configured models, or load those that an earlier try left, and judge each."""
    particles, ids = unknown_particles(samples)
    if particles:
        log.info("test events: %d particles with %d PDG ids that training hardly saw", particles, ids)
    return tuple(judge(config, name, samples, folder) for name in config.models)


def unknown_particles(samples: Samples) -> tuple[int, int]:
    """Particles of the test events that take the ``<unknown>`` token, and how many ids they have."""
    pdg_map = PdgMap.fit(samples.train.particles["pdg"], min_count=RARE)
    unknown = pdg_map.unknown(samples.test.particles["pdg"])
    return sum(unknown.values()), len(unknown)


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
    """

    targets: NDArray[np.float64]
    weights: NDArray[np.float64] | None = None
    labels: NDArray[np.bool_] | None = None
    label_weights: NDArray[np.float64] | None = None


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
        The model's options, in place of the configured ones.
    as_
        File name; ``name`` by default.
    lesson
        What to learn; by default one score for the event column ``label``.
    settings
        The training, in place of the configured one.
    start
        A model to go on from, in place of a fresh one; it is trained itself.
    """
    path = folder / f"{as_ or name}.safetensors"
    record, checkpoint = path.with_suffix(".fit.json"), path.with_suffix(".checkpoint")
    settings = settings or fit_config(config, name)
    if path.exists() and record.exists():
        return load_model(path), _read_fit(record, len(events), settings)
    options = options or config.model_of.get(name, config.model)
    model = start or build_model(
        name,
        PdgMap.fit(events.particles["pdg"], min_count=RARE),
        dataclasses.replace(options, seed=config.seed),
    )
    lesson = lesson or lesson_of(config, name, events)
    total = settings.epochs * len(events)
    with progress_bar(f"training {as_ or name}", total) as advance:
        result = fit(
            model,
            events,
            lesson.targets,
            lesson.weights,
            config=settings,
            progress=follow(advance, total),
            checkpoint=checkpoint,
        )
    if lesson.labels is not None:
        held_out = result.validation_indices
        weights = None if lesson.label_weights is None else lesson.label_weights[held_out]
        try:
            calibrate_model(model, events[held_out], lesson.labels[held_out], weights)
        except InputError as error:  # too few events to learn from: the scores stay as they are
            log.warning("%s is not calibrated: %s", name, error)
    log.info(
        "%s: %d parameters, best epoch %d of %d, %.0f events/s",
        as_ or name,
        model.n_parameters,
        result.best_epoch,
        len(result.history),
        result.train_events_per_s,
    )
    _write_fit(record, result)
    save_model(model, path)
    checkpoint.unlink(missing_ok=True)
    return model, result


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


def judge(config: Config, name: str, samples: Samples, folder: Path) -> ModelResult:
    """Train one model and measure it: threshold from validation events, everything else on test events."""
    model, result = train(config, name, samples.train, folder)
    validation = samples.train[result.validation_indices]
    validation_scores = score(model, validation)
    start = time.perf_counter()
    scores = score(model, samples.test).astype(np.float64)
    rate = len(samples.test) / (time.perf_counter() - start)
    costs = config.speedup.resolve(retention=samples.retention.value, time_network=1 / rate)
    label, weight = samples.test.columns["label"], samples.test.columns["weight"]
    checked = (validation.columns["label"], validation_scores, validation.columns["weight"])
    choice = choose_threshold(*checked, costs)
    trained = float(np.mean(samples.train.columns["label"]))
    keep_rule = choose_keep_rule(*checked, costs, trained=trained)
    protected = protected_rules(
        config.protect, validation, checked[0], validation_scores, costs, trained=trained
    )
    card = make_card(  # what a filter made of this model must know
        name,
        samples.train,
        sample=samples.sample,
        skim=samples.skim,
        rule=keep_rule,
        logistic=choose_logistic_rule(*checked, costs),
        threshold=choice.threshold,
        protected=protected,
    )
    save_card(card, folder / f"{name}.card.json")
    observables = passing_observables(samples.test[np.flatnonzero(label)])
    return ModelResult(
        name=name,
        config=model.config,
        parameters=model.n_parameters,
        fit=result,
        validation_auc=classify(validation.columns["label"], validation_scores).auc,
        score_events_per_s=rate,
        scores=scores,
        classification=classify(label, scores),
        speedup=speedup_at(choice.threshold, label, scores, weight, costs),
        curve=speedup_curve(label, scores, weight, costs),
        importance=importance_speedup(label, keep_rule(scores), weight, costs),
        floors=scan_floors(label, scores, weight, keep_rule, costs),
        calibration=calibrate(label, scores),
        biases=biases_at(choice.threshold, samples.test, scores),
        weighted_biases=weighted_biases(keep_rule(scores), samples.test, config.seed),
        effective_fractions=effective_fractions(keep_rule(scores), samples.test, costs, observables),
        protections=tuple(
            judge_protection(rule, samples.test, scores, costs, observables) for rule in protected
        ),
    )


def biases_at(threshold: float, test: Events, scores: NDArray[np.float64]) -> tuple[Bias, ...]:
    """What a threshold does to the observables of the passing events; nothing if it keeps none."""
    passing = np.flatnonzero(test.columns["label"])
    events, kept = test[passing], scores[passing] >= threshold
    weight = events.columns["weight"]
    return tuple(
        measure_bias(observable.name, observable.values, kept, weight, valid=observable.valid)
        for observable in passing_observables(events)
        if (kept & observable.valid).any()
    )


def weighted_biases(keep: NDArray[np.float64], test: Events, seed: int) -> tuple[WeightedBias, ...]:
    """What is left of a bias when events are kept with probability ``keep`` and weighted with its inverse."""
    chance = uniforms(seed, np.arange(len(test)), IMPORTANCE_TRIAL)
    passing = np.flatnonzero(test.columns["label"])
    events, probability = test[passing], keep[passing]
    kept = chance[passing] < probability
    weight = events.columns["weight"]
    return tuple(
        measure_weighted_bias(
            observable.name, observable.values, kept, probability, weight, valid=observable.valid
        )
        for observable in passing_observables(events)
        if observable.valid.any()
    )


def _write_fit(path: Path, result: FitResult) -> None:
    content = {
        "history": [dataclasses.asdict(epoch) for epoch in result.history],
        "best_epoch": result.best_epoch,
        "train_events_per_s": result.train_events_per_s,
    }
    write_atomically(path, json.dumps(content, indent=1) + "\n")


def _read_fit(path: Path, events: int, settings: FitConfig) -> FitResult:
    content = json.loads(path.read_text())
    return FitResult(
        tuple(EpochRecord(**epoch) for epoch in content["history"]),
        content["best_epoch"],
        *split_train_validation(events, settings.validation_fraction, settings.seed),
        content["train_events_per_s"],
    )
