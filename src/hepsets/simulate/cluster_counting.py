"""Cluster counting: how many ionisation clusters of a track a drift chamber counts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, kernel
from hepsets.core.random_stream import Stream, normal, poisson

BETA_GAMMA = np.array(
    [0.5, 0.8, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0, 12.0, 15.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]
)
"""β γ of :data:`DENSITY`."""

DENSITY = np.array(
    [42.94, 23.6, 18.97, 12.98, 12.2, 12.13, 12.24, 12.73, 13.03, 13.29, 13.63, 14.08, 15.56, 16.43, 16.8,
     16.95, 16.98]
)  # fmt: skip
"""Clusters per cm in He 90 % – iC₄H₁₀ 10 %, as of Delphes (``TrkUtil::Nclusters``, from Garfield)."""

_LOG_BETA_GAMMA, _LOG_DENSITY = np.log(BETA_GAMMA), np.log(DENSITY)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ClusterCountingConfig:
    """A drift chamber that counts clusters."""

    inner_radius: float
    """Limits of the gas [cm]."""
    outer_radius: float
    half_length: float
    efficiency: float
    """Share of the clusters that are counted."""


@kernel
def log_cluster_density(log_beta_gamma: float) -> float:
    """Logarithm of the clusters per cm; between and beyond the points of the table linear in ln β γ.

    Below the table it goes on along its first slope, above it stays at the last value.
    """
    n = len(_LOG_BETA_GAMMA)
    if log_beta_gamma >= _LOG_BETA_GAMMA[n - 1]:
        return float(_LOG_DENSITY[n - 1])
    i = 0
    while i < n - 2 and log_beta_gamma > _LOG_BETA_GAMMA[i + 1]:
        i += 1
    slope = (_LOG_DENSITY[i + 1] - _LOG_DENSITY[i]) / (_LOG_BETA_GAMMA[i + 1] - _LOG_BETA_GAMMA[i])
    return float(_LOG_DENSITY[i] + slope * (log_beta_gamma - _LOG_BETA_GAMMA[i]))


def cluster_density(beta_gamma: NDArray[np.floating]) -> NDArray[np.float64]:
    """Clusters per cm at β γ, any shape; the same as :func:`log_cluster_density`.

    Examples
    --------
    >>> cluster_density(np.array([1.0, 3.5, 5000.0])).round(2).tolist()
    [18.97, 12.16, 16.98]
    """
    logs = np.log(np.asarray(beta_gamma, dtype=np.float64))
    slope = (_LOG_DENSITY[1] - _LOG_DENSITY[0]) / (_LOG_BETA_GAMMA[1] - _LOG_BETA_GAMMA[0])
    inside = np.interp(logs, _LOG_BETA_GAMMA, _LOG_DENSITY)
    return np.asarray(np.exp(inside + slope * np.minimum(logs - _LOG_BETA_GAMMA[0], 0.0)))


@kernel
def length_in_gas(config: Record, omega: float, tan_lambda: float, start_radius: float) -> float:
    """Length [cm] of a helix from the origin within the gas, up to the end of its first half turn.

    Parameters
    ----------
    omega, tan_lambda, start_radius
        Absolute curvature [1/cm], cotangent of the polar angle, distance from the axis [cm] where the track
        begins.
    """
    low, high = max(config.inner_radius, start_radius), config.outer_radius
    if low >= high or 0.5 * omega * low >= 1.0:
        return 0.0
    first = 2.0 / omega * math.asin(0.5 * omega * low)
    last = 2.0 / omega * math.asin(min(0.5 * omega * high, 1.0))
    if tan_lambda != 0.0:
        last = min(last, config.half_length / abs(tan_lambda))
    return max(last - first, 0.0) * math.sqrt(1.0 + tan_lambda * tan_lambda)


@kernel
def count_clusters(stream: Stream, config: Record, beta_gamma: float, length: float) -> float:
    """Draw the number of clusters that are counted on a length [cm]: Poisson."""
    mean = config.efficiency * length * math.exp(log_cluster_density(math.log(beta_gamma)))
    if mean < 50.0:
        return float(poisson(stream, mean))
    return float(max(0.0, math.floor(mean + math.sqrt(mean) * normal(stream) + 0.5)))
