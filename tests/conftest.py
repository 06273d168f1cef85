"""Settings of the whole test suite."""

import os

# Processes share the cores: threads of one that wait for each other while others run took twenty times
# as long. Set before numpy and torch are imported, and inherited by the commands that tests start.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import pytest  # noqa: E402
from helpers.fresh_environment import fresh_environments  # noqa: E402
from hypothesis import settings  # noqa: E402

# compiled kernels take long at their first call, so a time limit per example would mean nothing
settings.register_profile("hepsets", deadline=None, derandomize=True)
settings.load_profile("hepsets")


@pytest.fixture(scope="session")
def fresh(tmp_path_factory):
    """Fresh environments with this wheel in them, one of a kind for all tests and all their processes."""
    base = tmp_path_factory.getbasetemp()
    with fresh_environments((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "fresh") as made:
        yield made
