import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from hepsets.evaluate.scores.classification import Placements, auc_difference, classify, roc
from hepsets.evaluate.scores.sample import scored


def toy(random, passing=300, failing=300, shift=1.0):
    """Normal scores of unit width, ``shift`` apart, through a sigmoid: AUC = Φ(shift / √2)."""
    labels = np.repeat([True, False], [passing, failing])
    return labels, 1 / (1 + np.exp(-random.normal(shift * labels, 1.0)))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ties=st.booleans(), weighted=st.booleans())
def test_loss_accuracy_and_area_agree_with_scikit_learn(seed, ties, weighted):
    random = np.random.default_rng(seed)
    labels, scores = toy(random, 40, 70)
    scores = np.round(scores, 1) if ties else scores
    weights = random.uniform(0.1, 5, len(labels)) if weighted else None
    quality = classify(labels, scores, weights)
    clipped = np.clip(scores, 1e-7, 1 - 1e-7)
    assert quality.loss.value == pytest.approx(log_loss(labels, clipped, sample_weight=weights))
    assert quality.accuracy.value == pytest.approx(
        accuracy_score(labels, scores >= 0.5, sample_weight=weights)
    )
    assert quality.auc.value == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights), abs=1e-12)
    curve = quality.roc
    area = np.trapezoid(curve.true_positive_rate, curve.false_positive_rate)
    assert area == pytest.approx(quality.auc.value, abs=1e-12)


def test_the_area_for_normal_scores_is_the_known_one():
    labels, scores = toy(np.random.default_rng(3), 40_000, 40_000, shift=1.5)
    quality = classify(labels, scores)
    assert abs(quality.auc.value - norm.cdf(1.5 / np.sqrt(2))) < 4 * quality.auc.se


def pair_by_pair(labels, scores, weights):
    """Placements of every event: its weighted share of the pairs that are in order, of equal ones half."""
    placed = np.empty(len(labels))
    for number, (label, score) in enumerate(zip(labels, scores, strict=True)):
        others = labels != label
        gap = (score - scores[others]) * (1 if label else -1)
        placed[number] = np.average((np.sign(gap) + 1) / 2, weights=weights[others])
    return placed


def error_of_mean(values, weights):
    n = len(values)
    off = values - np.average(values, weights=weights)
    return np.sqrt(n / (n - 1) * np.sum((weights * off) ** 2)) / weights.sum()


def test_areas_losses_and_their_errors_are_those_of_a_few_events_one_by_one():
    random = np.random.default_rng(8)
    labels = np.array([1, 0, 1, 1, 0, 0, 0, 1, 0], dtype=bool)
    weights = random.uniform(0.5, 4, 9)
    a, b = np.round(random.random((2, 9)), 1)
    a[:3], b[:2] = (1.0, 0.0, 0.5), 0.5
    found = classify(labels, a, weights)
    placed = pair_by_pair(labels, a, weights)
    passing, failing = labels, ~labels
    assert found.auc.value == pytest.approx(np.average(placed[passing], weights=weights[passing]))
    parts = [error_of_mean(placed[events], weights[events]) for events in (passing, failing)]
    assert found.auc.se == pytest.approx(np.hypot(*parts))

    placements = Placements.of(scored(labels, a, weights))
    assert placements.of_passing == pytest.approx(placed[passing])
    assert placements.of_failing == pytest.approx(placed[failing])

    p = np.clip(np.where(labels, a, 1 - a), 1e-7, 1)
    assert found.loss.value == pytest.approx(np.average(-np.log(p), weights=weights))
    assert found.loss.se == pytest.approx(error_of_mean(-np.log(p), weights))
    right = (a >= 0.5) == labels
    assert found.accuracy.value == pytest.approx(np.average(right, weights=weights))
    assert found.accuracy.se == pytest.approx(error_of_mean(right, weights))
    strict = classify(labels, a, weights, threshold=0.7)
    assert strict.accuracy.value == pytest.approx(np.average((a >= 0.7) == labels, weights=weights))

    change = placed - pair_by_pair(labels, b, weights)
    between = auc_difference(labels, a, b, weights)
    assert between.value == pytest.approx(np.average(change[passing], weights=weights[passing]))
    parts = [error_of_mean(change[events], weights[events]) for events in (passing, failing)]
    assert between.se == pytest.approx(np.hypot(*parts))


def test_a_certain_and_wrong_event_costs_the_loss_of_single_precision():
    loss = classify([1, 0], [0.0, 0.5]).loss.value
    assert loss == pytest.approx((7 * np.log(10) + np.log(2)) / 2)
    assert classify([0, 1], [1.0, 0.5]).loss.value == pytest.approx(loss)


def test_each_point_of_the_curve_is_the_weighted_share_at_or_above_its_threshold():
    labels, scores = toy(np.random.default_rng(9), 30, 40)
    weights = np.random.default_rng(10).uniform(0.5, 4, 70)
    for used in (weights, None):
        curve = roc(labels, scores, used)
        assert classify(labels, scores, used).roc.thresholds.tolist() == curve.thresholds.tolist()
        for name, events in (("true_positive_rate", labels), ("false_positive_rate", ~labels)):
            shares = [
                np.average(scores[events] >= t, weights=None if used is None else used[events])
                for t in curve.thresholds
            ]
            assert getattr(curve, name) == pytest.approx(shares)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_errors_are_the_spread_over_repeated_samples(weighted):
    random = np.random.default_rng(4)
    results = []
    for _ in range(600):
        labels, scores = toy(random, 150, 200)
        weights = random.choice([1.0, 6.0], len(labels)) if weighted else None
        results.append(classify(labels, scores, weights))
    for name in ("loss", "accuracy", "auc"):
        spread = np.std([getattr(result, name).value for result in results])
        claimed = np.mean([getattr(result, name).se for result in results])
        assert claimed == pytest.approx(spread, rel=0.1), name


def test_class_weights_leave_the_area_and_its_error_alone():
    labels, scores = toy(np.random.default_rng(5))
    plain = classify(labels, scores)
    population = classify(labels, scores, np.where(labels, 1.0, 24.0))
    assert population.auc.value == pytest.approx(plain.auc.value, abs=1e-12)
    assert population.auc.se == pytest.approx(plain.auc.se)
    assert population.loss.value != pytest.approx(plain.loss.value, rel=0.01)


def test_the_difference_of_areas_knows_that_the_events_are_the_same():
    random = np.random.default_rng(6)
    differences = []
    for _ in range(400):
        labels, scores = toy(random, 150, 200)
        noisy = np.clip(scores + random.normal(0, 0.05, len(scores)), 0, 1)
        differences.append(auc_difference(labels, scores, noisy))
    spread = np.std([difference.value for difference in differences])
    claimed = np.mean([difference.se for difference in differences])
    assert claimed == pytest.approx(spread, rel=0.1)
    labels, scores = toy(random)
    single = classify(labels, scores)
    assert claimed < 0.5 * single.auc.se
    same = auc_difference(labels, scores, scores)
    assert (same.value, same.se) == (0.0, 0.0)
    other = np.sqrt(scores) * random.uniform(0.5, 1, len(scores))
    expected = single.auc.value - classify(labels, other).auc.value
    assert auc_difference(labels, scores, other).value == pytest.approx(expected, abs=1e-12)


def test_the_curve_runs_from_nothing_kept_to_everything_kept():
    curve = roc([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.3])
    assert (curve.false_positive_rate[0], curve.true_positive_rate[0]) == (0, 0)
    assert (curve.false_positive_rate[-1], curve.true_positive_rate[-1]) == (1, 1)
    assert np.isinf(curve.thresholds[0])
    assert (np.diff(curve.thresholds) < 0).all()


def test_single_precision_certainty_costs_a_finite_loss():
    quality = classify([1, 0, 1, 0], [1.0, 0.0, 0.0, 1.0])
    assert np.isfinite(quality.loss.value)
