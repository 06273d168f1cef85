import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, norm

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.bias import (
    bin_edges,
    measure_bias,
    measure_weighted_bias,
)

EDGES = np.linspace(-2, 2, 11)


def toys(random, efficiency, n=3000, weighted=False, repeats=400):
    results = []
    for _ in range(repeats):
        values = random.normal(size=n)
        kept = random.random(n) < efficiency(values)
        weights = random.choice([1.0, 4.0], n) if weighted else None
        results.append(measure_bias("x", values, kept, weights, edges=EDGES))
    return results


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("efficiency", [0.2, 0.8])
def test_a_filter_that_ignores_the_observable_shows_no_bias(efficiency, weighted):
    results = toys(np.random.default_rng(1), lambda x: efficiency, weighted=weighted)
    divergence = np.array([result.kl.value for result in results])
    claimed = np.array([result.kl.se for result in results])
    assert abs(divergence.mean()) < 4 * divergence.std() / np.sqrt(len(results))
    assert 0.9 < claimed.mean() / divergence.std() < 1.35
    pulls = np.array([result.pulls for result in results])
    assert pulls.std() == pytest.approx(1.0, abs=0.04)
    statistic = np.array([result.chi2 for result in results])
    assert results[0].ndof == 9
    assert statistic.mean() == pytest.approx(9, abs=0.7)
    assert np.mean([result.p_value < 0.1 for result in results]) == pytest.approx(0.1, abs=0.05)
    assert np.mean([result.max_pull_p < 0.1 for result in results]) == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_divergence_of_a_known_bias_is_unbiased_and_its_error_right(weighted):
    def efficiency(x):
        return 1 / (1 + np.exp(-0.7 * x))

    random = np.random.default_rng(2)
    values = random.normal(size=4_000_000)
    which = np.clip(np.digitize(values, EDGES) - 1, 0, 9)
    p = np.bincount(which) / len(values)
    q = np.bincount(which, efficiency(values))
    q /= q.sum()
    truth = np.sum(q * np.log(q / p))
    results = toys(random, efficiency, weighted=weighted)
    divergence = np.array([result.kl.value for result in results])
    assert divergence.mean() == pytest.approx(truth, abs=4 * divergence.std() / np.sqrt(len(results)))
    assert np.mean([result.kl.se for result in results]) == pytest.approx(divergence.std(), rel=0.12)


def test_the_errors_of_the_shares_know_that_the_kept_events_are_a_subset():
    results = toys(np.random.default_rng(3), lambda x: 0.3 + 0.4 * (x > 0), weighted=True)
    for name in ("all_share", "kept_share", "efficiency"):
        spread = np.std([getattr(result, name) for result in results], axis=0)
        claimed = np.mean([getattr(result, f"{name}_se") for result in results], axis=0)
        assert claimed == pytest.approx(spread, rel=0.2), name


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 100))
def test_shares_add_up_and_the_scale_of_weights_does_not_matter(seed, scale):
    random = np.random.default_rng(seed)
    values, kept = random.exponential(size=200), random.random(200) < 0.6
    weights = random.uniform(1, 3, 200)
    one = measure_bias("x", values, kept, weights)
    other = measure_bias("x", values, kept, scale * weights)
    assert one.all_share.sum() == pytest.approx(1)
    assert one.kept_share.sum() == pytest.approx(1)
    assert other.kl.value == pytest.approx(one.kl.value, abs=1e-12)
    assert other.pulls == pytest.approx(one.pulls)
    assert one.all_share @ one.efficiency == pytest.approx(weights @ kept / weights.sum())


def test_keeping_everything_is_no_bias_at_all():
    result = measure_bias("x", np.arange(100) % 7, np.ones(100, dtype=bool))
    assert result.kl.value == pytest.approx(0)
    assert result.chi2 == 0
    assert result.max_pull == 0


def test_a_constant_observable_cannot_be_biased():
    result = measure_bias("x", np.full(50, 3.0), np.arange(50) < 20)
    assert (result.kl.value, result.kl.se, result.ndof, result.p_value) == (0.0, 0.0, 0, 1.0)


def test_events_without_a_value_are_left_out():
    values = np.concatenate([np.arange(60) % 6, np.full(5, np.nan)])
    result = measure_bias("lepton momentum", values, np.arange(65) % 2 == 0, valid=np.isfinite(values))
    assert result.events == 60


def test_values_beyond_the_edges_fall_into_the_outer_bins():
    result = measure_bias("x", [-100.0, 0.2, 0.7, 100.0], [1, 1, 1, 0], edges=[0, 0.5, 1])
    assert result.all_share.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("values", "kept", "options", "message"),
    [
        ([1.0, 2.0], [1], {}, "shapes"),
        ([1.0, np.nan], [1, 0], {}, "not finite"),
        ([1.0, 2.0], [0, 0], {"edges": [0, 1.5, 3]}, "no kept events"),
        ([1.0, 2.0], [1, 0], {"edges": [0, 0, 3]}, "edges"),
        ([1.0, 2.0], [1, 0], {"edges": [0, 3]}, "edges"),
        ([1.0, 2.0], [1, 0], {"valid": [0, 0]}, "no event with a value"),
    ],
)
def test_what_cannot_be_compared_is_refused(values, kept, options, message):
    with pytest.raises(InputError, match=message):
        measure_bias("x", values, kept, **options)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), integers=st.booleans(), n=st.integers(2, 600))
def test_bins_rise_and_hold_enough_events(seed, integers, n):
    values = np.random.default_rng(seed).gamma(2.0, 3.0, n)
    values = np.round(values) if integers else values
    edges = bin_edges(values)
    assert (np.diff(edges) > 0).all()
    assert len(edges) >= 3
    counts = np.bincount(np.clip(np.digitize(values, edges) - 1, 0, len(edges) - 2))
    if n >= 200:
        assert counts.min() >= 20


def test_whole_numbers_get_a_bin_each():
    values = np.repeat(np.arange(4, 12), 50)
    assert bin_edges(values) == pytest.approx(np.arange(3.5, 12))


def test_weights_undo_what_importance_sampling_does_to_an_observable():
    """Pulls of unit width around zero, though events are kept by the very observable."""
    rng = np.random.default_rng(5)
    pulls, statistic, ndof = [], 0.0, 0
    for _ in range(60):
        value = rng.normal(size=4000)
        weight = rng.choice([1.0, 3.0], size=4000)
        keep = np.clip(0.05 + 0.9 / (1 + np.exp(-2 * value)), 0, 1)
        kept = rng.random(4000) < keep
        result = measure_weighted_bias("x", value, kept, keep, weight)
        pulls.append(result.pulls)
        statistic, ndof = statistic + result.chi2, ndof + result.ndof
    pulls = np.concatenate(pulls)
    assert abs(pulls.mean()) < 4 / np.sqrt(len(pulls))
    assert pulls.std() == pytest.approx(1, abs=4 / np.sqrt(2 * len(pulls)))
    assert statistic == pytest.approx(ndof, abs=5 * np.sqrt(2 * ndof))


def test_weights_of_other_probabilities_than_those_that_chose_are_found_out():
    rng = np.random.default_rng(6)
    value = rng.normal(size=20_000)
    keep = 0.1 + 0.8 / (1 + np.exp(-2 * value))
    kept = rng.random(20_000) < keep
    assert measure_weighted_bias("x", value, kept, keep).p_value > 1e-3
    assert measure_weighted_bias("x", value, kept, np.full(20_000, keep.mean())).p_value < 1e-6


def test_an_event_kept_for_sure_leaves_nothing_to_chance():
    value = np.arange(100.0)
    result = measure_weighted_bias("x", value, np.ones(100, bool), np.ones(100))
    assert not result.pulls.any()
    assert (result.ndof, result.p_value) == (0, 1.0)


@pytest.mark.parametrize("keep", [0.0, 1.5, np.nan])
def test_keep_probabilities_outside_their_range_are_refused(keep):
    with pytest.raises(InputError, match="keep probabilities"):
        measure_weighted_bias("x", np.arange(50.0), np.ones(50, bool), np.full(50, keep))


# -- by hand, event by event -------------------------------------------------------------------------

FOUR = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
"""Edges of bins of which the third is empty and the fourth holds no kept event."""


def few_events():
    """Values, whether kept, and weights of 46 events; some values lie beyond the edges, some on them."""
    random = np.random.default_rng(8)
    value = random.choice([-0.5, 0.0, 0.5, 1.0, 1.5, 3.5, 4.2, 7.0], 46)
    kept = (random.random(46) < np.where(value > 1.2, 0.6, 0.3)) & (value != 3.5)
    return value, kept, random.uniform(0.5, 4, 46)


@pytest.mark.parametrize("edges", [FOUR, np.array([0.0, 1.2, 5.0])])
def test_shares_errors_and_divergence_are_the_sums_over_what_each_event_adds(edges):
    value, kept, weight = few_events()
    result = measure_bias("x", value, kept, weight, edges=edges)
    inside = (value[:, None] >= edges[:-1]) & (value[:, None] < edges[1:])
    inside[:, 0] |= value < 0
    inside[:, -1] |= value >= 5
    ndof = np.sum(weight @ inside > 0) - 1
    N, K = weight.sum(), weight[kept].sum()
    p, q = weight @ inside / N, (weight * kept) @ inside / K
    assert result.all_share == pytest.approx(p)
    assert result.kept_share == pytest.approx(q)
    if len(edges) == len(FOUR):
        assert p[2] == q[3] == 0 < p[3]

    of_p, of_q = weight[:, None] * (inside - p) / N, (weight * kept)[:, None] * (inside - q) / K
    assert result.all_share_se == pytest.approx(np.linalg.norm(of_p, axis=0))
    assert result.kept_share_se == pytest.approx(np.linalg.norm(of_q, axis=0))

    some = q > 0
    log_ratio = np.log(q[some] / p[some])
    curvature = (
        np.sum(of_q[:, some] ** 2 / q[some])
        - 2 * np.sum(of_q[:, some] * of_p[:, some] / p[some])
        + np.sum(of_p[:, some] ** 2 * q[some] / p[some] ** 2)
    )
    assert result.kl.value == pytest.approx(q[some] @ log_ratio - curvature / 2)
    first = np.sum((of_q[:, some] @ (log_ratio + 1) - of_p[:, some] @ (q[some] / p[some])) ** 2)
    second = 2 * (curvature / 2) ** 2 / ndof
    assert result.kl.se == pytest.approx(np.sqrt(first - second))
    assert (result.events, result.kept_events, result.ndof) == (46, kept.sum(), ndof)
    assert (result.observable, result.edges.tolist()) == ("x", edges.tolist())


def test_weights_far_below_one_change_nothing():
    value, kept, weight = few_events()
    one, small = (measure_bias("x", value, kept, scale * weight, edges=FOUR) for scale in (1, 1e-4))
    assert (small.ndof, small.chi2, small.p_value) == pytest.approx((one.ndof, one.chi2, one.p_value))
    assert (small.kl.value, small.kl.se) == pytest.approx((one.kl.value, one.kl.se))
    for name in ("efficiency", "efficiency_se", "pulls", "all_share_se", "kept_share_se"):
        assert getattr(small, name) == pytest.approx(getattr(one, name)), name


@pytest.mark.parametrize("others", [False, True])
def test_pulls_and_chi2_are_those_of_a_filter_that_ignores_the_observable(others):
    """Of a filter and of one that keeps what it does not: the pulls of the second have the other sign."""
    value, kept, weight = few_events()
    kept = ~kept if others else kept
    result = measure_bias("x", value, kept, weight, edges=FOUR)
    p, q, epsilon = result.all_share, result.kept_share, weight[kept].sum() / weight.sum()
    which = np.clip(np.floor(value), 0, 4).astype(int)
    of_event = (np.eye(5)[which] - p) * weight[:, None]
    chance = np.average((kept - epsilon) ** 2, weights=weight**2)
    covariance = chance * of_event.T @ of_event / weight[kept].sum() ** 2
    filled = [0, 1, 3, 4]
    pulls = (q - p)[filled] / np.sqrt(np.diag(covariance))[filled]
    assert result.pulls[filled] == pytest.approx(pulls)
    assert result.pulls[2] == 0
    size = np.abs(pulls).max()
    assert result.max_pull == pytest.approx(-size if others else size)
    assert result.max_pull_p == pytest.approx(1 - (1 - 2 * norm.sf(size)) ** 4)
    # the shares add up to one, so any three of the four bins hold the whole test
    three = np.ix_(filled[:3], filled[:3])
    difference = (q - p)[filled[:3]]
    assert result.chi2 == pytest.approx(difference @ np.linalg.solve(covariance[three], difference))
    assert result.p_value == pytest.approx(chi2.sf(result.chi2, 3))


def test_the_efficiency_of_a_bin_keeps_an_error_where_all_or_nothing_is_kept():
    value = np.array([0.5, 0.5, 0.5, 0.5, 1.5, 1.5, 2.5, 3.5])
    kept = np.array([1, 1, 1, 0, 1, 0, 1, 0], dtype=bool)
    weight = np.array([2.0, 2.0, 2.0, 2.0, 3.0, 1.0, 5.0, 5.0])
    result = measure_bias("x", value, kept, weight, edges=FOUR)
    assert result.efficiency.tolist() == [0.75, 0.75, 1, 0, 0]
    # half an event more of each kind, of 4, of 16 / 10 and of one effective event
    safe, effective = np.array([3.5 / 5, 1.7 / 2.6, 1.5 / 2, 0.5 / 2]), np.array([4, 1.6, 1, 1])
    assert result.efficiency_se[:4] == pytest.approx(np.sqrt(safe * (1 - safe) / (effective + 1)))


def test_weighted_sums_of_each_bin_are_compared_with_the_chance_of_the_choice():
    value = np.array([-1.0, 0.2, 1.0, 1.5, 2.5, 9.0, 0.7])
    keep = np.array([0.5, 0.25, 0.5, 0.8, 1.0, 1.0, 0.1])
    weight = np.array([1.0, 2.0, 3.0, 1.0, 2.0, 4.0, 100.0])
    kept = np.array([1, 0, 1, 1, 1, 1, 1])
    valid = np.array([1, 1, 1, 1, 1, 1, 0])
    result = measure_weighted_bias("x", value, kept, keep, weight, valid=valid, edges=[0, 1, 2, 3])
    assert result.observable == "x"
    assert result.edges.tolist() == [0, 1, 2, 3]
    assert result.all_sum == pytest.approx([3, 4, 6])
    assert result.kept_sum == pytest.approx([2, 6 + 1.25, 6])
    assert result.kept_se == pytest.approx(np.sqrt([1 + 4 * 3, 9 + 0.25, 0]))
    pulls = [-1 / np.sqrt(13), 3.25 / np.sqrt(9.25), 0]
    assert result.pulls == pytest.approx(pulls)
    assert (result.chi2, result.ndof) == (pytest.approx(1 / 13 + 3.25**2 / 9.25), 2)
    assert result.p_value == pytest.approx(np.exp(-result.chi2 / 2))
    whole = measure_weighted_bias("x", value[:6], kept[:6], keep[:6])
    assert whole.edges == pytest.approx(bin_edges(value[:6]))
    assert whole.all_sum.sum() == 6


def test_small_errors_are_errors_and_a_bin_of_one_number_is_one_degree_of_freedom():
    result = measure_weighted_bias("x", [0.5, 1.5], [1, 1], [1.0, 0.5], [1e-3, 1e-3], edges=[0, 1, 2, 3])
    assert result.all_sum == pytest.approx([1e-3, 1e-3, 0])
    assert (result.ndof, result.pulls[1]) == (1, pytest.approx(1))
    assert result.p_value == pytest.approx(2 * norm.sf(1))


def test_events_without_a_value_take_their_weight_and_fate_along():
    value, kept, weight = few_events()
    valid = value != 1.5
    with_all = measure_bias("x", np.where(valid, value, np.nan), kept, weight, valid=valid, edges=FOUR)
    alone = measure_bias("x", value[valid], kept[valid], weight[valid], edges=FOUR)
    assert with_all.kl == alone.kl
    assert (with_all.events, with_all.kept_events) == (valid.sum(), kept[valid].sum())
    assert np.array_equal(with_all.efficiency, alone.efficiency)


@pytest.mark.parametrize(
    ("values", "options", "edges"),
    [
        (np.linspace(0, 1, 2001), {}, np.linspace(0.005, 0.995, 21)),
        (np.linspace(0, 1, 2001), {"bins": 4}, np.linspace(0.005, 0.995, 5)),
        (np.repeat(np.arange(5) + 0.5, [100, 10, 10, 10, 100]), {"bins": 4}, [0.5, 1.5, 4.5]),
        (
            np.repeat(np.arange(5) + 0.5, [100, 10, 10, 10, 100]),
            {"bins": 4, "least": 20},
            [0.5, 1.5, 3.5, 4.5],
        ),
        (np.repeat(np.arange(5) + 0.5, [100, 25, 10, 10, 100]), {"bins": 4}, [0.5, 1.5, 2.5, 4.5]),
        (np.repeat(np.arange(5) + 0.5, [24, 100, 10, 10, 100]), {"bins": 4}, [0.5, 2.5, 4.5]),
        (np.repeat(np.arange(5) + 0.5, [100, 24, 100, 10, 100]), {"bins": 4}, [0.5, 1.5, 3.5, 4.5]),
        (np.repeat(np.arange(3) + 0.5, [100, 5, 5]), {"bins": 4}, [0.5, 1, 1.5, 2, 2.5]),  # one full bin
        # what lies beyond the central 99 % is counted in the outer bins
        (
            np.repeat([-10.3, 0.5, 1.7, 2.9, 4.3, 15.2], [40, 20, 4940, 4940, 20, 40]),
            {"bins": 4},
            [0.5, 1.45, 2.4, 3.35, 4.3],
        ),
        (np.repeat(np.arange(4) + 0.5, [100, 100, 100, 10]), {"bins": 6}, [0.5, 1, 2, 3.5]),
        (np.arange(11) + 0.5, {"bins": 2}, [0.55, 5.5, 10.45]),  # too few for two bins of 25
        (np.repeat(np.arange(100.0), 10), {}, np.arange(-0.5, 100, 5)),
        (np.repeat(np.arange(41.0), 30), {}, np.append(np.arange(-0.5, 39, 3), 41.5)),
        (np.full(30, 7.0), {}, [6, 6.5, 7.5]),
    ],
)
def test_edges_are_even_steps_with_sparse_bins_joined(values, options, edges):
    assert bin_edges(values, **options) == pytest.approx(edges, rel=1e-3)
