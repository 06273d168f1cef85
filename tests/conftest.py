"""Settings of the whole test suite."""

from hypothesis import settings

# compiled kernels take long at their first call, so a time limit per example would mean nothing
settings.register_profile("hepsets", deadline=None, derandomize=True)
settings.load_profile("hepsets")
