"""What it costs to fit ΔC9 with a learned likelihood: per-event terms, and fits of whole sets from them."""

import numpy as np
import pytest

from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.learn.data_sets.morphing import MorphingConfig, fit_morphing
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms
from hepsets.learn.data_sets.truth_ratios import TruthRatios

EVENTS = 80_000


@pytest.fixture(scope="module")
def model():
    frame = EventFrame.concatenate([sample_decays(5000, value, 1) for value in (-2.0, -1.0, 0.0, 1.0)])
    fit = PublishedFit(epochs=1, batch=2048, learning_rate=3e-3, schedule="cosine", device="cpu")
    return fit_morphing(frame, TruthRatios.of(frame, WINDOWS["0-20"]), MorphingConfig(fit=fit)).model


@pytest.fixture(scope="module")
def decays():
    return sample_decays(EVENTS, -0.8, 2)


def test_terms_of_events(benchmark, model, decays):
    benchmark.extra_info["events"] = EVENTS
    benchmark(model.terms, decays)


@pytest.mark.parametrize("background", [False, True])
def test_fits_of_sets(benchmark, model, decays, background):
    """Ten sets of 8 000 events each, with their intervals; the fraction of background floats."""
    terms = model.terms(decays)
    if background:
        terms = EventTerms(terms.beta, terms.gamma, np.random.default_rng(3).exponential(size=EVENTS))
    benchmark.extra_info["sets"] = 10
    benchmark(model.fit_sets, terms, np.arange(0, EVENTS + 1, 8000))
