import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, kstest

from hepsets.core.errors import InputError
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
    assert len(equally_filled_edges(np.full(50, 2.0))) == 3


def test_values_that_do_not_belong_to_the_scores_are_refused():
    with pytest.raises(InputError, match="values of shape"):
        measure_sculpting("Mbc", [5.27], [1, 0], [0.4, 0.3])
