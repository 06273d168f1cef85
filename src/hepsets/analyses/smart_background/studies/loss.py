"""A loss that knows its purpose: training for computing time, against cross entropy with p ∝ √P."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hepsets.analyses.smart_background.config import OURS, Config, fit_config
from hepsets.analyses.smart_background.samples import Samples
from hepsets.analyses.smart_background.training import Lesson, lesson_of, train
from hepsets.core.measured import Measured
from hepsets.evaluate.filter.importance_sampling import (
    choose_keep_rule,
    choose_logistic_rule,
    importance_ratio,
    importance_speedup,
)
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.classification import classify
from hepsets.evaluate.scores.sample import scored_events
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.files import load
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import FitResult
from hepsets.learn.training.losses import ComputingTime
from hepsets.learn.training.score import score
from hepsets.learn.training.task import Binary

LARGE_BATCH = 1024
"""Events per step of training for computing time: its loss is a ratio of means, biased in small batches."""

FINE_EPOCHS, FINE_RATE = 4, 5e-4
"""Training of a network that cross entropy has trained already."""


@dataclass(frozen=True)
class LossRow:
    """One way to come by keep probabilities, and what it saves on the test events.

    Parameters
    ----------
    name
        What the network was trained for, and on which labels.
    form
        How its score becomes a keep probability.
    floor
        Least keep probability, as the scale or offset chosen on validation events.
    auc
        Area under the ROC curve.
    speedup
        Unbiased speedup.
    ratio
        Speedup over that of the study's first row, on the same events.
    """

    name: str
    form: str
    floor: float
    auc: Measured
    speedup: Measured
    ratio: Measured


def study_loss(config: Config, samples: Samples, folder: Path) -> tuple[LossRow, ...]:
    """Train our own model for cross entropy and for computing time, and compare what they save."""
    costs = config.speedup.resolve(retention=samples.retention.value, time_network=0.0)
    label, weight = samples.test.columns["label"], samples.test.columns["weight"]
    first: NDArray[np.float64] | None = None
    rows = []
    for name, model, result, for_time in _trained(config, samples, folder, costs):
        validation = result.validation(samples.train)
        chosen_on = scored_events(validation, score(model, validation))
        trained = float(np.mean(samples.train.columns["label"]))
        rules: dict[str, KeepRule | LogisticRule] = {}
        if not for_time:  # the output of the others is a keep probability, not one to pass
            rules["root"] = choose_keep_rule(chosen_on, costs, trained=trained)
        rules["logistic"] = choose_logistic_rule(chosen_on, costs)
        scores = score(model, samples.test).astype(np.float64)
        quality = classify(label, scores)
        for form, rule in rules.items():
            keep = rule(scores)
            first = keep if first is None else first
            gain = importance_speedup(label, keep, weight, costs)
            rows.append(
                LossRow(
                    name,
                    form,
                    rule.floor,
                    quality.auc,
                    gain.speedup,
                    importance_ratio(label, keep, first, weight, costs),
                )
            )
    return tuple(rows)


def _trained(
    config: Config, samples: Samples, folder: Path, costs: SpeedupConfig
) -> Iterator[tuple[str, EventModel, FitResult, bool]]:
    """Each model with its name, and whether its output is a keep probability."""
    events = samples.train
    own = fit_config(config, OURS)
    for_time = dataclasses.replace(own, batch=max(LARGE_BATCH, own.batch))
    time = ComputingTime(
        retention=costs.retention or samples.retention.value,
        time_generate=costs.time_generate,
        time_simulate=costs.time_simulate,
    )
    finer = dataclasses.replace(
        for_time, epochs=FINE_EPOCHS, least_steps=0, learning_rate=FINE_RATE, schedule="cosine"
    )
    label = events.columns["label"]
    lessons = {"labels": Lesson(label.astype(np.float64), labels=label)}
    if "passes" in events.columns:
        lessons["soft labels"] = lesson_of(config, OURS, events)
    on_labels = Lesson(
        label.astype(np.float64), task=Binary(time)
    )  # keep probabilities, not to be calibrated
    for kind, lesson in lessons.items():
        entropy = OURS if kind == "soft labels" else "loss_entropy"  # our own model is trained already
        yield f"cross entropy, {kind}", *_train(config, samples, folder, entropy, lesson, own), False
        start = _halfway(load(folder / f"{entropy}.safetensors", EventModel))
        fine = _train(config, samples, folder, f"{entropy}_then_time", on_labels, finer, start)
        yield f"cross entropy, {kind}, then computing time", *fine, True
    alone = _train(config, samples, folder, "loss_time", on_labels, for_time)
    yield "computing time from the start", *alone, True


def _train(
    config: Config,
    samples: Samples,
    folder: Path,
    file: str,
    lesson: Lesson,
    settings: FitConfig,
    start: EventModel | None = None,
) -> tuple[EventModel, FitResult]:
    return train(config, OURS, samples.train, folder, as_=file, lesson=lesson, settings=settings, start=start)


def _halfway(model: EventModel) -> EventModel:
    """The model with half its logits: odds^½ is the shape of √P where P is small."""
    with torch.no_grad():
        model.calibration.slope.mul_(0.5)
        model.calibration.offset.mul_(0.5)
        model.calibration.bends.mul_(0.5)
    return model
