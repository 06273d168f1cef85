import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.learn.decay_trees.soft_labels import balanced_targets, soft_labels

KAPPA = 0.05


@pytest.fixture(scope="module")
def sample():
    """A prescaled sample of events whose pass probabilities are known."""
    rng = np.random.default_rng(3)
    p = rng.beta(0.1, 2.0, size=2_000_000)
    label = rng.random(len(p)) < p
    kept = label | (rng.random(len(p)) < KAPPA)
    p, label = p[kept], label[kept]
    return p, label, np.where(label, 1.0, 1 / KAPPA), rng


def best_output(p):
    return p / (p + (1 - p) * KAPPA)


@pytest.mark.parametrize("trials", [1, 8])
def test_they_are_the_mean_of_the_best_output_at_each_outcome(sample, trials):
    p, label, weight, rng = sample
    passes = rng.binomial(trials, p)
    soft = soft_labels(label, passes, trials, weight)
    for value in np.unique(soft):
        chosen = soft == value
        truth = best_output(p[chosen])
        tolerance = 5 * truth.std() / np.sqrt(chosen.sum()) + 0.01
        assert truth.mean() == pytest.approx(value, abs=tolerance)


def test_their_mean_is_the_share_of_passing_events(sample):
    p, label, weight, rng = sample
    soft = soft_labels(label, rng.binomial(8, p), 8, weight)
    assert soft.mean() == pytest.approx(label.mean(), abs=0.005)


def test_more_trials_bring_them_closer_to_the_truth(sample):
    p, label, weight, rng = sample
    errors = [
        np.mean((soft_labels(label, rng.binomial(trials, p), trials, weight) - best_output(p)) ** 2)
        for trials in (1, 4, 16, 64)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < np.mean((label - best_output(p)) ** 2)


def test_counts_that_belong_to_other_events_are_refused(sample):
    p, label, weight, rng = sample
    with pytest.raises(InputError, match="counts that fit"):
        soft_labels(label, rng.binomial(8, p), 4, weight)
    with pytest.raises(InputError, match="same events"):
        soft_labels(label, np.zeros(len(p), dtype=int), 8, weight)


@pytest.mark.parametrize("trials", [0, 4])
def test_balanced_targets_find_the_balanced_score_of_thinned_events(trials):
    """The least cross entropy of a constant is at the weighted mean target: once for each kind of event."""
    random = np.random.default_rng(3)
    n = 400_000
    kind = random.integers(2, size=n)
    p = np.where(kind, 0.3, 0.02)
    label = random.random(n) < p
    keep_probability = np.where(label, 0.5, 0.1)
    kept = random.random(n) < keep_probability
    passes = random.binomial(trials, p)
    targets, weights = balanced_targets(
        label[kept], passes[kept], trials, 1 / keep_probability[kept], retention=0.16
    )
    for value, chance in ((1, 0.3), (0, 0.02)):
        there = kind[kept] == value
        odds = chance / (1 - chance) * 0.84 / 0.16
        assert np.average(targets[there], weights=weights[there]) == pytest.approx(
            odds / (1 + odds), rel=0.08
        )
    # both classes count the same
    assert np.average(targets, weights=weights) == pytest.approx(0.5, abs=0.01)


def test_balanced_targets_of_one_simulation_are_the_labels():
    label = np.array([True, False])
    targets, weights = balanced_targets(label, np.zeros(2, dtype=int), 0, np.array([2.0, 10.0]), 0.1)
    assert np.array_equal(targets, label)
    assert np.allclose(weights, [18.0, 10.0])


@pytest.mark.parametrize(("passes", "trials", "retention"), [(3, 2, 0.1), (-1, 2, 0.1), (1, 2, 0.0)])
def test_impossible_counts_cannot_be_balanced(passes, trials, retention):
    with pytest.raises(InputError):
        balanced_targets(np.array([True]), np.array([passes]), trials, np.ones(1), retention)
