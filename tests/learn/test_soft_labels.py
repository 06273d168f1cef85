import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.learn.soft_labels import soft_labels

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
