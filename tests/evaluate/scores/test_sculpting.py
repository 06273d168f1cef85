import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, kstest

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.bias import measure_bias
from hepsets.evaluate.scores.sculpting import equally_filled_edges, measure_sculpting


def argus(random, n):
    """Beam-constrained masses of background: the phase space falls off to the beam energy [GeV]."""
    mass = random.uniform(5.24, 5.29, 4 * n)
    return mass[random.random(4 * n) < np.sqrt(1 - (mass / 5.29) ** 2) / 0.15][:n]


def toy(random, sculpting=0.0, weighted=False, n=3000):
    """Scores of background that look ``sculpting`` more like signal at the peak than in the sideband."""
    labels = np.arange(n) % 3 == 0
    mbc = np.where(labels, random.normal(5.2795, 0.0027, n), argus(random, n))
    weights = random.choice([1.0, 6.0], n) if weighted else np.ones(n)
    # the classifier likes heavy events better, as it may prefer one flavour of quark
    logits = 2 * labels + sculpting * (mbc > 5.27) + 0.8 * (weights > 1) + random.normal(size=n)
    return mbc, labels, 1 / (1 + np.exp(-logits)), weights


@pytest.mark.parametrize("weighted", [False, True])
def test_p_values_are_uniform_for_scores_that_ignore_the_observable(weighted):
    random = np.random.default_rng(1)
    p_values = [measure_sculpting("Mbc", *toy(random, 0.0, weighted)).p_value for _ in range(250)]
    assert kstest(p_values, "uniform").pvalue > 0.01
    assert np.mean(np.array(p_values) < 0.1) == pytest.approx(0.1, abs=0.06)


@pytest.mark.parametrize("weighted", [False, True])
def test_planted_sculpting_is_found(weighted):
    random = np.random.default_rng(2)
    results = [measure_sculpting("Mbc", *toy(random, 0.5, weighted)) for _ in range(20)]
    assert np.median([result.p_value for result in results]) < 0.01
    peak = np.mean([result.efficiency[-1] - result.efficiency[0] for result in results])
    assert peak > 0.05


def test_the_test_is_pearsons_of_kept_and_rejected_events():
    mbc, labels, scores, _ = toy(np.random.default_rng(3), 0.3)
    result = measure_sculpting("Mbc", mbc, labels, scores)
    kept = scores >= np.quantile(scores[labels], 0.1, method="higher")
    table = [np.histogram(mbc[~labels & side], result.edges)[0] for side in (kept, ~kept)]
    expected = chi2_contingency(table, correction=False)
    assert result.chi2 == pytest.approx(expected.statistic)
    assert result.ndof == expected.dof
    assert result.p_value == pytest.approx(expected.pvalue)


def test_only_background_is_compared():
    mbc, labels, scores, weights = toy(np.random.default_rng(4), weighted=True)
    result = measure_sculpting("Mbc", mbc, labels, scores, weights)
    assert result.events == (~labels).sum()
    moved = measure_sculpting("Mbc", np.where(labels, 0.0, mbc), labels, scores, weights)
    assert moved.p_value == result.p_value


def test_given_edges_are_used():
    mbc, labels, scores, _ = toy(np.random.default_rng(5))
    result = measure_sculpting("Mbc", mbc, labels, scores, edges=[5.24, 5.26, 5.27, 5.29])
    assert result.ndof == 2


def test_a_cut_that_keeps_all_background_sculpts_nothing():
    mbc, labels, _, _ = toy(np.random.default_rng(6))
    result = measure_sculpting("Mbc", mbc, labels, np.full(len(mbc), 0.5))
    assert (result.chi2, result.kept_events) == (0.0, (~labels).sum())


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bins=st.integers(2, 12))
def test_bins_hold_equal_weights(seed, bins):
    random = np.random.default_rng(seed)
    values, weights = random.exponential(size=2000), random.uniform(0.5, 2, 2000)
    edges = equally_filled_edges(values, weights, bins=bins)
    held, _ = np.histogram(values, edges, weights=weights)
    assert len(held) == bins
    assert held.sum() == pytest.approx(weights.sum())
    assert held / held.mean() == pytest.approx(1, abs=0.05)


def test_values_that_coincide_share_a_bin():
    assert len(equally_filled_edges(np.repeat([1.0, 2.0, 3.0], 50))) == 3
    assert equally_filled_edges(np.full(50, 2.0)).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ([1, 1, 1, 2], [1, 1.5, 2]),
        ([1, 2, 2, 2], [1, 1.5, 2]),
        ([0, 0, 0, 2, 6], [0, 1, 6]),
        ([0, 4, 6, 6, 6, 6], [0, 5, 6]),
    ],
)
def test_a_value_that_outweighs_all_others_has_a_bin_of_its_own(values, edges):
    assert equally_filled_edges(values, bins=2).tolist() == edges


def test_a_classifier_that_prefers_one_of_two_charges_sculpts_them():
    labels = np.repeat([1, 0, 0], 100)
    charge = np.tile([1.0, 1.0, 1.0, -1.0], 75)
    result = measure_sculpting("charge", charge, labels, np.where((labels == 1) | (charge < 0), 0.9, 0.1))
    assert result.efficiency.tolist() == [1, 0]
    assert result.p_value < 1e-10


def test_edges_know_the_weights():
    assert equally_filled_edges([1, 2, 3, 4], [1, 1, 1, 3], bins=2).tolist() == [1, 3, 4]


def test_a_hundred_events_fill_ten_bins():
    assert equally_filled_edges(np.arange(100.0)).tolist() == [0, *range(9, 99, 10), 99]


def test_the_cut_is_that_of_the_weighted_signal_and_the_shares_those_of_weighted_background():
    """Signal of 0.8 outweighs the rest: nine tenths are kept with background of 0.85 and 0.9."""
    values, weights = np.r_[np.zeros(4), 1, 2, 3, 1, 2, 3], np.r_[1, 1, 1, 97, 1, 2, 1, 3, 1, 1]
    labels = np.repeat([1, 0], [4, 6])
    scores = np.array([0.2, 0.4, 0.6, 0.8, 0.1, 0.3, 0.5, 0.7, 0.85, 0.9])
    kept = np.repeat([False, True], [4, 2])
    found = measure_sculpting("Mbc", values, labels, scores, weights, edges=[0.5, 1.5, 2.5, 3.5])
    expected = measure_bias("Mbc", values[4:], kept, weights[4:], edges=[0.5, 1.5, 2.5, 3.5])
    assert found.observable == "Mbc"
    assert (found.chi2, found.p_value) == (expected.chi2, expected.p_value)
    assert found.efficiency.tolist() == pytest.approx([0, 1 / 3, 1 / 2])
    scores[3] = 0.2
    found = measure_sculpting("Mbc", values, labels, scores, weights, signal_efficiency=0.01, edges=[0, 2, 4])
    assert found.kept_events == 3


@pytest.mark.parametrize(
    ("kept", "of", "weight", "bins"),
    [(100, 400, 1, 4), (150, 400, 1, 6), (300, 400, 1, 4), (100, 400, 3, 3), (700, 1400, 1, 12),
     (10, 400, 1, 2), (400, 400, 1, 2)],
)  # fmt: skip
def test_each_bin_has_25_effective_events_of_the_fewer(kept, of, weight, bins):
    """Of kept or rejected ones; every other background event has the weight."""
    labels = np.repeat([1, 0], [10, of])
    scores = np.repeat([0.5, 0.9, 0.1], [10, kept, of - kept])
    values, weights = np.random.default_rng(7).random(10 + of), np.tile([1.0, weight], 5 + of // 2)
    result = measure_sculpting("Mbc", values, labels, scores, weights)
    assert result.edges.tolist() == equally_filled_edges(values[10:], weights[10:], bins=bins).tolist()
    assert len(result.edges) == bins + 1


def test_values_that_do_not_belong_to_the_scores_are_refused():
    with pytest.raises(InputError, match="values of shape"):
        measure_sculpting("Mbc", [5.27], [1, 0], [0.4, 0.3])


def test_a_subtracted_sideband_leaves_p_values_uniform():
    random = np.random.default_rng(6)
    found = []
    for _ in range(150):
        mbc, labels, scores, weights = toy(random)
        other = random.uniform(5.24, 5.29, (2, 600))
        values = np.concatenate([mbc, *other])
        weights = np.concatenate([weights, np.ones(600), -np.ones(600)])
        scores = np.concatenate([scores, random.uniform(0, 1, 1200)])
        labels = np.concatenate([labels, np.zeros(1200, dtype=bool)])
        found.append(measure_sculpting("Mbc", values, labels, scores, weights).p_value)
    assert kstest(found, "uniform").pvalue > 0.01
