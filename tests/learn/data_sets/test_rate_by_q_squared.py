"""The rate of any part of a window, from decays of the whole one."""

import dataclasses

import numpy as np
import pytest
from helpers.tiny_delta_c9 import VALUES, decays

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import WINDOWS, Window, rate_coefficients, rate_terms
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms
from hepsets.learn.data_sets.rate_by_q_squared import RateByQSquared
from hepsets.learn.data_sets.truth_ratios import TruthRatios

WHOLE = WINDOWS["0-20"]
PARTS = [Window(1.1, 6.0), Window(15.0, 19.0), Window(6.03, 12.51), WHOLE]


@pytest.fixture(scope="module")
def sample():
    frame = EventFrame.concatenate([decays(8000, value, 300 + k) for k, value in enumerate(VALUES)])
    return frame, TruthRatios.of(frame, WHOLE)


@pytest.fixture(scope="module")
def rates(sample):
    frame, truth = sample
    return RateByQSquared.of(frame["q_squared"], EventTerms(truth.beta, truth.gamma), truth)


@pytest.mark.parametrize("window", PARTS)
def test_decays_tell_the_share_and_the_rate_of_a_part_of_the_window(rates, window):
    assert rates.share(window) == pytest.approx(rate_terms(window)[0] / rate_terms(WHOLE)[0], rel=0.03)
    found = rates.within(window, exact=False)
    expected = rate_coefficients(window)
    assert (found.linear, found.quadratic) == pytest.approx(expected, rel=0.05, abs=0.004)


@pytest.mark.parametrize("window", PARTS)
def test_where_nothing_was_selected_the_rate_is_exact_but_for_the_errors_of_the_network(
    sample, rates, window
):
    found = rates.within(window, exact=True)
    assert (found.linear, found.quadratic) == pytest.approx(rate_coefficients(window), abs=1e-12)
    frame, truth = sample
    off = RateByQSquared.of(frame["q_squared"], EventTerms(truth.beta + 0.02, truth.gamma - 0.01), truth)
    moved = off.within(window, exact=True)
    assert moved.linear == pytest.approx(found.linear + 0.02)
    assert moved.quadratic == pytest.approx(found.quadratic - 0.01)


def test_a_window_without_decays_and_q_squared_that_no_decay_has_are_refused(sample, rates):
    with pytest.raises(InputError, match="with simulated decays"):
        dataclasses.replace(rates, learned=0 * rates.learned).within(Window(1.0, 6.0), exact=False)
    _, truth = sample
    with pytest.raises(InputError, match="GeV²"):
        RateByQSquared.of(np.full(len(truth), 21.0), EventTerms(truth.beta, truth.gamma), truth)


def test_what_was_saved_is_read_again_and_damage_is_told(rates, tmp_path):
    path = tmp_path / "rate.safetensors"
    rates.save(path)
    again = RateByQSquared.load(path)
    assert again.decays == rates.decays
    np.testing.assert_array_equal(again.learned, rates.learned)
    np.testing.assert_array_equal(again.excess, rates.excess)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="file"):
        RateByQSquared.load(path)
