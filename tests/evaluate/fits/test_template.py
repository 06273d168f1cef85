"""Templates: the density of a sample, and how far its size lets it be off."""

import numpy as np
import pytest
from scipy.stats import norm

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.evaluate.fits.template import make_template

WINDOW = MassRange(5.2, 5.8)
NONE = np.zeros(0)


def sample(seed, events=4000):
    return np.random.default_rng(seed).normal(5.45, 0.05, events)


@pytest.mark.parametrize("smoothing", ["kernel", "histogram"])
def test_a_template_follows_the_density_of_its_sample(smoothing):
    made = make_template(sample(1, 100_000), WINDOW, smoothing=smoothing, waves=0)
    mass = np.array([5.35, 5.4, 5.45, 5.5, 5.55])
    assert made.density(mass, NONE, WINDOW) == pytest.approx(norm(5.45, 0.05).pdf(mass), rel=0.08)
    assert made.cumulative(np.array([5.2, 5.45, 5.8]), NONE, WINDOW) == pytest.approx([0, 0.5, 1], abs=0.01)


def test_a_kernel_is_mirrored_at_the_end_of_the_range():
    flat = np.random.default_rng(2).uniform(5.2, 5.8, 50_000)
    made = make_template(flat, WINDOW, waves=0, bandwidth=0.03)
    assert made.density(np.array([5.201, 5.5, 5.799]), NONE, WINDOW) == pytest.approx(1 / 0.6, rel=0.05)


def test_the_waves_have_the_variance_that_samples_of_this_size_have():
    mass = np.linspace(5.25, 5.75, 40)
    options = {"bandwidth": 0.03}
    made = make_template(sample(0), WINDOW, waves=10, **options)
    steps = np.array([made.density(mass, row, WINDOW) for row in np.eye(10)]) - made.density(
        mass, np.zeros(10), WINDOW
    )
    others = [
        make_template(sample(seed), WINDOW, waves=0, **options).density(mass, NONE, WINDOW)
        for seed in range(1, 61)
    ]
    said, seen = (steps**2).sum(axis=0).mean(), np.var(others, axis=0, ddof=1).mean()
    assert said == pytest.approx(seen, rel=0.25)


def test_a_moved_template_stays_normalised():
    made = make_template(sample(1, 200), WINDOW)
    grid = np.linspace(5.2, 5.8, 20_001)
    moved = made.density(grid, np.array([1.0, -1.0, 0.5]), WINDOW)
    assert np.trapezoid(moved, grid) == pytest.approx(1, abs=2e-3)


def test_weights_count_in_density_and_error():
    mass = sample(1, 1000)
    once = make_template(mass, WINDOW, bandwidth=0.03)
    twice = make_template(mass, WINDOW, weights=np.full(1000, 2.0), bandwidth=0.03)
    assert np.allclose(once.values, twice.values)
    assert np.allclose(np.abs(once.waves), np.abs(twice.waves))


@pytest.mark.parametrize(
    ("mass", "options", "said"),
    [
        (sample(1, 10), {}, "effective events"),
        (np.full(100, 6.0), {}, "0 effective events"),
        (sample(1), {"bandwidth": 2.0}, "between 0 and 0.6"),
        (sample(1), {"smoothing": "histogram", "bins": 1}, "1 bins"),
    ],
)
def test_samples_and_smoothings_of_no_use_are_refused(mass, options, said):
    with pytest.raises(InputError, match=said):
        make_template(mass, WINDOW, **options)


def test_a_sample_of_one_mass_makes_no_template():
    with pytest.raises(InputError, match="a template's sample of which half or more have one mass"):
        make_template(np.full(600, 5.3), WINDOW)
