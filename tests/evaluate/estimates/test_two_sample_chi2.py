import numpy as np
import pytest
from scipy.stats import chi2_contingency, kstest

from hepsets.core.errors import InputError
from hepsets.evaluate.estimates.two_sample_chi2 import two_sample_chi2


def test_it_is_the_test_of_a_contingency_table():
    random = np.random.default_rng(1)
    first, second = random.poisson(40, 12), random.poisson(90, 12)
    result = two_sample_chi2(first, second)
    expected = chi2_contingency(np.stack([first, second]), correction=False)
    assert result.chi2 == pytest.approx(expected.statistic)
    assert result.ndof == expected.dof
    assert result.p_value == pytest.approx(expected.pvalue)


def test_p_values_of_equal_densities_are_uniform():
    random = np.random.default_rng(2)
    p = [
        two_sample_chi2(random.multinomial(500, [0.1] * 10), random.multinomial(2000, [0.1] * 10)).p_value
        for _ in range(400)
    ]
    assert kstest(p, "uniform").pvalue > 0.01


def test_order_does_not_matter_and_empty_bins_do_not_count():
    first, second = [10, 0, 25, 3], [30, 0, 40, 5]
    assert two_sample_chi2(first, second).chi2 == pytest.approx(two_sample_chi2(second, first).chi2)
    assert two_sample_chi2(first, second).ndof == 2


def test_single_events_in_different_bins_count():
    result = two_sample_chi2([1, 0], [0, 1])
    assert (result.chi2, result.ndof) == (2, 1)


def test_one_filled_bin_cannot_differ():
    assert two_sample_chi2([5, 0], [7, 0]).p_value == 1


@pytest.mark.parametrize(("first", "second"), [([1, 2], [1, 2, 3]), ([0, 0], [1, 2]), ([1, 2], [0, 0])])
def test_other_bins_or_no_events_are_refused(first, second):
    with pytest.raises(InputError, match="with events in both"):
        two_sample_chi2(first, second)
