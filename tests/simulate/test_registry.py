"""Detectors by name."""

import pytest

from hepsets import simulate
from hepsets.core.errors import InputError
from hepsets.simulate import registry
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.registry import DEFAULT_DETECTOR, DETECTORS, skimmed_detector


def test_belle2_is_the_detector_where_none_is_named():
    assert DEFAULT_DETECTOR == "belle2"
    assert DETECTORS[DEFAULT_DETECTOR] is BELLE2


def test_an_unknown_detector_is_refused():
    with pytest.raises(InputError, match="no detector 'belle3'; expected one of belle2"):
        DETECTORS.find("belle3")


def test_skims_need_a_detector_of_tracks_and_clusters():
    assert skimmed_detector("belle2") is BELLE2
    with pytest.raises(InputError, match="skims of what the detector 'idea' sees"):
        skimmed_detector("idea")


def test_a_file_of_numbers_is_a_detector_for_standing_in_the_folder(monkeypatch, tmp_path):
    (tmp_path / "blind.py").write_text(
        "from dataclasses import replace\n"
        "from hepsets.simulate.belle2 import BELLE2\n"
        "BLIND = replace(BELLE2, tracker=replace(BELLE2.tracker, plateau=0.0))\n"
    )
    (tmp_path / "mirror.py").write_text("MIRROR = 'no detector'\n")
    monkeypatch.setattr(simulate, "__path__", [*simulate.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "registry.py"))
    found = registry._detectors_of_this_folder()
    assert list(found) == ["blind"]
    assert found["blind"].tracker.plateau == 0.0
