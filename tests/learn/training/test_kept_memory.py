import platform
import subprocess
import sys

import pytest

_FAULTS_OF_STEPS = """
import resource
import torch
from hepsets.learn.training.kept_memory import keep_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [torch.ones(1_250_000) for _ in range(8)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_memory()
print(min(faults() for _ in range(6)))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_what_a_step_frees_is_not_fetched_from_the_system_again():
    """Of the 10 000 pages of a step; in a process of its own, whose heap no other test has cut up."""
    assert int(subprocess.check_output([sys.executable, "-c", _FAULTS_OF_STEPS], text=True)) < 1000
