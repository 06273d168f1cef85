"""The Fox–Wolfram ratio R2."""

import numpy as np
import pytest
from helpers.random_momenta import random_event
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsets.select.variables.fox_wolfram import fox_wolfram_r2


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
