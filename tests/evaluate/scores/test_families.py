import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.classification import auc_difference, classify
from hepsets.evaluate.scores.families import family_auc, family_auc_difference, family_share, family_sums
from hepsets.evaluate.scores.sample import mean


def scores(n: int, seed: int):
    random = np.random.default_rng(seed)
    labels = random.random(n) < 0.4
    return labels, random.beta(np.where(labels, 3, 2), 2.5), random.random(n) + 0.5


def test_values_add_up_within_families() -> None:
    sums = family_sums(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), [8, 2, 8])
    np.testing.assert_array_equal(sums, [[3, 4], [6, 8]])


def test_families_of_one_have_the_errors_of_independent_events() -> None:
    labels, score, weights = scores(2000, 1)
    alone = np.arange(2000)
    expected = classify(labels, score, weights).auc
    found = family_auc(labels, score, alone, weights)
    assert found.value == pytest.approx(expected.value, abs=1e-12)
    assert found.se == pytest.approx(expected.se, rel=1e-3)
    share = family_share(score > 0.5, alone, weights)
    plain = mean((score > 0.5).astype(float), weights)
    assert share.value == pytest.approx(plain.value, abs=1e-12)
    assert share.se == pytest.approx(plain.se, rel=1e-3)


def test_copies_tell_nothing_new() -> None:
    """Four copies of each candidate are one family: the error stays, where counting all would halve it."""
    labels, score, weights = scores(500, 2)
    groups = np.repeat(np.arange(500), 4)
    copies = [np.repeat(column, 4) for column in (labels, score, weights)]
    one = family_auc(labels, score, np.arange(500), weights)
    found = family_auc(copies[0], copies[1], groups, copies[2])
    assert (found.value, found.se) == pytest.approx((one.value, one.se), rel=1e-9)
    assert family_auc(copies[0], copies[1], np.arange(2000), copies[2]).se == pytest.approx(
        one.se / 2, rel=0.01
    )
    share = family_share(score > 0.5, np.arange(500), weights)
    again = family_share(copies[1] > 0.5, groups, copies[2])
    assert (again.value, again.se) == pytest.approx((share.value, share.se), rel=1e-9)


def test_two_models_are_compared_on_the_same_candidates() -> None:
    labels, score, weights = scores(1000, 3)
    worse = np.clip(score + np.random.default_rng(4).normal(0, 0.1, 1000), 0, 1)
    expected = auc_difference(labels, score, worse, weights)
    found = family_auc_difference(labels, score, worse, np.arange(1000), weights)
    assert (found.value, found.se) == pytest.approx((expected.value, expected.se), rel=1e-3)
    assert found.se < 0.6 * family_auc(labels, score, np.arange(1000), weights).se
    twice = [np.repeat(column, 2) for column in (labels, score, worse, np.arange(1000), weights)]
    assert family_auc_difference(*twice).se == pytest.approx(found.se, rel=1e-9)


def test_errors_are_the_spread_over_samples_of_families() -> None:
    """Relatives share most of what they are: 8 in a family count like few more than one."""
    areas, shares, errors = [], [], []
    for seed in range(200):
        random = np.random.default_rng([5, seed])
        groups = np.repeat(np.arange(60), 8)
        score = random.normal(size=60)[groups] + 0.5 * random.normal(size=480)
        labels = (random.random(60) < 0.5)[groups]
        area, share = family_auc(labels, score, groups), family_share(score > 1, groups)
        areas.append(area.value)
        shares.append(share.value)
        errors.append((area.se, share.se))
    spread = np.std([areas, shares], axis=1)
    np.testing.assert_allclose(np.mean(errors, axis=0), spread, rtol=0.15)


def test_subtracted_background_leaves_the_area_of_the_signal() -> None:
    """Data of signal and background, minus a sideband: weights of -1 take away what is not signal."""
    random = np.random.default_rng(6)
    n = 20_000
    simulated, signal = random.normal(0, 1, n), random.normal(0.5, 1, n)
    below, sideband = random.normal(3, 1, n), random.normal(3, 1, n)
    score = np.concatenate([simulated, signal, below, sideband])
    weights = np.concatenate([np.ones(3 * n), np.full(n, -1.0)])
    found = family_auc(np.arange(4 * n) >= n, score, np.arange(4 * n), weights)
    assert found.value == pytest.approx(0.6382, abs=3 * found.se)  # Φ(0.5 / √2)
    assert 0.002 < found.se < 0.02


def test_a_share_of_none_or_all_has_an_error_too() -> None:
    for chosen in (np.zeros(50), np.ones(50)):
        assert family_share(chosen, np.arange(50) // 5).se == pytest.approx(0.05)  # half a family of ten


def test_a_share_among_candidates_that_agree_little_is_no_coarser_than_its_spread() -> None:
    """Ten families of a thousand that fluctuate like single candidates know a share of 1 % well."""
    chosen = np.random.default_rng(1).random(10_000) < 0.01
    assert family_share(chosen, np.arange(10_000) // 1000).se == pytest.approx(0.001, rel=0.5)


@pytest.mark.parametrize(
    ("labels", "groups", "weights", "says"),
    [
        ([1, 0, 1], [1, 2], None, "shapes"),
        ([1, 0, 1], [1, 1, 1], None, "one family"),
        ([1, 0, 1], [1, 2, 3], [1, np.nan, 1], "add to nan"),
        ([1, 0, 1], [1, 2, 3], [1, -3, 1], "add to -1"),
        ([1, 1, 1], [1, 2, 3], None, "both classes"),
        ([1, 0, 1], [1, 2, 3], [3, -1, 1], "both classes"),
    ],
)
def test_what_cannot_be_judged_is_refused(labels, groups, weights, says) -> None:
    with pytest.raises(InputError, match=says):
        family_auc(labels, np.arange(3.0), groups, weights)
