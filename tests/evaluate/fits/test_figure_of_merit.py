"""Figures of merit: their values, errors and best cuts, from expected yields alone."""

import numpy as np
import pytest
from scipy.stats import norm

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.figure_of_merit import (
    CutSample,
    punzi,
    s_over_sqrt_b,
    scan_cuts,
    significance,
)

RNG = np.random.default_rng(1)
SIGNAL, BACKGROUND = RNG.normal(1.5, 1, 8000), RNG.normal(0, 1, 8000)
S, B = Measured(1000, 30), Measured(10_000, 100)
OF_SIGNAL, OF_BACKGROUND = CutSample(S, SIGNAL), CutSample(B, BACKGROUND)


@pytest.mark.parametrize("figure", [significance, punzi, s_over_sqrt_b])
def test_errors_are_those_that_small_changes_have(figure):
    first, b = (
        Measured(0.5 if figure is punzi else 400.0, 0.02 if figure is punzi else 25.0),
        Measured(900.0, 40.0),
    )
    rng = np.random.default_rng(2)
    drawn = [
        figure(Measured(x, 0), Measured(y, 0)).value
        for x, y in zip(rng.normal(first.value, first.se, 3000), rng.normal(900, 40, 3000), strict=True)
    ]
    assert figure(first, b).se == pytest.approx(np.std(drawn), rel=0.06)


def test_without_background_the_significance_is_the_root_of_the_signal():
    assert significance(Measured(100, 10), Measured(0, 0)).value == pytest.approx(10)
    assert significance(Measured(100, 10), Measured(0, 0)).se == pytest.approx(0.5)
    assert significance(Measured(0, 0), Measured(0, 0)) == Measured(0, 0)


def test_punzi_without_background_is_the_efficiency_over_half_the_aim():
    assert punzi(Measured(0.5, 0), Measured(0, 0)).value == pytest.approx(0.2)


def test_the_best_cut_is_where_gaussian_scores_have_it():
    scan = scan_cuts(OF_SIGNAL, [OF_BACKGROUND])
    cuts = np.linspace(-1, 3, 4001)
    s, b = 1000 * norm.sf(cuts - 1.5), 10_000 * norm.sf(cuts)
    exact = s / np.sqrt(s + b)
    assert scan.best_merit.value == pytest.approx(exact.max(), rel=0.02)
    low, high = scan.plateau
    assert low <= cuts[np.argmax(exact)] <= high
    assert low <= scan.threshold <= high


def test_the_best_cut_depends_on_expected_yields_and_not_on_sizes_of_samples():
    whole = scan_cuts(OF_SIGNAL, [OF_BACKGROUND])
    fewer = scan_cuts(OF_SIGNAL, [CutSample(B, BACKGROUND[:2000])])
    assert fewer.best_merit.value == pytest.approx(whole.best_merit.value, rel=0.03)
    rare = scan_cuts(CutSample(Measured(10, 1), SIGNAL), [OF_BACKGROUND])
    assert rare.threshold > whole.threshold


def test_cuts_that_leave_no_background_in_the_sample_are_not_tried():
    scan = scan_cuts(OF_SIGNAL, [OF_BACKGROUND], figure="s_over_sqrt_b", fewest_background=50)
    assert (scan.background >= B.value * 50 / len(BACKGROUND) - 1e-9).all()


def test_weights_of_the_signal_count():
    weights = np.where(SIGNAL > 1.5, 2.0, 0.0)
    scan = scan_cuts(CutSample(S, SIGNAL, weights=weights), [OF_BACKGROUND], thresholds=np.array([1.5]))
    assert scan.efficiency[0] == 1


def test_what_vetoes_discard_is_kept_by_no_cut_and_stays_in_the_denominator():
    """Half of the signal and nine tenths of the background vetoed: the figure is that of what is left."""
    rng = np.random.default_rng(3)
    vetoed = (
        CutSample(S, SIGNAL, rng.uniform(size=len(SIGNAL)) < 0.5),
        [CutSample(B, BACKGROUND, rng.uniform(size=len(BACKGROUND)) < 0.1)],
    )
    scan = scan_cuts(*vetoed)
    cuts = np.linspace(-1, 3, 4001)
    s, b = 500 * norm.sf(cuts - 1.5), 1000 * norm.sf(cuts)
    exact = s / np.sqrt(s + b)
    assert scan.best_merit.value == pytest.approx(exact.max(), rel=0.02)
    assert scan.efficiency.max() == pytest.approx(0.5, abs=0.02)
    assert scan.false_rate[0] <= 0.11


def test_each_kind_of_background_is_cut_by_its_own_sample():
    """A kind that looks like signal survives as signal does, whatever becomes of the other."""
    alike = CutSample(Measured(200, 20), SIGNAL)
    scan = scan_cuts(OF_SIGNAL, [OF_BACKGROUND, alike], thresholds=np.array([0.0, 1.5]))
    expected = 10_000 * norm.sf([0.0, 1.5]) + 200 * norm.sf([-1.5, 0.0])
    np.testing.assert_allclose(scan.background, expected, rtol=0.03)
    np.testing.assert_allclose(scan.false_rate, norm.sf([0.0, 1.5]), rtol=0.05)
    np.testing.assert_allclose(scan.efficiency, norm.sf([-1.5, 0.0]), rtol=0.02)


def test_candidates_that_share_a_family_count_once_in_the_error():
    background, signal = np.repeat(BACKGROUND[:400], 10), CutSample(Measured(1000, 0), SIGNAL)
    alone, shared = (
        scan_cuts(signal, [CutSample(Measured(10_000, 0), background, groups=g)], thresholds=np.array([1.0]))
        for g in (None, np.arange(4000) // 10)
    )
    assert shared.merit[0] == alone.merit[0]
    assert shared.merit_se[0] == pytest.approx(np.sqrt(10) * alone.merit_se[0], rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((SIGNAL, BACKGROUND), {"figure": "purity"}, "purity"),
        ((np.zeros(0), BACKGROUND), {}, "empty sample"),
        ((SIGNAL, np.array([np.nan])), {}, "not finite"),
        ((SIGNAL, np.full(20, -99.0)), {}, "no cut keeps"),
    ],
)
def test_scans_of_nothing_are_refused(arguments, options, said):
    with pytest.raises(InputError, match=said):
        scan_cuts(CutSample(S, arguments[0]), [CutSample(B, arguments[1])], **options)


def test_no_background_has_no_s_over_sqrt_b():
    with pytest.raises(InputError, match="another figure"):
        s_over_sqrt_b(Measured(1, 1), Measured(0, 0))
