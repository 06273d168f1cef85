"""Suppression of the background to B → K*μμ: trees that separate, a cut where the yields want it."""

import numpy as np
import pytest

from hepsets.analyses.delta_c9.suppression import (
    SUPPRESSION_VARIABLES,
    SuppressionConfig,
    figure_of_merit,
    fit_suppression,
)
from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig

QUICK = SuppressionConfig(
    members=2, trees=BoostedTreesConfig(trees=40, depth=3, learning_rate=0.2, threads=1)
)


def candidates(n, seed, shift):
    """Normal numbers; only the first variable is shifted."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.normal(size=n) for name in SUPPRESSION_VARIABLES}
    columns["vertex_chi2"] += shift
    return EventFrame(columns | {"q_squared": rng.uniform(0, 19, n)})


def suppress(shift, background=1000.0, signal=1000.0):
    return trained(shift, background, signal).found


def trained(shift, background=1000.0, signal=1000.0):
    return fit_suppression(
        candidates(6000, 1, -shift / 2),
        candidates(6000, 2, shift / 2),
        expected_signal=signal,
        expected_background=background,
        config=QUICK,
    )


@pytest.fixture(scope="module")
def apart():
    return suppress(3.0)


def test_the_best_cut_between_two_normal_distributions_is_found(apart):
    """Trees on one shifted normal variable do as well as the best cut on it."""
    from scipy.stats import norm

    cuts = np.linspace(-4, 4, 2000)
    best = figure_of_merit(1000 * norm.cdf(cuts + 1.5), 1000 * norm.cdf(cuts - 1.5)).max()
    assert apart.fom == pytest.approx(best, rel=0.02)
    assert apart.fom > 1.2 * apart.fom_before
    assert apart.fom_before == pytest.approx(1000 / np.sqrt(2000))


def test_the_numbers_belong_together(apart):
    assert apart.b_over_s_before == 1
    kept = (apart.signal_scores > apart.cut).mean(), (apart.background_scores > apart.cut).mean()
    assert (apart.signal_efficiency.value, apart.background_efficiency.value) == pytest.approx(kept)
    assert apart.b_over_s_after.value == pytest.approx(kept[1] / kept[0])
    assert apart.b_over_s_after.se > 0
    assert apart.cuts[apart.fom_curve.argmax()] == apart.cut
    assert apart.fom_curve.max() == pytest.approx(apart.fom, rel=0.05)


def test_more_expected_background_asks_for_a_stricter_cut(apart):
    strict = suppress(3.0, background=50_000.0)
    assert strict.signal_efficiency.value < apart.signal_efficiency.value - 0.02
    assert strict.background_efficiency.value < apart.background_efficiency.value


def test_only_the_ratio_of_the_yields_moves_the_cut(apart):
    assert suppress(3.0, background=10.0, signal=10.0).cut == apart.cut


def test_sample_sizes_do_not_move_the_cut_as_yields_do(apart):
    """The mistake of a figure of merit on sample counts would show here."""
    unequal = fit_suppression(
        candidates(6000, 1, -1.5),
        candidates(24_000, 2, 1.5),
        expected_signal=1000,
        expected_background=1000,
        config=QUICK,
    ).found
    assert unequal.signal_efficiency.value == pytest.approx(apart.signal_efficiency.value, abs=0.04)


def test_alike_candidates_are_not_told_apart():
    found = suppress(0.0)
    assert found.fom == pytest.approx(found.fom_before, rel=0.03)
    assert found.b_over_s_after.value == pytest.approx(1, abs=0.1)


def test_quoted_candidates_were_neither_trained_on_nor_cut_by():
    trees = trained(3.0)
    apart = trees.found
    assert len(apart.signal_scores) == len(apart.background_scores) == 1500
    again = candidates(3000, 7, -1.5)
    assert abs(trees.keeps(again).mean() - apart.signal_efficiency.value) < 0.04


def test_the_decay_itself_is_not_looked_at():
    assert not {"q_squared", "costheta_mu", "costheta_K", "chi", "mbc"} & set(SUPPRESSION_VARIABLES)
    gains = trained(3.0).ensemble.gains()
    assert set(gains) == set(SUPPRESSION_VARIABLES)
    assert gains["vertex_chi2"] > 0.9


def test_the_same_seed_gives_the_same_suppression(apart):
    again = suppress(3.0)
    assert again.cut == apart.cut
    np.testing.assert_array_equal(again.signal_scores, apart.signal_scores)


def test_yields_and_candidates_are_checked():
    few, enough = candidates(10, 1, 0), candidates(1000, 1, 0)
    with pytest.raises(InputError, match="10 signal"):
        fit_suppression(few, enough, expected_signal=1, expected_background=1)
    with pytest.raises(InputError, match="yields"):
        fit_suppression(enough, enough, expected_signal=0, expected_background=1)
