"""Events split by what they are for."""

import numpy as np
import pytest

from hepsets.analyses.z_flavour.split import stratified_split
from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose

SHARES = (0.8, 0.15, 0.05)


def test_every_event_serves_one_purpose_and_each_has_the_same_share_of_every_flavour() -> None:
    flavour = np.repeat([5, 4, 3], [1000, 400, 200])
    split = stratified_split(flavour, SHARES, seed=1)
    assert list(split) == [Purpose.TRAINING, Purpose.VALIDATION, Purpose.TEST]
    assert np.array_equal(np.sort(np.concatenate(list(split.values()))), np.arange(1600))
    for share, events in zip(SHARES, split.values(), strict=True):
        assert [(flavour[events] == each).sum() for each in (5, 4, 3)] == [
            share * 1000,
            share * 400,
            share * 200,
        ]
        assert (np.diff(events) > 0).all()


def test_the_split_follows_its_seed_and_no_order() -> None:
    flavour = np.repeat([5, 4], 100)
    one, same, other = (stratified_split(flavour, SHARES, seed)[Purpose.TEST] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert np.ptp(one) > 50


def test_too_few_events_to_split_are_refused() -> None:
    with pytest.raises(InputError, match="flavour 4"):
        stratified_split(np.array([5] * 100 + [4] * 3), SHARES, seed=1)
