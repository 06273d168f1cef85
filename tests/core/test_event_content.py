"""What the filter's random numbers depend on: number, particles and weights of an event, nothing else."""

import numpy as np
import pytest
from helpers.random_events import event_tables, random_events, shuffled
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.event_content import event_keys
from hepsets.core.event_random import uniforms
from hepsets.core.events import Events

EVENTS = random_events(300, 7)
NUMBERS = np.arange(len(EVENTS))
KEYS = event_keys(EVENTS, NUMBERS)


def changed(name: str, particle: int, value: float) -> Events:
    column = EVENTS.particles[name].copy()
    column[particle] = value
    return Events({**EVENTS.particles, name: column}, EVENTS.offsets)


@given(event_tables(), st.integers(0, 2**16))
def test_order_and_indices_of_particles_do_not_matter(events, seed):
    numbers = np.arange(len(events))
    assert np.array_equal(event_keys(shuffled(events, seed), numbers), event_keys(events, numbers))


def test_an_event_alone_has_the_key_that_it_has_among_others():
    alone = [event_keys(EVENTS[i : i + 1], NUMBERS[i : i + 1])[0] for i in range(0, len(EVENTS), 7)]
    assert np.array_equal(alone, KEYS[::7])
    assert len(event_keys(EVENTS[:0], NUMBERS[:0])) == 0


@pytest.mark.parametrize("name", ["pdg", "px", "py", "pz", "energy"])
def test_one_bit_of_one_particle_changes_its_event_alone(name):
    particle = EVENTS.offsets[41] + 3
    value = EVENTS.particles[name][particle]
    other = -value if name == "pdg" else np.nextafter(value, np.float32(9))
    different = event_keys(changed(name, particle, other), NUMBERS) != KEYS
    assert np.flatnonzero(different).tolist() == [41]


def test_who_the_mother_is_matters():
    event = EVENTS.offsets[5]
    mother = EVENTS.particles["mother_index"][event + 4]
    different = event_keys(changed("mother_index", event + 4, 1 if mother != 1 else 2), NUMBERS) != KEYS
    assert np.flatnonzero(different).tolist() == [5]


def test_minus_zero_is_zero_and_production_points_do_not_count():
    zero, minus = changed("px", 9, 0.0), changed("px", 9, -0.0)
    assert np.array_equal(event_keys(zero, NUMBERS), event_keys(minus, NUMBERS))
    assert np.array_equal(event_keys(changed("x", 9, 3.0), NUMBERS), KEYS)


def test_equal_events_differ_by_their_number_and_empty_ones_too():
    same = EVENTS[np.zeros(1000, dtype=np.int64)]
    assert len(np.unique(event_keys(same, np.arange(1000)))) == 1000
    assert len(np.unique(event_keys(same, np.zeros(1000, np.int64)))) == 1
    empty = Events({name: column[:0] for name, column in EVENTS.particles.items()}, np.zeros(11, np.int64))
    assert len(np.unique(event_keys(empty, np.arange(10)))) == 10


def test_weights_count_unless_they_are_one_and_scores_and_integers_do_not():
    ones = np.ones(len(EVENTS))
    weights = np.where(NUMBERS % 3 == 0, 1.0, 1 + NUMBERS / 7)
    none = EVENTS.with_columns(weight=ones, label=NUMBERS, hepsets_score_jpsi=weights)
    assert np.array_equal(event_keys(none, NUMBERS), KEYS)
    for some in (
        EVENTS.with_columns(weight=weights),
        EVENTS.with_columns(generator=np.stack([ones, weights], axis=1)),
    ):
        assert np.array_equal(event_keys(some, NUMBERS) == KEYS, weights == 1)
    one_name, another = (event_keys(EVENTS.with_columns(**{name: weights}), NUMBERS) for name in ("a", "b"))
    assert np.array_equal(one_name, another)  # formats name them otherwise


def test_random_numbers_of_equal_numbers_and_other_content_are_independent_and_uniform():
    jobs = [random_events(4000, seed, mean_particles=4.0) for seed in (11, 12)]
    first, second = (uniforms(1, event_keys(events, np.arange(4000)), 0) for events in jobs)
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(4000)
    counts = np.histogram(first, 50, (0, 1))[0]
    assert 20 < ((counts - 80) ** 2 / 80).sum() < 90  # 49 degrees of freedom
