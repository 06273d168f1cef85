"""A known acceptance and a known resolution are measured back."""

import numpy as np
import pytest
from helpers.tagged_decays import tagged_decays, turned_on

from hepsets.core.errors import InputError
from hepsets.evaluate.decay_time.acceptance import measured_acceptance, resolution_scale


def test_a_known_acceptance_is_found_again():
    decays = tagged_decays(30_000)
    made = measured_acceptance(decays.time, decays.resolution, low=0.2)
    true = turned_on(made.knots)
    scale = np.average(true[1:] / made.values[1:], weights=(made.values / made.errors)[1:] ** 2)
    pulls = (made.values * scale - true) / (made.errors * scale)
    assert np.abs(pulls[2:]).max() < 4  # the first bins are wide where the acceptance is steep
    assert made.values[0] < 0.1
    assert made(np.array([0.1, 0.19])).tolist() == [0, 0]
    assert made.values.max() == 1


def test_without_a_selection_all_times_are_as_good():
    decays = tagged_decays(20_000, acceptance=None)
    made = measured_acceptance(decays.time, decays.resolution)
    middle = np.average(made.values, weights=made.errors**-2)
    assert (made.values - middle) / made.errors == pytest.approx(0, abs=4)
    assert made(np.array([1e3]))[0] == made.values[-1]


def test_errors_that_are_too_small_have_a_scale_above_one():
    rng = np.random.default_rng(1)
    true, error = rng.exponential(1.5, 20_000), rng.uniform(0.03, 0.06, 20_000)
    assert resolution_scale(true + 1.2 * error * rng.normal(size=20_000), true, error) == pytest.approx(
        1.2, rel=0.03
    )


def test_too_few_decays_are_refused():
    few = np.ones(30)
    with pytest.raises(InputError, match="30 decays for 12 knots"):
        measured_acceptance(few, few)
    with pytest.raises(InputError, match="ten or more"):
        resolution_scale(few[:5], few[:5], few[:5])
    with pytest.raises(InputError, match="without errors"):
        resolution_scale(few, few, few)
