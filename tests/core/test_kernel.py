"""Compiled functions and the records that they read."""

from dataclasses import dataclass

import numpy as np
import pytest
from numba.core.compiler import Flags

from hepsets.core.kernel import as_record, kernel, kernel_of_separate_arrays


@dataclass(frozen=True)
class Spring:
    stiffness: float = 2.0
    length: float = 0.5


@kernel
def energy(spring, stretch):
    return 0.5 * spring.stiffness * (stretch - spring.length) ** 2


@kernel
def ratio(a, b):
    return a / b


def test_a_kernel_reads_the_numbers_of_a_config_by_name():
    assert energy(as_record(Spring(stiffness=4.0)), 1.5) == 2.0


def test_division_by_zero_gives_infinity_as_in_numpy():
    assert ratio(1.0, 0.0) == np.inf
    assert np.isnan(ratio(0.0, 0.0))


@kernel_of_separate_arrays
def add_rows(values, row, columns):
    for i in range(len(values)):
        for k in range(len(columns)):
            values[i, k] += row[k]


def test_a_kernel_of_separate_arrays_does_what_it_says_and_the_compiler_is_told():
    values = np.ones((3, 4), dtype=np.float32)
    add_rows(values, np.arange(4, dtype=np.float32), (0,) * 4)
    np.testing.assert_array_equal(values, 1 + np.tile(np.arange(4), (3, 1)))
    assert add_rows._compiler._customize_flags(Flags()).noalias
    assert not energy._compiler._customize_flags(Flags()).noalias


def test_only_dataclasses_become_records():
    with pytest.raises(TypeError, match="no dataclass"):
        as_record({"stiffness": 1.0})
