"""Which models can be told apart on the same test events, trained anew several times."""

from __future__ import annotations

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.importance_sampling import importance_ratio, importance_speedup
from hepsets.evaluate.filter.keep_rule import KeepRule
from hepsets.evaluate.filter.speedup import SpeedupConfig, speedup_at
from hepsets.evaluate.scores.classification import auc_difference, classify
from hepsets.evaluate.scores.paired import (
    Influenced,
    Repeated,
    are_distinct,
    auc_of,
    difference,
    importance_speedup_of,
    indistinct,
    threshold_speedup_of,
    winner,
)

COSTS = SpeedupConfig(time_network=0.001)


def toy(number: int, seed: int, *noise: float):
    """Labels, weights and the scores of models that see one truth through noise of their own."""
    rng = np.random.default_rng(seed)
    labels = rng.random(number) < 0.5
    truth = rng.normal(np.where(labels, 1.0, -1.0), 1.0)
    scores = [1 / (1 + np.exp(-(truth + rng.normal(0, size, number)))) for size in noise]
    return labels, np.where(labels, 1.0, rng.uniform(10, 30, number)), scores


def test_quantities_and_errors_are_those_of_the_table():
    costs = SpeedupConfig(time_generate=0.03, time_network=0.001, time_simulate=2.5)
    labels, weights, (scores,) = toy(3000, 1, 0.5)
    area = classify(labels, scores, weights)
    assert auc_of(labels, scores, weights).value == pytest.approx(area.auc.value)
    assert auc_of(labels, scores, weights).se == pytest.approx(area.auc.se)
    gain = speedup_at(0.8, labels, scores, weights, costs)
    found = threshold_speedup_of(0.8, labels, scores, weights, costs)
    assert (found.value, found.se) == pytest.approx((gain.speedup.value, gain.speedup.se))
    keep = KeepRule(1.0, 0.05, 0.5, 0.05)(scores)
    unbiased = importance_speedup(labels, keep, weights, costs)
    found = importance_speedup_of(labels, keep, weights, costs)
    assert (found.value, found.se) == pytest.approx((unbiased.speedup.value, unbiased.speedup.se))


def test_the_error_of_a_difference_holds_the_choices_of_both():
    one = Repeated((Influenced(1.0, np.array([0.3]), 0.4),))
    other = Repeated((Influenced(0.2, np.zeros(1), 1.2),))
    found = difference(one, other)
    assert (found.value, found.se) == pytest.approx((0.8, 1.3))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_the_winner_is_the_highest_wherever_it_stands(order):
    models = [
        Repeated(tuple(Influenced(value, np.zeros(1), 0.01) for _ in range(2))) for value in (3.0, 1.0, 2.0)
    ]
    assert winner([models[place] for place in order]) == order.index(0)


def test_a_threshold_above_all_scores_saves_nothing():
    labels, weights, (scores,) = toy(100, 1, 0.5)
    assert threshold_speedup_of(1.0, labels, scores * 0.9, weights, COSTS).value == 0
    free = SpeedupConfig(time_network=0.0, time_generate=0.0)
    assert threshold_speedup_of(1.0, labels, scores * 0.9, weights, free).value == 0


def test_nothing_kept_at_no_cost_has_the_error_of_its_choice_alone():
    labels, weights, (scores,) = toy(100, 1, 0.5)
    free = SpeedupConfig(time_network=0.0, time_generate=0.0)
    found = threshold_speedup_of(1.0, labels, scores * 0.9, weights, free, choice_se=0.2)
    assert found.influence.tolist() == [0.0] * 100
    assert found.choice_se == 0.2


@pytest.mark.parametrize("quantity", ["threshold", "keep"])
def test_an_influence_is_what_the_result_gains_where_an_event_counts_more(quantity):
    """But for the factor of small samples, the root of n / (n - 1) in each class."""
    labels, weights, (scores,) = toy(30, 5, 0.5)
    costs = SpeedupConfig(time_generate=0.03, time_network=0.001, time_simulate=2.5)

    def found(weights):
        if quantity == "threshold":
            return threshold_speedup_of(0.5, labels, scores, weights, costs)
        return importance_speedup_of(labels, 0.1 + 0.8 * scores, weights, costs)

    step = 1e-6
    gains = [
        (found(weights * (1 + step * (np.arange(30) == event))).value - found(weights).value) / step
        for event in range(30)
    ]
    number = np.where(labels, labels.sum(), (~labels).sum())
    assert found(weights).influence == pytest.approx(gains * np.sqrt(number / (number - 1)), abs=1e-4)


def test_the_error_of_a_choice_is_handed_on_and_a_network_without_time_costs_nothing():
    labels, weights, (scores,) = toy(50, 6, 0.5)
    keep, free = 0.1 + 0.8 * scores, SpeedupConfig(time_network=0.0)
    threshold = threshold_speedup_of(0.5, labels, scores, weights, SpeedupConfig(), choice_se=0.3)
    unbiased = importance_speedup_of(labels, keep, weights, SpeedupConfig(), choice_se=0.3)
    assert threshold.choice_se == unbiased.choice_se == 0.3
    assert threshold.value == threshold_speedup_of(0.5, labels, scores, weights, free).value
    assert unbiased.value == importance_speedup_of(labels, keep, weights, free).value
    assert threshold_speedup_of(0.0, labels, scores, weights, SpeedupConfig()).value == pytest.approx(1)
    assert importance_speedup_of(labels, np.ones(50), weights, SpeedupConfig()).value == pytest.approx(1)


def test_an_event_at_the_threshold_is_kept():
    at, below = (
        threshold_speedup_of(threshold, [1, 1, 0, 0], [0.9, 0.5, 0.5, 0.1], None, COSTS).value
        for threshold in (0.5, 0.4)
    )
    assert at == below


def test_a_passing_event_may_be_kept_for_sure_but_not_never():
    assert importance_speedup_of([1, 0], [1.0, 0.5], None, COSTS).value > 1
    with pytest.raises(InputError, match="never kept"):
        importance_speedup_of([1, 0], [0.0, 0.5], None, COSTS)


def test_single_trainings_differ_as_the_paired_tests_say():
    labels, weights, (a, b) = toy(3000, 2, 0.5, 0.8)
    paired = auc_difference(labels, a, b, weights)
    found = difference(*(Repeated((auc_of(labels, s, weights),)) for s in (a, b)))
    assert (found.value, found.se) == pytest.approx((paired.value, paired.se))
    rule = KeepRule(1.0, 0.05, 0.5, 0.05)
    ratio = importance_ratio(labels, rule(a), rule(b), weights, COSTS)
    one, other = (importance_speedup_of(labels, rule(s), weights, COSTS) for s in (a, b))
    found = difference(Repeated((one,)), Repeated((other,)))
    assert found.value / other.value == pytest.approx(ratio.value - 1)
    assert found.se / other.value == pytest.approx(ratio.se, rel=0.1)  # of a ratio, not a difference


def test_what_test_events_share_cancels_but_the_spread_of_trainings_does_not():
    labels, _, scores = toy(4000, 3, *[0.3] * 4)
    alone = [Repeated((auc_of(labels, s),)) for s in scores]
    assert difference(alone[0], alone[1]).se < 0.7 * alone[0].measured.se
    luck = np.array([0.02, -0.02, 0.0])
    lucky = Repeated(tuple(Influenced(0.9 + shift, alone[0].influence) for shift in luck))
    assert lucky.spread == pytest.approx(0.02)
    assert lucky.seed_se == pytest.approx(1.321 * 0.02 / np.sqrt(3), rel=1e-3)  # Student, two degrees
    assert difference(lucky, lucky).se == pytest.approx(np.sqrt(2) * lucky.seed_se)
    assert lucky.measured.se == pytest.approx(np.hypot(alone[0].measured.se, lucky.seed_se))


def test_the_spread_of_a_single_training_is_not_known():
    labels, _, (scores,) = toy(100, 1, 0.5)
    assert Repeated((auc_of(labels, scores),)).spread is None


def test_the_error_of_a_difference_covers_when_models_are_trained_and_tested_anew():
    """Two equal models, three trainings each.

    The error is rather too large: trainings that judge single events differently scatter on a finite
    test sample, which counts in their spread and in the error of the test sample.
    """
    pulls = []
    for seed in range(300):
        rng = np.random.default_rng([seed, 9])
        labels, _, scores = toy(400, seed, *rng.uniform(0.0, 1.6, 6))
        models = [Repeated(tuple(auc_of(labels, s) for s in three)) for three in (scores[:3], scores[3:])]
        found = difference(*models)
        pulls.append(found.value / found.se)
    assert 0.65 < np.mean(np.abs(pulls) < 1) < 0.85
    assert np.mean(np.abs(pulls) > 2) < 0.07


def test_only_a_model_that_is_above_all_others_by_two_errors_wins():
    def trained(value, spread=0.0005):
        return Repeated(tuple(Influenced(value + by, np.zeros(4), 0.01) for by in (-spread, spread)))

    models = [trained(value) for value in (0.80, 0.90, 0.91)]
    assert winner(models) is None  # 0.01 apart, error 0.014
    assert indistinct(models) == [[], [2], [1]]
    assert winner([*models, trained(0.95)]) == 3
    assert winner([*models, trained(0.95, 0.1)]) is None
    assert are_distinct(models[0], models[1])
    assert winner(models[:1]) == 0


def test_no_model_wins_by_a_single_training():
    models = [Repeated((Influenced(value, np.zeros(4), 0.01),)) for value in (0.80, 0.95)]
    assert are_distinct(*models)
    assert winner(models) is None
    assert winner(models[:1]) == 0  # there is no other


def test_a_model_is_not_told_from_itself_even_without_errors():
    model = Repeated((Influenced(0.9, np.zeros(4)),) * 2)
    assert not are_distinct(model, model)
