import numpy as np
import pytest
from scipy.stats import beta, binom
from sklearn.metrics import roc_auc_score

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.importance_sampling import choose_keep_rule, importance_speedup
from hepsets.evaluate.filter.limit import (
    Further,
    estimate_limit,
    retention_of_classes,
    weights_of_classes,
)
from hepsets.evaluate.filter.speedup import SpeedupConfig, speedup
from hepsets.evaluate.scores.calibration import correct_prior
from hepsets.evaluate.scores.classification import classify
from hepsets.evaluate.scores.sample import scored

COSTS = SpeedupConfig(retention=None, time_network=None)


def exact(a, b):
    """Limit for p ~ Beta(a, b) by quadrature: p dG and (1 - p) dG are Beta densities themselves."""
    cut = np.concatenate([np.linspace(1, 0.01, 4000), np.geomspace(0.01, 1e-9, 4000)[1:], [0.0]])
    f1, f0 = beta(a + 1, b).sf(cut), beta(a, b + 1).sf(cut)
    costs = COSTS.resolve(retention=a / (a + b), time_network=0.0)
    p = beta(a, b).ppf((np.arange(200_000) + 0.5) / 200_000)
    importance = 0.0
    r, t_g, t_s = a / (a + b), costs.time_generate, costs.time_simulate
    for scale in np.geomspace(0.3, 30, 100):
        keep = np.clip(scale * np.sqrt(p), 1e-12, 1)
        inverse = np.mean(p / keep) / r
        importance = max(importance, (t_g + t_s) / (inverse * (t_g + t_s * keep.mean())))
    return np.trapezoid(f1, f0), speedup(f1, f0, costs).max(), importance


def counted(random, a, b, n, trials):
    p = random.beta(a, b, n)
    return p, random.binomial(trials // 2, p[:, None], (n, 2))


# -- without fluctuation, and by hand -----------------------------------------------------------------

FIXED = SpeedupConfig(retention=0.1, time_network=0.02)


def few_counts(trials=20):
    """Counts and weights of 300 events."""
    random = np.random.default_rng(11)
    return counted(random, 0.4, 3.0, 300, trials)[1], random.uniform(0.2, 3, 300)


def without_fluctuation(probabilities, shares, trials):
    """All pairs of counts with the weights that they have on average."""
    k = np.arange(trials // 2 + 1)
    one = binom.pmf(k[:, None], trials // 2, probabilities)
    counts = np.stack(np.meshgrid(k, k, indexing="ij"), axis=-1).reshape(-1, 2)
    return counts, (one[counts[:, 0]] * one[counts[:, 1]]) @ shares


def best_importance(probabilities, shares):
    """Best speedup of importance sampling that knows each pass probability."""
    r = probabilities @ shares
    keep = np.clip(np.geomspace(0.3, 30, 1000)[:, None] * np.sqrt(probabilities), 1e-12, 1)
    return np.max(1.01 / (((probabilities / keep) @ shares) / r * (0.01 + keep @ shares)))


def test_halves_are_ranked_by_the_one_and_judged_by_the_other():
    """Each event is that share of a passing one, and the rest of a failing one, that its judge says."""
    counts, weight = few_counts()
    limit = estimate_limit(counts, 20, weight, FIXED, replicas=2)
    area, best, importance = [], [], []
    for rank, judge in ((0, 1), (1, 0)):
        rank, p = counts[:, rank], counts[:, judge] / 10
        passing, failing = weight * p, weight * (1 - p)
        labels = np.repeat([1, 0], len(rank))
        area.append(roc_auc_score(labels, np.tile(rank, 2), sample_weight=np.append(passing, failing)))
        f1, f0 = (np.array([np.average(rank >= k, weights=w) for k in range(11)]) for w in (passing, failing))
        best.append(speedup(f1, f0, FIXED).max())
        keep = np.clip(np.geomspace(0.3, 30, 200)[:, None] * np.sqrt((rank + 0.3) / 10.6), 1e-12, 1)
        inverse = np.average(1 / keep, axis=1, weights=passing)
        kept = 0.1 * np.average(keep, axis=1, weights=passing) + 0.9 * np.average(
            keep, axis=1, weights=failing
        )
        importance.append(np.max(1.01 / (inverse * (0.01 + 0.02 + kept))))
    assert limit.auc_halves.value == pytest.approx(np.mean(area))
    assert limit.max_speedup_halves.value == pytest.approx(np.mean(best))
    assert limit.importance_halves.value == pytest.approx(np.mean(importance))
    p = counts / 10
    assert limit.retention.value == pytest.approx(np.average(p.mean(axis=1), weights=weight))
    again = np.average(p.prod(axis=1), weights=weight) / np.average(p.mean(axis=1), weights=weight)
    assert limit.passes_again.value == pytest.approx(again)
    assert (limit.events, limit.trials, limit.further_events, limit.further_trials) == (300, 20, 0, 0)


def test_replicas_scatter_as_samples_of_so_many_events_do():
    counts, weight = few_counts()
    limit = estimate_limit(counts, 20, weight, FIXED, replicas=400)
    share = counts.mean(axis=1) / 10
    error = np.linalg.norm(weight * (share - np.average(share, weights=weight))) / weight.sum()
    assert limit.retention.se == pytest.approx(error, rel=0.12)


def test_two_trials_and_no_further_ones_are_enough_to_ask():
    counts, weight = few_counts(2)
    plain = estimate_limit(counts, 2, weight, FIXED, replicas=2)
    none = estimate_limit(counts, 2, weight, FIXED, further=Further(np.full(300, -1), 0), replicas=2)
    assert plain.auc == none.auc
    assert 0.5 < plain.auc.value < 1


def test_a_stratum_of_one_event_may_be_missing_from_a_replica():
    counts, weight = few_counts()
    limit = estimate_limit(counts, 20, weight, FIXED, strata=np.arange(300), replicas=5)
    assert 0 < limit.auc.se < 0.1


def test_the_bracket_follows_from_the_moments_of_events_that_passed_once_or_never():
    """Their mean √p moves both what passing events cost and what failing ones do."""
    counts, weight = few_counts()
    limit = estimate_limit(counts, 20, weight, FIXED, replicas=2)
    p, mass, shifts = limit.probability, limit.mass, np.zeros(2)
    for passed in (0, 1):
        likely = binom.pmf(passed, 20, p) * mass
        likely /= likely.sum()
        share = weight[counts.sum(axis=1) == passed].sum() / weight.sum()
        first, second, root = likely @ p, likely @ p**2, likely @ np.sqrt(p)
        shifts += share * (np.array([np.sqrt(first), first**1.5 / np.sqrt(second)]) - root)
    passing, failing, ends = mass * p, mass * (1 - p), []
    scale = np.geomspace(0.3, 30, 200)
    keep = np.clip(scale[:, None] * np.sqrt(p), 1e-12, 1)
    for shift in (*shifts, 0.0):
        inverse = (passing / keep).sum(axis=1) + shift / scale
        kept = 0.1 * (keep @ passing) / passing.sum() + 0.9 * (keep @ failing + shift * scale) / failing.sum()
        ends.append(np.max(1.01 / (inverse / passing.sum() * (0.01 + 0.02 + kept))))
    assert (*limit.importance_bracket, limit.importance_speedup.value) == pytest.approx(ends)
    assert p == pytest.approx(np.sin(np.linspace(0, np.pi / 2, 201)) ** 2)


def test_further_trials_of_all_events_are_as_good_as_more_trials_at_once():
    first, weight = few_counts()
    second = few_counts()[0].sum(axis=1)
    together = np.stack([first.sum(axis=1), second], axis=1)
    one = estimate_limit(first, 20, weight, FIXED, further=Further(second, 20), replicas=2)
    two = estimate_limit(together, 40, weight, FIXED, replicas=2)
    np.testing.assert_allclose(one.mass, two.mass, rtol=1e-9, atol=1e-15)
    assert one.importance_bracket == pytest.approx(two.importance_bracket)
    for name in ("auc", "max_speedup", "importance_speedup"):
        assert getattr(one, name).value == pytest.approx(getattr(two, name).value), name
    assert (one.further_events, one.further_trials) == (300, 20)


def test_where_strata_leave_nothing_to_chance_only_the_bracket_makes_an_error():
    """Forty equal events in each stratum, which keeps its weight in every replica."""
    counts, weight = without_fluctuation(np.array([0.0005, 0.004, 0.5]), np.array([0.5, 0.4, 0.1]), 20)
    counts, weight = np.repeat(counts, 40, axis=0), np.repeat(weight, 40)
    limit = estimate_limit(counts, 20, weight, COSTS, strata=counts @ [11, 1], replicas=3)
    for name in ("auc", "max_speedup", "auc_halves", "max_speedup_halves", "importance_halves", "retention"):
        assert getattr(limit, name).se < 1e-9, name
    low, high = limit.importance_bracket
    value = limit.importance_speedup.value
    truths = np.linspace(low, high, 2001)
    assert low <= value <= high
    assert limit.importance_speedup.se == pytest.approx(np.sqrt(np.mean((truths - value) ** 2)), rel=1e-3)
    free = estimate_limit(counts, 20, weight, COSTS, replicas=3)
    assert free.importance_bracket == limit.importance_bracket
    assert free.retention.se > 1e-3 * free.retention.value


def test_events_that_hardly_ever_pass_reach_the_end_of_the_bracket_that_their_spread_makes():
    """All alike they pass least often for their √p, which costs most; all or never, most often."""
    for few, end in ((np.array([0.002, 0.002]), 0), (np.array([0.0, 0.004]), 1)):
        probabilities, shares = np.append(few, 0.5), np.array([0.45, 0.45, 0.1])
        counts, weight = without_fluctuation(probabilities, shares, 100)
        limit = estimate_limit(counts, 100, weight, COSTS, replicas=2)
        truth = best_importance(probabilities, shares)
        low, high = limit.importance_bracket
        assert high > 1.1 * low
        assert (low, high)[end] == pytest.approx(truth, rel=0.01)
        assert limit.retention.value == pytest.approx(probabilities @ shares)
        assert limit.passes_again.value == pytest.approx(probabilities**2 @ shares / (probabilities @ shares))


def test_weights_and_strata_that_do_not_fit_are_refused():
    counts, weight = few_counts()
    for wrong in (weight[:-1], -weight, 0 * weight):
        with pytest.raises(InputError, match="positive numbers"):
            estimate_limit(counts, 20, wrong, COSTS)
    with pytest.raises(InputError, match=r"strata of shape \(299,\)"):
        estimate_limit(counts, 20, weight, COSTS, strata=np.zeros(299))
    for further in (Further(np.full(300, 5), 4), Further(np.full(300, -2), 4), Further(np.full(300, -1), -1)):
        with pytest.raises(InputError, match="further trials"):
            estimate_limit(counts, 20, weight, COSTS, further=further)


@pytest.mark.parametrize(("a", "b"), [(0.15, 3.0), (0.5, 4.0), (2.0, 5.0)])
@pytest.mark.parametrize("trials", [40, 120])
def test_the_limit_of_a_beta_distribution_is_found_within_its_errors(a, b, trials):
    random = np.random.default_rng(1)
    auc, best, importance = exact(a, b)
    found = [
        estimate_limit(counted(random, a, b, 3000, trials)[1], trials, None, COSTS, replicas=30)
        for _ in range(12)
    ]
    for name, truth in (("auc", auc), ("max_speedup", best)):
        values = np.array([getattr(limit, name).value for limit in found])
        errors = np.array([getattr(limit, name).se for limit in found])
        pulls = (values - truth) / errors
        # no bias beyond a fraction of the error of one estimate, and errors of the right size
        assert abs(pulls.mean()) < 1.0, (name, values.mean(), truth)
        assert np.sqrt(np.mean(pulls**2)) < 1.8, (name, pulls)
    # the smallest p count here, and few trials do not resolve them
    assert np.mean([limit.importance_speedup.value for limit in found]) == pytest.approx(importance, rel=0.05)
    halves = np.mean([limit.auc_halves.value for limit in found])
    assert halves < auc


def test_halves_of_the_trials_come_closer_as_one_over_the_trials():
    random = np.random.default_rng(2)
    auc = exact(0.15, 3.0)[0]
    missing = []
    for trials in (30, 120):
        counts = counted(random, 0.15, 3.0, 30_000, trials)[1]
        missing.append(auc - estimate_limit(counts, trials, None, COSTS, replicas=2).auc_halves.value)
    assert missing[0] > missing[1] > 0
    assert missing[0] / missing[1] == pytest.approx(4, rel=0.35)


def test_the_limit_is_what_the_true_probabilities_reach_as_scores():
    random = np.random.default_rng(3)
    p, counts = counted(random, 0.15, 3.0, 40_000, 100)
    labels = random.random(len(p)) < p
    limit = estimate_limit(counts, 100, None, COSTS, replicas=30)
    quality = classify(labels, p)
    assert abs(limit.auc.value - quality.auc.value) < 3 * np.hypot(limit.auc.se, quality.auc.se)
    assert limit.passes_again.value == pytest.approx(np.mean(p**2) / np.mean(p), rel=0.03)
    assert limit.retention.value == pytest.approx(p.mean(), rel=0.01)
    balanced = correct_prior(p, p.mean(), 0.5)
    costs = COSTS.resolve(time_network=0.0)
    sampled = importance_speedup(
        labels, choose_keep_rule(scored(labels, balanced), costs)(balanced), None, costs
    )
    assert limit.importance_speedup.value == pytest.approx(sampled.speedup.value, rel=0.05)


def test_weights_bring_the_population_back_from_a_balanced_sample():
    random = np.random.default_rng(4)
    p, counts = counted(random, 0.15, 3.0, 150_000, 60)
    labels = random.random(len(p)) < p
    chosen = labels | (random.random(len(p)) < 0.05)
    weights = np.where(labels, 1.0, 20.0)[chosen]
    limit = estimate_limit(counts[chosen], 60, weights, COSTS, replicas=40)
    auc, best, _ = exact(0.15, 3.0)
    assert abs(limit.auc.value - auc) < 3.5 * limit.auc.se
    assert abs(limit.max_speedup.value - best) < 3.5 * limit.max_speedup.se
    assert abs(limit.retention.value - 0.15 / 3.15) < 3.5 * limit.retention.se


def test_the_curves_run_from_nothing_to_everything_and_carry_the_quoted_numbers():
    counts = counted(np.random.default_rng(5), 0.5, 4.0, 2000, 40)[1]
    limit = estimate_limit(counts, 40, None, SpeedupConfig(), replicas=20)
    roc = limit.roc
    assert (roc.true_positive_rate[0], roc.false_positive_rate[0]) == (0, 0)
    assert roc.true_positive_rate[-1] == pytest.approx(1)
    assert np.trapezoid(roc.true_positive_rate, roc.false_positive_rate) == pytest.approx(limit.auc.value)
    assert limit.curve.speedup.max() == pytest.approx(limit.max_speedup.value)
    assert limit.curve.speedup[-1] == pytest.approx(1.0)
    best = int(np.argmax(limit.curve.speedup))
    assert limit.threshold == limit.curve.thresholds[best]
    curve = limit.curve
    assert np.array_equal(curve.thresholds, roc.thresholds)
    assert curve.thresholds[0] == np.inf
    assert curve.thresholds[1:] == pytest.approx(limit.probability[::-1])
    p = limit.probability
    for rate, chance in ((roc.true_positive_rate, p), (roc.false_positive_rate, 1 - p)):
        assert rate == pytest.approx(
            [np.average(p >= cut, weights=limit.mass * chance) for cut in roc.thresholds], abs=1e-12
        )
    assert np.array_equal(curve.true_positive_rate, roc.true_positive_rate)
    assert np.array_equal(curve.false_positive_rate, roc.false_positive_rate)
    r = SpeedupConfig().retention
    costs = SpeedupConfig().resolve(time_network=0.0)
    assert curve.speedup == pytest.approx(speedup(roc.true_positive_rate, roc.false_positive_rate, costs))
    kept = r * roc.true_positive_rate + (1 - r) * roc.false_positive_rate
    assert curve.kept == pytest.approx(kept)
    assert curve.speedup_se[-1] < 1e-9 < 1e-3 < curve.speedup_se[best]
    # a ratio of likelihoods p / (1 - p) that falls along the curve makes the curve concave
    slope = np.diff(roc.true_positive_rate) / np.maximum(np.diff(roc.false_positive_rate), 1e-300)
    filled = np.diff(roc.false_positive_rate) > 1e-9
    assert (np.diff(slope[filled]) <= 1e-6 * slope[filled][:-1]).all()
    assert limit.mass.sum() == pytest.approx(1)


def test_events_that_are_certain_leave_a_perfect_limit():
    counts = np.repeat([[20, 20], [0, 0]], [50, 950], axis=0)
    limit = estimate_limit(counts, 40, None, SpeedupConfig(), replicas=10)
    assert limit.auc.value == pytest.approx(1.0, abs=1e-3)
    assert limit.max_speedup.value == pytest.approx(101 / 6, rel=0.02)


def test_a_seed_repeats_itself():
    counts = counted(np.random.default_rng(6), 0.5, 4.0, 500, 20)[1]
    one, same, other = (estimate_limit(counts, 20, None, COSTS, seed=s, replicas=10) for s in (1, 1, 2))
    assert one.auc == same.auc
    assert one.auc.se != other.auc.se


@pytest.mark.parametrize(
    ("passes", "trials", "message"),
    [
        ([[1, 2]], 5, "even number"),
        ([[1, 2, 3]], 6, "integers"),
        ([[1.0, 2.0]], 6, "integers"),
        ([[1, 4]], 6, "0 to 3"),
        ([[0, 0], [0, 0]], 6, "all end alike"),
        ([[3, 3], [3, 3]], 6, "all end alike"),
        ([[0, 1]], 0, "even number"),
    ],
)
def test_counts_that_do_not_fit_are_refused(passes, trials, message):
    with pytest.raises(InputError, match=message):
        estimate_limit(np.array(passes), trials, None, COSTS)


def test_errors_of_a_stratified_sample_are_the_spread_of_such_samples():
    """Samples of fixed numbers of passing and failing events scatter less than the plain bootstrap says."""
    rng = np.random.default_rng(12)
    trials, wanted = 40, 400
    limits = []
    for seed in range(60):
        p = rng.beta(0.15, 3.6, 30_000)
        label = rng.random(len(p)) < p
        passing, failing = np.flatnonzero(label)[:wanted], np.flatnonzero(~label)[:wanted]
        chosen = np.concatenate([passing, failing])
        weight = np.where(label[chosen], 1.0, (1 - 0.04) / 0.04)
        passes = rng.binomial(trials // 2, p[chosen][:, None], (2 * wanted, 2))
        limits.append(
            estimate_limit(
                passes, trials, weight, COSTS, strata=label[chosen], seed=seed, replicas=40 if seed < 6 else 2
            )
        )
    for name in ("auc", "importance_speedup"):
        spread = np.std([getattr(limit, name).value for limit in limits], ddof=1)
        errors = np.array([getattr(limit, name).se for limit in limits[:6]])
        if (
            name == "importance_speedup"
        ):  # without what the counts leave open, which is the same in all samples
            width = np.array([np.ptp(limit.importance_bracket) for limit in limits[:6]])
            errors = np.sqrt(errors**2 - width**2 / 12)
        stated = np.mean(errors)
        assert stated == pytest.approx(spread, rel=0.35), name


# -- samples with as many events of either class as one likes ----------------------------------------


def test_the_retention_of_a_balanced_sample_is_that_of_its_population():
    random, pulls = np.random.default_rng(5), []
    for _ in range(40):
        p = random.beta(0.4, 3.0, 4000)
        label = random.random(4000) < p
        kept = label | (random.random(4000) < 0.15)
        passes = random.binomial(20, p[kept])
        found = retention_of_classes(label[kept], passes, 20)
        pulls.append((found.value - 0.4 / 3.4) / found.se)
    assert abs(np.mean(pulls)) < 0.5
    assert 0.7 < np.std(pulls) < 1.3


def test_weights_of_classes_bring_the_retention_back():
    label = np.array([True, True, True, False])
    weight = weights_of_classes(label, 0.1)
    assert weight.mean() == pytest.approx(1)
    assert np.average(label, weights=weight) == pytest.approx(0.1)


@pytest.mark.parametrize(("label", "passes"), [([True, True], [3, 2]), ([True, False], [4, 0])])
def test_labels_that_no_detector_draws_have_no_retention(label, passes):
    with pytest.raises(InputError, match="labels"):
        retention_of_classes(label, passes, 4)
