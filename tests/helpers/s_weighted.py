"""A mixture of signal and something else whose sWeights in a mass leave the signal alone."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mixture:
    """Signal in a peak over a flat mass, with the same share of dirt, against background.

    ``pure`` holds true signal and background, ``mixed`` signal with dirt and background, with sWeights.
    """

    pure: np.ndarray
    pure_labels: np.ndarray
    mixed: np.ndarray
    mixed_labels: np.ndarray
    weights: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def mixture(seed, n=6000):
    """Dirt lies where background is not: a training that takes it for signal learns the wrong thing."""
    random = np.random.default_rng(seed)

    def signal(k):
        return random.normal((0.8, 0.6), 1.0, (k, 2))

    def background(k):
        return random.normal((-0.4, 0.0), 1.0, (k, 2))

    dirt = random.normal((-0.6, -1.6), 0.9, (n, 2))
    masses = np.concatenate([random.normal(0.5, 0.06, n), random.random(n)])
    inside = (masses > 0) & (masses < 1)
    peak = np.exp(-0.5 * ((masses - 0.5) / 0.06) ** 2) / (0.06 * np.sqrt(2 * np.pi))
    # sWeights of known shapes and yields (Pivk and Le Diberder, physics/0402083)
    shapes = np.stack([peak, np.ones_like(peak)])
    total = n * shapes.sum(axis=0)
    covariance = np.linalg.inv(np.einsum("in,jn->ij", shapes / total, shapes / total))
    weights = (covariance[0] @ shapes / total) * inside
    data, other = np.concatenate([signal(n), dirt]), background(n)
    return Mixture(
        np.concatenate([data[:n], other]),
        np.arange(2 * n) < n,
        np.concatenate([data, other]),
        np.arange(3 * n) < 2 * n,
        np.concatenate([weights, np.ones(n)]),
        np.concatenate([signal(20_000), background(20_000)]),
        np.arange(40_000) < 20_000,
    )
