import numpy as np
import pytest
from helpers.beta_scores import STUDY, beta_sample
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.evaluate.filter.speedup import (
    SpeedupConfig,
    choose_threshold,
    measured_retention,
    speedup,
    speedup_at,
    speedup_curve,
)
from hepsets.evaluate.scores.sample import scored

rates = st.floats(0.0, 1.0)


def test_the_printed_numbers_of_the_study_come_out():
    assert speedup(1, 0, STUDY) == pytest.approx(101 / 6)
    assert speedup(1, 1, STUDY) == pytest.approx(1)
    assert speedup(0.7, 0.08, STUDY) == pytest.approx(101 * 0.7 / (1 + 100 * (0.05 * 0.7 + 0.95 * 0.08)))


def test_the_defaults_are_the_ratios_of_the_study():
    costs = SpeedupConfig(time_network=0.0)
    assert speedup(0.7, 0.08, costs) == pytest.approx(float(speedup(0.7, 0.08, STUDY)))


@given(f1=rates, f0=rates, scale=st.floats(0.01, 100))
def test_only_ratios_of_times_count(f1, f0, scale):
    scaled = SpeedupConfig(
        retention=0.05, time_generate=scale, time_network=0.3 * scale, time_simulate=100 * scale
    )
    costs = SpeedupConfig(retention=0.05, time_generate=1, time_network=0.3, time_simulate=100)
    assert float(speedup(f1, f0, scaled)) == pytest.approx(float(speedup(f1, f0, costs)))


@given(f1=rates, f0=rates, t_n=st.floats(0, 10), r=st.floats(0.001, 0.5))
def test_the_speedup_is_the_ratio_of_two_productions_counted_out(f1, f0, t_n, r):
    costs = SpeedupConfig(retention=r, time_generate=1, time_network=t_n, time_simulate=100)
    if f1 < 1e-3:
        return
    wanted = 1e6
    unfiltered = wanted / r * 101
    generated = wanted / r / f1
    filtered = generated * (1 + t_n) + 100 * generated * (r * f1 + (1 - r) * f0)
    assert float(speedup(f1, f0, costs)) == pytest.approx(unfiltered / filtered)


def test_a_filter_that_keeps_nothing_saves_nothing():
    free = SpeedupConfig(retention=0.05, time_generate=0, time_network=0, time_simulate=1)
    assert speedup(0, 0, STUDY) == 0
    assert speedup(0, 0, free) == 0


def test_costs_that_are_still_open_are_asked_for():
    with pytest.raises(InputError, match="network time"):
        speedup(1, 0, SpeedupConfig())
    with pytest.raises(InputError, match="retention"):
        speedup(1, 0, SpeedupConfig(retention=None, time_network=0))


def test_unknown_and_impossible_costs_are_refused():
    with pytest.raises(ValidationError):
        SpeedupConfig(time_sleep=1)  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        SpeedupConfig(retention=1.5)
    with pytest.raises(ValidationError):
        SpeedupConfig(time_simulate=np.inf)


def test_resolving_fills_only_what_is_open():
    costs = SpeedupConfig(retention=None, time_network=None).resolve(retention=0.04, time_network=1e-4)
    assert (costs.retention, costs.time_network) == (0.04, 1e-4)
    assert costs.resolve(retention=0.5, time_network=1.0) == costs


def test_a_perfect_filter_is_found_even_in_a_small_sample():
    labels = np.repeat([True, False], 30)
    scores = np.where(labels, 0.9, 0.1)
    choice = choose_threshold(scored(labels, scores), STUDY)
    assert choice.threshold == pytest.approx(0.9)
    assert choice.speedup == pytest.approx(101 / 6)


def test_the_chosen_threshold_is_near_the_best_of_the_population_and_not_above_it():
    random = np.random.default_rng(1)
    truth = speedup_curve(*beta_sample(random, 2_000_000), None, STUDY)
    best = truth.speedup.max()
    reached = []
    for _ in range(30):
        choice = choose_threshold(scored(*beta_sample(random, 2000)), STUDY)
        reached.append(np.interp(choice.threshold, truth.thresholds, truth.speedup))
    assert np.mean(reached) > 0.97 * best


def test_lucky_events_far_up_do_not_win():
    random = np.random.default_rng(2)
    labels, scores = beta_sample(random, 1000)
    scores[np.flatnonzero(labels)[:3]] = 1.0
    free = SpeedupConfig(retention=0.05, time_generate=1e-6, time_network=0, time_simulate=1)
    assert choose_threshold(scored(labels, scores), free).true_positive_rate > 0.05


def test_the_error_of_the_speedup_is_that_of_the_bootstrap():
    random = np.random.default_rng(3)
    labels, scores = beta_sample(random, 3000)
    weights = np.where(
        labels, random.choice([1.0, 3.0], len(labels)), random.choice([20.0, 60.0], len(labels))
    )
    result = speedup_at(0.7, labels, scores, weights, STUDY)
    replicas = []
    for _ in range(500):
        drawn = random.integers(0, len(labels), len(labels))
        replicas.append(speedup_at(0.7, labels[drawn], scores[drawn], weights[drawn], STUDY))
    for name in ("speedup", "true_positive_rate", "false_positive_rate"):
        spread = np.std([getattr(replica, name).value for replica in replicas])
        assert getattr(result, name).se == pytest.approx(spread, rel=0.12), name


def test_weights_bring_the_population_back_from_a_balanced_sample():
    random = np.random.default_rng(4)
    n = 400_000
    labels = random.random(n) < 0.04
    scores = np.where(labels, random.beta(3, 1.5, n), random.beta(1.5, 3, n))
    chosen = labels | (random.random(n) < 0.05)
    weights = np.where(labels, 1.0, 20.0)[chosen]
    measured = SpeedupConfig(retention=None, time_network=0.0)
    whole = speedup_at(0.6, labels, scores, None, measured)
    balanced = speedup_at(0.6, labels[chosen], scores[chosen], weights, measured)
    retention = measured_retention(labels[chosen], weights)
    assert abs(retention.value - labels.mean()) < 4 * retention.se
    assert balanced.retention == pytest.approx(retention.value)
    assert balanced.speedup.value == pytest.approx(whole.speedup.value, abs=4 * balanced.speedup.se)
    assert balanced.kept == pytest.approx(np.mean(scores >= 0.6), rel=0.05)
    assert balanced.effective_failing == pytest.approx((chosen & ~labels).sum())


def test_the_curve_agrees_with_the_single_points():
    random = np.random.default_rng(5)
    labels, scores = beta_sample(random, 500)
    scores = np.round(scores, 2)
    weights = random.uniform(1, 3, len(labels))
    curve = speedup_curve(labels, scores, weights, STUDY, [0.0, 0.25, 0.5, 0.73, 1.0])
    assert curve.thresholds.tolist() == [0.0, 0.25, 0.5, 0.73, 1.0]
    for i, threshold in enumerate(curve.thresholds):
        point = speedup_at(threshold, labels, scores, weights, STUDY)
        assert curve.speedup[i] == pytest.approx(point.speedup.value)
        assert curve.speedup_se[i] == pytest.approx(point.speedup.se, abs=1e-12)
        assert curve.true_positive_rate[i] == pytest.approx(point.true_positive_rate.value)
        assert curve.false_positive_rate[i] == pytest.approx(point.false_positive_rate.value)
        assert curve.kept[i] == pytest.approx(point.kept)
    assert curve.speedup[0] == pytest.approx(1.0)


def test_the_chosen_threshold_comes_with_the_plain_rates_of_its_weighted_sample():
    random = np.random.default_rng(6)
    labels, scores = beta_sample(random, 300)
    weights = np.where(scores < 0.5, 4.0, random.uniform(1, 3, 300))
    for costs in (STUDY, SpeedupConfig(retention=None, time_network=0.001)):
        choice = choose_threshold(scored(labels, scores, weights), costs)
        point = speedup_at(choice.threshold, labels, scores, weights, costs)
        assert point.threshold == choice.threshold
        for name in ("speedup", "true_positive_rate", "false_positive_rate"):
            assert getattr(choice, name) == pytest.approx(getattr(point, name).value), name
        assert point.effective_passing == pytest.approx(
            weights[labels].sum() ** 2 / (weights[labels] ** 2).sum()
        )


def test_the_choice_maximises_the_speedup_less_its_error_with_half_an_event_on_either_side():
    """Counted out threshold by threshold, with the error from numerical derivatives."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        labels, scores = beta_sample(random, 40)
        weights = random.choice([1.0, 5.0], 40)
        safe = []
        for threshold in np.sort(scores):
            rates, errors = [], []
            for which in (labels, ~labels):
                w = weights[which]
                n = w.sum() ** 2 / (w**2).sum()
                rate = (n * (w @ (scores[which] >= threshold)) / w.sum() + 0.5) / (n + 1)
                rates.append(rate)
                errors.append(np.sqrt(rate * (1 - rate) / n))
            (f1, f0), (e1, e0) = rates, errors
            slope1 = (speedup(f1 + 1e-6, f0, STUDY) - speedup(f1 - 1e-6, f0, STUDY)) / 2e-6
            slope0 = (speedup(f1, f0 + 1e-6, STUDY) - speedup(f1, f0 - 1e-6, STUDY)) / 2e-6
            safe.append(speedup(f1, f0, STUDY) - np.hypot(slope1 * e1, slope0 * e0))
        best = np.sort(scores)[np.argmax(safe)]
        assert choose_threshold(scored(labels, scores, weights), STUDY).threshold == best


def test_thresholds_are_chosen_on_validation_events_and_no_others():
    labels, scores = beta_sample(np.random.default_rng(7), 50)
    choose_threshold(scored(labels, scores, purpose=Purpose.VALIDATION), STUDY)
    for purpose in (Purpose.TRAINING, Purpose.TEST):
        with pytest.raises(InputError, match=f"{purpose} events where a threshold is chosen"):
            choose_threshold(scored(labels, scores, purpose=purpose), STUDY)


def test_the_curve_is_drawn_over_all_scores_and_measures_the_retention_where_it_is_open():
    labels, scores = beta_sample(np.random.default_rng(8), 300)
    weights = np.where(labels, 1.0, 7.0)
    costs = SpeedupConfig(retention=None, time_network=0.0)
    curve = speedup_curve(labels, scores, weights, costs)
    assert curve.thresholds == pytest.approx(0.0025 * np.arange(401))
    assert curve.kept[0] == pytest.approx(1)
    assert curve.speedup[200] == pytest.approx(speedup_at(0.5, labels, scores, weights, costs).speedup.value)


def test_unweighted_labels_measure_a_binomial_retention():
    found = measured_retention(np.arange(100) < 20)
    assert found.value == pytest.approx(0.2)
    assert found.se == pytest.approx(np.sqrt(0.2 * 0.8 / 99))


def test_two_events_of_each_class_have_the_same_error_on_the_curve_as_alone():
    labels, scores = [True, True, False, False], [0.2, 0.9, 0.1, 0.7]
    curve = speedup_curve(labels, scores, None, STUDY, [0.5])
    assert curve.speedup_se[0] == pytest.approx(speedup_at(0.5, labels, scores, None, STUDY).speedup.se)
