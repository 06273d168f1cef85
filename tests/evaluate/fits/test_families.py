"""Errors of a mass fit of events in families: pulls of unit width where those of the likelihood are wide."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.families import share_families
from hepsets.evaluate.fits.mass_fit import MassFitConfig, fit_mass
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.evaluate.fits.spectrum import make_spectrum

WINDOW = MassRange(5.3, 5.8)
SIGNAL, FAMILIES, IN_FAMILY = 150, 120, 8
MODEL = MassFitConfig(model="gaussian+exponential", fixed={"mean": 5.37, "width": 0.016}, minos=())


def drawn(rng, families=FAMILIES, in_family=IN_FAMILY):
    """Signal on combinations that share a D_s: those of one lie within some 20 MeV of each other."""
    signal = rng.normal(5.37, 0.016, rng.poisson(SIGNAL))
    n = rng.poisson(families)
    size = rng.poisson(in_family, n)
    middle = np.repeat(rng.uniform(5.2, 5.9, n), size)
    mass = np.concatenate([signal, middle + rng.normal(0, 0.02, len(middle))])
    family = np.concatenate([-1 - np.arange(len(signal)), np.repeat(np.arange(n), size)])
    inside = WINDOW.holds(mass)
    return mass[inside], family[inside]


def fitted(mass):
    return fit_mass(make_spectrum(mass, WINDOW, name="m"), MODEL).fit


def test_pulls_have_unit_width_where_candidates_share_a_ds():
    rng, naive, shared = np.random.default_rng(2), [], []
    for _ in range(80):
        mass, family = drawn(rng)
        fit = fitted(mass)
        grown = share_families(fit, [mass], [family])
        naive.append((fit.signal.value - SIGNAL) / fit.signal.se)
        shared.append((grown.fit.signal.value - SIGNAL) / grown.fit.signal.se)
    assert np.std(naive) > 1.3
    assert np.std(shared) == pytest.approx(1, abs=0.2)
    assert np.mean(shared) == pytest.approx(0, abs=0.35)


def test_errors_of_independent_events_stay():
    mass, _ = drawn(np.random.default_rng(3), families=800, in_family=1)
    fit = fitted(mass)
    alone = share_families(fit, [mass], [np.arange(len(mass))])
    assert alone.growth == 1
    np.testing.assert_array_equal(alone.fit.covariance, fit.covariance)
    by_chance = share_families(fit, [mass], [np.random.default_rng(4).integers(0, 200, len(mass))])
    assert 1 <= by_chance.growth < 1.25


def test_intervals_and_covariance_grow_with_the_errors():
    mass, family = drawn(np.random.default_rng(5))
    config = MassFitConfig(model=MODEL.model, fixed=MODEL.fixed, minos=("signal",))
    fit = fit_mass(make_spectrum(mass, WINDOW, name="m"), config).fit
    found = share_families(fit, [mass], [family])
    before, after = fit["signal"], found.fit["signal"]
    assert found.growth > 1.1
    assert after.value.se == pytest.approx(found.growth * before.value.se)
    assert after.below == pytest.approx(found.growth * before.below)
    assert after.value.value == before.value.value
    assert found.fit["mean"].value.se == 0
    np.linalg.cholesky(found.fit.covariance[np.ix_(*[np.diag(fit.covariance) > 0] * 2)])


def test_families_of_other_events_are_refused():
    mass, family = drawn(np.random.default_rng(6))
    with pytest.raises(InputError, match="families of"):
        share_families(fitted(mass), [mass], [family[1:]])
