"""Smooth backgrounds: normalised, exact in their limits."""

import numpy as np
import pytest
from scipy.integrate import quad

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.backgrounds import Exponential, find_background
from hepsets.evaluate.fits.parameters import MassRange

WINDOW = MassRange(5.2, 5.8)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("exponential", [-6.0]),
        ("exponential", [0.0]),
        ("exponential", [3.0]),
        ("constant", []),
        ("bernstein1", [0.2]),
        ("bernstein3", [0.1, 0.5, 0.2]),
    ],
)
def test_density_is_normalised_and_the_slope_of_the_cumulative(name, values):
    shape, values = find_background(name), np.array(values)
    assert len(shape.parameters(WINDOW)) == len(values)
    whole = quad(lambda m: shape.density(np.array([m]), values, WINDOW)[0], 5.2, 5.8)[0]
    assert whole == pytest.approx(1)
    grid = np.linspace(5.2, 5.8, 1001)
    below = shape.cumulative(grid, values, WINDOW)
    assert below[[0, -1]] == pytest.approx([0, 1])
    middle = 0.5 * (grid[1:] + grid[:-1])
    assert np.diff(below) / np.diff(grid) == pytest.approx(shape.density(middle, values, WINDOW), rel=1e-4)


def test_an_exponential_without_slope_is_constant():
    mass = np.linspace(5.2, 5.8, 7)
    nearly = Exponential().density(mass, np.array([1e-12]), WINDOW)
    assert nearly == pytest.approx(np.full(7, 1 / 0.6))


def test_the_slope_is_that_of_the_logarithm():
    ratio = np.divide(*Exponential().density(np.array([5.3, 5.4]), np.array([-7.0]), WINDOW))
    assert ratio == pytest.approx(np.exp(0.7))


@pytest.mark.parametrize("name", ["argus", "bernstein9", "bernstein0", "template"])
def test_an_unknown_background_is_refused_with_the_remedy(name):
    with pytest.raises(InputError, match="--template NAME=FILE"):
        find_background(name)
