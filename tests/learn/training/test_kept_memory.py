import platform
import subprocess
import sys

import pytest

_FAULTS_OF_A_STEP = """
import resource, sys
import torch
from hepsets.learn.training.kept_memory import keep_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [torch.ones(1_250_000) for _ in range(8)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "kept":
    keep_memory()
faults()
print(min(faults() for _ in range(3)))
"""


def faults_of_a_step(memory: str) -> int:
    """Pages that the system gives to a step of 40 MB in a process whose heap no other test has cut up."""
    return int(subprocess.check_output([sys.executable, "-c", _FAULTS_OF_A_STEP, memory], text=True))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_what_a_step_frees_is_not_fetched_from_the_system_again():
    pages = 8 * 5_000_000 / 4096
    assert faults_of_a_step("returned") > pages / 2
    assert faults_of_a_step("kept") < pages / 10
