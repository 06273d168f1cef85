"""The tail of χ² is scipy's."""

import pytest
from scipy.stats import chi2

from hepsets.evaluate.filter.chi2 import chi2_tail


@pytest.mark.parametrize("ndof", [1, 2, 3, 4, 9, 10, 20, 51])
@pytest.mark.parametrize("value", [0.0, 1e-6, 0.3, 4.0, 25.0, 300.0, 1e5])
def test_the_tail_is_that_of_scipy(ndof, value):
    assert chi2_tail(value, ndof) == pytest.approx(chi2.sf(value, ndof), rel=1e-9, abs=1e-300)
