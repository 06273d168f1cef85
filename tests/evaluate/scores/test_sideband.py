import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.sideband import compare_sideband


def background(seed: int, families: int = 40, slope: float = 0.0):
    """Candidates of some D_s each, which decides most of their score; masses fall exponentially.

    A family's score falls with its mass by ``slope``.
    """
    random = np.random.default_rng([9, seed])
    groups = np.repeat(np.arange(families), random.poisson(30, families) + 1)
    mass = 5.2 + random.exponential(0.5, len(groups))
    score = (
        random.normal(0, 0.6, families)[groups] + random.normal(0, 0.8, len(groups)) - slope * (mass - 5.5)
    )
    return 1 / (1 + np.exp(-score)), groups, np.abs(mass - 5.367) < 0.1, mass > 5.6


def test_background_that_is_alike_passes_as_often_as_it_should() -> None:
    p_values = [compare_sideband(*background(seed), 0.7).p_value for seed in range(200)]
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.08)
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.04)
    few = [compare_sideband(*background(seed, families=12), 0.7).p_value < 0.05 for seed in range(200)]
    assert np.mean(few) == pytest.approx(0.05, abs=0.04)


def test_without_families_the_test_sees_differences_that_are_none() -> None:
    """The planted fault: candidates of one D_s, in one place alone, are counted as independent."""
    found = []
    for seed in range(100):
        score, groups, peak, sideband = background(seed)
        peak, sideband = groups % 2 == 0, groups % 2 == 1
        found.append(
            [
                compare_sideband(score, one, peak, sideband, 0.7).p_value
                for one in (groups, np.arange(len(groups)))
            ]
        )
    right, naive = (np.array(found) < 0.05).mean(axis=0)
    assert right < 0.12
    assert naive > 0.4


def test_a_score_that_knows_the_mass_is_found() -> None:
    found = [compare_sideband(*background(seed, slope=1.5), 0.7) for seed in range(10)]
    assert max(one.p_value for one in found) < 1e-3
    assert all(one.ratio.value > 1.3 and one.ratio.value > 1 + 2 * one.ratio.se for one in found)


def test_efficiencies_and_their_ratio_are_those_of_the_cut() -> None:
    score, groups, peak, sideband = background(3)
    weights = np.where(np.arange(len(score)) % 2, 1.0, 3.0)
    found = compare_sideband(score, groups, peak, sideband, 0.7, weights)
    for place, efficiency in ((peak, found.peak_efficiency), (sideband, found.sideband_efficiency)):
        kept = weights[place & (score >= 0.7)].sum() / weights[place].sum()
        assert efficiency.value == pytest.approx(kept)
    assert found.ratio.value == pytest.approx(found.peak_efficiency.value / found.sideband_efficiency.value)
    shares = np.histogram(score[peak], [0, *found.edges[1:-1], 1], weights=weights[peak])[0]
    np.testing.assert_allclose(found.peak, shares / weights[peak].sum(), atol=2e-3)
    assert found.sideband.sum() == pytest.approx(1)
    assert found.families == 40
    assert len(found.edges) == 7  # six families for a bin


def test_errors_are_the_spread_over_samples() -> None:
    found = [compare_sideband(*background(seed, families=60), 0.7) for seed in range(150)]
    pulls = [(one.ratio.value - 1) / one.ratio.se for one in found]
    assert np.std(pulls) == pytest.approx(1, abs=0.15)
    kept = [one.peak_efficiency for one in found]
    assert np.std([one.value for one in kept]) == pytest.approx(np.mean([one.se for one in kept]), rel=0.15)


def test_what_is_in_both_places_does_not_blur_the_ratio() -> None:
    """Families that are in both places move both efficiencies alike."""
    one = compare_sideband(*background(1), 0.7)
    apart = np.hypot(
        one.peak_efficiency.se / one.peak_efficiency.value,
        one.sideband_efficiency.se / one.sideband_efficiency.value,
    )
    assert one.ratio.se < 0.8 * apart * one.ratio.value


def test_a_cut_that_keeps_nothing_has_no_ratio() -> None:
    found = compare_sideband(*background(1), 1.1)
    assert found.ratio is None
    assert found.peak_efficiency.value == 0 < found.peak_efficiency.se


def test_one_score_for_all_is_no_difference() -> None:
    score, groups, peak, sideband = background(1)
    assert compare_sideband(np.full(len(score), 0.5), groups, peak, sideband, 0.7).p_value == 1


def test_places_that_cannot_be_compared_are_refused() -> None:
    score, groups, peak, sideband = background(1)
    with pytest.raises(InputError, match="overlap"):
        compare_sideband(score, groups, peak, peak, 0.7)
    with pytest.raises(InputError, match="do not fit"):
        compare_sideband(score, groups, peak[:-1], sideband[:-1], 0.7)
    with pytest.raises(InputError, match="0 candidates under the peak"):
        compare_sideband(score, groups, np.zeros(len(score)), sideband, 0.7)
    with pytest.raises(InputError, match="2 families"):
        compare_sideband(score, groups % 2, peak, sideband, 0.7)
