"""Events are known again by what they hold."""

import numpy as np
import pytest
from helpers.random_events import event_tables, random_events, shuffled
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.shared_events import KINEMATICS, content_hashes, n_repeated, n_shared, refuse_shared


def hashes(events):
    return content_hashes({name: events.particles[name] for name in KINEMATICS}, events.offsets)


@given(event_tables(), st.integers(0, 100))
def test_the_order_of_events_and_of_particles_does_not_matter(events, seed):
    order = np.random.default_rng(seed).permutation(len(events))
    again = hashes(shuffled(events[order], seed))
    np.testing.assert_array_equal(again, hashes(events)[order])


def test_different_events_are_different():
    found = hashes(random_events(20_000, seed=1, mean_particles=5))
    assert len(np.unique(found)) == 20_000
    assert n_repeated(found) == 0


def test_one_bit_of_one_momentum_makes_another_event():
    events = random_events(50, seed=1)
    before = hashes(events)
    events.particles["px"][100] = np.nextafter(events.particles["px"][100], np.float32(9))
    assert (hashes(events) != before).sum() == 1


def test_numbers_count_whatever_their_type_and_name_order():
    a, b = np.array([1.5, -0.0, 3.0]), np.array([0, 1, 0])
    one = content_hashes({"a": a, "b": b})
    other = content_hashes({"b": b.astype(bool), "a": a.astype(np.float32)})
    np.testing.assert_array_equal(one, other)
    assert (one != content_hashes({"a": b, "b": a})).all()  # names do


def test_a_single_shared_event_is_refused_and_counted():
    events = random_events(40, seed=1)
    train, test = hashes(events[:30]), hashes(events[29:])
    assert n_shared(train, test) == 1
    with pytest.raises(InputError, match=r"1 of 11 events of b\.root are in a\.root too"):
        refuse_shared(train, test, "a.root", "b.root")
    refuse_shared(train, test[1:], "a.root", "b.root")


def test_events_without_content_are_not_the_same_event():
    nothing = content_hashes({"px": np.array([np.nan, np.inf])})
    empty = content_hashes({"px": np.zeros(0)}, np.zeros(3, dtype=np.int64))
    assert not nothing.any()
    assert not empty.any()
    assert n_shared(nothing, empty) == 0 == n_repeated(empty)
