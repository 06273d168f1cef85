import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    chi2 = np.array([result.chi2 for result in results])
    assert results[0].ndof == 9
    assert chi2.mean() == pytest.approx(9, abs=0.7)
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
    pulls, chi2, ndof = [], 0.0, 0
    for _ in range(60):
        value = rng.normal(size=4000)
        weight = rng.choice([1.0, 3.0], size=4000)
        keep = np.clip(0.05 + 0.9 / (1 + np.exp(-2 * value)), 0, 1)
        kept = rng.random(4000) < keep
        result = measure_weighted_bias("x", value, kept, keep, weight)
        pulls.append(result.pulls)
        chi2, ndof = chi2 + result.chi2, ndof + result.ndof
    pulls = np.concatenate(pulls)
    assert abs(pulls.mean()) < 4 / np.sqrt(len(pulls))
    assert pulls.std() == pytest.approx(1, abs=4 / np.sqrt(2 * len(pulls)))
    assert chi2 == pytest.approx(ndof, abs=5 * np.sqrt(2 * ndof))


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
