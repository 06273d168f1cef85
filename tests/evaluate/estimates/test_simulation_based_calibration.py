import numpy as np
import pytest
from scipy.stats import chi2, kstest, norm

from hepsets.core.errors import InputError
from hepsets.evaluate.estimates.simulation_based_calibration import DRAWS, posterior_calibration


def probabilities(random, n, width=1.0, shift=0.0):
    """Of truths from a wide prior, measured with error 1, by posteriors of another width or centre."""
    return norm.cdf((random.normal(size=n) - shift) / width)


def test_right_posteriors_pass_as_often_as_they_should():
    random = np.random.default_rng(1)
    results = [posterior_calibration(probabilities(random, 400)) for _ in range(300)]
    for name in ("p_uniform", "p_kolmogorov"):
        values = np.array([getattr(result, name) for result in results])
        assert np.mean(values < 0.1) == pytest.approx(0.1, abs=0.06)
    assert np.mean([result.coverage68.value for result in results]) == pytest.approx(0.683, abs=0.01)
    assert np.mean([result.coverage95.value for result in results]) == pytest.approx(0.9545, abs=0.005)


@pytest.mark.parametrize(("width", "shift"), [(0.7, 0.0), (1.4, 0.0), (1.0, 0.4)])
def test_wrong_posteriors_do_not(width, shift):
    result = posterior_calibration(probabilities(np.random.default_rng(2), 1000, width, shift))
    assert result.p_uniform < 1e-4
    if shift:
        assert abs(result.mean.value - 0.5) > 4 * result.mean.se
    else:
        assert (result.coverage68.value < 0.683) == (width < 1)
        ends = result.counts[[0, -1]].mean() / result.counts.mean()
        assert (ends > 1) == (width < 1)


def test_ranks_are_those_among_the_draws():
    result = posterior_calibration(np.linspace(0, 1, 201))
    assert result.ranks.min() == 0
    assert result.ranks.max() == DRAWS
    assert result.counts.sum() == 201


def test_fifteen_of_twenty_truths_in_the_lower_half_are_judged_by_two_bins():
    values = np.r_[np.linspace(0.16, 0.49, 15), 0.6, 0.7, 0.8, 0.9, 0.97]
    found = posterior_calibration(values, bins=2)
    assert found.counts.tolist() == [15, 5]
    assert found.p_uniform == pytest.approx(chi2.sf(5, 1))
    assert found.p_kolmogorov == pytest.approx(kstest(values, "uniform").pvalue)
    assert (found.coverage68.value, found.coverage95.value) == (0.9, 1)  # from 0.159 to 0.841
    assert found.coverage68.se == pytest.approx(np.sqrt(0.9 * 0.1 / 20 + 1 / 1600) / (1 + 1 / 20))
    assert found.mean.value == pytest.approx(values.mean())
    assert found.mean.se == pytest.approx(np.std(values, ddof=1) / np.sqrt(20))
    wide = posterior_calibration(np.tile([0.02, 0.03, 0.97, 0.98], 5))
    assert (wide.coverage68.value, wide.coverage95.value) == (0, 0.5)  # from 0.02275 to 0.97725
    assert len(wide.counts) == 20


def test_ranks_are_hundredths_rounded_down():
    found = posterior_calibration([0, 0.009, 0.011, 0.205, 0.505, 1.0], bins=5)
    assert found.ranks.tolist() == [0, 0, 1, 20, 50, 99]
    assert found.counts.tolist() == [3, 1, 1, 0, 1]
    assert len(posterior_calibration(np.full(30, 0.1)).counts) == 20


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(InputError, match="at least 20"):
        posterior_calibration([0.5])
    with pytest.raises(InputError, match="from 0 to 1"):
        posterior_calibration(np.full(30, 1.5))
    with pytest.raises(InputError, match="from 0 to 1"):
        posterior_calibration(np.full(30, -0.5))
    with pytest.raises(InputError, match="divides"):
        posterior_calibration(np.full(30, 0.5), bins=7)
