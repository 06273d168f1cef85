"""Settings of the whole test suite."""

import os

# Processes share the cores: threads of one that wait for each other while others run took twenty times
# as long. Set before numpy and torch are imported, and inherited by the commands that tests start.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from hypothesis import settings  # noqa: E402

# compiled kernels take long at their first call, so a time limit per example would mean nothing
settings.register_profile("hepsets", deadline=None, derandomize=True)
settings.load_profile("hepsets")
