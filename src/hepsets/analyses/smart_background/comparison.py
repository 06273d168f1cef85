"""Train each model and judge it on test events that nothing was tuned on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.smart_background.config import Config
from hepsets.analyses.smart_background.samples import Samples, in_files
from hepsets.analyses.smart_background.training import (
    RARE,
    Training,
    device_of,
    events_of,
    rank_of_time,
    train,
    train_all,
)
from hepsets.core.event_random import uniforms
from hepsets.core.events import Events
from hepsets.core.measured import Measured
from hepsets.core.pdg import PdgMap
from hepsets.core.purpose import Purpose, demand
from hepsets.core.run import log
from hepsets.deploy.filter.card import FilterCard, make_card, save_card
from hepsets.evaluate.filter.bias import Bias, WeightedBias, measure_bias, measure_weighted_bias
from hepsets.evaluate.filter.choice_error import RULE_CHOICES, choice_error
from hepsets.evaluate.filter.effective_fraction import EffectiveFraction
from hepsets.evaluate.filter.importance_sampling import (
    FloorScan,
    ImportanceResult,
    choose_keep_rule,
    choose_logistic_rule,
    importance_speedup,
    scan_floors,
)
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule, ProtectedRule
from hepsets.evaluate.filter.protection import (
    Protection,
    effective_fractions,
    judge_protection,
    protected_rules,
    protection_choice_error,
)
from hepsets.evaluate.filter.speedup import (
    SpeedupConfig,
    SpeedupCurve,
    SpeedupResult,
    choose_threshold,
    speedup_at,
    speedup_curve,
)
from hepsets.evaluate.scores.calibration import Calibration, calibrate
from hepsets.evaluate.scores.classification import Classification, classify
from hepsets.evaluate.scores.paired import (
    Influenced,
    Repeated,
    auc_of,
    importance_speedup_of,
    threshold_speedup_of,
)
from hepsets.evaluate.scores.sample import Scored, scored_events
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.registry import only_here
from hepsets.learn.training.fit import FitResult
from hepsets.learn.training.score import score
from hepsets.learn.training.side_by_side import side_by_side
from hepsets.select.variables.generated import Observable, passing_observables

IMPORTANCE_TRIAL = 2**32
"""Trial number of the random numbers that importance sampling draws, beyond any detector's."""


@dataclass(frozen=True)
class TrainingRecord:
    """How one training went.

    Parameters
    ----------
    train_loss, validation_loss
        By epoch.
    best_epoch
        Whose state was kept, counted from 1.
    validation_events
        Training events that were held out.
    events_per_s
        Training speed.
    converged
        Whether it had stopped improving; ``None`` where nobody can tell.
    """

    train_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    best_epoch: int
    validation_events: int
    events_per_s: float
    converged: bool | None

    @classmethod
    def of(cls, fitted: FitResult) -> Self:
        """What is to be known of a fit once its events are gone."""
        return cls(
            tuple(epoch.train_loss for epoch in fitted.history),
            tuple(epoch.validation_loss for epoch in fitted.history),
            fitted.best_epoch,
            len(fitted.validation_indices),
            fitted.train_events_per_s,
            fitted.converged,
        )


@dataclass(frozen=True)
class ModelResult:
    """One model and what it is worth on the test events.

    Everything is that of its first training but for the last three, which hold all of its trainings.
    ``scores`` has shape ``(n_test_events,)``; ``validation_auc`` is what models may be chosen by. The
    errors of both speedups hold those of what was chosen on validation events.
    """

    name: str
    inputs: str | None
    parameters: int
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
    fits: tuple[TrainingRecord, ...]
    aucs: Repeated
    speedups: Repeated
    importances: Repeated

    @property
    def converged(self) -> bool | None:
        """Whether all trainings had stopped improving; ``None`` where nobody can tell."""
        found = [each.converged for each in self.fits]
        return False if False in found else None if None in found else True


def compare_models(
    config: Config, samples: Samples, folder: Path, *, workers: int = 1
) -> tuple[ModelResult, ...]:
    """Train the configured models, or load those that an earlier try left, and judge each."""
    particles, ids = unknown_particles(samples)
    if particles:
        log.info("test events: %d particles with %d PDG ids that training hardly saw", particles, ids)
    trainings = [Training(name, number) for name in config.models for number in range(config.training_seeds)]
    with in_files(samples, folder) as kept:
        train_all(config, trainings, kept, folder, workers=workers)
        return judge_all(config, kept, folder, workers=workers)


def judge_all(config: Config, samples: Samples, folder: Path, *, workers: int = 1) -> tuple[ModelResult, ...]:
    """Judge the configured models, all trained in ``folder``, several at once; ``samples`` have files."""
    alone = [name for name in config.models if only_here("decay_trees", name)]
    together = sorted((name for name in config.models if name not in alone), key=rank_of_time)
    found: dict[str, ModelResult] = {}
    facts = replace(samples, train=samples.train[:0], test=samples.test[:0])
    for some, processes in ((together, workers), (alone, 1)):
        given = facts if min(processes, len(some)) > 1 else samples
        tasks = [_Judging(config, name, given, str(folder)) for name in some]
        device = device_of(config, some)
        done = side_by_side(_judge_task, tasks, workers=processes, device=device, title="judging models")
        found |= dict(zip(some, done, strict=True))
    events_of.cache_clear()
    return tuple(found[name] for name in config.models)


@dataclass(frozen=True)
class _Judging:
    """A model to judge; in another process its samples have no events but files."""

    config: Config
    name: str
    samples: Samples
    folder: str


def _judge_task(task: _Judging) -> ModelResult:
    samples, folder = task.samples, Path(task.folder)
    if not len(samples.test):
        samples = replace(
            samples,
            train=events_of(str(samples.train_file), Purpose.TRAINING),
            test=events_of(str(samples.test_file), Purpose.TEST),
        )
    trained = [
        train(task.config, task.name, samples.train, folder, training=Training(task.name, number))
        for number in range(task.config.training_seeds)
    ]
    return judge(task.config, task.name, samples, trained, folder)


def best_of(models: Sequence[ModelResult]) -> ModelResult:
    """The model of greatest AUC on validation events: the test events choose nothing."""
    return max(models, key=lambda model: model.validation_auc)


def unknown_particles(samples: Samples) -> tuple[int, int]:
    """Particles of the test events that take the ``<unknown>`` token, and how many ids they have."""
    pdg_map = PdgMap.fit(samples.train.particles["pdg"], min_count=RARE)
    unknown = pdg_map.unknown(samples.test.particles["pdg"])
    return sum(unknown.values()), len(unknown)


def judge(
    config: Config, name: str, samples: Samples, trained: list[tuple[EventModel, FitResult]], folder: Path
) -> ModelResult:
    """Measure the trainings of a model: choices from validation events, everything else on test events."""
    demand(samples.test.purpose, Purpose.TEST, "models are judged")
    model, result = trained[0]
    validation = result.validation(samples.train)
    chosen_on = scored_events(validation, score(model, validation))
    start = time.perf_counter()
    scores = score(model, samples.test).astype(np.float64)
    rate = len(samples.test) / (time.perf_counter() - start)
    costs = config.speedup.resolve(retention=samples.retention.value, time_network=1 / rate)
    label, weight = samples.test.columns["label"], samples.test.columns["weight"]
    first = _choose(samples, chosen_on, costs)
    threshold, rule = first
    errors = _choice_errors(config, samples, chosen_on, scores, costs)
    protected = protected_rules(config.protect, validation, chosen_on, costs, trained=_trained_on(samples))
    logistic = choose_logistic_rule(chosen_on, costs)
    save_card(_card(name, samples, first, logistic, protected), folder / f"{name}.card.json")
    judged = [
        _judged(samples, scores, first, costs, errors),
        *(_retrained(samples, other, costs, errors) for other in trained[1:]),
    ]
    aucs, speedups, importances = (Repeated(each) for each in zip(*judged, strict=True))
    gain = speedup_at(threshold, label, scores, weight, costs)
    unbiased = importance_speedup(label, rule(scores), weight, costs)
    observables = passing_observables(samples.test[np.flatnonzero(label)])
    protected_errors = [
        protection_choice_error(each, validation, chosen_on, samples.test, scores, costs, seed=config.seed)
        for each in protected
    ]
    return ModelResult(
        name=name,
        inputs=model.config.inputs,
        parameters=model.n_parameters,
        validation_auc=classify(chosen_on.labels, chosen_on.scores).auc.value,
        score_events_per_s=rate,
        scores=scores,
        classification=classify(label, scores),
        speedup=replace(gain, speedup=Measured(gain.speedup.value, speedups.trainings[0].se)),
        curve=speedup_curve(label, scores, weight, costs),
        importance=replace(unbiased, speedup=Measured(unbiased.speedup.value, importances.trainings[0].se)),
        floors=scan_floors(label, scores, weight, rule, costs),
        calibration=calibrate(label, scores),
        biases=biases_at(threshold, samples.test, scores, observables),
        weighted_biases=weighted_biases(rule(scores), samples.test, config.seed, observables),
        effective_fractions=effective_fractions(rule(scores), samples.test, costs, observables),
        protections=tuple(
            judge_protection(each, samples.test, scores, costs, observables, choice_se=choice_se)
            for each, choice_se in zip(protected, protected_errors, strict=True)
        ),
        fits=tuple(TrainingRecord.of(fitted) for _, fitted in trained),
        aucs=aucs,
        speedups=speedups,
        importances=importances,
    )


def _card(
    name: str,
    samples: Samples,
    chosen: tuple[float, KeepRule],
    logistic: LogisticRule,
    protected: tuple[ProtectedRule, ...],
) -> FilterCard:
    """What a filter made of this model must know."""
    threshold, rule = chosen
    return make_card(
        name,
        samples.train,
        sample=samples.sample,
        skim=samples.skim,
        rule=rule,
        logistic=logistic,
        threshold=threshold,
        protected=protected,
    )


def _trained_on(samples: Samples) -> float:
    """Share of passing events among the training events."""
    return float(np.mean(samples.train.columns["label"]))


def _choose(samples: Samples, validation: Scored, costs: SpeedupConfig) -> tuple[float, KeepRule]:
    """Threshold and keep rule from validation events."""
    rule = choose_keep_rule(validation, costs, trained=_trained_on(samples))
    return choose_threshold(validation, costs).threshold, rule


def _choice_errors(
    config: Config,
    samples: Samples,
    validation: Scored,
    scores: NDArray[np.float64],
    costs: SpeedupConfig,
) -> tuple[float, float]:
    """What the choices of threshold and keep rule add to the errors of the speedups."""
    label, weight = samples.test.columns["label"], samples.test.columns["weight"]
    share = _trained_on(samples)
    at_threshold = choice_error(
        lambda sample: choose_threshold(sample, costs).threshold,
        lambda threshold: speedup_at(threshold, label, scores, weight, costs).speedup.value,
        validation,
        seed=config.seed,
    )
    with_rule = choice_error(
        lambda sample: choose_keep_rule(sample, costs, trained=share),
        lambda rule: importance_speedup(label, rule(scores), weight, costs).speedup.value,
        validation,
        seed=config.seed,
        samples=RULE_CHOICES,
    )
    return at_threshold, with_rule


def _judged(
    samples: Samples,
    scores: NDArray[np.float64],
    chosen: tuple[float, KeepRule],
    costs: SpeedupConfig,
    errors: tuple[float, float],
) -> tuple[Influenced, Influenced, Influenced]:
    """AUC and both speedups of one training, with what each test event adds."""
    label, weight = samples.test.columns["label"], samples.test.columns["weight"]
    threshold, rule = chosen
    return (
        auc_of(label, scores),
        threshold_speedup_of(threshold, label, scores, weight, costs, choice_se=errors[0]),
        importance_speedup_of(label, rule(scores), weight, costs, choice_se=errors[1]),
    )


def _retrained(
    samples: Samples,
    trained: tuple[EventModel, FitResult],
    costs: SpeedupConfig,
    errors: tuple[float, float],
) -> tuple[Influenced, Influenced, Influenced]:
    """The same for a further training; choices are its own, their errors those of the first."""
    model, result = trained
    validation = result.validation(samples.train)
    chosen = _choose(samples, scored_events(validation, score(model, validation)), costs)
    return _judged(samples, score(model, samples.test).astype(np.float64), chosen, costs, errors)


def biases_at(
    threshold: float, test: Events, scores: NDArray[np.float64], observables: Sequence[Observable]
) -> tuple[Bias, ...]:
    """What a threshold does to the observables of the passing events; none if it keeps none of them.

    ``scores`` are of all test events, shape ``(n_test_events,)``; ``observables`` of those that pass.
    """
    passing = np.flatnonzero(test.columns["label"])
    kept, weight = scores[passing] >= threshold, test.columns["weight"][passing]
    return tuple(
        measure_bias(observable.name, observable.values, kept, weight, valid=observable.valid)
        for observable in observables
        if (kept & observable.valid).any()
    )


def weighted_biases(
    keep: NDArray[np.float64], test: Events, seed: int, observables: Sequence[Observable]
) -> tuple[WeightedBias, ...]:
    """What is left of a bias when events are kept with probability ``keep`` and weighted with its inverse.

    ``keep`` is that of all test events, shape ``(n_test_events,)``, above 0; ``seed`` tells which are kept;
    ``observables`` are of those that pass.
    """
    chance = uniforms(seed, np.arange(len(test)), IMPORTANCE_TRIAL)
    passing = np.flatnonzero(test.columns["label"])
    probability, weight = keep[passing], test.columns["weight"][passing]
    kept = chance[passing] < probability
    return tuple(
        measure_weighted_bias(
            observable.name, observable.values, kept, probability, weight, valid=observable.valid
        )
        for observable in observables
        if observable.valid.any()
    )
