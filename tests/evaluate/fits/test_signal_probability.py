"""The probability to be signal is what the fitted yields say at each mass."""

import numpy as np
import pytest
from helpers.toy_spectra import peak_on_exponential

from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.minimise import maximise
from hepsets.evaluate.fits.signal_probability import signal_probability
from hepsets.evaluate.fits.toys import generate


def test_probabilities_sum_to_the_yield_and_are_high_in_the_peak_alone():
    model = peak_on_exponential(600, 600)
    (mass,) = generate(model, model.start, np.random.default_rng(1))
    fit = maximise(Likelihood(model, [mass]))
    share = signal_probability(fit, mass)
    assert share.sum() == pytest.approx(fit["signal"].value.value, rel=1e-3)
    assert ((share >= 0) & (share <= 1)).all()
    low, peak, beyond = signal_probability(fit, np.array([5.25, 5.367, 9.0]))
    assert low < 0.05 < 0.5 < peak
    assert beyond == 0
