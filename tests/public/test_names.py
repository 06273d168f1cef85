"""Lists of names hold what the functions take."""

from __future__ import annotations

import hepsets as hs


def test_every_listed_filter_can_be_loaded():
    for name in hs.list_filters():
        assert hs.load_filter(name).skims


def test_every_listed_skim_detector_and_sample_is_taken():
    for sample in hs.list_samples():
        events = hs.generate(sample, 2, seed=1)
    mixed = hs.generate("mixed", 2, seed=1)
    for detector in hs.list_detectors():
        assert len(hs.simulate(mixed, detector)) == 2
    seen = hs.simulate(mixed)
    for skim in hs.list_skims():
        assert hs.skim(seen, skim).shape == (2,)
    assert len(events) == 2
