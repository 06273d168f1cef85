"""The coursework's version needs its variables; without them a run goes on without it."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.toy_bs_candidates import toy_samples

from hepsets.analyses.bs_dspi import Config, analysis
from hepsets.analyses.bs_dspi import published as module
from hepsets.analyses.bs_dspi.classifier import Trained
from hepsets.analyses.bs_dspi.published import as_published
from hepsets.analyses.bs_dspi.samples import DATA, Samples
from hepsets.analyses.bs_dspi.variables import PUBLISHED
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets

EXPECTED = Measured(400.0, 40.0), Measured(800.0, 30.0)


def test_candidates_without_any_variable_of_the_coursework_are_not_analysed_as_it_did():
    simulated, yields, data = toy_samples(size=0.1)
    bare = {name: column for name, column in data.columns.items() if name not in PUBLISHED}
    samples = Samples(simulated, yields, 0.001, ParticleSets(data.particles, data.offsets, bare))
    with pytest.raises(InputError, match="without any published variable"):
        as_published(samples, Config(), expected=EXPECTED)
    cut = SimpleNamespace(expected_signal=EXPECTED[0], expected_background=EXPECTED[1])
    config = dataclasses.replace(Config(), studies=("published",))
    assert analysis._published(config, samples, cut) is None


def test_faults_are_compared_at_the_efficiency_of_real_signal_that_the_trees_did_not_grow_on():
    simulated, yields, data = toy_samples(size=0.3)
    samples = Samples(simulated, yields, 0.001, data)
    trained = module._train(samples, ("bs_flight_chi2", "bs_ip_chi2", "ds_doca"), 1)
    real = trained.result.validation_indices < len(samples.signal)
    assert 0 < real.sum() < 0.4 * len(samples.signal)
    assert np.array_equal(trained.unseen_signal_scores, trained.test_scores[real])


def test_the_cut_that_should_have_been_is_chosen_by_expected_yields_of_the_same_trees():
    simulated, yields, data = toy_samples()
    samples, rng = Samples(simulated, yields, 0.001, data), np.random.default_rng(1)
    scores = {name: rng.beta(4, 1, len(one.candidates)) for name, one in simulated.items()}
    scores[DATA] = rng.uniform(size=len(data))
    honest = Trained("t", None, scores, {})
    loose, tight = (
        module._efficiency_right(samples, Config(), honest, (EXPECTED[0], Measured(b, 1.0)))
        for b in (50.0, 20_000.0)
    )
    assert loose > 0.9 > tight
