"""Speedup of importance sampling: keep probabilities, their errors, and the rules that give them."""

import dataclasses

import numpy as np
import pytest
from helpers.beta_scores import STUDY, beta_sample

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.evaluate.filter.importance_sampling import (
    choose_keep_rule,
    choose_logistic_rule,
    importance_influence,
    importance_ratio,
    importance_speedup,
    scan_floors,
)
from hepsets.evaluate.filter.keep_rule import KeepRule
from hepsets.evaluate.filter.speedup import (
    SpeedupConfig,
)
from hepsets.evaluate.scores.calibration import correct_prior
from hepsets.evaluate.scores.sample import scored


def test_keeping_everything_with_weight_one_is_no_filter():
    labels = np.array([1, 0, 0, 1])
    result = importance_speedup(labels, np.ones(4), None, STUDY)
    assert result.speedup.value == pytest.approx(1.0)
    assert result.effective_fraction == 1.0


def test_importance_sampling_counts_effective_events():
    """The formula against a production played out event by event."""
    random = np.random.default_rng(6)
    n = 400_000
    labels = random.random(n) < 0.05
    scores = np.where(labels, random.beta(3, 1.5, n), random.beta(1.5, 3, n))
    keep = np.clip(1.5 * np.sqrt(correct_prior(scores, 0.5, 0.05)), 0.05, 1)
    kept = random.random(n) < keep
    weights = 1 / keep[kept & labels]
    effective = weights.sum() ** 2 / np.sum(weights**2)
    played = 101 * effective / labels.mean() / (n + 100 * kept.sum())
    result = importance_speedup(labels, keep, None, STUDY)
    assert result.speedup.value == pytest.approx(played, rel=0.02)
    assert weights.sum() == pytest.approx(labels.sum(), rel=0.02)


def test_the_error_of_the_importance_speedup_is_that_of_the_bootstrap():
    random = np.random.default_rng(7)
    labels, scores = beta_sample(random, 3000)
    keep = np.clip(scores, 0.05, 1)
    weights = random.choice([1.0, 4.0], len(labels))
    result = importance_speedup(labels, keep, weights, STUDY)
    replicas = []
    for _ in range(500):
        drawn = random.integers(0, len(labels), len(labels))
        replicas.append(importance_speedup(labels[drawn], keep[drawn], weights[drawn], STUDY).speedup.value)
    assert result.speedup.se == pytest.approx(np.std(replicas), rel=0.12)


def test_the_square_root_is_the_best_power_of_the_pass_probability():
    """With calibrated scores no other power of P(pass) samples better."""
    random = np.random.default_rng(8)
    p = random.beta(0.2, 3.8, 200_000)
    labels = random.random(len(p)) < p
    balanced = correct_prior(p, labels.mean(), 0.5)
    costs = SpeedupConfig(retention=None, time_network=0.0)
    rule = choose_keep_rule(scored(labels, balanced), costs)
    best = importance_speedup(labels, rule(balanced), None, costs).speedup.value
    assert best > 2
    for power in (0.25, 1.0):
        for scale in np.geomspace(0.3, 10, 20):
            keep = np.clip(scale * p**power, 0.01, 1)
            assert importance_speedup(labels, keep, None, costs).speedup.value < best * 1.01


def test_a_passing_event_that_is_never_kept_is_refused():
    with pytest.raises(InputError, match="never kept"):
        importance_speedup([1, 0], [0.0, 1.0], None, STUDY)


def test_the_error_of_a_ratio_of_unbiased_speedups_is_that_of_resampled_events():
    rng = np.random.default_rng(8)
    truth = rng.beta(0.5, 4, 4000)
    labels = rng.random(4000) < truth
    weights = np.where(labels, 1.0, 8.0)
    one = np.clip(1.5 * np.sqrt(truth), 0.05, 1)
    two = np.clip(1.5 * np.sqrt(truth * rng.lognormal(0, 0.3, 4000)), 0.05, 1)
    costs = SpeedupConfig(time_network=0.0)
    found = importance_ratio(labels, one, two, weights, costs)
    ratios = []
    for _ in range(300):
        again = rng.integers(0, 4000, 4000)
        ratios.append(
            importance_speedup(labels[again], one[again], weights[again], costs).speedup.value
            / importance_speedup(labels[again], two[again], weights[again], costs).speedup.value
        )
    assert found.se == pytest.approx(np.std(ratios), rel=0.15)
    assert found.value == pytest.approx(np.mean(ratios), abs=0.3 * found.se)
    separate = [importance_speedup(labels, keep, weights, costs) for keep in (one, two)]
    apart = np.hypot(*(each.speedup.se / each.speedup.value for each in separate))
    assert found.se / found.value < 0.6 * apart  # the events are the same


def test_floors_bound_the_weights_and_the_highest_keeps_everything():
    rng = np.random.default_rng(3)
    truth = rng.beta(0.2, 4, 5000)
    labels = rng.random(5000) < truth
    costs = SpeedupConfig(retention=None, time_network=0.0)
    rule = KeepRule(1.5, 0.02, float(labels.mean()), float(labels.mean()))
    scan = scan_floors(labels, truth, None, rule, costs)
    assert scan.chosen == 0.02
    assert (scan.largest_weight <= 1 / scan.floors + 1e-9).all()
    assert (np.diff(scan.effective_fraction) >= 0).all()
    assert scan.speedup[-1] == pytest.approx(1)
    at = importance_speedup(labels, rule(truth), None, costs)
    assert scan.speedup[list(scan.floors).index(0.02)] == pytest.approx(at.speedup.value)


def prescaled(random, n):
    """Events, their keep probabilities, and prescales that differ within each class."""
    labels, scores = beta_sample(random, n)
    return labels, np.clip(scores, 0.05, 1), np.where(labels & (scores < 0.5), 8, random.integers(1, 4, n))


@pytest.mark.parametrize("choose", [choose_keep_rule, choose_logistic_rule])
def test_an_event_of_weight_three_counts_as_three_events_when_a_rule_is_chosen(choose):
    labels, scores, weights = prescaled(np.random.default_rng(9), 400)
    costs = SpeedupConfig(retention=None, time_network=0.001)
    weighted = choose(scored(labels, scores, weights), costs)
    assert weighted == choose(scored(np.repeat(labels, weights), np.repeat(scores, weights)), costs)
    assert weighted != choose(scored(labels, scores), costs)
    assert weighted.floor >= 0.01  # no weight above 100


@pytest.mark.parametrize("choose", [choose_keep_rule, choose_logistic_rule])
def test_rules_are_chosen_on_validation_events_and_no_others(choose):
    labels, scores = beta_sample(np.random.default_rng(9), 50)
    choose(scored(labels, scores, purpose=Purpose.VALIDATION), STUDY)
    for purpose in (Purpose.TRAINING, Purpose.TEST):
        with pytest.raises(InputError, match=f"{purpose} events where a keep rule is chosen"):
            choose(scored(labels, scores, purpose=purpose), STUDY)


def test_no_neighbour_of_the_chosen_keep_rule_saves_more():
    labels, scores, weights = prescaled(np.random.default_rng(10), 2000)
    rule = choose_keep_rule(scored(labels, scores, weights), STUDY, trained=0.4)
    assert (rule.trained, rule.population) == (0.4, STUDY.retention)

    def gain(scale, floor):
        other = KeepRule(rule.scale * scale, rule.floor * floor, 0.4, STUDY.retention)
        return importance_speedup(labels, other(scores), weights, STUDY).speedup.value

    for scale in (0.8, 1.25):
        for floor in (0.5, 1, 2):
            assert gain(scale, floor) < gain(1, 1)


def test_a_ratio_of_unbiased_speedups_is_that_of_the_two_with_weights_and_measured_retention():
    random = np.random.default_rng(11)
    labels, keep, weights = prescaled(random, 500)
    other = np.clip(keep * random.uniform(0.5, 1.5, 500), 0.05, 1)
    costs = SpeedupConfig(retention=None, time_network=0.001)
    one, two = (importance_speedup(labels, p, weights, costs).speedup.value for p in (keep, other))
    assert importance_ratio(labels, keep, other, weights, costs).value == pytest.approx(one / two)
    assert importance_influence(labels, keep, weights, costs).speedup == pytest.approx(one)


def test_each_floor_of_a_scan_is_the_importance_sampling_with_that_floor():
    labels, scores, weights = prescaled(np.random.default_rng(12), 500)
    scan = scan_floors(labels, scores, weights, KeepRule(1.2, 0.05, 0.5, 0.05), STUDY, floors=[0.1, 1])
    keep = KeepRule(1.2, 0.1, 0.5, 0.05)(scores)
    at = importance_speedup(labels, keep, weights, STUDY)
    assert (scan.speedup[0], scan.speedup_se[0]) == pytest.approx((at.speedup.value, at.speedup.se))
    assert scan.effective_fraction == pytest.approx([at.effective_fraction, 1])
    assert scan.largest_weight == pytest.approx([1 / keep[labels].min(), 1])


def test_the_influence_of_an_event_is_the_derivative_by_its_weight_and_the_network_costs_time():
    labels, keep, weights = prescaled(np.random.default_rng(13), 60)
    costs = SpeedupConfig(retention=0.1, time_generate=0.01, time_network=0.2, time_simulate=1.0)
    found = importance_influence(labels, keep, weights, costs)
    p_pass, p_fail = (np.average(keep[which], weights=weights[which]) for which in (labels, ~labels))
    inverse = np.average(1 / keep[labels], weights=weights[labels])
    result = importance_speedup(labels, keep, weights, costs)
    assert result.kept == found.kept == pytest.approx(0.1 * p_pass + 0.9 * p_fail)
    assert result.speedup.value == pytest.approx(1.01 / (inverse * (0.21 + found.kept)))
    for event in (*np.flatnonzero(labels)[:5], *np.flatnonzero(~labels)[:5]):
        own = labels == labels[event]
        step = 1e-5 * weights[own].sum() * (np.arange(60) == event)
        up, down = (importance_influence(labels, keep, weights + s, costs) for s in (step, -step))
        for name, change in (
            ("response", np.log(up.speedup / down.speedup)),
            ("cost", np.log(up.speedup / up.effective_fraction / down.speedup * down.effective_fraction)),
        ):
            influence = getattr(found, name)
            centred = influence[event] - np.average(influence[own], weights=weights[own])
            assert change / 2e-5 == pytest.approx(centred, rel=1e-3, abs=1e-6), name


@pytest.mark.parametrize("choose", [choose_keep_rule, choose_logistic_rule])
def test_no_neighbour_of_the_chosen_rule_is_faster_where_events_have_weights(choose):
    random = np.random.default_rng(5)
    labels, scores = beta_sample(random, 4000)
    weights = np.where(labels, random.choice([1.0, 3.0], len(labels)), 12.0)
    rule = choose(scored(labels, scores, weights, Purpose.VALIDATION), STUDY)
    steps = (
        {"scale": [rule.scale * (10 / 0.3) ** (step / 35) for step in (-2, -1, 1, 2)]}
        if isinstance(rule, KeepRule)
        else {"offset": [rule.offset + step / 4 for step in (-2, -1, 1, 2)]}
    ) | {"floor": [0.01, 0.02, 0.05, 0.1, 0.2]}
    best = importance_speedup(labels, rule(scores), weights, STUDY).speedup.value
    for name, values in steps.items():
        for value in values:
            other = dataclasses.replace(rule, **{name: value})
            assert importance_speedup(labels, other(scores), weights, STUDY).speedup.value <= best
