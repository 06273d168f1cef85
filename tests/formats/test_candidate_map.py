"""Column maps of candidates: what is understood, and what is refused in one line."""

import json

import pytest
from helpers.own_candidates import MAP

from hepsets.core.errors import InputError
from hepsets.formats.candidate_map import CandidateMap

TRACKS = {"px": "x", "py": "y", "pz": "z", "charge": "q"}


def test_a_map_comes_back_from_json_as_it_was():
    assert CandidateMap.read(json.loads(json.dumps(MAP.record()))) == MAP


def test_own_quantities_have_names_that_meet_none_of_ours():
    found = CandidateMap({"roe_tracks": {**TRACKS, "n_cdc": "hits"}}, variables=("R2",))
    assert found.own_features == {"roe_tracks": ("yours:n_cdc",)}
    assert found.own_variables == ("yours:R2",)


def test_what_the_sets_do_not_tell_is_said():
    told = CandidateMap({"roe_tracks": {**TRACKS, "dr": "d"}}).missing
    assert told[0] == "roe_tracks without electron, muon, pion, kaon, proton, dz: 0 for all of them"
    assert [line for line in told if line.startswith("no ")] == [
        f"no {name}: taken as empty" for name in ("roe_clusters", "candidate_tracks", "candidate_clusters")
    ]


@pytest.mark.parametrize(
    ("given", "way"),
    [
        ({"p": "p", "theta": "t", "phi": "f"}, ("p", "theta", "phi")),
        ({"pt": "p", "cos_theta": "t", "phi": "f"}, ("pt", "cos_theta", "phi")),
        ({"energy": "e", "theta": "t", "phi": "f"}, ("energy", "theta", "phi")),
        ({"px": "x", "py": "y", "pz": "z", "energy": "e"}, ("px", "py", "pz")),
    ],
)
def test_momenta_of_clusters_come_in_several_ways(given, way):
    assert CandidateMap({"roe_clusters": given}).way("roe_clusters") == way


@pytest.mark.parametrize(
    ("sets", "more", "message"),
    [
        ({}, {}, "no sets"),
        ({"roe_track": TRACKS}, {}, r"a set 'roe_track'.*did you mean roe_tracks"),
        ({"roe_tracks": {"px": "x", "charge": "q"}}, {}, "momenta of sets.roe_tracks by px"),
        ({"roe_tracks": {**TRACKS, "p": "p"}}, {}, "by px, py, pz, p;"),
        ({"roe_tracks": {"energy": "e", "theta": "t", "phi": "f", "charge": "q"}}, {}, "by theta, phi;"),
        ({"roe_tracks": {"px": "x", "py": "y", "pz": "z"}}, {}, "sets.roe_tracks without charge"),
        ({"roe_clusters": TRACKS}, {}, "charge in sets.roe_clusters"),
        ({"roe_tracks": {**TRACKS, "kaonID": "k"}}, {}, "did you mean kaon"),
        ({"roe_tracks": {**TRACKS, "a b": "k"}}, {}, "letters, digits"),
        ({"roe_tracks": {**TRACKS, "dz": ""}}, {}, "an empty name"),
        ({"roe_tracks": TRACKS}, {"columns": {"labels": "l"}}, "did you mean label"),
        ({"roe_tracks": TRACKS}, {"columns": {"cosB": "c"}}, "data.variables"),
        ({"roe_tracks": TRACKS}, {"columns": {"candidate_px": "c"}}, "candidate_px alone"),
        ({"roe_tracks": TRACKS}, {"variables": ("a", "a")}, "'a' twice"),
        ({"roe_tracks": TRACKS}, {"variables": ("x",)}, "'x' as a list and as a number"),
    ],
)
def test_maps_that_mean_nothing_are_refused(sets, more, message):
    with pytest.raises(InputError, match=message):
        CandidateMap(sets, **more)


def test_a_record_that_is_no_map_is_refused():
    with pytest.raises(InputError, match="a column map"):
        CandidateMap.read({"sets": {"roe_tracks": 3}})
