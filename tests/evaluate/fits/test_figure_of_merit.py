"""Figures of merit: their values, errors and best cuts, from expected yields alone."""

import numpy as np
import pytest
from scipy.stats import norm

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.figure_of_merit import punzi, s_over_sqrt_b, scan_cuts, significance

RNG = np.random.default_rng(1)
SIGNAL, BACKGROUND = RNG.normal(1.5, 1, 20_000), RNG.normal(0, 1, 20_000)
S, B = Measured(1000, 30), Measured(10_000, 100)


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
    scan = scan_cuts(SIGNAL, BACKGROUND, S, B)
    cuts = np.linspace(-1, 3, 4001)
    s, b = 1000 * norm.sf(cuts - 1.5), 10_000 * norm.sf(cuts)
    exact = s / np.sqrt(s + b)
    assert scan.best_merit.value == pytest.approx(exact.max(), rel=0.02)
    low, high = scan.plateau
    assert low <= cuts[np.argmax(exact)] <= high
    assert low <= scan.threshold <= high


def test_the_best_cut_depends_on_expected_yields_and_not_on_sizes_of_samples():
    whole = scan_cuts(SIGNAL, BACKGROUND, S, B)
    fewer = scan_cuts(SIGNAL, BACKGROUND[:4000], S, B)
    assert fewer.best_merit.value == pytest.approx(whole.best_merit.value, rel=0.03)
    rare = scan_cuts(SIGNAL, BACKGROUND, Measured(10, 1), B)
    assert rare.threshold > whole.threshold


def test_cuts_that_leave_no_background_in_the_sample_are_not_tried():
    scan = scan_cuts(SIGNAL, BACKGROUND, S, B, figure="s_over_sqrt_b", fewest_background=50)
    assert (scan.background >= B.value * 50 / len(BACKGROUND) - 1e-9).all()


def test_weights_of_the_signal_count():
    weights = np.where(SIGNAL > 1.5, 2.0, 0.0)
    scan = scan_cuts(SIGNAL, BACKGROUND, S, B, thresholds=np.array([1.5]), signal_weights=weights)
    assert scan.efficiency[0] == 1


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
        scan_cuts(*arguments, S, B, **options)


def test_no_background_has_no_s_over_sqrt_b():
    with pytest.raises(InputError, match="another figure"):
        s_over_sqrt_b(Measured(1, 1), Measured(0, 0))
