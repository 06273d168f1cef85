"""Folded densities are integrals; the asymmetry is what the resolution leaves of a cosine."""

import numpy as np
import pytest
from scipy.integrate import quad

from hepsets.evaluate.decay_time.oscillation import BS, MeanLife, asymmetry, even, folded, odd, time_density

DELTA_M = 17.7683


@pytest.mark.parametrize(
    ("time", "sigma"), [(-0.1, 0.05), (0.05, 0.05), (0.3, 0.06), (2.0, 0.05), (5.0, 0.04)]
)
def test_both_parts_are_the_integrals_over_true_times(time, sigma):
    def integral(shape):
        def integrand(t):
            return np.exp(-BS.gamma * t) * shape(t) * np.exp(-(((time - t) / sigma) ** 2) / 2)

        ends = max(0.0, time - 9 * sigma), max(time + 9 * sigma, 0.4)
        return quad(integrand, *ends, limit=300, epsabs=1e-13)[0] / sigma / np.sqrt(2 * np.pi)

    at = np.array([time]), np.array([sigma])
    assert odd(*at, DELTA_M)[0] == pytest.approx(integral(lambda t: np.cos(DELTA_M * t)), abs=1e-9)
    assert even(*at)[0] == pytest.approx(integral(lambda t: np.cosh(BS.delta_gamma * t / 2)), abs=1e-9)


def test_the_time_density_is_normalised_and_has_the_mean_life():
    time = np.linspace(-1, 40, 40_001)
    for life in (BS, MeanLife(0.66)):
        density = time_density(time, np.full(len(time), 0.06), life)
        assert np.trapezoid(density, time) == pytest.approx(1, abs=1e-3)
        light, heavy = life.gamma + life.delta_gamma / 2, life.gamma - life.delta_gamma / 2
        mean = (light**-2 + heavy**-2) / (1 / light + 1 / heavy)
        assert np.trapezoid(density * time, time) == pytest.approx(mean, rel=2e-3)


def test_far_from_zero_the_asymmetry_is_a_cosine_that_the_resolution_damps():
    life, sigma = MeanLife(1e-4), 0.05
    time = np.linspace(2, 3, 50)
    damped = np.exp(-((sigma * DELTA_M) ** 2) / 2) * np.cos(DELTA_M * time)
    assert asymmetry(time, np.full(50, sigma), DELTA_M, life) == pytest.approx(damped, abs=1e-4)


def test_nothing_overflows_where_the_resolution_is_far_better_than_the_time():
    made = folded(np.array([-3.0, 0.0, 30.0]), np.full(3, 1e-3), 0.66 + 17.7j)
    assert np.isfinite(made).all()
    assert abs(made[0]) == 0
