"""Class-balanced samples of any skim."""

import numpy as np
import pytest

from hepsets.analyses.smart_background.one_skim_sample import SkimmedSampleConfig, make_skimmed_sample
from hepsets.core.config import from_mapping
from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS
from hepsets.generate.blocks import BLOCK_EVENTS

pytest.importorskip("pythia8mc")

MEASURED = {
    "hadronic_b0": {"mbc", "delta_e"},
    "semileptonic_b0": {"mass", "lepton_momentum", "cos_theta_by"},
    "fast_charm": {"mass", "momentum"},
}


@pytest.mark.parametrize("skim", MEASURED)
def test_a_sample_carries_what_its_skim_measures_of_passing_events(skim):
    sample = make_skimmed_sample(SkimmedSampleConfig(skim=skim, events=100, seed=3))
    label = sample.events.columns["label"]
    assert label.sum() == 50 == (~label).sum()
    weighted = np.average(label, weights=sample.events.columns["weight"])
    assert weighted == pytest.approx(sample.retention.value, rel=1e-12)
    assert set(sample.events.columns) == {"label", "weight", "event_number"} | MEASURED[skim]
    for name in MEASURED[skim]:
        assert (sample.events.columns[name][label] != 0).all()
        assert (sample.events.columns[name][~label] == 0).all()


def test_a_sample_does_not_depend_on_the_number_of_workers():
    config = SkimmedSampleConfig(events=600, seed=4, trials=1)  # of more than one block
    one, two = (make_skimmed_sample(config, workers=workers) for workers in (1, 2))
    assert (one.generated, one.passing) == (two.generated, two.passing)
    assert one.generated > BLOCK_EVENTS
    for name in PARTICLE_COLUMNS:
        assert np.array_equal(one.events.particles[name], two.events.particles[name])
    for name, column in one.events.columns.items():
        assert np.array_equal(column, two.events.columns[name])


@pytest.mark.parametrize(
    "change", [{"events": 0}, {"seed": -1}, {"seed": 2**63}, {"first_block": -1}, {"trials": -1}]
)
def test_impossible_samples_are_refused(change):
    with pytest.raises(InputError, match=next(iter(change))):
        from_mapping(SkimmedSampleConfig, change)
