from __future__ import annotations

import numpy as np
import pytest
from helpers.toy_decays import toy_sample, with_background
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.represent.data_sets.pools import (
    EventSets,
    bootstrapped_sets,
    disjoint_sets,
    split_pools,
    variable_matrix,
    whole_sets,
)

VALUES = (-1.0, 0.0, 0.5)


def numbered(frame: EventFrame) -> EventFrame:
    return frame.with_columns(number=np.arange(len(frame)))


@pytest.fixture(scope="module")
def frame() -> EventFrame:
    return numbered(toy_sample(100, VALUES, seed=1))


@pytest.fixture(scope="module")
def mixed() -> EventFrame:
    return numbered(with_background(toy_sample(100, VALUES, seed=1), 1.1, seed=2))


def assert_sets_hold_their_own_value(sets: EventSets) -> None:
    for one in range(len(sets)):
        events = sets.frame[sets.members[sets.offsets[one] : sets.offsets[one + 1]]]
        assert (events["delta_c9"] == sets.delta_c9[one]).all()


def test_bootstrapped_sets_repeat_events_of_one_value(frame: EventFrame) -> None:
    sets = bootstrapped_sets(frame, 80, 5, seed=3)
    assert sets.delta_c9.tolist() == [value for value in VALUES for _ in range(5)]
    assert (np.diff(sets.offsets) == 80).all()
    assert_sets_hold_their_own_value(sets)
    assert len(np.unique(sets.members[:80])) < 80


def test_bootstrapped_sets_can_be_larger_than_their_pool(frame: EventFrame) -> None:
    assert np.diff(bootstrapped_sets(frame, 1000, 1, seed=3).offsets).tolist() == [1000] * 3


def test_draws_depend_on_the_seed_alone(frame: EventFrame) -> None:
    first, again, other = (bootstrapped_sets(frame, 50, 2, seed).members for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_bootstrapped_events_are_drawn_evenly(frame: EventFrame) -> None:
    drawn = np.bincount(bootstrapped_sets(frame, 1000, 100, seed=6).members, minlength=300)
    assert abs(((drawn - 1000.0) ** 2 / 1000).sum() - 297) < 5 * np.sqrt(2 * 297)


@given(size=st.integers(1, 120), poisson=st.booleans())
def test_disjoint_sets_never_share_an_event(mixed: EventFrame, size: int, poisson: bool) -> None:
    if size > 100:
        with pytest.raises(InputError, match="signal events"):
            disjoint_sets(mixed, size)
        return
    sets = disjoint_sets(mixed, size, background="poisson" if poisson else "fixed")
    assert len(sets) == 3 * (100 // size)
    assert len(np.unique(sets.members)) == len(sets.members)
    assert_sets_hold_their_own_value(sets)
    signal = np.add.reduceat(mixed["is_signal"][sets.members].astype(int), sets.offsets[:-1])
    assert (signal == size).all()


def test_background_joins_in_the_ratio_of_the_sample(mixed: EventFrame) -> None:
    ratio = [(~mixed["is_signal"] & (mixed["delta_c9"] == value)).sum() / 100 for value in VALUES]
    for size, sets in ((50, bootstrapped_sets(mixed, 50, 4, seed=7)), (25, disjoint_sets(mixed, 25))):
        for one in range(len(sets)):
            extra = np.diff(sets.offsets)[one] - size
            assert abs(extra - size * ratio[VALUES.index(sets.delta_c9[one])]) < 1


def test_poisson_background_fluctuates_as_such(mixed: EventFrame) -> None:
    sets = bootstrapped_sets(mixed, 100, 400, seed=8, background="poisson")
    extra = (np.diff(sets.offsets) - 100).reshape(3, 400)
    assert extra.var(1) / extra.mean(1) == pytest.approx(1.0, abs=0.25)
    dealt = np.diff(disjoint_sets(mixed, 1, background="poisson").offsets) - 1
    assert 0.6 < dealt.var() / dealt.mean() < 1.4
    assert np.ptp(np.diff(disjoint_sets(mixed, 10).offsets)[:10]) == 0


def test_background_of_no_value_is_shared_out(mixed: EventFrame) -> None:
    nobody = mixed.with_columns(delta_c9=np.where(mixed["is_signal"], mixed["delta_c9"], np.nan))
    sizes = np.diff(disjoint_sets(nobody, 100).offsets)
    assert sizes.tolist() == [210, 210, 210]


def test_packed_sets_are_the_events_end_to_end(frame: EventFrame) -> None:
    sets = bootstrapped_sets(frame, 7, 2, seed=9)
    events, offsets = sets.packed()
    assert np.array_equal(events["number"], frame["number"][sets.members])
    assert offsets[-1] == len(events)
    some = sets[np.array([4, 1])]
    assert np.array_equal(some.members, np.r_[sets.members[28:35], sets.members[7:14]])
    assert some.delta_c9.tolist() == [sets.delta_c9[4], sets.delta_c9[1]]


def test_split_pools_part_every_value_alike(mixed: EventFrame) -> None:
    first, second = split_pools(mixed, 0.3, seed=1)
    assert sorted([*first["number"], *second["number"]]) == list(range(len(mixed)))
    for value in VALUES:
        assert (second["is_signal"] & (second["delta_c9"] == value)).sum() == 30
    with pytest.raises(InputError, match="to split"):
        split_pools(mixed[mixed["is_signal"]][:2], 0.3, seed=1)


def test_joined_neighbours_hold_the_events_of_all_of_them(frame: EventFrame) -> None:
    sets = disjoint_sets(frame[frame["delta_c9"] == VALUES[0]], 7)
    joined = sets.joined(3)
    assert len(joined) == len(sets) // 3
    for number in range(len(joined)):
        begin, end = sets.offsets[3 * number], sets.offsets[3 * number + 3]
        mine = joined.members[joined.offsets[number] : joined.offsets[number + 1]]
        np.testing.assert_array_equal(mine, sets.members[begin:end])
    assert joined.delta_c9.tolist() == [VALUES[0]] * len(joined)


def test_what_makes_no_sets_is_refused(frame: EventFrame) -> None:
    with pytest.raises(InputError, match="at least one of each"):
        bootstrapped_sets(frame, 0, 1, seed=1)
    with pytest.raises(InputError, match="at least one event"):
        disjoint_sets(frame, 0)
    with pytest.raises(InputError, match="no signal"):
        bootstrapped_sets(frame.with_columns(is_signal=np.zeros(len(frame), bool)), 5, 1, seed=1)
    with pytest.raises(InputError, match="offsets up to"):
        whole_sets(frame, np.array([0, 5]))


@pytest.mark.parametrize(
    ("name", "value"), [("chi", np.nan), ("costheta_K", 1.1), ("q_squared", np.inf), ("chi", -3.2)]
)
def test_impossible_variables_are_refused(frame: EventFrame, name: str, value: float) -> None:
    column = frame[name].copy()
    column[17] = value
    with pytest.raises(InputError, match="event 17"):
        variable_matrix(frame.with_columns(**{name: column}))
