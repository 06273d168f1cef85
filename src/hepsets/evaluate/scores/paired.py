"""Quantities of models with what each test event adds to them, so that models can be told apart, or not.

To first order a quantity of a sample is its expectation plus a sum over events, each event's *influence*;
the root of the sum of squares is its standard error. On the same test events the influences of two models
are subtracted event by event, and what chance both share cancels: the paired error, for areas under ROC
curves that of DeLong, DeLong and Clarke-Pearson (Biometrics 44 (1988) 837).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured, spread_of
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.classification import Placements
from hepsets.evaluate.scores.sample import Array, Scored, mean, mean_influence, scored

DISTINCT = 2.0
"""Errors of their difference by which two models must differ to be told apart."""


@dataclass(frozen=True, eq=False)
class Influenced:
    """A quantity of one model on one test sample.

    Parameters
    ----------
    value
        What was measured.
    influence
        What each event adds to it, to first order; shape ``(n_events,)``.
    choice_se
        Standard error from what was chosen on validation events, such as a threshold.
    """

    value: float
    influence: Array
    choice_se: float = 0.0

    @property
    def se(self) -> float:
        """Standard error: that of the test sample, and that of the choice."""
        return float(np.hypot(np.linalg.norm(self.influence), self.choice_se))


@dataclass(frozen=True, eq=False)
class Repeated:
    """A quantity of several trainings of one model, judged on the same test events."""

    trainings: tuple[Influenced, ...]

    def __post_init__(self) -> None:
        if not self.trainings:
            raise InputError("no training", "at least one")

    @property
    def mean(self) -> float:
        """Mean over the trainings."""
        return float(np.mean([one.value for one in self.trainings]))

    @property
    def spread(self) -> float | None:
        """Standard deviation between trainings; ``None`` for a single one, which says nothing of it."""
        return spread_of([one.value for one in self.trainings])

    @property
    def influence(self) -> Array:
        """What each test event adds to the mean."""
        return np.asarray(np.mean([one.influence for one in self.trainings], axis=0))

    @property
    def choice_se(self) -> float:
        """Error of the mean from choices; they share their validation events, so it does not average out."""
        return float(np.mean([one.choice_se for one in self.trainings]))

    @property
    def statistical_se(self) -> float:
        """Error of the mean from test events and choices: that of these trainings, not of others."""
        return float(np.hypot(np.linalg.norm(self.influence), self.choice_se))

    @property
    def seed_se(self) -> float:
        """Error of the mean from the trainings: 68 % intervals of Student's distribution, as they are few."""
        number = len(self.trainings)
        if self.spread is None:
            return 0.0
        return float(student.ppf(0.841345, number - 1) * self.spread / np.sqrt(number))

    @property
    def measured(self) -> Measured:
        """The mean with its whole error: test events, choices and trainings."""
        return Measured(self.mean, math.hypot(self.statistical_se, self.seed_se))


def difference(one: Repeated, other: Repeated) -> Measured:
    """Mean of ``one`` less that of ``other``, on the same test events.

    The error holds the paired one of the test events, the choices and the spread over trainings.
    """
    paired = np.linalg.norm(one.influence - other.influence)
    se = math.hypot(float(paired), one.choice_se, other.choice_se, one.seed_se, other.seed_se)
    return Measured(one.mean - other.mean, se)


def are_distinct(one: Repeated, other: Repeated) -> bool:
    """Whether two models differ by more than :data:`DISTINCT` errors of their difference."""
    found = difference(one, other)
    return abs(found.value) > DISTINCT * found.se


def indistinct(models: Sequence[Repeated]) -> list[list[int]]:
    """For each model the numbers of those that it cannot be told from."""
    return [
        [j for j, other in enumerate(models) if j != i and not are_distinct(one, other)]
        for i, one in enumerate(models)
    ]


def winner(models: Sequence[Repeated]) -> int | None:
    """Number of the model that is above all others and can be told from them; ``None``: there is none.

    Nor is there one among models trained once: how far their results depend on that is not known.
    """
    if len(models) > 1 and any(model.spread is None for model in models):
        return None
    best = max(range(len(models)), key=lambda number: models[number].mean)
    others = [model for number, model in enumerate(models) if number != best]
    return best if all(are_distinct(models[best], other) for other in others) else None


def auc_of(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Influenced:
    """Area under the ROC curve, as :func:`hepsets.evaluate.scores.classification.classify` has it.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.sample.scored`.
    """
    sample = scored(labels, scores, weights)
    found = Placements.of(sample)
    value = mean(found.of_passing, found.passing_weights).value
    return Influenced(value, _by_class(sample, found.of_passing, found.of_failing))


def threshold_speedup_of(
    threshold: float,
    labels: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None,
    config: SpeedupConfig,
    *,
    choice_se: float = 0.0,
) -> Influenced:
    """Speedup with a threshold, as :func:`hepsets.evaluate.filter.speedup.speedup_at` has it.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.sample.scored`.
    """
    sample = scored(labels, scores, weights)
    r, t_s = _retention(config), config.time_simulate
    unfiltered = config.time_generate + t_s
    keep = (sample.scores >= threshold).astype(np.float64)
    passing, failing = keep[sample.labels], keep[~sample.labels]
    f1 = mean(passing, sample.weights[sample.labels]).value
    f0 = mean(failing, sample.weights[~sample.labels]).value
    cost = config.time_generate + (config.time_network or 0.0) + t_s * (r * f1 + (1 - r) * f0)
    if cost == 0:  # nothing is kept at no cost
        return Influenced(0.0, np.zeros(len(keep)), choice_se)
    by_f1 = unfiltered / cost * (1 - f1 * t_s * r / cost)
    by_f0 = -unfiltered * f1 * t_s * (1 - r) / cost**2
    influence = _by_class(sample, by_f1 * passing, by_f0 * failing)
    return Influenced(f1 * unfiltered / cost, influence, choice_se)


def importance_speedup_of(
    labels: ArrayLike,
    keep: ArrayLike,
    weights: ArrayLike | None,
    config: SpeedupConfig,
    *,
    choice_se: float = 0.0,
) -> Influenced:
    """Speedup without bias, as :func:`hepsets.evaluate.filter.importance_sampling.importance_speedup` has it.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.sample.scored`, and for a passing event that is never kept.
    """
    sample = scored(labels, keep, weights)
    r, t_s = _retention(config), config.time_simulate
    passing, failing = sample.scores[sample.labels], sample.scores[~sample.labels]
    if (passing == 0).any():
        raise InputError("a passing event that is never kept", "keep probabilities above 0")
    w1, w0 = sample.weights[sample.labels], sample.weights[~sample.labels]
    inverse = mean(1 / passing, w1).value
    kept = r * mean(passing, w1).value + (1 - r) * mean(failing, w0).value
    cost = config.time_generate + (config.time_network or 0.0) + t_s * kept
    value = (config.time_generate + t_s) / (inverse * cost)
    response = _by_class(
        sample,
        -value * (1 / (passing * inverse) + t_s * r * passing / cost),
        -value * t_s * (1 - r) * failing / cost,
    )
    return Influenced(value, response, choice_se)


# -- inside ----------------------------------------------------------------------------------------


def _by_class(sample: Scored, passing: Array, failing: Array) -> Array:
    """Influence on the sum of a mean over passing events and one over failing events."""
    influence = np.empty(len(sample.labels))
    influence[sample.labels] = mean_influence(passing, sample.weights[sample.labels])
    influence[~sample.labels] = mean_influence(failing, sample.weights[~sample.labels])
    return influence


def _retention(config: SpeedupConfig) -> float:
    if config.retention is None:
        raise InputError("no retention", "a share between 0 and 1", "set it or use config.resolve(…)")
    return config.retention
