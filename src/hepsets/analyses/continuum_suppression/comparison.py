"""Train each model and judge it on the same test events."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.continuum_suppression.samples import Samples
from hepsets.analyses.continuum_suppression.settings import BDT, VARIANTS, Config
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.progress import follow, progress_bar
from hepsets.core.run import log, write_atomically
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
from hepsets.learn.boosted_trees import BoostedTrees, fit_trees
from hepsets.learn.fit import FitConfig, fit
from hepsets.learn.losses import Penalty
from hepsets.learn.model import score
from hepsets.learn.set_model import SetModel
from hepsets.learn.set_model_file import load_set_model, save_set_model
from hepsets.learn.set_models import build_set_model
from hepsets.select.continuum_variables import VARIABLES

Array = NDArray[np.float64]
Model: TypeAlias = BoostedTrees | SetModel

OBSERVABLES = ("mbc", "delta_e")
"""What the score must not know."""

DEPENDENCE_EVENTS = 20_000
"""Most background events that distance correlations are measured on."""


@dataclass(frozen=True)
class History:
    """Losses of a training, by epoch or by tree, and which one was kept, counted from 0."""

    train: tuple[float, ...]
    validation: tuple[float, ...]
    best: int


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
        Time that the training took; 0 if the model was there already.
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


def compare_models(config: Config, samples: Samples, folder: Path) -> tuple[ModelResult, ...]:
    """Train the configured models, or load those that an earlier try left, and judge each."""
    trained = {BDT: train(config, BDT, samples.train, folder, BDT)}
    reference_scores = score_of(trained[BDT][0], samples.test)
    for name in config.models:
        if name != BDT:
            trained[name] = train(config, name, samples.train, folder, name)
    return tuple(
        judge(config, name, *trained[name], samples.test, reference_scores) for name in config.models
    )


def score_of(model: Model, events: ParticleSets) -> Array:
    """Probability of each event to be signal, shape ``(n_events,)``."""
    found = model.score(events) if isinstance(model, BoostedTrees) else score(model, events)
    return found.astype(np.float64)


def class_weights(events: ParticleSets) -> Array:
    """Event weights with which signal and background weigh the same in training."""
    label, weight = events.columns["label"], events.columns["weight"].astype(np.float64)
    weights = np.empty(len(events))
    for which in (label, ~label):
        weights[which] = weight[which] / weight[which].mean() * 0.5 * len(label) / which.sum()
    return weights


def train(
    config: Config,
    name: str,
    events: ParticleSets,
    folder: Path,
    file: str,
    *,
    settings: FitConfig | None = None,
    penalty: Penalty | None = None,
) -> tuple[Model, History, float]:
    """Train a model and save it as ``file``; one that is there already is loaded.

    Returns
    -------
    tuple
        The model, the history of its training, and how many seconds that took.
    """
    path = folder / (f"{file}.json" if name == BDT else f"{file}.safetensors")
    record = folder / f"{file}.fit.json"
    if path.exists() and record.exists():
        model: Model = BoostedTrees.load(path) if name == BDT else load_set_model(path)
        content = json.loads(record.read_text())
        return model, History(tuple(content["train"]), tuple(content["validation"]), content["best"]), 0.0
    start = time.perf_counter()
    labels, weights = events.columns["label"], class_weights(events)
    if name == BDT:
        grown, trees = fit_trees(
            events, labels, VARIABLES, weights, dataclasses.replace(config.trees, seed=config.seed)
        )
        history = History(trees.train_losses, trees.validation_losses, trees.best_trees - 1)
        grown.save(path)
        model = grown
    else:
        base, options = VARIANTS[name]
        network = build_set_model(base, dataclasses.replace(options, seed=config.seed))
        settings = dataclasses.replace(settings or config.fit, seed=config.seed)
        with progress_bar(f"training {file}", 1.0) as advance:
            result = fit(
                network,
                events,
                labels.astype(np.float64),
                weights,
                settings,
                progress=follow(advance, 1.0),
                checkpoint=path.with_suffix(".checkpoint"),
                penalty=penalty,
            )
        history = History(
            tuple(epoch.train_loss for epoch in result.history),
            tuple(epoch.validation_loss for epoch in result.history),
            result.best_epoch - 1,
        )
        save_set_model(network, path)
        path.with_suffix(".checkpoint").unlink(missing_ok=True)
        model = network
    seconds = time.perf_counter() - start
    write_atomically(record, json.dumps(dataclasses.asdict(history)) + "\n")
    log.info("%s: best of %d is %d, %.0f s", file, len(history.validation), history.best + 1, seconds)
    return model, history, seconds


def judge(
    config: Config,
    name: str,
    model: Model,
    history: History,
    seconds: float,
    test: ParticleSets,
    reference_scores: Array,
) -> ModelResult:
    """Measure one model on the test events."""
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
        history=history,
        seconds=seconds,
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
