"""Charge votes: odd under exchange of particles and antiparticles, whatever the weights."""

import numpy as np
import pytest
import torch
from helpers.random_whole_events import random_whole_events, whole_events_of_sizes

from hepsets.learn.particle_sets.learned_moments import AllPairs
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import logits_of
from hepsets.learn.whole_events.charge_votes import ChargeVotes, ChargeVotesConfig
from hepsets.learn.whole_events.model import build_whole_event_model
from hepsets.represent.whole_events import features as what
from hepsets.represent.whole_events.data import whole_event_data


def logits(model, events):
    return logits_of(model, whole_event_data(events)).numpy()[:, 0]


@pytest.fixture(scope="module")
def trained():
    events = random_whole_events(600, seed=1)
    model = build_whole_event_model("charge_votes", units=16, seed=2)
    fit(
        model,
        events,
        events.columns["q"] > 0,
        config=FitConfig(epochs=4, batch=32, learning_rate=3e-3, device="cpu"),
    )
    return model


def test_the_conjugate_event_has_the_opposite_logit(trained):
    events = random_whole_events(80, seed=3)
    one, other = logits(trained, events), logits(trained, what.conjugated(events))
    assert np.abs(one).max() > 0.5
    assert np.abs(one + other).max() < 1e-5 * np.abs(one).max()
    assert np.abs(np.tanh(one / 2) + np.tanh(other / 2)).max() < 1e-5


def test_deep_sets_have_no_such_symmetry():
    events = random_whole_events(80, seed=3)
    model = build_whole_event_model("whole_event_deep_sets", units=16)
    assert np.abs(logits(model, events) + logits(model, what.conjugated(events))).max() > 1e-2


def test_an_event_without_tracks_tells_nothing(trained):
    events = whole_events_of_sizes([6, 0], seed=4)
    clusters = events.select_particles(events.particles["charge"] == 0)
    assert (logits(trained, clusters) == 0).all()


def test_it_learns_what_charges_of_leptons_and_kaons_tell(trained):
    events = random_whole_events(500, seed=5)
    right = np.sign(logits(trained, events)) == events.columns["q"]
    assert right.mean() > 0.75


def test_a_vote_of_a_track_depends_on_the_others(trained):
    events = whole_events_of_sizes([8], seed=6)
    assert (events.particles["charge"] != 0).sum() > 2
    network, data = trained.network, whole_event_data(events).sets[0]
    even, structure = data.features[:, : len(what.EVEN)], data.features[:, len(what.EVEN) :]
    with torch.no_grad():
        before = network.votes(even, structure, data)
        structure = structure.clone()
        structure[np.flatnonzero(events.particles["charge"])[0], 0] *= -1
        after = network.votes(even, structure, data)
    assert (before[1:] - after[1:]).abs().max() > 1e-6
    assert len(AllPairs(data).first) == 64


def test_without_rounds_each_track_votes_alone():
    assert len(ChargeVotes(ChargeVotesConfig(rounds=0)).rounds) == 0
    assert np.isfinite(
        logits(build_whole_event_model("charge_votes", rounds=0), random_whole_events(5))
    ).all()
