"""Class-balanced samples of any skim."""

import numpy as np
import pytest

from hepsets.select.skimmed_sample import SkimmedSampleConfig, make_skimmed_sample

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
    assert np.average(label, weights=sample.events.columns["weight"]) == pytest.approx(
        sample.retention.value, rel=0.3
    )
    assert set(sample.events.columns) == {"label", "weight", "event_number"} | MEASURED[skim]
    for name in MEASURED[skim]:
        assert (sample.events.columns[name][label] != 0).all()
        assert (sample.events.columns[name][~label] == 0).all()
