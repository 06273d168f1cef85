"""The coursework's version needs its variables; without them a run goes on without it."""

import dataclasses
from types import SimpleNamespace

import pytest
from helpers.toy_bs_candidates import toy_samples

from hepsets.analyses.bs_dspi import Config, analysis
from hepsets.analyses.bs_dspi.published import as_published
from hepsets.analyses.bs_dspi.samples import Samples
from hepsets.analyses.bs_dspi.variables import PUBLISHED
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets


def test_candidates_without_any_variable_of_the_coursework_are_not_analysed_as_it_did():
    simulated, yields, data = toy_samples(size=0.1)
    bare = {name: column for name, column in data.columns.items() if name not in PUBLISHED}
    samples = Samples(simulated, yields, 0.001, ParticleSets(data.particles, data.offsets, bare))
    with pytest.raises(InputError, match="without any published variable"):
        as_published(samples, Config(), cut_right=0.9)
    cut = SimpleNamespace(efficiency=SimpleNamespace(value=0.9))
    config = dataclasses.replace(Config(), studies=("published",))
    assert analysis._published(config, samples, cut) is None
