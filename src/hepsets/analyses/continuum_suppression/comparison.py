"""Judge each trained model on the same test events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.continuum_suppression.samples import Samples
from hepsets.analyses.continuum_suppression.settings import BDT, Config
from hepsets.analyses.continuum_suppression.trainings import History, Model, Trained, Training
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.evaluate.background_at import (
    BackgroundCurve,
    BackgroundLeft,
    RatioCurve,
    background_at,
    background_curve,
    background_gain,
    background_ratio_curve,
)
from hepsets.evaluate.bias import Bias
from hepsets.evaluate.calibration import Calibration, calibrate
from hepsets.evaluate.classification import classify
from hepsets.evaluate.distance_correlation import DistanceCorrelation, distance_correlation
from hepsets.evaluate.sculpting import measure_sculpting
from hepsets.learn.boosted_trees import BoostedTrees
from hepsets.learn.model import score

Array = NDArray[np.float64]

OBSERVABLES = ("mbc", "delta_e")
"""What the score must not know."""

DEPENDENCE_EVENTS = 20_000
"""Most background events that distance correlations are measured on."""


@dataclass(frozen=True, eq=False)
class ModelResult:
    """One trained model and what it is worth on the test events.

    Parameters
    ----------
    name
        The model.
    parameters
        Trainable parameters, or trees.
    scores
        Shape ``(n_test_events,)``.
    auc
        Area under the ROC curve.
    left
        Background left at the signal efficiency of the run.
    gain
        Share of the background that ``bdt`` leaves, less: 1 − ratio, on the same events.
    curve, ratio
        Background left against signal efficiency, and over that of ``bdt``.
    dependence
        Distance correlation of the score with each observable, in background.
    sculpting
        Background in each observable after the cut, against all background.
    calibration
        In the balanced test sample.
    history
        Of the training.
    seconds
        Time that the training took.
    """

    name: str
    model: Model
    parameters: int
    scores: Array
    auc: Measured
    left: BackgroundLeft
    gain: Measured
    curve: BackgroundCurve
    ratio: RatioCurve
    dependence: dict[str, DistanceCorrelation]
    sculpting: dict[str, Bias]
    calibration: Calibration
    history: History
    seconds: float


def compare_models(
    config: Config, samples: Samples, trained: Mapping[Training, Trained]
) -> tuple[ModelResult, ...]:
    """Judge each configured model on the test events."""
    reference_scores = score_of(trained[Training(BDT)].model, samples.test)
    return tuple(
        judge(config, name, trained[Training(name)], samples.test, reference_scores) for name in config.models
    )


def score_of(model: Model, events: ParticleSets) -> Array:
    """Probability of each event to be signal, shape ``(n_events,)``."""
    found = model.score(events) if isinstance(model, BoostedTrees) else score(model, events)
    return found.astype(np.float64)


def judge(
    config: Config,
    name: str,
    trained: Trained,
    test: ParticleSets,
    reference_scores: Array,
) -> ModelResult:
    """Measure one model on the test events."""
    model = trained.model
    scores = score_of(model, test)
    label, weight = test.columns["label"], test.columns["weight"].astype(np.float64)
    efficiency = config.signal_efficiency
    quality = classify(label, scores, weight)
    left = background_at(label, scores, weight, efficiency)
    reference = background_at(label, reference_scores, weight, efficiency)
    return ModelResult(
        name=name,
        model=model,
        parameters=len(model) if isinstance(model, BoostedTrees) else model.n_parameters,
        scores=scores,
        auc=Measured(quality.auc, quality.auc_se),
        left=left,
        gain=background_gain(left, reference),
        curve=background_curve(label, scores, weight),
        ratio=background_ratio_curve(label, scores, reference_scores, weight),
        dependence={name: dependence(test, scores, name) for name in observables(test)},
        sculpting={
            name: measure_sculpting(
                name, test.columns[name], label, scores, weight, signal_efficiency=efficiency
            )
            for name in observables(test)
        },
        calibration=calibrate(label, scores),
        history=trained.history,
        seconds=trained.seconds,
    )


def observables(events: ParticleSets) -> tuple[str, ...]:
    """Those of :data:`OBSERVABLES` that the events have."""
    return tuple(name for name in OBSERVABLES if name in events.columns)


def dependence(events: ParticleSets, scores: Array, observable: str) -> DistanceCorrelation:
    """Distance correlation of score and observable in background."""
    background = np.flatnonzero(~events.columns["label"])
    # evenly over the sample: it is ordered by kind
    some = background[:: max(1, -(-len(background) // DEPENDENCE_EVENTS))]
    return distance_correlation(
        scores[some],
        events.columns[observable][some].astype(np.float64),
        events.columns["weight"][some].astype(np.float64),
    )
