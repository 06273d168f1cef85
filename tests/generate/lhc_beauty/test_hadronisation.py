"""Parton events that are hadronised again: the same quarks, other hadrons; both ways round."""

import numpy as np
import pytest

from hepsets.generate.lhc_beauty.hadronisation import FORWARD, hadronised, lhc_pythia

pytest.importorskip("pythia8mc")


def made(hadron, times=4, collisions=40):
    pythia = lhc_pythia(hadron, 13_000.0)
    return [
        list(hadronised(pythia, hadron, 100 + k, times, np.random.default_rng(k))) for k in range(collisions)
    ]


@pytest.fixture(scope="module")
def generic():
    return [event for events in made(0) for event in events]


def pseudorapidity(p):
    return np.arcsinh(p[:, 2] / np.hypot(p[:, 0], p[:, 1]))


def test_the_same_partons_make_other_hadrons_each_time():
    once, thrice = ([event for event in made(0, times, 8) if event] for times in (1, 3))
    assert len(once) > 2
    for few, many in zip(once, thrice, strict=True):
        assert len(many) == 3 * len(few)
        assert np.array_equal(few[0].momentum, many[0].momentum)
        assert not np.array_equal(many[0].momentum, many[1].momentum)


def test_particles_are_charged_fly_forwards_and_know_their_mothers(generic):
    assert len(generic) > 100
    for event in generic[:50]:
        final = np.ones(len(event.pdg), dtype=bool)
        final[event.mother[event.mother != np.arange(len(event.pdg))]] = False
        assert set(np.abs(event.pdg[final])) <= {11, 13, 211, 321, 2212, 3112, 3222, 3312, 3334}
        assert (pseudorapidity(event.momentum[final]) > 1.5).all()
        assert event.signal == -1
        assert np.abs(event.vertex[event.mother == np.arange(len(event.pdg)), :3]).max() < 1e-6


def test_both_ways_round_look_alike(generic):
    # what was turned had a b quark backwards; its protons are the same
    beauty = np.array([event.beauty for event in generic])
    assert 0.7 < beauty.mean() < 1.6
    charges = np.concatenate(
        [np.sign(event.pdg[np.isin(np.abs(event.pdg), (211, 321))]) for event in generic]
    )
    assert charges.mean() == pytest.approx(0, abs=0.05)


def test_the_signal_is_one_b_hadron_forwards_that_has_not_decayed():
    events = [event for part in made(531, times=10) for event in part]
    assert len(events) > 5
    for event in events:
        assert abs(event.pdg[event.signal]) == 531
        assert event.signal not in event.mother[np.arange(len(event.pdg)) != event.signal]
        eta = pseudorapidity(event.momentum[[event.signal]])[0]
        assert FORWARD[0] < eta < FORWARD[1]
        assert event.beauty >= 1
