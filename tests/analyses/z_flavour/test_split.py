"""Parts for training, validation and testing."""

import numpy as np
import pytest

from hepsets.analyses.z_flavour.split import TEST, TRAINING, VALIDATION, stratified_parts
from hepsets.core.errors import InputError

SHARES = (0.8, 0.15, 0.05)


def test_every_event_is_in_one_part_and_each_part_has_the_same_share_of_every_flavour() -> None:
    flavour = np.repeat([5, 4, 3], [1000, 400, 200])
    parts = stratified_parts(flavour, SHARES, seed=1)
    for each, number in ((5, 1000), (4, 400), (3, 200)):
        counts = np.bincount(parts[flavour == each], minlength=3)
        assert counts.tolist() == [0.8 * number, 0.15 * number, 0.05 * number]
    assert {TRAINING, VALIDATION, TEST} == set(parts.tolist())


def test_the_split_follows_its_seed_and_no_order() -> None:
    flavour = np.repeat([5, 4], 100)
    one, same, other = (stratified_parts(flavour, SHARES, seed=seed) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()
    assert np.ptp(np.flatnonzero(one == TEST)) > 50


def test_too_few_events_to_split_are_refused() -> None:
    with pytest.raises(InputError, match="flavour 4"):
        stratified_parts(np.array([5] * 100 + [4] * 3), SHARES, seed=1)
