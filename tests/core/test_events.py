import awkward as ak
import numpy as np
import pytest
from helpers.random_trees import make_events, multiplicities, same
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.events import (
    PARTICLE_COLUMNS,
    Events,
)


@given(multiplicities)
def test_a_table_survives_awkward_and_arrow(counts):
    events = make_events(counts, label=np.arange(len(counts)) % 2 == 0)
    assert same(Events.from_awkward(events.to_awkward()), events)
    assert same(Events.from_arrow(events.to_arrow()), events)


def test_awkward_and_arrow_share_memory_with_the_table():
    events = make_events([3, 4])
    energy = events.to_awkward()["particles"]["energy"].layout.content.data
    assert np.shares_memory(energy, events.particles["energy"])
    arrow = Events.from_arrow(events.to_arrow())
    assert np.shares_memory(arrow.particles["energy"], events.particles["energy"])


@given(multiplicities, st.integers(0, 2**31))
def test_mothers_do_not_depend_on_numbering_or_order(counts, seed):
    events = make_events(counts)
    rng = np.random.default_rng(seed)
    order = np.concatenate(
        [
            begin + rng.permutation(count)
            for begin, count in zip(events.offsets, events.multiplicity, strict=False)
        ]
    )
    particles = {name: column[order] for name, column in events.particles.items()}
    particles["index"] = particles["index"] * 7 - 3
    particles["mother_index"] = particles["mother_index"] * 7 - 3
    shuffled = Events(particles, events.offsets).validate()
    assert np.array_equal(order[shuffled.mothers], events.mothers[order])


def broken(**changes):
    events = make_events([3, 4])
    particles = {name: column.copy() for name, column in events.particles.items()}
    for name, (position, value) in changes.items():
        particles[name][position] = value
    return Events(particles, events.offsets)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (broken(px=(4, np.nan)), "px = nan in event 1"),
        (broken(energy=(0, np.inf)), "energy = inf in event 0"),
        (broken(mother_index=(4, 9)), "points nowhere"),
        (broken(mother_index=(4, -1)), "points nowhere"),
        (broken(index=(4, 0)), "stands twice in event 1"),
        (broken(mother_index=([3, 4], [1, 0])), "mothers in event 1 form a cycle"),
        (broken(mother_index=([0, 1, 2], [1, 2, 0])), "mothers in event 0 form a cycle"),
        (make_events([]), "no events"),
        (make_events([2, 0, 1]), "event 1 has no particles"),
    ],
)
def test_a_bad_table_is_refused_with_what_is_wrong(events, message):
    with pytest.raises(InputError, match=message):
        events.validate()


@given(st.lists(st.integers(0, 5), min_size=6, max_size=6))
def test_cycles_are_found_exactly_when_a_walk_never_ends(mothers):
    particles = {name: np.zeros(6, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    particles["index"] = np.arange(6, dtype=np.int32)
    particles["mother_index"] = np.array(mothers, dtype=np.int32)
    ends = []
    for particle in range(6):
        for _ in range(6):
            particle = mothers[particle]
        ends.append(mothers[particle] == particle)
    events = Events(particles, np.array([0, 6]))
    if all(ends):
        events.validate()
    else:
        with pytest.raises(InputError, match="cycle"):
            events.validate()


@pytest.mark.parametrize("missing", ["pdg", "energy", "mother_index"])
def test_a_missing_particle_column_is_named(missing):
    particles = dict(make_events([2]).particles)
    del particles[missing]
    with pytest.raises(InputError, match=missing):
        Events(particles, np.array([0, 2]))


def test_columns_of_the_wrong_length_are_refused():
    with pytest.raises(InputError, match="one per event"):
        make_events([2, 3], label=np.zeros(3))
    with pytest.raises(InputError, match="the last offset"):
        Events(make_events([2, 3]).particles, np.array([0, 2]))
    with pytest.raises(InputError, match="never falls"):
        Events(make_events([2]).particles, np.array([0, 3, 2]))


def test_numbers_that_integer_columns_cannot_hold_are_refused_at_every_door():
    array = make_events([3]).to_awkward()
    for values in ([211, 2**32 + 211, 22], [211.0, 0.5, 22.0], [211.0, np.nan, 22.0]):
        changed = ak.with_field(array.particles, ak.Array([values]), "pdg")
        with pytest.raises(InputError, match=r"pdg = .*; expected whole numbers of 32 bits"):
            Events.from_awkward(ak.with_field(array, changed, "particles"))
