"""Momenta of random events."""

import numpy as np


def random_event(seed, most=12):
    """Momenta of fewer than so many particles of an event, longer along some axes than along others."""
    random = np.random.default_rng(seed)
    return random.normal(size=(random.integers(1, most), 3)) * random.exponential(size=(1, 3))
