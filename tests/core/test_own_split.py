import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.own_split import split_by_event

LABELS = np.arange(4000) % 3 == 0
KEYS = np.random.default_rng(1).integers(0, 2**63, 4000).astype(np.uint64)


def test_the_split_is_that_of_the_seed_and_of_no_order():
    first = split_by_event(KEYS, LABELS, 0.3, 1, "a file")
    assert first.mean() == pytest.approx(0.3, abs=0.03)
    order = np.random.default_rng(2).permutation(4000)
    assert np.array_equal(split_by_event(KEYS[order], LABELS[order], 0.3, 1, "a file"), first[order])
    assert not np.array_equal(split_by_event(KEYS, LABELS, 0.3, 2, "a file"), first)


def test_rows_of_one_event_are_on_one_side():
    twice = np.concatenate([KEYS, KEYS])
    tests = split_by_event(twice, np.concatenate([LABELS, ~LABELS]), 0.5, 1, "a file")
    assert np.array_equal(tests[:4000], tests[4000:])


def test_what_is_too_small_to_be_split_is_refused():
    with pytest.raises(InputError, match=r"a file split in two.*files of their own"):
        split_by_event(KEYS[:100], LABELS[:100], 0.3, 1, "a file")
