"""What a sample is for goes with it, and is never changed."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.random_candidates import random_candidates
from helpers.random_events import random_events

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.events import Events, read_parquet, write_parquet
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.purpose import Purpose, common, demand

TABLES = {
    "events": lambda: random_events(6, seed=1),
    "particle sets": lambda: random_candidates(6, seed=1),
    "frame": lambda: EventFrame({"q_squared": np.arange(6.0)}),
}


@pytest.fixture(params=TABLES, ids=str)
def table(request):
    return TABLES[request.param]()


def test_nobody_knows_what_fresh_events_are_for(table):
    assert table.purpose is None


@pytest.mark.parametrize("purpose", Purpose)
def test_every_choice_of_events_serves_the_same_purpose(table, purpose):
    used = table.used_for(purpose)
    assert used.purpose is purpose
    assert used[1:3].purpose is purpose
    assert used[np.array([4, 0])].purpose is purpose
    assert used.with_columns(weight=np.ones(6)).purpose is purpose
    assert type(table).concatenate([used[:2], used[2:]]).purpose is purpose


@pytest.mark.parametrize("purpose", Purpose)
def test_events_that_serve_one_purpose_never_serve_another(table, purpose):
    used = table.used_for(purpose)
    assert used.used_for(purpose).purpose is purpose
    for other in set(Purpose) - {purpose}:
        with pytest.raises(InputError, match=f"{purpose} events where {other} events are needed"):
            used.used_for(other)


def test_events_for_different_purposes_are_not_joined(table):
    parts = [table[:3].used_for(Purpose.TRAINING), table[3:].used_for(Purpose.TEST)]
    with pytest.raises(InputError, match="events for test and for training joined"):
        type(table).concatenate(parts)


def test_some_columns_or_some_particles_serve_the_same_purpose():
    frame = EventFrame({"chi": np.arange(3.0), "mass": np.arange(3.0)}).used_for(Purpose.TEST)
    assert frame.select_present(["chi", "x"]).purpose is Purpose.TEST
    sets = random_candidates(3, seed=2).used_for(Purpose.TEST)
    assert sets.select_particles(np.zeros(sets.n_particles, dtype=bool)).purpose is Purpose.TEST


def test_arrays_without_a_purpose_are_taken_as_they_are():
    demand(None, Purpose.VALIDATION, "a threshold is chosen")
    assert common([]) is None
    assert isinstance(Events.concatenate([random_events(2, seed=1)]), Events)
    assert isinstance(ParticleSets.concatenate([random_candidates(2, seed=1)]), ParticleSets)


def test_what_is_held_out_of_events_without_a_purpose_can_no_longer_test():
    held = random_events(6, seed=1).held_out(np.array([5, 2]))
    assert held.purpose is Purpose.VALIDATION
    with pytest.raises(InputError, match="validation events where test events are needed"):
        held.used_for(Purpose.TEST)


def test_files_do_not_say_what_their_events_are_for(tmp_path):
    for purpose in Purpose:  # training events of one run may be test events of another
        write_parquet(random_events(6, seed=1).used_for(purpose), tmp_path / "events.parquet")
        assert read_parquet(tmp_path / "events.parquet").purpose is None


def test_validation_events_are_those_of_a_training_sample_that_are_held_out():
    events = random_events(6, seed=1)
    held = events.used_for(Purpose.TRAINING).held_out(np.array([5, 2]))
    assert held.purpose is Purpose.VALIDATION
    assert np.array_equal(held.particles["px"], events[np.array([5, 2])].particles["px"])
    for purpose in (Purpose.TEST, Purpose.VALIDATION):
        with pytest.raises(InputError, match=f"{purpose} events where validation events are held out"):
            events.used_for(purpose).held_out(np.array([0]))
