import numpy as np
import pytest
from scipy.stats import norm

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


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(InputError, match="at least 20"):
        posterior_calibration([0.5])
    with pytest.raises(InputError, match="from 0 to 1"):
        posterior_calibration(np.full(30, 1.5))
    with pytest.raises(InputError, match="divides"):
        posterior_calibration(np.full(30, 0.5), bins=7)
