"""Rules that protect an observable: equal effective fractions, unbiased, and at least cost."""

from dataclasses import replace

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.bias import measure_weighted_bias
from hepsets.evaluate.filter.effective_fraction import measure_effective_fraction
from hepsets.evaluate.filter.importance_sampling import choose_keep_rule, importance_speedup
from hepsets.evaluate.filter.keep_rule import ProtectedRule, correct_prior
from hepsets.evaluate.filter.protected_rule import choose_protected_rule
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.sample import scored

COSTS = SpeedupConfig(retention=None, time_network=0.001)
EDGES = np.linspace(0, 5, 9)


def balanced(seed, n):
    """Values, which have them, labels, scores and weights of a balanced sample; high values hardly pass."""
    rng = np.random.default_rng(seed)
    x, z = rng.uniform(0, 5, n), rng.normal(size=n)
    probability = 1 / (1 + np.exp(3.2 + 0.4 * x - (2.2 - 0.25 * x) * z))
    labels = rng.random(n) < probability
    r = labels.mean()
    chosen = labels | (rng.random(n) < r / (1 - r))
    weights = np.where(labels, 1.0, (1 - r) / r)[chosen]
    scores = correct_prior(probability[chosen], r, 0.5)
    return x[chosen], rng.random(chosen.sum()) < 0.9, labels[chosen], scores, weights


@pytest.fixture(scope="module")
def rule():
    x, valid, *sample = balanced(1, 300_000)
    return choose_protected_rule("missing_energy", x, valid, scored(*sample), COSTS)


@pytest.fixture(scope="module")
def test_sample():
    return balanced(2, 300_000)


def fractions(keep, sample):
    x, valid, labels, _, weights = sample
    return measure_effective_fraction(
        "x", x[labels], labels, keep, weights, COSTS, valid=valid[labels], edges=EDGES
    )


def test_bins_of_other_events_keep_one_effective_fraction(rule, test_sample):
    x, valid, labels, scores, weights = test_sample
    protected = fractions(rule(scores, x, valid), test_sample)
    plain = fractions(choose_keep_rule(scored(labels, scores, weights), COSTS)(scores), test_sample)
    assert plain.fraction[0] > 2.5 * plain.fraction[-1]
    mean = np.average(protected.fraction, weights=protected.fraction_se**-2)
    # scales come from 200 to 1000 passing validation events in each bin: 3 to 7 %
    sigma = np.hypot(protected.fraction_se, 0.05 * mean)
    assert np.sum(((protected.fraction - mean) / sigma) ** 2) < 20
    assert protected.fraction.max() < 1.25 * protected.fraction.min()
    without = ~valid & labels
    inverse = np.mean(1 / rule(scores, x, valid)[without])
    assert 1 / inverse == pytest.approx(mean, rel=0.1)


def test_on_the_events_it_was_chosen_on_the_fractions_are_equal_exactly(rule):
    x, valid, labels, scores, _ = balanced(1, 300_000)
    keep, bins = rule(scores, x, valid), rule.bins(x, valid)
    found = [1 / np.mean(1 / keep[labels & (bins == b)]) for b in range(len(rule.scales) + 1)]
    assert np.array(found) == pytest.approx(found[0], rel=1e-9)


def test_weights_under_protection_have_no_bias(rule, test_sample):
    x, valid, labels, scores, _ = test_sample
    keep = rule(scores, x, valid)
    rng = np.random.default_rng(3)
    pulls = [
        measure_weighted_bias(
            "x", x[labels], rng.random(labels.sum()) < keep[labels], keep[labels], edges=EDGES
        ).pulls
        for _ in range(150)
    ]
    assert np.mean(pulls) == pytest.approx(0, abs=4 / np.sqrt(np.size(pulls)))
    assert np.std(pulls) == pytest.approx(1, abs=0.08)


def test_no_other_probabilities_with_these_fractions_cost_less(rule):
    """Lagrange's condition, by brute force: any small change that keeps all fractions costs more."""
    x, valid, labels, scores, weights = balanced(1, 300_000)
    costs = COSTS.resolve(retention=float(np.average(labels, weights=weights)))
    keep, bins = rule(scores, x, valid), rule.bins(x, valid)
    best = importance_speedup(labels, keep, weights, costs).speedup.value
    passing = 1 / labels.sum() * labels
    chance = correct_prior(scores, 0.5, rule.population)
    rng = np.random.default_rng(4)
    shapes = [0.1 * np.sign(np.log(chance / np.median(chance))), -0.1 * scores, 0.2 * scores]
    shapes += [0.2 * np.sin(rng.uniform(1, 9) * scores + rng.uniform(0, 6)) for _ in range(5)]
    for shape in shapes:
        other = np.clip(keep * np.exp(shape), rule.floor, 1)
        for b in range(len(rule.scales) + 1):
            own = bins == b
            wanted = passing[own] @ (1 / keep[own])
            low, high = -2.0, 2.0
            for _ in range(50):  # back to the same fraction by a factor
                middle = (low + high) / 2
                trial = np.clip(keep[own] * np.exp(shape[own] + middle), rule.floor, 1)
                enough = passing[own] @ (1 / trial) <= wanted
                low, high = (low, middle) if enough else (middle, high)
            other[own] = np.clip(keep[own] * np.exp(shape[own] + high), rule.floor, 1)
        found = importance_speedup(labels, other, weights, costs)
        assert found.speedup.value < best * 1.002  # scores are finite in number: not exactly the least


def test_protection_costs_speedup_of_the_whole_and_gains_it_in_the_worst_bin(rule, test_sample):
    x, valid, labels, scores, weights = test_sample
    plain = choose_keep_rule(scored(labels, scores, weights), COSTS)
    best = importance_speedup(labels, plain(scores), weights, COSTS).speedup.value
    keep = rule(scores, x, valid)
    assert 1.2 < importance_speedup(labels, keep, weights, COSTS).speedup.value < best
    worst = fractions(keep, test_sample).speedup.min()
    for scale in np.geomspace(plain.scale, 100, 40):  # keeping more of everything does not do it
        other = replace(plain, scale=float(scale))(scores)
        assert fractions(other, test_sample).speedup.min() < 0.8 * worst


def test_where_nothing_can_be_saved_everything_is_kept():
    rng = np.random.default_rng(5)
    labels = rng.random(400) < 0.5
    scores, x = np.full(400, 0.5), rng.random(400)
    rule = choose_protected_rule("r2", x, np.ones(400, bool), scored(labels, scores), COSTS)
    assert (rule(scores, x, np.ones(400, bool)) == 1).all()


def test_values_beyond_the_edges_belong_to_the_outer_bins():
    rule = ProtectedRule("r2", (1.0, 2.0), (0.1, 0.2, 0.4), 0.8, 0.01, 0.5, 0.5)
    values, valid = [-1e9, 1.0, 1.5, 2.0, 1e30, 1.5], [True] * 5 + [False]
    assert rule.bins(values, valid).tolist() == [0, 1, 1, 2, 2, 3]
    assert rule(np.ones(6), values, valid) == pytest.approx([0.1, 0.2, 0.2, 0.4, 0.4, 0.8])


def test_values_that_are_not_finite_or_not_for_all_events_are_refused():
    x, valid, labels, scores, weights = balanced(6, 5000)
    with pytest.raises(InputError, match="not finite"):
        choose_protected_rule(
            "r2", np.where(labels, np.nan, x), valid, scored(labels, scores, weights), COSTS
        )
    with pytest.raises(InputError, match="one for each event"):
        choose_protected_rule("r2", x[1:], valid[1:], scored(labels, scores, weights), COSTS)
