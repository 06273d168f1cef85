"""Peaks: normalised in their range, with the widths that are told of them."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.evaluate.fits.peaks import CRYSTAL_BALL, DOUBLE_GAUSSIAN, GAUSSIAN, PEAKS, find_peak

WINDOW = MassRange(5.2, 5.5)  # the peak's tails leave it
NUMBERS = {
    "gaussian": (5.3, 0.05, 1.2),
    "double_gaussian": (5.3, 0.02, 1.0, 3.0, 0.6),
    "crystal_ball": (5.3, 0.02, 1.0, 1.5, 3.0, 2.0, 4.0),
    "hypatia": (5.3, 0.02, 1.0, -2.0, 2.0, 3.0, 3.0, 2.5),
}


@pytest.mark.parametrize("name", PEAKS)
def test_density_is_normalised_in_the_range_and_the_slope_of_the_cumulative(name):
    peak, values = PEAKS[name], np.array(NUMBERS[name])
    assert len(values) == len(peak.parameters(WINDOW))
    whole = quad(lambda m: peak.density(np.array([m]), values, WINDOW)[0], 5.2, 5.5, points=[5.3], limit=200)
    assert whole[0] == pytest.approx(1, abs=1e-6)
    grid = np.linspace(5.2, 5.5, 3001)
    below = peak.cumulative(grid, values, WINDOW)
    assert below[[0, -1]] == pytest.approx([0, 1], abs=1e-12)
    middle = 0.5 * (grid[1:] + grid[:-1])
    assert np.diff(below) / np.diff(grid) == pytest.approx(peak.density(middle, values, WINDOW), rel=1e-3)


def test_the_crystal_ball_is_a_gaussian_between_its_tails_and_a_power_law_beyond():
    values = np.array([5.3, 0.02, 1.0, 1.5, 3.0, 2.0, 4.0])
    wide = MassRange(4.3, 6.3)
    density = CRYSTAL_BALL.density(5.3 + 0.02 * np.array([-1.4, 0.0, 1.9]), values, wide)
    assert density / density[1] == pytest.approx(np.exp(-0.5 * np.array([1.4, 0, 1.9]) ** 2))
    z = np.array([10.0, 20.0])
    left = CRYSTAL_BALL.density(5.3 - 0.02 * z, values, wide)
    assert left[0] / left[1] == pytest.approx(((3 / 1.5 - 1.5 + 20) / (3 / 1.5 - 1.5 + 10)) ** 3)


def test_the_effective_width_of_a_gaussian_is_its_standard_deviation_times_the_scale():
    assert GAUSSIAN.sigma(np.array([5.3, 0.02, 1.3])) == pytest.approx(0.026, rel=1e-4)


def test_a_wide_second_gaussian_makes_the_effective_width_grow():
    alone = DOUBLE_GAUSSIAN.sigma(np.array([5.3, 0.02, 1.0, 3.0, 1.0]))
    mixed = DOUBLE_GAUSSIAN.sigma(np.array([5.3, 0.02, 1.0, 3.0, 0.5]))
    assert alone == pytest.approx(0.02, rel=1e-4)
    half = mixed / 0.02
    held = 0.5 * (norm.cdf(half) - norm.cdf(-half)) + 0.5 * (norm.cdf(half / 3) - norm.cdf(-half / 3))
    assert held == pytest.approx(0.6827, abs=1e-4)


def test_an_unknown_peak_is_refused_with_those_that_there_are():
    with pytest.raises(InputError, match="crystal_ball, hypatia"):
        find_peak("voigt")
