"""Tagged decays of a B_s as toys have them."""

import numpy as np

from hepsets.evaluate.decay_time.decays import TaggedDecays
from hepsets.evaluate.decay_time.toys import draw_decays

TRUTH = 17.7683  # 1/ps


def turned_on(time):
    """An acceptance that rises from 0.2 ps on."""
    return np.where(time < 0.2, 0.0, 1 - np.exp(-(np.maximum(time, 0.2) - 0.2) / 0.5))


def blueprint(n, *, resolution=0.05, mistag=0.25, signal=1.0, tagged=0.8, seed=1):
    """Decays whose times and mixing states are still to be drawn."""
    rng = np.random.default_rng(seed)
    return TaggedDecays(
        0.2 + rng.exponential(1.0, n),
        resolution * rng.gamma(25, 1 / 25, n),
        np.where(rng.random(n) < tagged, 1, 0),
        rng.uniform(mistag - 0.1, mistag + 0.1, n),
        np.full(n, signal),
    )


def tagged_decays(n, *, seed=1, delta_m=TRUTH, acceptance=turned_on, **options):
    """Decays drawn from the truth."""
    like = blueprint(n, seed=seed, **options)
    return draw_decays(like, n, delta_m, np.random.default_rng([seed, 7]), acceptance=acceptance)
