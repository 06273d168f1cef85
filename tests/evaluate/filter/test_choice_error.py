"""The error of a speedup covers the truth although its threshold is chosen on events that fluctuate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from hepsets.core.purpose import Purpose
from hepsets.evaluate.filter.choice_error import choice_error, resampled
from hepsets.evaluate.filter.speedup import SpeedupConfig, choose_threshold, speedup, speedup_at
from hepsets.evaluate.scores.sample import Scored, scored

COSTS = SpeedupConfig(time_network=0.0)


def sample(number: int, rng: np.random.Generator):
    """Labels and scores whose logits are normal around ±1, so that every rate is known."""
    labels = np.arange(number) % 2 == 0
    return labels, 1 / (1 + np.exp(-rng.normal(np.where(labels, 1.0, -1.0))))


def known(threshold: float) -> float:
    """Speedup of the whole population at a threshold."""
    logit = np.log(threshold / (1 - threshold))
    return float(speedup(norm.sf(logit - 1), norm.sf(logit + 1), COSTS))


def test_the_total_error_covers_where_that_of_the_test_sample_alone_does_not():
    """Few validation events, many test events: the error is nearly all from the choice.

    The truth is what thresholds chosen on such validation samples reach on average.
    """
    rng = np.random.default_rng(5)
    reached, found, test_errors, choices = [], [], [], []
    for number in range(80):
        labels, scores = sample(400, rng)
        test_labels, test_scores = sample(40_000, rng)
        threshold = choose_threshold(scored(labels, scores), COSTS).threshold
        result = speedup_at(threshold, test_labels, test_scores, None, COSTS)
        reached.append(known(threshold))
        found.append(result.speedup.value)
        test_errors.append(result.speedup.se)
        choices.append(
            choice_error(
                lambda drawn: choose_threshold(drawn, COSTS).threshold,
                known,
                scored(labels, scores),
                seed=number,
                samples=30,
            )
        )
    off = np.abs(np.array(found) - np.mean(reached))
    assert np.mean(off < test_errors) < 0.4
    assert np.mean(off < np.hypot(test_errors, choices)) == pytest.approx(0.75, abs=0.15)
    assert np.mean(off < 2 * np.hypot(test_errors, choices)) > 0.9
    assert np.sqrt(np.mean(np.square(choices))) == pytest.approx(np.std(reached), rel=0.4)


def test_many_validation_events_choose_with_less_error_than_few():
    rng = np.random.default_rng(6)
    errors = [
        choice_error(
            lambda drawn: choose_threshold(drawn, COSTS).threshold,
            known,
            scored(*sample(number, rng)),
            seed=1,
        )
        for number in (200, 20_000)
    ]
    assert errors[1] < 0.4 * errors[0]


def test_a_choice_that_does_not_depend_on_events_has_no_error():
    labels, scores = sample(100, np.random.default_rng(1))
    assert choice_error(lambda _: 0.5, known, scored(labels, scores), seed=1) == pytest.approx(0, abs=1e-12)


def test_bootstrap_samples_keep_the_numbers_of_both_classes_and_the_weights_of_events():
    labels, scores = sample(51, np.random.default_rng(1))
    weights = 1 + scores
    for drawn in resampled(Scored(labels, scores, weights), seed=1, samples=5):
        assert drawn.labels.sum() == labels.sum()
        assert len(drawn.labels) == 51
        np.testing.assert_array_equal(drawn.weights, 1 + drawn.scores)
        assert len(set(drawn.scores)) < 51


def test_the_error_is_the_spread_of_what_the_choices_on_each_bootstrap_sample_reach():
    labels, scores = sample(40, np.random.default_rng(2))
    given = Scored(labels, scores, 1 + scores, Purpose.VALIDATION)
    reached = [2 * np.average(drawn.scores, weights=drawn.weights) for drawn in resampled(given, 3, 4)]
    found = choice_error(
        lambda drawn: np.average(drawn.scores, weights=drawn.weights),
        lambda choice: 2 * choice,
        given,
        seed=3,
        samples=4,
    )
    assert found == pytest.approx(np.sqrt(np.sum((np.array(reached) - np.mean(reached)) ** 2) / 3))
    assert all(drawn.purpose is Purpose.VALIDATION for drawn in resampled(given, 3, 2))
    other = [drawn.scores for drawn in resampled(given, 4, 1)]
    assert not np.array_equal(other[0], next(resampled(given, 3, 1)).scores)
