"""What stays of an event record: hadrons, leptons and photons, without beams, partons and copies."""

import numpy as np
from helpers.hepmc_text import record


def test_beams_and_what_they_radiate():
    events = record(
        "P 1 0 11 0 0 7 7 0 4",
        "P 2 0 -11 0 0 -4 4 0 4",
        "P 3 1 22 0 0 1 1 0 1",  # radiated by the first beam, in a vertex that is not written
        "P 4 1 11 0 0 6 6 0 21",
        "V -2 0 [2,4]",
        "P 5 -2 300553 0 0 2 10 0 2",
        "P 6 5 511 0 0 1 5 0 1",
        particles=6,
        vertices=3,
    )
    assert events.particles["pdg"].tolist() == [22, 300553, 511]
    assert events.mothers.tolist() == [0, 1, 1]
    # all without a vertex position: the event's, in mm
    assert np.allclose(events.particles["z"], 3)


def test_partons_strings_and_copies_are_left_out():
    events = record(
        "P 1 0 11 0 0 5 5 0 4",
        "P 2 0 -11 0 0 -5 5 0 4",
        "V -1 0 [1,2] @ 0 0 1 0",
        "P 3 -1 23 0 0 0 10 0 22",
        "P 4 3 23 0 0 0 10 0 62",  # only a copy
        "V -3 0 [4] @ 0 0 2 0",
        "P 5 -3 1 0 0 5 5 0 71",
        "P 6 -3 -1 0 0 -5 5 0 71",
        "V -4 0 [5,6] @ 0 0 3 0",
        "P 7 -4 92 0 0 0 10 0 2",
        "P 8 7 211 0 0 1 2 0 1",
        "P 9 7 -211 0 0 1 2 0 1",
        particles=9,
        vertices=5,
    )
    assert events.particles["pdg"].tolist() == [23, 211, -211]
    assert events.mothers.tolist() == [0, 0, 0]
    assert np.allclose(events.particles["z"], [0.1, 0.3, 0.3])  # the copy; then the string's vertex


def test_events_without_anything_but_beams_are_empty():
    events = record("P 1 0 11 0 0 7 7 0 4", particles=1, vertices=0)
    assert len(events) == 1
    assert events.n_particles == 0
