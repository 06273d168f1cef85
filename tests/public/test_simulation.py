"""The public names about events that are made give what the stages below give."""

from __future__ import annotations

import numpy as np
import pytest

import hepsets as hs
from hepsets.generate.pythia import event_type
from hepsets.select.candidates.combine import combine
from hepsets.select.candidates.rest_of_event import candidate_events
from hepsets.select.skims.registry import BATCH_EVENTS, run_skims
from hepsets.select.variables.continuum import VARIABLES
from hepsets.select.variables.own_frames import OWN_VARIABLES


@pytest.fixture(scope="module")
def events():
    return hs.generate("mixed", BATCH_EVENTS + 100, seed=5)


@pytest.fixture(scope="module")
def seen(events):
    return hs.simulate(events, seed=3)


def test_events_are_told_what_they_are(events):
    assert set(events.columns["event_type"]) == {event_type("mixed")}


def test_decays_at_several_delta_c9_are_independent():
    decays = hs.generate("kstmumu", 50, delta_c9=[-0.8, 0.3], seed=2, window="1-19")
    assert decays["delta_c9"].tolist() == [-0.8] * 50 + [0.3] * 50
    assert len(np.unique(decays["q_squared"])) == 100
    assert decays["q_squared"].min() > 1


@pytest.mark.parametrize("name", ["hadronic_b0", "fast_charm"])
def test_a_skim_passes_the_events_that_the_command_labels(events, seen, name):
    expected = run_skims(events, [name], seed=3, event_numbers=np.arange(len(events)))[name]
    assert expected.any()
    assert np.array_equal(hs.skim(seen, name), expected)


def test_event_numbers_and_trials_reach_the_detector(events):
    numbers = np.arange(len(events)) + 1000
    expected = run_skims(events, ["fast_charm"], seed=3, event_numbers=numbers, trial=2)["fast_charm"]
    seen = hs.simulate(events, seed=3, event_numbers=numbers, trial=2)
    assert np.array_equal(hs.skim(seen, "fast_charm", event_numbers=numbers), expected)


def test_candidates_are_the_best_of_each_event_with_the_variables(seen):
    numbers = np.arange(len(seen))
    at_once = candidate_events(combine(seen, event_numbers=numbers), numbers)
    found = hs.candidates(seen)
    assert len(found) == len(at_once) > 3
    for name, column in at_once.columns.items():
        assert np.array_equal(found.columns[name], column), name
    assert {*VARIABLES, *OWN_VARIABLES} <= set(found.columns)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda seen: hs.generate("mixt", 5), "mixt"),
        (lambda seen: hs.generate("mixed", 0), "0 events"),
        (lambda seen: hs.generate("mixed", 5, seed=-1), "seed -1"),
        (lambda seen: hs.generate("zbb", 5, workers=0), "0 workers"),
        (lambda seen: hs.generate("mixed", 5, delta_c9=1.0), "delta_c9 or window for the sample 'mixed'"),
        (lambda seen: hs.generate("kstmumu", 5, delta_c9=[]), "no ΔC9"),
        (lambda seen: hs.generate("kstmumu", 5, window="3-4"), "window '3-4'"),
        (lambda seen: hs.simulate(seen.events, "bell2"), "did you mean 'belle2'"),
        (lambda seen: hs.skim(hs.simulate(seen.events, "idea"), "jpsi"), "ParticleSets for a skim"),
        (lambda seen: hs.candidates(hs.simulate(seen.events, "idea")), "ParticleSets for a skim"),
        (lambda seen: hs.skim(seen, "jpsy"), "did you mean 'jpsi'"),
        (lambda seen: hs.skim(seen, "jpsi", event_numbers=np.arange(3)), "event numbers of shape"),
        (lambda seen: hs.candidates(hs.simulate(hs.generate("ddbar", 1, seed=1))), "no B candidate"),
    ],
)
def test_what_cannot_be_meant_is_refused(seen, call, message):
    with pytest.raises(hs.InputError, match=message.replace("(", r"\(")):
        call(seen)
