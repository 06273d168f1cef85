"""What true decays tell of their flavour: as often, and as rightly, as is known."""

import numpy as np
import pytest
from helpers.mixed_events import NUMBERS, mixed_events, seen_events

from hepsets.select.whole_events.tag_side import b_mesons, tag_sides
from hepsets.select.whole_events.tag_truth import STAGES, VOTES, seen_votes, true_votes
from hepsets.simulate.particle_id import SPECIES_NAMES


@pytest.fixture(scope="module")
def votes():
    sides = [tag_sides(seen_events(), NUMBERS, signal).columns for signal in (0, 1)]
    return {name: np.concatenate([side[name] for side in sides]) for name in (*VOTES, "q")}


def right(votes, name):
    there = votes[name] != 0
    return there.mean(), (votes[name][there] == votes["q"][there]).mean()


def test_a_lepton_of_the_b_itself_is_never_wrong(votes):
    share, correct = right(votes, "true_lepton")
    assert share == pytest.approx(0.206, abs=0.06)  # 2 x 10.3 %, PDG
    assert correct == 1


def test_kaons_slow_pions_and_secondary_leptons_are_mostly_right(votes):
    for name, least in (("true_kaon", 0.75), ("true_slow_pion", 0.85), ("true_secondary_lepton", 0.7)):
        share, correct = right(votes, name)
        assert 0.1 < share < 0.6
        assert least < correct < 1


def test_fast_hadrons_are_right_more_often_than_not(votes):
    _, correct = right(votes, "true_fast_hadron")
    assert 0.5 < correct < 0.95


def test_a_decay_written_down_by_hand_votes_as_it_should():
    events = mixed_events()
    pair = b_mesons(events)
    found = true_votes(events, pair[:, 0])
    pdg, mothers = events.particles["pdg"], events.mothers
    for event in range(100):
        b = pair[event, 0]
        leptons = [-np.sign(pdg[i]) for i in np.flatnonzero(mothers == b) if abs(pdg[i]) in (11, 13)]
        assert found["true_lepton"][event] == np.sign(sum(leptons))


def test_votes_of_what_was_seen_are_those_of_particles_that_came_so_far():
    seen = seen_events()
    events, tags = seen.events, b_mesons(seen.events)[:, 0]
    found = seen_votes(seen, tags)
    assert set(found) == {name.replace("true", stage, 1) for stage in STAGES for name in VOTES}
    p, pdg = events.particles, events.particles["pdg"]
    degrees = np.degrees(np.arctan2(np.hypot(p["px"], p["py"]), p["pz"]))
    tracks = seen.tracks[np.argsort(seen.tracks["particle"])]
    taken = {
        int(track["particle"]): SPECIES_NAMES[np.argmax(list(track[list(SPECIES_NAMES)]))] for track in tracks
    }
    came = {"accepted": 0, "found": 0, "identified": 0}
    for event, b in enumerate(tags):
        leptons = [i for i in np.flatnonzero(events.mothers == b) if abs(pdg[i]) in (11, 13)]
        inside = [i for i in leptons if 17 <= degrees[i] <= 150]
        tracked = [i for i in inside if i in taken]
        right = [i for i in tracked if taken[i] == {11: "electron", 13: "muon"}[abs(pdg[i])]]
        for stage, some in zip(came, (inside, tracked, right), strict=True):
            assert found[f"{stage}_lepton"][event] == np.sign(-sum(int(np.sign(pdg[i])) for i in some))
            came[stage] += len(some)
    assert came["accepted"] >= came["found"] > came["identified"] > 0


def test_half_of_the_slow_pions_leave_a_track_and_most_fast_hadrons_do():
    seen = seen_events()
    tags = b_mesons(seen.events)
    votes, shares = [seen_votes(seen, tags[:, k]) for k in (0, 1)], {}
    for name in ("slow_pion", "fast_hadron"):
        there = [np.count_nonzero([vote[f"{stage}_{name}"] for vote in votes]) for stage in STAGES]
        shares[name] = there[1] / there[0]
    assert 0.3 < shares["slow_pion"] < 0.75
    assert shares["fast_hadron"] > 0.8


def test_a_lambda_is_seen_by_its_proton():
    seen = seen_events()
    events, tags = seen.events, b_mesons(seen.events)[:, 0]
    pdg, votes = events.particles["pdg"], seen_votes(seen, tags)
    protons = np.flatnonzero((np.abs(pdg) == 2212) & (np.abs(pdg[events.mothers]) == 3122))
    with_proton = np.unique(events.event_of_particle[protons])
    voting = np.flatnonzero(votes["accepted_lambda"])
    assert len(voting)
    assert np.isin(voting, with_proton).all()
