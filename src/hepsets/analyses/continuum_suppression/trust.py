"""Can it be trusted: decay modes never seen, other detectors, independence of Mbc, what it looks at."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from hepsets.analyses.continuum_suppression.comparison import (
    ComparisonResult,
    ModelResult,
    dependence,
    score_of,
)
from hepsets.analyses.continuum_suppression.config import Config
from hepsets.analyses.continuum_suppression.samples import Samples
from hepsets.analyses.continuum_suppression.training import Model, Trained, Training
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.evaluate.scores.background_at import background_at, efficiency_at
from hepsets.evaluate.scores.distance_correlation import DistanceCorrelation
from hepsets.evaluate.scores.importance import (
    Importance,
    exchange_column,
    permutation_importance,
    set_exchanges,
)
from hepsets.evaluate.scores.sculpting import measure_sculpting
from hepsets.learn.particle_sets.model import SetModel
from hepsets.learn.tables.boosted_trees import BoostedTrees
from hepsets.learn.training.score import logits_of
from hepsets.represent.particle_sets.data import SetData
from hepsets.select.skims.hadronic_tag import MODE_NAMES

IMPORTANCE_EVENTS = 10_000
"""Most test events that importances are measured on."""

NOMINAL = "nominal"
"""The detector that models were trained on, beside the shifted ones."""

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


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
    """Background left where the detector differs from the one that was trained on, and where it does not.

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


def run_studies(
    config: Config,
    samples: Samples,
    results: Mapping[str, ComparisonResult],
    trained: Mapping[Training, Trained],
) -> Trust:
    """Run the configured studies; what the models look at in the first comparison, the rest in ``tagged``."""
    found = Trust()
    if not samples.with_particles:
        return found
    models = results[samples.studied].models
    if "unseen_modes" in config.studies:
        found = dataclasses.replace(found, unseen=study_unseen_modes(config, samples, trained))
    if samples.shifted:
        found = dataclasses.replace(found, shifted=study_shifted_detectors(config, samples, models, trained))
    if "disco" in config.studies:
        found = dataclasses.replace(found, disco=study_penalty(config, samples, trained))
    if "importance" in config.studies:
        lead = next(iter(results.values()))
        importance = {
            name: study_importance(config, samples.lead.test, trained[Training(name, lead.name)].model)
            for name in config.trust_models
            if name in lead.by_name
        }
        found = dataclasses.replace(found, importance=importance)
    return found


def study_unseen_modes(
    config: Config, samples: Samples, trained: Mapping[Training, Trained]
) -> tuple[UnseenMode, ...]:
    """Test models on the signal of a decay mode that was left out of their training."""
    rows = []
    test = samples.pairs[samples.studied].test
    label, weight = test.columns["label"], test.columns["weight"].astype(np.float64)
    for training in trained:
        if training.unseen_mode is None:
            continue
        number = MODE_NAMES.index(training.unseen_mode)
        of_mode = label & (test.columns["mode"] == number)
        others = test.columns["mode"] != number

        def efficiency(scores: Array, of_mode: Mask = of_mode, others: Mask = others) -> Measured:
            cut = background_at(label[others], scores[others], weight[others], config.signal_efficiency)
            return efficiency_at(scores[of_mode], cut.threshold, weight[of_mode])

        rows.append(
            UnseenMode(
                training.model,
                training.unseen_mode,
                efficiency(score_of(trained[training].model, test)),
                efficiency(score_of(trained[Training(training.model, samples.studied)].model, test)),
            )
        )
    return tuple(rows)


def study_shifted_detectors(
    config: Config,
    samples: Samples,
    models: Sequence[ModelResult],
    trained: Mapping[Training, Trained],
) -> tuple[Shifted, ...]:
    """Apply every model, as trained, to events that other detectors saw; first the nominal one."""
    rows = []
    for shift, events in {NOMINAL: nominal_part(samples), **samples.shifted}.items():
        label, weight = events.columns["label"], events.columns["weight"].astype(np.float64)
        for model in models:
            scores = score_of(trained[Training(model.name, samples.studied)].model, events)
            left = background_at(label, scores, weight, config.signal_efficiency)
            rows.append(
                Shifted(
                    model.name,
                    shift,
                    left.background,
                    efficiency_at(scores[label], model.left.threshold, weight[label]),
                )
            )
    return tuple(rows)


def nominal_part(samples: Samples) -> ParticleSets:
    """Test events that were generated as the shifted ones: of each sample, up to the last of those."""
    test = samples.pairs[samples.studied].test
    numbers = {name: test.columns[name] for name in ("event_number", "sample")}
    chosen = np.zeros(len(test), dtype=bool)
    for kind in np.unique(numbers["sample"]):
        last = max(
            events.columns["event_number"][events.columns["sample"] == kind].max(initial=0)
            for events in samples.shifted.values()
        )
        chosen |= (numbers["sample"] == kind) & (numbers["event_number"] <= last)
    return test[chosen]


def study_penalty(
    config: Config, samples: Samples, trained: Mapping[Training, Trained]
) -> tuple[PenaltyResult, ...]:
    """What each strength of the penalty costs, all trained in steps of the same size."""
    test = samples.pairs[samples.studied].test
    label, weight = test.columns["label"], test.columns["weight"].astype(np.float64)
    rows = []
    for training, found in trained.items():
        if training.disco is None:
            continue
        scores = score_of(found.model, test)
        left = background_at(label, scores, weight, config.signal_efficiency)
        sculpted = measure_sculpting(
            "mbc", test.columns["mbc"], label, scores, weight, signal_efficiency=config.signal_efficiency
        )
        rows.append(
            PenaltyResult(
                training.disco,
                left.background,
                dependence(test, scores, "mbc"),
                sculpted.p_value,
            )
        )
    return tuple(rows)


def study_importance(config: Config, test: ParticleSets, model: Model) -> dict[str, list[Importance]]:
    """Exchange each input between events; by group of inputs."""
    some = test[:: max(1, -(-len(test) // IMPORTANCE_EVENTS))]
    label, weight = some.columns["label"], some.columns["weight"].astype(np.float64)
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
