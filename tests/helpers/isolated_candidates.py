"""Candidates with tracks around them, of which background has more that fit its vertex."""

import numpy as np

from hepsets.core.particle_sets import ParticleSets

CLOSE = (1.0, 3.0)
"""Mean number of tracks that fit the vertex, around signal and around background."""


def isolated_candidates(n: int, seed: int):
    """Candidates, whether they are signal, and their families of three.

    Classic variables know nothing here; all that tells is how many tracks fit the vertex, two Poisson
    numbers.
    """
    random = np.random.default_rng(seed)
    labels = random.random(n) < 0.5
    close = random.poisson(np.where(labels, *CLOSE))
    counts = close + random.poisson(4, n)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    total, place = offsets[-1], np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    fits = place < np.repeat(close, counts)
    particles = {
        "pt": random.exponential(0.8, total) + 0.1,
        "charge": random.choice([-1.0, 1.0], total),
        "delta_eta": random.normal(0, 1, total),
        "delta_phi": random.uniform(-np.pi, np.pi, total),
        "ip_chi2": random.exponential(5, total),
        "vertex_chi2": np.where(fits, random.exponential(1, total), 30 + random.exponential(100, total)),
    }
    columns = {
        "bs_pt": random.exponential(4, n) + 4,
        "bachelor_charge": random.choice([-1, 1], n),
        "cone_asymmetry": random.uniform(-1, 1, n),
        "chi2_with_one_more": random.exponential(20, n),
    }
    return ParticleSets(particles, offsets, columns), labels, np.arange(n) // 3


def best_area() -> float:
    """The area under the ROC curve of the number of close tracks itself, ties counted one half."""
    from scipy.stats import poisson

    k = np.arange(40)
    signal, background = poisson.pmf(k, CLOSE[0]), poisson.pmf(k, CLOSE[1])
    return float(signal @ (poisson.sf(k, CLOSE[1]) + background / 2))
