import sys

import numpy as np
import pytest
from helpers import fake_basf2
from helpers.small_filter import beam_events, small_filter

from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.deploy.filter.basf2 import add_filter, event_number, event_of
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings

EVENTS = beam_events(60, 8)


@pytest.fixture
def store(monkeypatch):
    """A data store; basf2 and ROOT are there as long as the test runs."""
    store = fake_basf2.DataStore()
    monkeypatch.setitem(sys.modules, "basf2", fake_basf2.basf2)
    monkeypatch.setitem(sys.modules, "ROOT", store.root())
    return store


def test_generated_particles_become_an_event_without_beams_and_secondaries():
    # a particle whose only daughter is of its own kind would be taken for a copy
    column = {**EVENTS.particles, "pdg": 100_211 + 10 * EVENTS.particles["index"]}
    for event in (Events(column, EVENTS.offsets)[i : i + 1] for i in range(5)):
        found = event_of(fake_basf2.mc_particles(event))
        for name in PARTICLE_COLUMNS:
            np.testing.assert_array_equal(found.particles[name], event.particles[name], err_msg=name)


def test_events_end_or_go_on_with_their_weights(store):
    path = fake_basf2.Path()
    settings = FilterSettings(seed=4)
    module = add_filter(path, small_filter(2), settings)
    assert path.modules == [module]
    module.initialize()
    assert store.calls == ["MCParticles required", "EventExtraInfo registered"]
    direct = EventFilter.load(small_filter(2))
    numbers = fake_basf2.offset_numbers(len(EVENTS))
    went_on = 0
    for i, number in enumerate(numbers):
        event = EVENTS[i : i + 1]
        came_through = path.process(store, event, number)
        weights = direct.weights(
            event_of(fake_basf2.mc_particles(event)),
            settings,
            event_numbers=np.array([((number[0] << 20) + number[1] << 32) + number[2]]),
        )[0]
        assert came_through == bool((weights > 0).any())
        names = ("hepsets_hadronic_b0", "hepsets_jpsi", "weight_hadronic_b0", "weight_jpsi")
        assert store.extra == dict(zip(names, np.float32([*weights, *weights]).tolist(), strict=True))
        went_on += came_through
    assert 0 < went_on < len(EVENTS)


def test_a_filter_behind_a_filter_multiplies_the_weights(store):
    path = fake_basf2.Path()
    one, two = small_filter(1), small_filter(2)
    add_filter(path, one).initialize()
    add_filter(path, two).initialize()
    first, second = EventFilter.load(one), EventFilter.load(two)
    came_through = 0
    for i, number in enumerate(fake_basf2.offset_numbers(len(EVENTS))):
        if not path.process(store, EVENTS[i : i + 1], number):
            continue
        came_through += 1
        event = event_of(fake_basf2.mc_particles(EVENTS[i : i + 1]))
        p = first.decide(event).probabilities[0, 0]
        q = second.decide(event).probabilities[0]
        kept = {name: value for name, value in store.extra.items() if value > 0}
        for name, probability in zip(("hepsets_hadronic_b0", "hepsets_jpsi"), q, strict=True):
            if name in kept:
                assert kept[name] == pytest.approx(1 / (p * probability), rel=1e-5)
    assert came_through


def test_skims_are_called_as_in_basf2_and_predictions_are_written_for_those_who_ask(store):
    path = fake_basf2.Path()
    add_filter(path, small_filter(1), skim_names={"hadronic_b0": "feiHadronicB0"}, debug=True).initialize()
    number = fake_basf2.offset_numbers(1)[0]
    path.process(store, EVENTS[:1], number)
    score = EventFilter.load(small_filter(1)).scores(event_of(fake_basf2.mc_particles(EVENTS[:1])))[0, 0]
    assert store.extra["weight_feiHadronicB0"] == store.extra["hepsets_hadronic_b0"]
    assert store.extra["SmartBKG_Prediction_feiHadronicB0"] == pytest.approx(score, rel=1e-5)
    with pytest.raises(InputError, match="a name for the skim 'jpsi'"):
        add_filter(path, small_filter(1), skim_names={"jpsi": "x"})
    with pytest.raises(InputError, match="one for each"):
        add_filter(path, small_filter(2), skim_names={"jpsi": "hadronic_b0"})


def test_every_event_has_a_number_of_its_own(store):
    numbers = set()
    for experiment in (0, 12, 1003):
        for run in (0, 1, 16_383):
            for event in (0, 1, 2**31 - 1):
                store.numbers = (experiment, run, event)
                number = event_number(store.root().Belle2.PyStoreObj("EventMetaData"))
                assert 0 <= number < 2**63
                numbers.add(number)
    assert len(numbers) == 27
