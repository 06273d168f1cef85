"""Compiled functions and the records that they read."""

import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from numba.core.compiler import Flags

from hepsets.core.kernel import as_record, kept_record, kernel, kernel_of_separate_arrays, part_of_kernel


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


def test_python_runs_kernels_where_numba_is_switched_off():
    lines = "from hepsets.core.kernel import kernel; half = lambda x: x / 2; print(kernel(half) is half)"
    command = [sys.executable, "-c", lines]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    assert subprocess.check_output(command, env=environment, text=True) == "True\n"


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


@part_of_kernel
def longest(springs):
    found = 0.0
    for i in range(len(springs)):
        found = max(found, springs[i].length)
    return found


@kernel
def longest_of_halves(springs):
    half = len(springs) // 2
    return longest(springs[:half]), longest(springs[half:])


def test_a_part_of_a_kernel_counts_no_array_as_held_and_works_alone_too():
    springs = np.zeros(4, dtype=[("stiffness", float), ("length", float)])
    springs["length"] = [1.0, 4.0, 3.0, 2.0]
    held = sys.getrefcount(springs)
    assert longest(springs) == 4.0
    assert longest_of_halves(springs) == (4.0, 3.0)
    assert sys.getrefcount(springs) == held
    assert not longest.targetoptions["_nrt"]
    assert longest.targetoptions["forceinline"]


def test_the_record_of_a_frozen_config_is_made_once_and_another_one_has_its_own():
    assert kept_record(Spring()) is kept_record(Spring())
    assert kept_record(Spring(3.0))["stiffness"] == 3.0
    assert kept_record(Spring())["stiffness"] == 2.0


def test_only_dataclasses_become_records():
    with pytest.raises(TypeError, match="no dataclass"):
        as_record({"stiffness": 1.0})


def test_a_user_without_a_home_gets_no_folder_that_is_called_tilde(tmp_path):
    (tmp_path / "module.py").write_text(
        "import os, numba\nos.path.expanduser = lambda path: path  # as for a user whom the system lacks\n"
        "from hepsets.core.kernel import kernel\n@kernel\ndef twice(x):\n    return 2 * x\n"
        "print(twice(21), numba.config.CACHE_DIR)\n"
    )
    temporary = {"TMPDIR": str(tmp_path), "NUMBA_CACHE_DIR": ""}
    done = subprocess.run(
        [sys.executable, "module.py"],
        cwd=tmp_path,
        env=os.environ | temporary,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["42", str(tmp_path / f"hepsets-{os.getuid()}")]
    assert not (tmp_path / "~").exists()
