"""Judge each trained tagger on the same test events."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.flavour_tagging.about import OURS, TREES
from hepsets.analyses.flavour_tagging.training import Trained, Training
from hepsets.core.measured import Measured, spread_of
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.progress import progress_bar
from hepsets.core.purpose import Purpose, demand
from hepsets.evaluate.scores.flavour_tags import (
    TaggedSample,
    TaggingPower,
    WrongTagLine,
    power_difference,
    tagging_power,
    wrong_tag_line,
)
from hepsets.learn.training.history import History
from hepsets.represent.whole_events.features import conjugated

HISTOGRAM = np.linspace(-1, 1, 51)
"""Edges of the histograms of r."""

CONJUGATED = 4000
"""Test sets that are exchanged with their antiparticles."""


@dataclass(frozen=True, eq=False)
class ModelResult:
    """One trained tagger and what it is worth on the test events.

    Parameters
    ----------
    name
        The model.
    parameters
        Trainable parameters, or trees.
    power
        Effective tagging efficiency, calibrated.
    line, raw_line
        True against claimed share of wrong tags, after and before calibration.
    seeds
        Effective efficiencies of all trainings, by seed; the first is ``power``'s.
    gain
        Effective efficiency minus that of the trees on the same events; None of these themselves.
    histograms
        Shares of true B⁰, and of true B̄⁰, in bins of r with the edges :data:`HISTOGRAM`; shape ``(2,
        n_bins)``.
    asymmetry
        Largest |r(event) + r(conjugate event)|: 0 for a tagger that treats both flavours alike.
    history, seconds
        Of the training.
    score_rate
        Tag sides per second that are tagged on one thread, features made included.
    """

    name: str
    parameters: int
    power: TaggingPower
    line: WrongTagLine
    raw_line: WrongTagLine
    seeds: tuple[float, ...]
    gain: Measured | None
    histograms: NDArray[np.float64]
    asymmetry: float
    history: History
    seconds: float
    score_rate: float

    @property
    def seed_spread(self) -> float | None:
        """Standard deviation of the trainings; None of a single one."""
        return spread_of(self.seeds)


def tagged(sets: ParticleSets, r: NDArray[np.float64]) -> TaggedSample:
    """Tags ``r`` of shape ``(n_events,)`` with their truth; both tag sides of an event are one group."""
    return TaggedSample(sets.columns["q"], r, sets.columns.get("event_number"))


def compare(test: ParticleSets, trained: Mapping[Training, Trained], seed: int) -> tuple[ModelResult, ...]:
    """Judge the tagger of each model, and all of its trainings.

    Raises
    ------
    InputError
        For training or validation events.
    """
    demand(test.purpose, Purpose.TEST, "taggers are judged")
    leading = {t.model: one for t, one in trained.items() if t == Training(t.model)}
    raw, found, rates = {}, {}, {}
    with progress_bar("judging models", len(leading)) as advance:
        for name, one in leading.items():
            start = time.perf_counter()
            raw[name] = one.tagger.logits(test)
            rates[name] = len(test) / (time.perf_counter() - start)
            found[name] = tagged(test, np.tanh(one.calibration(raw[name]) / 2))
            advance(1)
    some = test[: min(CONJUGATED, len(test))]
    results = []
    for name, one in leading.items():
        sample = found[name]
        again = [
            tagging_power(tagged(test, other.r(test)), seed=seed).binned.value
            for t, other in trained.items()
            if t.model == name and t.repetition and t.share == 1
        ]
        power = tagging_power(sample, seed=seed)
        both = one.r(some) + one.r(conjugated(some))
        gain = None
        if TREES in found and name != TREES:
            gain = power_difference(sample, found[TREES], seed=seed)
        results.append(
            ModelResult(
                name,
                one.tagger.n_parameters,
                power,
                wrong_tag_line(sample),
                wrong_tag_line(tagged(test, np.tanh(raw[name] / 2))),
                (power.binned.value, *again),
                gain,
                _histograms(sample),
                float(np.abs(both).max()),
                one.history,
                one.seconds,
                rates[name],
            )
        )
    return tuple(results)


def best_of(models: tuple[ModelResult, ...]) -> ModelResult:
    """Our model, or where it was not trained that of the greatest effective efficiency."""
    ours = [model for model in models if model.name == OURS]
    return ours[0] if ours else max(models, key=lambda model: model.power.binned.value)


def _histograms(sample: TaggedSample) -> NDArray[np.float64]:
    return np.stack(
        [
            np.histogram(sample.r[sample.q == sign], HISTOGRAM)[0] / max(int((sample.q == sign).sum()), 1)
            for sign in (1, -1)
        ]
    )
