"""The Fox–Wolfram ratio R2."""

import numpy as np
import pytest
from helpers.random_momenta import random_event
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.select.variables.fox_wolfram import checked_momenta, fox_wolfram_r2


def double_sum(p):
    size = np.linalg.norm(p, axis=1)
    cosine = (p @ p.T) / np.outer(size, size)
    weight = np.outer(size, size)
    return np.sum(weight * (1.5 * cosine**2 - 0.5)) / np.sum(weight)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_r2_is_the_double_sum_of_its_definition(seed):
    p = random_event(seed)
    assert fox_wolfram_r2(p, [0, len(p)])[0] == pytest.approx(double_sum(p), abs=1e-9)


def test_events_keep_to_themselves_and_those_without_momentum_have_none():
    events = [random_event(1), np.empty((0, 3)), random_event(2), np.zeros((2, 3)), random_event(3)[:1]]
    offsets = np.cumsum([0, *map(len, events)])
    wanted = [double_sum(events[0]), 0, double_sum(events[2]), 0, 1]
    assert fox_wolfram_r2(np.concatenate(events), offsets) == pytest.approx(wanted)


def test_three_equal_momenta_along_the_axes_have_no_second_moment():
    assert fox_wolfram_r2(np.eye(3), [0, 3])[0] == pytest.approx(0, abs=1e-12)


def test_momenta_of_integers_and_in_another_order_of_memory_are_taken_as_numbers():
    p, edge = checked_momenta(np.asfortranarray([[1, 2, 3], [4, 5, 6]]), [0, 2])
    assert p.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert (p.dtype, p.flags.c_contiguous, edge.dtype) == (np.float64, True, np.int64)


@pytest.mark.parametrize("offsets", [[0, 1], [0, 3]])
def test_offsets_that_do_not_end_at_the_last_momentum_are_refused(offsets):
    with pytest.raises(InputError, match=f"offsets up to {offsets[-1]} for 2 momenta"):
        fox_wolfram_r2(np.ones((2, 3)), offsets)
