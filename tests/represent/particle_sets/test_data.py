import numpy as np
import pytest
import torch
from helpers.random_candidates import candidates_of_sizes, random_candidates
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.represent.particle_sets.data import SetBatch, SetData
from hepsets.represent.particle_sets.features import FIVE_SETS

EVENTS = random_candidates(40, seed=4, mean_particles=12)
COLUMNS = ("R2", "thrustBm")
DATA = SetData.from_events(EVENTS, FIVE_SETS, COLUMNS)


def assert_same(one: SetBatch, other: SetBatch) -> None:
    assert torch.equal(one.event_features, other.event_features)
    for left, right in zip(one.sets, other.sets, strict=True):
        assert torch.equal(left.offsets, right.offsets)
        assert torch.equal(left.features, right.features)


@given(st.lists(st.integers(0, len(EVENTS) - 1), max_size=12))
def test_a_batch_holds_the_events_asked_for_in_that_order(numbers) -> None:
    batch = DATA.batch(torch.tensor(numbers, dtype=torch.int64))
    assert batch.n_events == len(numbers)
    expected = EVENTS[np.array(numbers, dtype=np.int64)]
    assert_same(batch, SetData.from_events(expected, FIVE_SETS, COLUMNS))


def test_batches_in_order_are_all_events_once() -> None:
    parts = list(DATA.batches(7))
    assert [part.n_events for part in parts] == [7] * 5 + [5]
    for place, one in enumerate(DATA.sets):
        assert torch.equal(torch.cat([part.sets[place].features for part in parts]), one.features)
        multiplicity = torch.cat([part.sets[place].multiplicity for part in parts])
        assert torch.equal(multiplicity, one.multiplicity)


def test_a_selection_is_a_data_set_of_its_own() -> None:
    part = DATA.select(torch.tensor([5, 3, 30]))
    assert len(part) == 3
    assert_same(part.batch(torch.tensor([1])), DATA.batch(torch.tensor([3])))


def test_event_columns_become_features() -> None:
    np.testing.assert_array_equal(DATA.event_features[:, 1], EVENTS.columns["thrustBm"].astype(np.float32))
    assert SetData.from_events(EVENTS, FIVE_SETS).event_features.shape == (len(EVENTS), 0)
    with pytest.raises(InputError, match="unheard_of"):
        SetData.from_events(EVENTS, FIVE_SETS, ("unheard_of",))


def test_events_without_particles_are_data_too() -> None:
    empty = SetData.from_events(candidates_of_sizes([0, 0]), FIVE_SETS)
    assert [one.n_particles for one in empty.sets] == [0, 0, 0, 0, 2]
    assert SetData.from_events(candidates_of_sizes([]), FIVE_SETS).n_events == 0
