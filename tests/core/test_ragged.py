"""Choosing and joining events of a ragged table."""

import numpy as np
from helpers.random_trees import make_events, multiplicities, same
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.events import (
    Events,
)


@given(multiplicities, st.data())
def test_any_selection_keeps_events_whole(counts, data):
    events = make_events(counts, number=np.arange(len(counts)))
    chosen = np.array(data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=10)), dtype=np.int64)
    picked = events[chosen]
    assert picked.columns["number"].tolist() == chosen.tolist()
    assert picked.multiplicity.tolist() == [counts[i] for i in chosen]
    for place, event in enumerate(chosen):
        alone = events[int(event) : int(event) + 1]
        begin, end = picked.offsets[place], picked.offsets[place + 1]
        assert np.array_equal(picked.particles["px"][begin:end], alone.particles["px"])


@given(multiplicities, st.integers(0, 8), st.integers(0, 8), st.sampled_from([1, 2, -1]))
def test_slices_are_those_of_a_list(counts, begin, end, step):
    events = make_events(counts, number=np.arange(len(counts)))
    which = slice(begin, end, step)
    picked = events[which]
    assert picked.columns["number"].tolist() == list(range(len(counts)))[which]
    assert picked.multiplicity.tolist() == counts[which]


def test_concatenation_undoes_slicing():
    events = make_events([2, 5, 1, 3], **{name: np.array([0, 1, 1, 0]) for name in "dcabe"})
    joined = Events.concatenate([events[:1], events[1:3], events[3:]])
    assert same(joined, events)
    assert list(joined.columns) == list(events.columns)  # or files would differ from run to run
