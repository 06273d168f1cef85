"""What true decays tell of their flavour: as often, and as rightly, as is known."""

import numpy as np
import pytest
from helpers.mixed_events import NUMBERS, mixed_events, seen_events

from hepsets.select.whole_events.tag_side import b_mesons, tag_sides
from hepsets.select.whole_events.tag_truth import VOTES, true_votes


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
