import platform
import resource

import pytest
import torch

from hepsets.learn.training.kept_memory import keep_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_what_a_step_frees_is_not_fetched_from_the_system_again():
    keep_memory()

    def faults():
        """Pages that the system gave while a step used 40 MB."""
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        arrays = [torch.ones(1_250_000) for _ in range(8)]
        del arrays
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    assert min(faults() for _ in range(3)) < 1000  # of 10 000 pages
