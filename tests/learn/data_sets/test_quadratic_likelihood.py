import numpy as np
import pytest
from helpers import quadratic_family
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from hepsets.core.errors import InputError
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, Rate, fit_one, fit_sets, log_likelihood


@pytest.fixture(scope="module")
def rate():
    beta, gamma = quadratic_family.coefficients(quadratic_family.flat(1_000_000, np.random.default_rng(0)))
    return Rate(float(beta.mean()), float(gamma.mean()))


def terms_of(frame, background=None):
    return EventTerms(*quadratic_family.coefficients(frame), background)


def sample_with_background(signal, background, delta_c9, random):
    decays = quadratic_family.sample(signal, delta_c9, random).select_columns(
        ["q_squared", "costheta_mu", "costheta_K", "chi"]
    )
    noise = quadratic_family.flat(4 * background + 100, random)
    density = noise_density(noise)
    noise = noise[random.uniform(0, 2, len(noise)) < density][:background]
    both = type(decays).concatenate([decays, noise])
    return EventTerms(*quadratic_family.coefficients(both), noise_density(both))


def noise_density(frame):
    """Of the background over that of the signal at ΔC9 = 0, which is flat."""
    return np.where(frame["costheta_K"] > 0.5, 3.0, 1.0) / 1.5


def brute_force(terms, rate, delta_c9, fraction):
    signal = (1 + delta_c9 * (terms.beta + delta_c9 * terms.gamma)) / rate(delta_c9)
    return np.log((1 - fraction) * signal + fraction * terms.background).sum()


def test_the_fit_is_where_the_curve_is_highest_and_falls_by_a_half_at_its_ends(rate):
    random = np.random.default_rng(1)
    for delta_c9 in (-1.5, 0.0, 0.7):
        terms = terms_of(quadratic_family.sample(3000, delta_c9, random))
        fit = fit_one(terms, rate)
        fine = np.linspace(fit.value - 0.02, fit.value + 0.02, 401)
        curve = log_likelihood(terms, rate, fine)
        assert fine[curve.argmax()] == pytest.approx(fit.value, abs=1.5e-4)
        top, *ends = log_likelihood(terms, rate, [fit.value, fit.low, fit.high])
        assert np.array(ends) - top == pytest.approx([-0.5, -0.5], abs=1e-4)
        assert fit.low < fit.value < fit.high
        assert fit.log_likelihood.max() == pytest.approx(0, abs=1e-6)
        assert not fit.at_limit


def test_the_background_fraction_is_profiled(rate):
    terms = sample_with_background(4000, 3000, -0.8, np.random.default_rng(2))
    fit = fit_one(terms, rate)
    best = minimize(
        lambda x: -brute_force(terms, rate, *x), [-0.5, 0.5], method="Nelder-Mead", options={"xatol": 1e-6}
    )
    assert (fit.value, fit.background_fraction) == pytest.approx(best.x, abs=2e-4)
    profile = max(brute_force(terms, rate, -1.0, f) for f in np.linspace(0.2, 0.7, 2001))
    top = brute_force(terms, rate, fit.value, fit.background_fraction)
    assert log_likelihood(terms, rate, [-1.0, fit.value]) == pytest.approx([profile, top], abs=1e-4)


def test_intervals_cover_and_the_spread_is_that_of_the_information(rate):
    random = np.random.default_rng(3)
    terms = terms_of(quadratic_family.sample(300_000, -0.8, random))
    fits = fit_sets(terms, np.arange(0, 300_001, 1000), rate)
    slope = (terms.beta - 1.6 * terms.gamma) / (1 - 0.8 * terms.beta + 0.64 * terms.gamma)
    information = np.var(slope)
    assert fits.value.std() == pytest.approx(1 / np.sqrt(1000 * information), rel=0.13)
    assert abs(fits.value.mean() + 0.8) < 4 * fits.value.std() / np.sqrt(300)
    assert np.mean((fits.low < -0.8) & (fits.high > -0.8)) == pytest.approx(0.683, abs=0.08)
    assert np.isnan(fits.background_fraction).all()


def test_with_background_intervals_cover_too(rate):
    random = np.random.default_rng(4)
    sets = [sample_with_background(1200, 1200, 0.0, random) for _ in range(150)]
    terms = EventTerms(
        *(np.concatenate([getattr(s, name) for s in sets]) for name in ("beta", "gamma", "background"))
    )
    fits = fit_sets(terms, np.cumsum([0, *map(len, sets)]), rate)
    assert abs(fits.value.mean()) < 4 * fits.value.std() / np.sqrt(150)
    assert fits.background_fraction.mean() == pytest.approx(0.5, abs=0.01)
    assert np.mean((fits.low < 0) & (fits.high > 0)) == pytest.approx(0.683, abs=0.12)


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_events_does_not_matter(seed):
    random = np.random.default_rng(seed)
    frame = quadratic_family.flat(random.integers(1, 200), random)
    terms = EventTerms(*quadratic_family.coefficients(frame), noise_density(frame))
    shuffled = terms[random.permutation(len(terms))]
    one, other = (fit_one(some, Rate(0.05, 0.07), points=21) for some in (terms, shuffled))
    assert (other.value, other.low, other.high) == pytest.approx((one.value, one.low, one.high), abs=2e-3)


def test_sets_are_fitted_as_if_each_were_alone(rate):
    random = np.random.default_rng(5)
    terms = terms_of(quadratic_family.sample(6000, -0.8, random))
    together = fit_sets(terms, np.array([0, 1000, 1001, 6000]), rate)
    for number, part in enumerate((slice(0, 1000), slice(1000, 1001), slice(1001, 6000))):
        alone = fit_sets(terms[part], np.array([0, len(terms[part])]), rate)
        for name in ("value", "low", "high", "log_likelihood"):
            assert getattr(together, name)[number] == getattr(alone, name)[0]


def test_an_interval_that_reaches_a_limit_says_so(rate):
    fit = fit_one(terms_of(quadratic_family.sample(5, 0.0, np.random.default_rng(6))), rate)
    assert fit.at_limit
    assert -3.0 <= fit.low <= fit.value <= fit.high <= 2.0


def test_what_cannot_be_fitted_is_refused(rate):
    terms = terms_of(quadratic_family.flat(10, np.random.default_rng(7)))
    with pytest.raises(InputError, match="without events"):
        fit_sets(terms, np.array([0, 5, 5, 10]), rate)
    with pytest.raises(InputError, match="from 0 to 10"):
        fit_sets(terms, np.array([0, 5]), rate)
    with pytest.raises(InputError, match="not finite"):
        EventTerms(np.array([np.nan]), np.array([0.1]))
