"""Kernels that kernels call."""

import os
import subprocess
import sys

import numpy as np
import pytest

from hepsets.core.called_kernel import _Called
from hepsets.core.kernel import kernel, kernel_of_separate_arrays

TABLE = np.arange(5.0)


@kernel
def entry(k):
    if k > 4:
        raise ValueError("beyond the table", k)
    return TABLE[k]


@kernel
def first_entries(n, shift=0.0):
    found = np.zeros(n)
    for k in range(n):
        found[k] = entry(k) + shift
    return found


@kernel_of_separate_arrays
def add_entries(values):
    values += first_entries(len(values), shift=0.5)


@kernel
def factorial(n):
    if n < 2:
        return 1
    return n * factorial(n - 1)


@kernel
def binomial(n, k):
    return factorial(n) // (factorial(k) * factorial(n - k))


def test_only_what_python_calls_becomes_machine_code():
    values = np.ones(4)
    add_entries(values)
    np.testing.assert_array_equal(values, 1.5 + np.arange(4))
    assert len(add_entries.overloads) == 1
    assert len(first_entries.overloads) == len(entry.overloads) == 0
    np.testing.assert_array_equal(first_entries(3), [0, 1, 2])
    assert len(first_entries.overloads) == 1


def test_what_a_called_kernel_raises_reaches_python_with_its_values():
    with pytest.raises(ValueError, match="beyond the table") as raised:
        add_entries(np.ones(6))
    assert raised.value.args[1] == 5


def test_a_called_kernel_may_call_itself():
    assert binomial(6, 2) == 15
    assert factorial(5) == 120


_SCRIPT = """
import sys
from hepsets.core.called_kernel import _Called
from hepsets.core.kernel import kernel

@kernel
def square(x):
    return x * x

@kernel
def sum_of_squares(x, y):
    return square(x) + square(y)

@kernel
def fourth_power(x):
    return square(square(x))

compile, compiled = _Called._compile, []
_Called._compile = lambda called, types: compiled.append(called._name) or compile(called, types)
print(eval(sys.argv[1]), *compiled)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "squares.py"
    path.write_text(_SCRIPT)

    def says(expression):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
        command = [sys.executable, path, expression]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    return says


def test_code_for_callers_is_kept_for_the_next_process_and_the_next_caller(script):
    assert script("sum_of_squares(3, 4)") == "25 square\n"
    assert script("sum_of_squares(3, 4)") == "25\n"  # all of it is kept
    assert script("fourth_power(3)") == "81\n"  # what it calls is
    assert script("fourth_power(3.0)") == "81.0 square\n"


def test_a_disk_that_is_full_or_cannot_be_written_to_costs_no_result(monkeypatch):
    @kernel
    def half(x):
        return 0.5 * x

    @kernel
    def quarter(x):
        return half(half(x))

    def full(*_):
        raise OSError("no space left on device")

    (called,) = (half.get_call_template.__self__,)
    assert isinstance(called, _Called)
    monkeypatch.setattr(called._cache, "save_overload", full)
    assert quarter(2.0) == 0.5
    monkeypatch.setattr(called, "_cache", None)
    assert quarter(2) == 0.5
