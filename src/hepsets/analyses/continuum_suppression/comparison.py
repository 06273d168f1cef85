"""Judge each trained model on the same test events."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.continuum_suppression.config import BDT, TAG_BDT, Config
from hepsets.analyses.continuum_suppression.samples import Pair
from hepsets.analyses.continuum_suppression.training import Model, Trained, Training, class_weights
from hepsets.core.measured import Measured, spread_of
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.purpose import Purpose, demand
from hepsets.evaluate.filter.bias import Bias
from hepsets.evaluate.scores.background_at import (
    BackgroundCurve,
    BackgroundLeft,
    RatioCurve,
    background_at,
    background_curve,
    background_gain,
    background_ratio_curve,
)
from hepsets.evaluate.scores.calibration import Calibration, calibrate
from hepsets.evaluate.scores.classification import classify
from hepsets.evaluate.scores.distance_correlation import DistanceCorrelation, distance_correlation
from hepsets.evaluate.scores.sculpting import measure_sculpting
from hepsets.learn.tables.boosted_trees import BoostedTrees
from hepsets.learn.training.history import History
from hepsets.learn.training.score import score

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
    auc
        Area under the ROC curve.
    left
        Background left at the signal efficiency of the run.
    gain
        Share of the background that ``bdt`` leaves, less: 1 − ratio, on the same events.
    gain_over_tag
        … that ``bdt_with_tag`` leaves, where it is among the models.
    seed_gains
        ``gain`` of each training seed, over ``bdt`` of that seed; where there are several.
    curve, ratio
        Background left against signal efficiency, and over that of ``bdt``.
    dependence
        Distance correlation of the score with each observable, in background; none with negative weights,
        for which there is no such thing.
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
    parameters: int
    auc: Measured
    left: BackgroundLeft
    gain: Measured
    gain_over_tag: Measured | None
    seed_gains: tuple[float, ...]
    curve: BackgroundCurve
    ratio: RatioCurve
    dependence: dict[str, DistanceCorrelation]
    sculpting: dict[str, Bias]
    calibration: Calibration
    history: History
    seconds: float

    @property
    def seed_spread(self) -> float | None:
        """Standard deviation of ``seed_gains``, None with fewer than two seeds."""
        return spread_of(self.seed_gains)


@dataclass(frozen=True)
class ClassCounts:
    """Numbers of events."""

    signal: int
    background: int

    @classmethod
    def of(cls, events: ParticleSets) -> Self:
        """Those of a sample with labels."""
        label = events.columns["label"]
        return cls(int(label.sum()), int((~label).sum()))

    @property
    def all(self) -> int:
        """All of them."""
        return self.signal + self.background


@dataclass(frozen=True, eq=False)
class ComparisonResult:
    """All models on one pair of training and test samples.

    Parameters
    ----------
    name
        The comparison.
    training, test
        Numbers of its events.
    cut
        Least signal probability of the tag, where events were cut on it.
    models
        In the order of the configuration.
    """

    name: str
    training: ClassCounts
    test: ClassCounts
    cut: float | None
    models: tuple[ModelResult, ...]

    @property
    def by_name(self) -> dict[str, ModelResult]:
        """The models by their names."""
        return {model.name: model for model in self.models}

    @property
    def ranked(self) -> list[ModelResult]:
        """The models, that which leaves the least background first."""
        return sorted(self.models, key=lambda model: model.left.background.value)

    @property
    def not_told_apart(self) -> list[tuple[str, str]]:
        """Neighbours in the table that differ by less than two errors.

        The error is that of the paired difference and, where trainings were repeated, the spread that
        their seeds make.
        """
        ranked = self.ranked
        return [
            (better.name, worse.name) for better, worse in pairwise(ranked) if not is_better(better, worse)
        ]


def is_better(model: ModelResult, other: ModelResult) -> bool:
    """Whether a model leaves less background than another by more than two errors, on the same events.

    A model that was trained once is given the spread of the other one's trainings.
    """
    if not other.left.background.value > 0:
        return False
    gain = background_gain(model.left, other.left)
    known = [each for each in (model.seed_spread, other.seed_spread) if each is not None] or [0.0]
    spread = math.hypot(known[0], known[-1])
    reference = 1 - other.gain.value  # spreads are in units of what bdt leaves
    return gain.value > 2 * math.hypot(gain.se, spread / reference if reference > 0 else 0.0)


def score_models(
    config: Config, name: str, test: ParticleSets, trained: Mapping[Training, Trained]
) -> dict[str, Array]:
    """What each configured model says of the test events of one comparison, shape ``(n_events,)``."""
    return {model: score_of(trained[Training(model, name)].model, test) for model in config.models}


def compare_models(
    config: Config,
    name: str,
    pair: Pair,
    trained: Mapping[Training, Trained],
    scores: Mapping[str, Array] | None = None,
    repeated: Mapping[str, Mapping[int, Array]] | None = None,
) -> ComparisonResult:
    """Judge each configured model on the test events of one comparison.

    ``scores`` are those of :func:`score_models`, ``repeated`` those of :func:`scores_of_trainings`, if they
    are known already.
    """
    scores = scores or score_models(config, name, pair.test, trained)
    repeated = repeated or scores_of_trainings(name, pair.test, trained, scores)
    seeds = _seed_gains(config, pair.test, repeated)
    return ComparisonResult(
        name,
        ClassCounts.of(pair.train),
        ClassCounts.of(pair.test),
        pair.cut,
        tuple(
            judge(config, model, trained[Training(model, name)], pair.test, scores, seeds.get(model, ()))
            for model in config.models
        ),
    )


def scores_of_trainings(
    name: str, test: ParticleSets, trained: Mapping[Training, Trained], scores: Mapping[str, Array]
) -> dict[str, dict[int, Array]]:
    """What each training of each model says of the test events of one comparison, by model and repetition.

    Parameters
    ----------
    name
        The comparison.
    test
        Its test events.
    trained
        All that a run trained.
    scores
        Of the first trainings, which are known already, shape ``(n_events,)``.
    """
    found: dict[str, dict[int, Array]] = {model: {0: own} for model, own in scores.items()}
    for training, one in trained.items():
        plain = training.unseen_mode is None and training.disco is None
        if training.comparison == name and training.repetition and plain:
            found.setdefault(training.model, {})[training.repetition] = score_of(one.model, test)
    return found


def _seed_gains(
    config: Config, test: ParticleSets, repeated: Mapping[str, Mapping[int, Array]]
) -> dict[str, tuple[float, ...]]:
    """Gains over ``bdt`` of the same seed, by model; empty for models that were trained once."""
    label, weight = test.columns["label"], test.columns["weight"].astype(np.float64)

    def left(scores: Array) -> float:
        return background_at(label, scores, weight, config.signal_efficiency).background.value

    several = {model: by_seed for model, by_seed in repeated.items() if len(by_seed) > 1}
    reference = {seed: left(scores) for seed, scores in several.get(BDT, {}).items()}
    return {
        model: tuple(
            1 - left(by_seed[seed]) / reference[seed] for seed in sorted(by_seed) if reference[seed] > 0
        )
        for model, by_seed in several.items()
        if model != BDT
    }


def score_of(model: Model, events: ParticleSets) -> Array:
    """Probability of each event to be signal, shape ``(n_events,)``."""
    found = model.score(events) if isinstance(model, BoostedTrees) else score(model, events)
    return found.astype(np.float64)


def judge(
    config: Config,
    name: str,
    trained: Trained,
    test: ParticleSets,
    all_scores: Mapping[str, Array],
    seed_gains: tuple[float, ...] = (),
) -> ModelResult:
    """Measure one model on the test events; ``all_scores`` are those of all models on them."""
    demand(test.purpose, Purpose.TEST, "models are judged")
    model = trained.model
    scores, reference_scores = all_scores[name], all_scores[BDT]
    label, weight = test.columns["label"], test.columns["weight"].astype(np.float64)
    efficiency, signed = config.signal_efficiency, bool((weight < 0).any())
    quality = classify(label, scores, weight)
    left = background_at(label, scores, weight, efficiency)
    reference = background_at(label, reference_scores, weight, efficiency)
    over_tag = None
    if TAG_BDT in all_scores and name != TAG_BDT:
        with_tag = background_at(label, all_scores[TAG_BDT], weight, efficiency)
        over_tag = background_gain(left, with_tag) if with_tag.background.value > 0 else None
    return ModelResult(
        name=name,
        parameters=len(model) if isinstance(model, BoostedTrees) else model.n_parameters,
        auc=quality.auc,
        left=left,
        gain=background_gain(left, reference),
        gain_over_tag=over_tag,
        seed_gains=seed_gains,
        curve=background_curve(label, scores, weight),
        ratio=background_ratio_curve(label, scores, reference_scores, weight),
        dependence={} if signed else {name: dependence(test, scores, name) for name in observables(test)},
        sculpting={
            name: measure_sculpting(
                name, test.columns[name], label, scores, weight, signal_efficiency=efficiency
            )
            for name in observables(test)
        },
        calibration=calibrate(label, scores, class_weights(test) if signed else None),
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
