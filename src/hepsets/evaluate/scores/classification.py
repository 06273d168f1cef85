"""How well scores separate passing from failing events: loss, accuracy, ROC curve and its area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import roc_curve

from hepsets.core.measured import Measured
from hepsets.evaluate.scores.sample import Array, Scored, mean, scored


@dataclass(frozen=True)
class Roc:
    """A receiver operating characteristic; an event is kept if its score is at least the threshold.

    All arrays have shape ``(n_points,)`` and run from the strictest threshold (infinity, nothing
    kept) to the loosest (everything kept).
    """

    false_positive_rate: Array
    true_positive_rate: Array
    thresholds: Array


@dataclass(frozen=True)
class Classification:
    """Quality of one model on one sample."""

    loss: Measured
    accuracy: Measured
    auc: Measured
    roc: Roc


def classify(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None, threshold: float = 0.5
) -> Classification:
    """Judge scores against labels.

    Loss and accuracy refer to the weighted sample: with inverse prescales as weights to the
    population, without weights to the sample as it stands (balanced, in the published tables).
    The ROC curve and its area depend on the weights within each class only.

    Parameters
    ----------
    labels
        Shape ``(n,)``, bool: the event passes.
    scores
        Shape ``(n,)``, probabilities in [0, 1].
    weights
        Shape ``(n,)``, event weights, of either sign; all one if ``None``.
    threshold
        Scores at or above it count as "passes" in the accuracy.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.sample.scored`.
    """
    sample = scored(labels, scores, weights, signed=True)
    # as in torch: single-precision scores of exactly 0 or 1 shall not cost an infinite loss
    probability = np.clip(sample.scores, 1e-7, 1 - 1e-7)
    loss = mean(-np.log(np.where(sample.labels, probability, 1 - probability)), sample.weights)
    right = ((sample.scores >= threshold) == sample.labels).astype(np.float64)
    accuracy = mean(right, sample.weights)
    return Classification(loss, accuracy, _delong(Placements.of(sample)), roc(*sample[:3]))


def roc(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Roc:
    """The weighted ROC curve, with points on straight lines left out."""
    sample = scored(labels, scores, weights, signed=True)
    false, true, thresholds = roc_curve(sample.labels, sample.scores, sample_weight=sample.weights)
    return Roc(false, true, thresholds)


def auc_difference(
    labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, weights: ArrayLike | None = None
) -> Measured:
    """AUC of ``a`` minus AUC of ``b`` on the same events, with their correlation in the error.

    Notes
    -----
    The paired test of DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837, with event
    weights in the structural components.
    """
    a = Placements.of(scored(labels, scores_a, weights, signed=True))
    b = Placements.of(scored(labels, scores_b, weights, signed=True))
    return _delong(
        Placements(
            a.of_passing - b.of_passing, a.of_failing - b.of_failing, a.passing_weights, a.failing_weights
        )
    )


@dataclass(frozen=True)
class Placements:
    """DeLong's structural components.

    For a passing event the weighted share of failing events below it, for a failing event the
    weighted share of passing events above it; ties count one half. Either mean is the AUC.
    """

    of_passing: Array
    of_failing: Array
    passing_weights: Array
    failing_weights: Array

    @staticmethod
    def of(sample: Scored) -> Placements:
        """Those of a sample."""
        passing, failing = sample.scores[sample.labels], sample.scores[~sample.labels]
        w_passing, w_failing = sample.weights[sample.labels], sample.weights[~sample.labels]
        return Placements(
            _share_below(passing, failing, w_failing),
            1 - _share_below(failing, passing, w_passing),
            w_passing,
            w_failing,
        )


def _share_below(points: Array, values: Array, weights: Array) -> Array:
    """Weighted share of ``values`` below each point, ties counted one half."""
    order = np.argsort(values)
    cumulative = np.concatenate([[0.0], np.cumsum(weights[order])])
    ordered = values[order]
    left = cumulative[np.searchsorted(ordered, points, side="left")]
    right = cumulative[np.searchsorted(ordered, points, side="right")]
    return np.asarray(0.5 * (left + right) / cumulative[-1])


def _delong(placements: Placements) -> Measured:
    passing = mean(placements.of_passing, placements.passing_weights)
    failing = mean(placements.of_failing, placements.failing_weights)
    return Measured(passing.value, float(np.hypot(passing.se, failing.se)))
