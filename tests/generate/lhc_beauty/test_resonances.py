"""Masses of resonances against the formulas that they follow in a limit, and phase space."""

import numpy as np
import pytest

from hepsets.core.masses import M_DS, M_K, M_KSTAR, M_PHI, M_PI, WIDTH_KSTAR, WIDTH_PHI
from hepsets.generate.lhc_beauty.resonances import QUANTILES, Resonance, break_up_momentum

PHI = Resonance(M_DS, M_PI, (M_K, M_K), M_PHI, WIDTH_PHI, spin=1, wave=1)
KSTAR = Resonance(M_DS, M_K, (M_K, M_PI), M_KSTAR, WIDTH_KSTAR, spin=1, wave=1)


@pytest.mark.parametrize(("shape", "mass", "width"), [(PHI, M_PHI, WIDTH_PHI), (KSTAR, M_KSTAR, WIDTH_KSTAR)])
def test_a_resonance_peaks_at_its_mass_and_is_as_wide_as_known(shape, mass, width):
    m = np.linspace(mass - 4 * width, mass + 4 * width, 20_001)
    m = m[m > sum(shape.daughters)]
    density = shape.density(m)
    peak = m[density.argmax()]
    above = m[density > density.max() / 2]
    assert peak == pytest.approx(mass, abs=0.2 * width)
    assert above[-1] - above[0] == pytest.approx(width, rel=0.1)


def test_quantiles_follow_the_density():
    masses = PHI.quantiles()
    assert len(masses) == QUANTILES
    assert (np.diff(masses) >= 0).all()
    assert (masses[0], masses[-1]) == pytest.approx((2 * M_K, M_DS - M_PI))
    m = np.linspace(2 * M_K, M_DS - M_PI, 400_001)
    density = PHI.density(m)
    within = density[np.abs(m - M_PHI) < 0.01].sum() / density.sum()
    assert (np.abs(masses - M_PHI) < 0.01).mean() == pytest.approx(within, abs=1e-3)


def test_without_a_resonance_the_dalitz_plot_is_flat():
    # flat in the squares of two masses: the density in one mass is 2 m times the width of the plot there
    flat = Resonance(M_DS, M_PI, (M_K, M_K))
    rng = np.random.default_rng(1)
    m2 = rng.uniform((2 * M_K) ** 2, (M_DS - M_PI) ** 2, 400_000)
    other2 = rng.uniform((M_K + M_PI) ** 2, (M_DS - M_K) ** 2, 400_000)
    m = np.sqrt(m2)
    e_k, e_pi = m / 2, (M_DS**2 - m2 - M_PI**2) / (2 * m)
    p_k, p_pi = np.sqrt(e_k**2 - M_K**2), np.sqrt(np.maximum(e_pi**2 - M_PI**2, 0))
    inside = np.abs(other2 - M_K**2 - M_PI**2 - 2 * e_k * e_pi) < 2 * p_k * p_pi
    expected = np.quantile(m[inside], [0.1, 0.3, 0.5, 0.7, 0.9])
    assert np.interp(
        [0.1, 0.3, 0.5, 0.7, 0.9], np.linspace(0, 1, QUANTILES), flat.quantiles()
    ) == pytest.approx(expected, abs=0.003)


def test_the_centrifugal_barrier_favours_large_momenta():
    without = Resonance(M_DS, M_PI, (M_K, M_K), M_PHI, WIDTH_PHI)
    low, high = np.array([2 * M_K + 1e-3]), np.array([M_PHI])
    assert PHI.density(low) / PHI.density(high) < without.density(low) / without.density(high)
    assert break_up_momentum(1.0, 0.6, 0.6) == 0
