"""Results: numbers that follow from parameters carry the errors that these have."""

import numpy as np
import pytest
from helpers.toy_spectra import fitted, peak_on_exponential

from hepsets.core.errors import InputError


@pytest.fixture(scope="module")
def fit():
    return fitted(peak_on_exponential(500, 500, counts={"a": 1000.0, "b": 1000.0}))[2]


def test_the_signal_is_the_sum_of_the_categories_with_their_correlation(fit):
    a, b = fit["signal[a]"].value, fit["signal[b]"].value
    assert fit.signal.value == pytest.approx(a.value + b.value)
    assert fit.signal.se == pytest.approx(np.hypot(a.se, b.se), rel=0.02)  # nearly independent


def test_a_linear_function_has_the_exact_error(fit):
    place = fit.model.names.index("mean")
    twice = fit.derived(lambda values: 2 * values[place])
    assert twice.se == pytest.approx(2 * fit["mean"].value.se)
    assert fit.derived(lambda values: 3.0).se == 0


def test_correlations_are_one_with_themselves_and_none_with_what_is_held(fit):
    floating = fit.model.floating
    assert np.diag(fit.correlation)[floating] == pytest.approx(1)
    held = fit.model.names.index("width_scale[a]")
    assert not fit.correlation[held].any()
    assert (np.abs(fit.correlation) <= 1 + 1e-9).all()


def test_the_effective_width_is_that_of_the_category(fit):
    assert fit.sigma(1).value == pytest.approx(fit["width[b]"].value.value, rel=1e-3)
    assert fit.sigma(1).se == pytest.approx(fit["width[b]"].value.se, rel=1e-2)


def test_an_unknown_parameter_is_refused(fit):
    with pytest.raises(InputError, match="'width'"):
        fit["width"]
