"""sWeights and custom orthogonal weights: closure, their agreement, errors of what is fitted with them."""

import numpy as np
import pytest
from helpers.toy_spectra import fitted, peak_on_exponential

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.model import Component, build_model
from hepsets.evaluate.fits.orthogonal_weights import corrected_covariance, factorises, orthogonal_weights
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.evaluate.fits.peaks import GAUSSIAN

KINDS = ("classic", "fitted", "flat")


@pytest.fixture(scope="module")
def fit():
    return fitted(peak_on_exponential(3000, 6000))


def mixture(seed, signal=300, background=600):
    """Masses of a mixture, and a decay time: 1.5 in the signal, 0.5 in the background."""
    rng = np.random.default_rng(seed)
    model = peak_on_exponential(signal, background, fixed=("mean", "width", "exponential_slope"))
    n_s, n_b = rng.poisson(signal), rng.poisson(background)
    grid = np.linspace(5.2, 5.8, 4001)
    below = model.cumulative(model.start, 0, 1, grid)
    mass = np.concatenate([rng.normal(5.367, 0.016, n_s), np.interp(rng.uniform(size=n_b), below, grid)])
    time = np.concatenate([rng.exponential(1.5, n_s), rng.exponential(0.5, n_b)])
    return model, mass, time


def test_classic_weights_sum_to_the_yields_and_at_each_event_to_one(fit):
    _, (mass,), result = fit
    made = orthogonal_weights(result, mass)
    assert made.weights.sum(axis=0) == pytest.approx(1, abs=2e-3)
    assert made.weights.sum(axis=1) == pytest.approx(
        [result["signal"].value.value, result["exponential"].value.value], rel=2e-3
    )
    assert made.effective_events < result["signal"].value.value


def test_orthogonal_weights_with_the_fitted_density_are_the_classic_ones(fit):
    _, (mass,), result = fit
    classic, fitted_ones = (
        orthogonal_weights(result, mass, kind=kind).signal for kind in ("classic", "fitted")
    )
    assert np.abs(classic - fitted_ones).max() < 0.01 * np.abs(classic).max()


def test_a_flat_variance_costs_precision_and_stays_unbiased(fit):
    _, (mass,), result = fit
    classic, flat = (orthogonal_weights(result, mass, kind=kind) for kind in ("classic", "flat"))
    assert flat.signal.sum() == pytest.approx(result["signal"].value.value, rel=0.05)
    assert flat.effective_events < classic.effective_events


@pytest.mark.parametrize("kind", KINDS)
def test_weights_unfold_the_signal(kind):
    sums = []
    for seed in range(100, 115):
        model, mass, time = mixture(seed)
        weights = orthogonal_weights(fitted_to(model, mass), mass, kind=kind).signal
        sums.append([(weights * time).sum(), weights.sum()])
    lifetimes, (of_time, of_ones) = np.divide(*np.transpose(sums)), np.sum(sums, axis=0)
    assert of_time / of_ones == pytest.approx(1.5, abs=4 * np.std(lifetimes) / np.sqrt(15))


def fitted_to(model, mass):
    from hepsets.evaluate.fits.likelihood import Likelihood
    from hepsets.evaluate.fits.minimise import maximise

    return maximise(Likelihood(model, [mass]))


def lifetime(weights, time):
    """The weighted mean is the estimate of a lifetime; its score, and what HESSE would say."""
    tau = (weights * time).sum() / weights.sum()
    score = (time / tau - 1) / tau
    naive = np.array([[tau**2 / weights.sum()]])
    return tau, score[None, :], naive


def test_corrected_errors_are_the_spread_of_fits_with_weights_and_naive_ones_are_not():
    estimates, corrected, first, naive_errors = [], [], [], []
    for seed in range(100):
        model, mass, time = mixture(seed)
        made = orthogonal_weights(fitted_to(model, mass), mass)
        tau, score, naive = lifetime(made.signal, time)
        estimates.append(tau)
        corrected.append(np.sqrt(corrected_covariance(made, score, naive)[0, 0]))
        first.append(np.sqrt(naive[0, 0] ** 2 * ((score[0] * made.signal) ** 2).sum()))
        naive_errors.append(np.sqrt(naive[0, 0]))
    spread = np.std(estimates, ddof=1)
    assert np.mean(corrected) == pytest.approx(spread, rel=0.22)
    assert np.mean(naive_errors) < 0.9 * spread
    assert np.mean(corrected) < np.mean(first)


def test_independence_is_seen_and_dependence_found_out():
    rng = np.random.default_rng(1)
    mass, other = rng.normal(5.367, 0.016, 2000), rng.exponential(1.0, 2000)
    assert factorises(mass, other).p_value > 1e-3
    tied = factorises(mass, other + 20 * (mass - 5.367))
    assert tied.p_value < 1e-10
    assert tied.tau > 5 * tied.tau_se


def test_components_that_cannot_be_told_apart_and_single_ones_are_refused(fit):
    _, (mass,), result = fit
    with pytest.raises(InputError, match="kind"):
        orthogonal_weights(result, mass, kind="old")
    alone = build_model(
        [Component("signal", GAUSSIAN.around(5.367, 0.016))], MassRange(5.2, 5.8), {"": 100.0}
    )
    near = np.random.default_rng(1).normal(5.367, 0.016, 100)
    with pytest.raises(InputError, match="one component"):
        orthogonal_weights(fitted_to(alone, near), near)
    with pytest.raises(InputError, match="ten events"):
        factorises(mass[:5], mass[:5])
    with pytest.raises(InputError, match="scores of shape"):
        corrected_covariance(orthogonal_weights(result, mass), np.zeros((1, 3)), np.eye(1))
