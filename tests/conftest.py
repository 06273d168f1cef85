"""Settings of the whole test suite."""

import os

# Processes share the cores: threads of one that wait for each other while others run took twenty times
# as long. Set before numpy and torch are imported, and inherited by the commands that tests start.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# compiled kernels take long at their first call, so a time limit per example would mean nothing
settings.register_profile("hepsets", deadline=None, derandomize=True)
settings.load_profile("hepsets")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tests of a file share what they make: they stay in one process, unless they are grouped otherwise.

    Told as soon as a test is found: later, xdist has distributed them already.
    """
    if item.get_closest_marker("xdist_group") is None:
        item.add_marker(pytest.mark.xdist_group(item.path.as_posix()))
