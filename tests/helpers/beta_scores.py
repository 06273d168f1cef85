"""Scores whose best rule is known, and the costs of the published study."""

import numpy as np

from hepsets.evaluate.filter.speedup import SpeedupConfig

STUDY = SpeedupConfig(retention=0.05, time_generate=1, time_network=0, time_simulate=100)


def beta_sample(random, n=4000):
    """Balanced sample whose calibrated balanced score is known: odds are the ratio of densities."""
    labels = random.random(n) < 0.5
    return labels, np.where(labels, random.beta(3, 1.5, n), random.beta(1.5, 3, n))
