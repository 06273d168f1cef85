r"""How much computing a filter before the detector simulation saves.

With the skim's retention :math:`r`, true and false positive rates :math:`f_1, f_0` and times per
event :math:`t_g, t_n, t_s` for generation, network, and simulation with reconstruction: as many
skimmed events as :math:`X` unfiltered ones give need :math:`X / f_1` generated ones, of which a
share :math:`r f_1 + (1 - r) f_0` is simulated, hence

.. math:: S = \frac{f_1\,(t_g + t_s)}{t_g + t_n + t_s\,[r f_1 + (1 - r) f_0]}.

Notes
-----
Erratum of the published study: the formula printed there differs from this one, but the table of
speedups printed beside it agrees with this one. Checks that any formula must pass: keeping all
events at no cost gives 1; a perfect filter with r = 0.05, t_s = 100 t_g, t_n = 0 gives
101 / 6 = 16.83.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass as result
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from sklearn.metrics import roc_curve

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose, demand
from hepsets.evaluate.scores.sample import Array, Scored, effective_count, mean, scored


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SpeedupConfig:
    """Costs that the speedup weighs against each other.

    The defaults are those of the published table: a retention of 5 % and a simulation a hundred
    times as slow as the generation. Only ratios of times count; the scale of one second for
    simulation and reconstruction of an event is of the usual size and is what a measured network
    time is compared with.

    Parameters
    ----------
    retention
        Share of events that pass the skim; ``None``: measured from the weighted labels.
    time_generate
        Generation of an event [s].
    time_network
        Scoring of an event [s]; ``None``: as measured for each model, see :meth:`resolve`.
    time_simulate
        Detector simulation and reconstruction of an event [s].
    """

    retention: float | None = Field(default=0.05, gt=0.0, lt=1.0)
    time_generate: float = Field(default=0.01, ge=0.0, allow_inf_nan=False)
    time_network: float | None = Field(default=None, ge=0.0, allow_inf_nan=False)
    time_simulate: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)

    def resolve(self, *, retention: float | None = None, time_network: float | None = None) -> SpeedupConfig:
        """The same costs with what was measured in the places of ``None``; set values stay."""
        return dataclasses.replace(
            self,
            retention=retention if self.retention is None else self.retention,
            time_network=time_network if self.time_network is None else self.time_network,
        )


@result(frozen=True)
class ThresholdChoice:
    """The threshold with the greatest speedup on the events it was chosen on."""

    threshold: float
    speedup: float
    true_positive_rate: float
    false_positive_rate: float


@result(frozen=True)
class SpeedupResult:
    """Speedup of a filter at one threshold.

    ``kept`` is the share of all generated events that goes on to the simulation;
    ``effective_passing`` and ``effective_failing`` are Kish's effective numbers of the events that
    the rates were measured on.
    """

    threshold: float
    speedup: Measured
    true_positive_rate: Measured
    false_positive_rate: Measured
    kept: float
    retention: float
    effective_passing: float
    effective_failing: float


@result(frozen=True)
class SpeedupCurve:
    """Speedup against threshold; all arrays have shape ``(n_thresholds,)``."""

    thresholds: Array
    speedup: Array
    speedup_se: Array
    true_positive_rate: Array
    false_positive_rate: Array
    kept: Array


def speedup(true_positive_rate: ArrayLike, false_positive_rate: ArrayLike, config: SpeedupConfig) -> Array:
    """Speedup of a filter with the given rates.

    Parameters
    ----------
    true_positive_rate, false_positive_rate
        Rates in [0, 1] of any common shape.
    config
        Costs, with a retention and a network time (see :meth:`SpeedupConfig.resolve`).

    Returns
    -------
    Array
        S, same shape as the rates.

    Raises
    ------
    InputError
        If ``config`` leaves the retention or the network time open.

    Examples
    --------
    >>> costs = SpeedupConfig(time_network=0.0)
    >>> [round(float(speedup(1, fpr, costs)), 2) for fpr in (0, 1)]
    [16.83, 1.0]
    """
    f1, f0 = np.asarray(true_positive_rate), np.asarray(false_positive_rate)
    unfiltered = config.time_generate + config.time_simulate
    return np.asarray(f1 * unfiltered * _inverse_cost(f1, f0, config))


def choose_threshold(sample: Scored, config: SpeedupConfig) -> ThresholdChoice:
    """The threshold of greatest speedup on validation events.

    What is maximised is the speedup less one standard error, both from rates with half an event
    added to either side (Jeffreys), so that a handful of lucky events far up cannot win. The rates
    and the speedup that come back are the plain ones, and since they were selected they are
    optimistic: judge the threshold on other events with :func:`speedup_at`.

    Parameters
    ----------
    sample
        Validation events and their scores, see :func:`hepsets.evaluate.scores.sample.scored_events`.
    config
        Costs.

    Raises
    ------
    InputError
        For training or test events, or if the network time is open.
    """
    demand(sample.purpose, Purpose.VALIDATION, "a threshold is chosen")
    config = _with_retention(sample, config)
    f0, f1, thresholds = roc_curve(
        sample.labels, sample.scores, sample_weight=sample.weights, drop_intermediate=False
    )
    n1 = effective_count(sample.weights[sample.labels])
    n0 = effective_count(sample.weights[~sample.labels])
    safe1, safe0 = (n1 * f1 + 0.5) / (n1 + 1), (n0 * f0 + 0.5) / (n0 + 1)
    error = _speedup_se(
        safe1, np.sqrt(safe1 * (1 - safe1) / n1), safe0, np.sqrt(safe0 * (1 - safe0) / n0), config
    )
    # the first point keeps nothing and has an infinite threshold
    best = 1 + int(np.argmax((speedup(safe1, safe0, config) - error)[1:]))
    value = float(speedup(f1[best], f0[best], config))
    return ThresholdChoice(float(thresholds[best]), value, float(f1[best]), float(f0[best]))


def speedup_at(
    threshold: float,
    labels: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None,
    config: SpeedupConfig,
) -> SpeedupResult:
    """Speedup on test events at a threshold that was chosen without them.

    The standard error propagates those of the two rates at fixed retention.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.sample.scored`, or if the network time is open.
    """
    sample = scored(labels, scores, weights)
    config = _with_retention(sample, config)
    r = _retention(config)
    keep = (sample.scores >= threshold).astype(np.float64)
    f1 = mean(keep[sample.labels], sample.weights[sample.labels])
    f0 = mean(keep[~sample.labels], sample.weights[~sample.labels])
    return SpeedupResult(
        threshold=float(threshold),
        speedup=Measured(
            float(speedup(f1.value, f0.value, config)),
            float(_speedup_se(f1.value, f1.se, f0.value, f0.se, config)),
        ),
        true_positive_rate=f1,
        false_positive_rate=f0,
        kept=r * f1.value + (1 - r) * f0.value,
        retention=r,
        effective_passing=effective_count(sample.weights[sample.labels]),
        effective_failing=effective_count(sample.weights[~sample.labels]),
    )


def speedup_curve(
    labels: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None,
    config: SpeedupConfig,
    thresholds: ArrayLike | None = None,
) -> SpeedupCurve:
    """Speedup at many thresholds, by default 0, 0.0025, …, 1.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.sample.scored`, or if the network time is open.
    """
    sample = scored(labels, scores, weights)
    config = _with_retention(sample, config)
    r = _retention(config)
    at = np.linspace(0, 1, 401) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    (f1, e1), (f0, e0) = (_rates(sample, at, which) for which in (sample.labels, ~sample.labels))
    return SpeedupCurve(
        at,
        speedup(f1, f0, config),
        _speedup_se(f1, e1, f0, e0, config),
        f1,
        f0,
        r * f1 + (1 - r) * f0,
    )


def measured_retention(labels: ArrayLike, weights: ArrayLike | None = None) -> Measured:
    """Share of passing events in the population, from labels and inverse prescales.

    The error is that of independent events; weights of one class count as known exactly.
    """
    passes = np.asarray(labels, dtype=np.float64)
    weight = np.ones_like(passes) if weights is None else np.asarray(weights, dtype=np.float64)
    return mean(passes, weight)


# -- inside ----------------------------------------------------------------------------------------


def _rates(sample: Scored, thresholds: Array, which: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Share of chosen events at or above each threshold, with its standard error."""
    order = np.argsort(sample.scores[which])
    weights = sample.weights[which][order]
    above = np.append(np.cumsum(weights[::-1])[::-1], 0.0)
    above2 = np.append(np.cumsum(weights[::-1] ** 2)[::-1], 0.0)
    at = np.searchsorted(sample.scores[which][order], thresholds, side="left")
    f = above[at] / above[0]
    n = len(weights)
    variance = ((1 - f) ** 2 * above2[at] + f**2 * (above2[0] - above2[at])) / above[0] ** 2
    return f, np.sqrt(np.maximum(variance, 0.0) * n / max(n - 1, 1))


def _speedup_se(
    f1: Array | float, e1: Array | float, f0: Array | float, e0: Array | float, config: SpeedupConfig
) -> Array:
    """Propagate the errors of the rates; they come from different events and are independent."""
    f1, f0 = np.asarray(f1), np.asarray(f0)
    inverse = _inverse_cost(f1, f0, config)
    r, t_s = _retention(config), config.time_simulate
    unfiltered = config.time_generate + t_s
    by_f1 = unfiltered * inverse * (1 - f1 * t_s * r * inverse)
    by_f0 = -unfiltered * f1 * t_s * (1 - r) * inverse**2
    return np.asarray(np.hypot(by_f1 * e1, by_f0 * e0))


def _inverse_cost(f1: NDArray[Any], f0: NDArray[Any], config: SpeedupConfig) -> Array:
    """One over the time per generated event; zero where that is zero (nothing kept at no cost)."""
    r, t_n = _retention(config), _time_network(config)
    cost = config.time_generate + t_n + config.time_simulate * (r * f1 + (1 - r) * f0)
    return np.asarray(np.divide(1.0, cost, out=np.zeros(np.shape(cost)), where=np.asarray(cost) > 0))


def _with_retention(sample: Scored, config: SpeedupConfig) -> SpeedupConfig:
    if config.retention is not None:
        return config
    return config.resolve(retention=measured_retention(sample.labels, sample.weights).value)


def _retention(config: SpeedupConfig) -> float:
    if config.retention is None:
        raise InputError(
            "no retention", "a share between 0 and 1", "set it or use config.resolve(retention=…)"
        )
    return config.retention


def _time_network(config: SpeedupConfig) -> float:
    if config.time_network is None:
        raise InputError(
            "no network time", "seconds per event", "set it or use config.resolve(time_network=…)"
        )
    return config.time_network
