"""Can it be trusted: decay modes never seen, other detectors, independence of Mbc, what it looks at."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit

from hepsets.analyses.continuum_suppression.comparison import (
    ModelResult,
    dependence,
    score_of,
    train,
)
from hepsets.analyses.continuum_suppression.samples import Samples
from hepsets.analyses.continuum_suppression.settings import Config
from hepsets.core.measured import Measured
from hepsets.core.run import log
from hepsets.evaluate.background_at import background_at, efficiency_at
from hepsets.evaluate.distance_correlation import DistanceCorrelation
from hepsets.evaluate.importance import (
    Importance,
    exchange_column,
    permutation_importance,
    set_exchanges,
)
from hepsets.evaluate.sculpting import measure_sculpting
from hepsets.learn.boosted_trees import BoostedTrees
from hepsets.learn.disco import DisCo
from hepsets.learn.model import logits_of
from hepsets.learn.set_model import SetModel
from hepsets.represent.set_data import SetData
from hepsets.select.hadronic_tag import MODE_NAMES

IMPORTANCE_EVENTS = 10_000
"""Most test events that importances are measured on."""

LEAST_OF_MODE = 30
"""Fewer signal events of a mode, in training or test, say nothing about it."""


@dataclass(frozen=True)
class UnseenMode:
    """Signal efficiency in a mode that training never saw, at the cut that keeps the others.

    ``seen`` is that of the model that was trained on all modes, at its own cut.
    """

    model: str
    mode: str
    efficiency: Measured
    seen: Measured


@dataclass(frozen=True)
class Shifted:
    """Background left where the detector differs from the one that was trained on.

    ``signal_efficiency`` is that of the nominal cut.
    """

    model: str
    shift: str
    background: Measured
    signal_efficiency: Measured


@dataclass(frozen=True)
class PenaltyResult:
    """A model trained with a penalty on dependence on Mbc."""

    strength: float
    background: Measured
    dependence: DistanceCorrelation
    p_value: float


@dataclass(frozen=True)
class Trust:
    """What the studies found; empty where not requested.

    ``importance``: by model, then by group of inputs.
    """

    unseen: tuple[UnseenMode, ...] = ()
    shifted: tuple[Shifted, ...] = ()
    disco: tuple[PenaltyResult, ...] = ()
    importance: dict[str, dict[str, list[Importance]]] = dataclasses.field(default_factory=dict)


def run_studies(config: Config, samples: Samples, models: Sequence[ModelResult], folder: Path) -> Trust:
    """Run the configured studies; their models are kept in ``folder``."""
    found = Trust()
    if not samples.made_here:
        return found
    by_name = {model.name: model for model in models}
    if "unseen_modes" in config.studies:
        found = dataclasses.replace(found, unseen=study_unseen_modes(config, samples, by_name, folder))
    if "shifted_detector" in config.studies:
        found = dataclasses.replace(found, shifted=study_shifted_detectors(config, samples, models))
    if "disco" in config.studies:
        found = dataclasses.replace(found, disco=study_penalty(config, samples, folder))
    if "importance" in config.studies:
        importance = {
            name: study_importance(config, samples, by_name[name])
            for name in config.trust_models
            if name in by_name
        }
        found = dataclasses.replace(found, importance=importance)
    return found


def study_unseen_modes(
    config: Config, samples: Samples, models: dict[str, ModelResult], folder: Path
) -> tuple[UnseenMode, ...]:
    """Leave one decay mode out of training at a time, signal and background, and test on its signal."""
    rows = []
    label, weight = samples.test.columns["label"], samples.test.columns["weight"].astype(np.float64)
    for mode in config.unseen_modes:
        number = MODE_NAMES.index(mode)
        left_out = samples.train.columns["mode"] == number
        of_mode = label & (samples.test.columns["mode"] == number)
        others = samples.test.columns["mode"] != number
        if of_mode.sum() < LEAST_OF_MODE:
            log.warning("mode %s: %d signal events in the test sample, left alone", mode, of_mode.sum())
            continue
        file = mode.replace(" ", "_").replace("*", "st")
        for name in config.trust_models:
            if name not in models:
                continue
            model, *_ = train(config, name, samples.train[~left_out], folder, f"{name}_without_{file}")
            scores = score_of(model, samples.test)
            cut = background_at(label[others], scores[others], weight[others], config.signal_efficiency)
            seen = models[name].scores
            own_cut = background_at(label[others], seen[others], weight[others], config.signal_efficiency)
            rows.append(
                UnseenMode(
                    name,
                    mode,
                    efficiency_at(scores[of_mode], cut.threshold, weight[of_mode]),
                    efficiency_at(seen[of_mode], own_cut.threshold, weight[of_mode]),
                )
            )
    return tuple(rows)


def study_shifted_detectors(
    config: Config, samples: Samples, models: Sequence[ModelResult]
) -> tuple[Shifted, ...]:
    """Apply every model, as trained, to events that other detectors saw."""
    rows = []
    for shift, events in samples.shifted.items():
        label, weight = events.columns["label"], events.columns["weight"].astype(np.float64)
        for model in models:
            scores = score_of(model.model, events)
            left = background_at(label, scores, weight, config.signal_efficiency)
            rows.append(
                Shifted(
                    model.name,
                    shift,
                    Measured(left.background, left.background_se),
                    efficiency_at(scores[label], model.left.threshold, weight[label]),
                )
            )
    return tuple(rows)


def study_penalty(config: Config, samples: Samples, folder: Path) -> tuple[PenaltyResult, ...]:
    """Train with each strength of the penalty, all in steps of the same size."""
    test, events = samples.test, samples.train
    label, weight = test.columns["label"], test.columns["weight"].astype(np.float64)
    mbc = test.columns["mbc"]
    name = config.disco.model
    rows = []
    settings = dataclasses.replace(config.fit, batch_events=config.disco.batch_events)
    for strength in config.disco.strengths:
        penalty = DisCo(
            events.columns["mbc"], events.columns["label"], events.columns["weight"], strength=strength
        )
        file = f"{name}_disco_{strength:g}"
        model, *_ = train(config, name, events, folder, file, settings=settings, penalty=penalty)
        scores = score_of(model, test)
        left = background_at(label, scores, weight, config.signal_efficiency)
        sculpted = measure_sculpting(
            "mbc", mbc, label, scores, weight, signal_efficiency=config.signal_efficiency
        )
        rows.append(
            PenaltyResult(
                strength,
                Measured(left.background, left.background_se),
                dependence(test, scores, "mbc"),
                sculpted.p_value,
            )
        )
    return tuple(rows)


def study_importance(config: Config, samples: Samples, result: ModelResult) -> dict[str, list[Importance]]:
    """Exchange each input between events; by group of inputs."""
    test = samples.test
    some = test[:: max(1, -(-len(test) // IMPORTANCE_EVENTS))]
    label, weight = some.columns["label"], some.columns["weight"].astype(np.float64)
    model = result.model
    if isinstance(model, BoostedTrees):
        exchanges = {name: exchange_column(place) for place, name in enumerate(model.variables)}
        found = permutation_importance(
            lambda matrix: model.score_matrix(matrix.astype(np.float32)),
            model.matrix(some).astype(np.float64),
            label,
            exchanges,
            weight,
            signal_efficiency=config.signal_efficiency,
            repeats=3,
            seed=config.seed,
        )
        return {"variables": found}
    return {
        group: permutation_importance(
            lambda data: _scores_of_data(model, data),
            model.prepare(some),
            label,
            exchanges,
            weight,
            signal_efficiency=config.signal_efficiency,
            repeats=3,
            seed=config.seed,
        )
        for group, exchanges in set_exchanges(model.sets, model.event_features).items()
    }


def _scores_of_data(model: SetModel, data: SetData) -> np.ndarray:
    return np.asarray(expit(logits_of(model, data, batch_events=1024)[:, 0].double().numpy()))
