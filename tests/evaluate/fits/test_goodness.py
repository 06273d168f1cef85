"""Goodness of fit: near one per degree of freedom for the right model, far off for a wrong one."""

import numpy as np
import pytest
from helpers.toy_spectra import fitted, peak_on_exponential, spectrum_of
from scipy.stats import kstest

from hepsets.evaluate.fits.goodness import goodness_of_fit
from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.minimise import maximise


def test_the_right_model_has_p_values_from_nought_to_one():
    found = []
    for seed in range(40):
        _, masses, fit = fitted(peak_on_exponential(400, 600), seed)
        found.append(goodness_of_fit(fit, masses).p_value)
    # fitted to events, not to bins: a little more likely than flat at small values
    assert kstest(found, "uniform").pvalue > 1e-3


def test_a_model_without_the_peak_is_found_out():
    model = peak_on_exponential()
    masses = spectrum_of(model)
    flat = [np.random.default_rng(1).uniform(5.2, 5.8, len(masses[0]))]
    fit = maximise(Likelihood(model, flat))
    wrong, right = goodness_of_fit(fit, masses), goodness_of_fit(fit, flat)
    assert wrong.p_value < 1e-10
    assert wrong.distance > 3 * right.distance


def test_degrees_of_freedom_are_bins_less_free_parameters():
    _, masses, fit = fitted()
    found = goodness_of_fit(fit, masses)
    assert (found.bins, found.ndf) == (60, 60 - 5)
    assert found.chi2_per_ndf == found.chi2 / 55
    assert 0.4 < found.chi2_per_ndf < 1.8


def test_weights_have_the_variance_of_their_squares():
    model = peak_on_exponential()
    masses = spectrum_of(model)
    weights = [np.random.default_rng(2).exponential(1.0, len(masses[0]))]
    fit = maximise(Likelihood(model, masses, weights))
    found = goodness_of_fit(fit, masses, weights)
    assert 0.4 < found.chi2_per_ndf < 1.8


def test_too_few_events_have_a_distance_and_no_chi2():
    _, masses, fit = fitted(peak_on_exponential(60, 60, fixed=("width", "mean")))
    found = goodness_of_fit(fit, masses)
    assert found.bins < 6
    if found.ndf < 1:
        assert found.chi2 is None
    assert 0 < found.distance < 3


def test_toys_judge_by_how_many_of_them_are_farther_off():
    _, masses, fit = fitted()
    found = goodness_of_fit(fit, masses)
    judged = found.against(np.full(100, found.chi2 + 1), np.linspace(0, 2 * found.distance, 100))
    assert judged.chi2_p_value.value == 1
    assert judged.distance_p_value.value == pytest.approx(0.5, abs=0.02)
