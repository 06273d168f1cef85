"""Which sets the names of a file's columns suggest."""

import pytest

from hepsets.deploy.candidate_basf2 import MAP
from hepsets.formats.candidate_names import proposed_map


def test_what_our_module_of_basf2_writes_is_known_by_its_names():
    names = [*MAP.lists, "nroe_track", "px", "E", "Mbc", "isSignal"]
    assert proposed_map(names).sets == MAP.sets


@pytest.mark.parametrize("head", ["ROE_trk", "Bsig_rest_charged", "roeTracks"])
def test_heads_of_names_differ(head):
    names = [f"{head}_{tail}" for tail in ("p", "theta", "phi", "q", "kaonID", "nCDC")]
    found = proposed_map(names).sets
    assert found == {
        "roe_tracks": {
            "p": names[0],
            "theta": names[1],
            "phi": names[2],
            "charge": names[3],
            "kaon": names[4],
        }
    }


@pytest.mark.parametrize(
    "names",
    [
        ["roe_trk_px", "roe_trk_py", "roe_trk_pz"],
        ["roe_trk_px", "roe_trk_py", "roe_trk_charge"],
        [
            f"{head}_{tail}"
            for head in ("roe_trk_good", "roe_trk_all")
            for tail in ("px", "py", "pz", "charge")
        ],
        ["Particle_px", "Particle_py", "Particle_pz", "Particle_charge"],
        ["Mbc", "R2"],
    ],
)
def test_nothing_is_guessed(names):
    assert proposed_map(names) is None
