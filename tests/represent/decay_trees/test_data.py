from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.random_events import event_tables, random_events
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.events import Events
from hepsets.core.pdg import PdgMap
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.data import EventData
from hepsets.represent.decay_trees.features import FeatureSpec


def prepared(events: Events) -> EventData:
    return EventData.from_events(events, PdgMap((22, 211)), FeatureSpec())


def assert_batch_is(batch: PackedBatch, events: Events) -> None:
    """Against the event table's own selection."""
    np.testing.assert_array_equal(batch.offsets, events.offsets)
    np.testing.assert_array_equal(batch.mothers, events.mothers)
    np.testing.assert_array_equal(batch.features, FeatureSpec().of_events(events))
    np.testing.assert_array_equal(batch.tokens, PdgMap((22, 211)).tokens(events.particles["pdg"]))


@given(event_tables(), st.data())
def test_a_batch_holds_exactly_the_chosen_events_in_their_order(events: Events, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(events) - 1), max_size=8))
    batch = prepared(events).batch(torch.tensor(chosen, dtype=torch.int64))
    assert_batch_is(batch, events[np.array(chosen, dtype=np.int64)])


@given(event_tables(), st.integers(1, 7))
def test_batches_in_order_join_to_the_whole(events: Events, size: int) -> None:
    batches = list(prepared(events).batches(size))
    assert sum(batch.n_events for batch in batches) == len(events)
    for number, batch in enumerate(batches):
        assert_batch_is(batch, events[number * size : (number + 1) * size])


def test_events_may_be_repeated_in_a_batch() -> None:
    events = random_events(4)
    assert_batch_is(prepared(events).batch(torch.tensor([2, 2, 0])), events[np.array([2, 2, 0])])


def test_events_that_do_not_exist_are_refused_and_other_roads_give_the_same_batch() -> None:
    data = prepared(random_events(4))
    with pytest.raises(IndexError, match="event 4 of 4"):
        data.batch(torch.tensor([0, 4]))
    with pytest.raises(IndexError, match="event -1 of 4"):
        data.batch(torch.tensor([-1]))
    chosen = torch.tensor([3, 1, 1])
    batch, other = data.batch(chosen), replace(data, features=data.features.double()).batch(chosen)
    np.testing.assert_array_equal(batch.features, other.features.float())
    for name in ("tokens", "mothers", "offsets", "event_types"):
        np.testing.assert_array_equal(getattr(batch, name), getattr(other, name))


def test_types_go_with_their_events() -> None:
    data = replace(prepared(random_events(5)), event_types=torch.tensor([3, 1, 4, 1, 5]))
    chosen = torch.tensor([4, 2, 2])
    assert data.batch(chosen).event_types.tolist() == [5, 4, 4]
    assert data.select(chosen).event_types.tolist() == [5, 4, 4]
    assert [batch.event_types.tolist() for batch in data.batches(2)] == [[3, 1], [4, 1], [5]]


def test_selected_events_are_a_data_set_like_the_one_of_these_events() -> None:
    events = random_events(6)
    chosen = np.array([4, 0, 4, 5])
    selected = prepared(events).select(torch.from_numpy(chosen))
    for found, expected in zip(selected.tensors(), prepared(events[chosen]).tensors(), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_gradients_reach_the_features_that_a_batch_was_made_of() -> None:
    data = prepared(random_events(4))
    features = data.features.clone().requires_grad_()
    replace(data, features=features).batch(torch.tensor([2, 2])).features.sum().backward()
    assert features.grad is not None
    begin, end = data.offsets[2:4].tolist()
    assert features.grad[begin:end].unique().tolist() == [2]
    assert not features.grad[:begin].any()
    assert not features.grad[end:].any()
