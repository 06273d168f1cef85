"""The filters of the package, by name."""

import hepsets as hs


def test_a_filter_is_loaded_by_its_name():
    assert hs.load_filter("hadronic_b0").skims == ("hadronic_b0",)
