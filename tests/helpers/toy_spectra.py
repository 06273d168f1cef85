"""Small mass spectra of known content: a peak on an exponential, and the model that made them."""

import numpy as np

from hepsets.evaluate.fits.backgrounds import Exponential
from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.minimise import maximise
from hepsets.evaluate.fits.model import Component, build_model
from hepsets.evaluate.fits.parameters import MassRange, with_settings
from hepsets.evaluate.fits.peaks import GAUSSIAN
from hepsets.evaluate.fits.toys import generate

WINDOW = MassRange(5.2, 5.8)
TRUTH = {"mean": 5.367, "width": 0.016, "exponential_slope": -4.0}


def peak_on_exponential(signal=1000.0, background=2000.0, *, counts=None, fixed=()):
    """A Gaussian of 16 MeV on an exponential, beginning at the truth."""
    components = [Component("signal", GAUSSIAN), Component("exponential", Exponential())]
    model = build_model(components, WINDOW, counts or {"": signal + background})
    truth = {}
    for name in model.names:
        bare = name.partition("[")[0]
        if bare in ("signal", "exponential"):
            truth[name] = signal if bare == "signal" else background
        elif bare in TRUTH:
            truth[name] = TRUTH[bare]
    parameters = with_settings(model.parameters, truth, {})
    held = {name: truth[name] for name in fixed}
    return model.with_parameters(with_settings(parameters, {}, held))


def spectrum_of(model, seed=1):
    """Events of each category."""
    return generate(model, model.start, np.random.default_rng(seed))


def fitted(model=None, seed=1, **options):
    """A model, its events, and their fit."""
    model = peak_on_exponential() if model is None else model
    masses = spectrum_of(model, seed)
    return model, masses, maximise(Likelihood(model, masses), **options)
