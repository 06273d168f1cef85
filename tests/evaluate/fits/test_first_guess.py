"""A peak is found before it is fitted."""

import numpy as np
import pytest

from hepsets.evaluate.fits.first_guess import first_guess
from hepsets.evaluate.fits.parameters import MassRange


@pytest.mark.parametrize(
    ("low", "high", "mean", "width"),
    [(5.2, 5.8, 5.367, 0.016), (3.0, 3.2, 3.097, 0.003), (70, 110, 91.2, 2.0)],
)
def test_a_peak_is_found_at_any_mass(low, high, mean, width):
    rng = np.random.default_rng(1)
    mass = np.concatenate([rng.normal(mean, width, 1000), rng.uniform(low, high, 4000)])
    window = MassRange(low, high)
    guess = first_guess(mass[window.holds(mass)], window)
    assert abs(guess.mean - mean) < 2 * width
    assert 0.3 < guess.width / width < 3
    assert guess.share == pytest.approx(0.2, abs=0.08)


def test_a_falling_background_is_no_peak():
    rng = np.random.default_rng(1)
    mass = 5.2 + rng.exponential(0.1, 5000)
    window = MassRange(5.2, 5.8)
    assert first_guess(mass[window.holds(mass)], window).share < 0.15


def test_an_empty_middle_begins_in_the_middle():
    assert first_guess(np.array([5.2, 5.8]), MassRange(5.2, 5.8)).mean == pytest.approx(5.5)
