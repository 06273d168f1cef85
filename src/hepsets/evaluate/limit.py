r"""The best that any filter can reach, from simulating each event many times.

Whether an event passes the skim depends on its detector response, so event i passes with a
probability :math:`p_i` that no network can sharpen. The best score is :math:`p_i` itself
(Neyman–Pearson); with the distribution G of p over the population, its ROC curve is

.. math:: f_1(t) = \frac{\int_t^1 p\,dG}{\int_0^1 p\,dG}, \qquad
          f_0(t) = \frac{\int_t^1 (1 - p)\,dG}{\int_0^1 (1 - p)\,dG}.

What is counted is k passes in K trials. Ranking and judging with the same counts flatters; ranking
with one half of the trials and judging with the other (both ways averaged) never does, but misses
what the noise of the ranking loses, of order 1/K. The limit quoted here is the curve of the
maximum-likelihood estimate of G (Laird, J. Am. Stat. Assoc. 73 (1978) 805), which accounts for
the binomial noise; the value from halves stands beside it as a lower bound free of assumptions.
For p from Beta distributions whose limit is known, 40 trials suffice for AUC and threshold speedup;
importance sampling hangs on the smallest p: for Beta(0.15, 3) it comes out 5 % too low from 40 trials
and 2 % from 120.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.classification import Roc
from hepsets.evaluate.sample import Array
from hepsets.evaluate.speedup import SpeedupConfig, SpeedupCurve, speedup

GRID_POINTS = 201
"""Points of the pass probability at which G may have mass."""

STEPS = 100
"""Steps of the expectation maximisation: more of them break a smooth G into spikes, at the same limit."""


@dataclass(frozen=True)
class Limit:
    """What a filter that knows every event's pass probability would reach.

    Parameters
    ----------
    auc, max_speedup, importance_speedup
        Best area under the ROC curve, best speedup of a threshold and of importance sampling.
    auc_halves, max_speedup_halves
        The same from halves of the trials: lower bounds.
    threshold
        The pass probability at which to cut for ``max_speedup``.
    roc, curve
        The best ROC curve and the speedup against the cut on the pass probability.
    probability, mass
        Shape ``(GRID_POINTS,)``: the distribution G.
    retention
        Mean pass probability of the population.
    passes_again
        Probability that a passing event passes in a fresh trial.
    events, trials
        Number of events and of trials of each.
    """

    auc: Measured
    max_speedup: Measured
    importance_speedup: Measured
    auc_halves: Measured
    max_speedup_halves: Measured
    threshold: float
    roc: Roc
    curve: SpeedupCurve
    probability: Array
    mass: Array
    retention: Measured
    passes_again: Measured
    events: int
    trials: int


def estimate_limit(
    passes: ArrayLike,
    trials: int,
    weights: ArrayLike | None,
    config: SpeedupConfig,
    *,
    strata: ArrayLike | None = None,
    seed: int = 0,
    replicas: int = 100,
) -> Limit:
    """Estimate the limit from pass counts.

    Parameters
    ----------
    passes
        Integers, shape ``(n_events, 2)``: passes in the first and in the second half of the trials.
    trials
        Trials of each event in all, even: half of them in each half.
    weights
        Shape ``(n_events,)``, event weights that make the sample the population; all one if ``None``.
    config
        Costs; a retention of ``None`` means the measured one, a network time of ``None`` means zero
        (the limit asks for no network).
    strata
        Shape ``(n_events,)``: groups of which the sample holds a fixed weight, such as its passing and
        failing events; one group by default.
    seed, replicas
        Of the bootstrap over events that gives the errors.

    Raises
    ------
    InputError
        For counts that do not fit the trials, or if all or no trials passed.
    """
    count, weight = _checked(passes, trials, weights)
    half = trials // 2
    # events with the same counts are alike, so the table of counts holds all there is to know
    cells, cell = np.unique(count, axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    random = np.random.default_rng(seed)
    groups = [np.arange(len(weight))] if strata is None else _groups(strata, len(weight))
    tables: Array = np.array(
        [np.bincount(cell, weight, minlength=len(cells))]
        + [
            np.bincount(cell, _resampled(weight, groups, random), minlength=len(cells))
            for _ in range(replicas)
        ]
    )

    def measured(values: Array) -> Measured:
        return Measured(float(values[0]), float(values[1:].std(ddof=1)))

    probabilities: Array = cells / half
    retention = measured(tables @ probabilities.mean(axis=1) / tables.sum(axis=1))
    # a product of independent halves is free of the bias that a square has
    again = measured(tables @ probabilities.prod(axis=1) / (tables @ probabilities.mean(axis=1)))
    config = config.resolve(time_network=0.0, retention=retention.value)
    assert config.retention is not None

    grid = np.sin(np.linspace(0, np.pi / 2, GRID_POINTS)) ** 2  # equal steps in units of the binomial error
    mass = _mixing_mass(grid, cells.sum(axis=1), trials, tables)
    f1, f0 = _rates(mass * grid), _rates(mass * (1 - grid))
    gain = speedup(f1, f0, config)
    halves = [
        (
            _rates(_by_rank(cells[:, rank], tables, probabilities[:, judge], half)),
            _rates(_by_rank(cells[:, rank], tables, 1 - probabilities[:, judge], half)),
        )
        for rank, judge in ((0, 1), (1, 0))
    ]
    thresholds = np.append(grid, np.inf)[::-1]
    return Limit(
        auc=measured(_area(f1, f0)),
        max_speedup=measured(gain.max(axis=1)),
        importance_speedup=measured(_importance(grid, mass, config)),
        auc_halves=measured(np.mean([_area(*rates) for rates in halves], axis=0)),
        max_speedup_halves=measured(
            np.mean([speedup(*rates, config).max(axis=1) for rates in halves], axis=0)
        ),
        threshold=float(thresholds[int(np.argmax(gain[0]))]),
        roc=Roc(f0[0], f1[0], thresholds),
        curve=SpeedupCurve(
            thresholds,
            gain[0],
            gain[1:].std(axis=0, ddof=1),
            f1[0],
            f0[0],
            config.retention * f1[0] + (1 - config.retention) * f0[0],
        ),
        probability=grid,
        mass=mass[0],
        retention=retention,
        passes_again=again,
        events=len(weight),
        trials=trials,
    )


# -- inside; the first axis of every table runs over the sample itself and its bootstrap replicas ----


def _groups(strata: ArrayLike, n_events: int) -> list[NDArray[np.int64]]:
    kinds = np.asarray(strata)
    if kinds.shape != (n_events,):
        raise InputError(f"strata of shape {kinds.shape}", f"({n_events},), one for each event")
    return [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]


def _resampled(weight: Array, groups: list[NDArray[np.int64]], random: np.random.Generator) -> Array:
    """Weights of a bootstrap replica in which every group keeps its sum."""
    replica = weight * random.poisson(1.0, len(weight))
    for group in groups:
        total = replica[group].sum()
        if total > 0:
            replica[group] *= weight[group].sum() / total
    return replica


def _mixing_mass(grid: Array, totals: NDArray[np.int64], trials: int, tables: Array) -> Array:
    """Maximum-likelihood distribution of the pass probability on ``grid``, by expectation maximisation.

    Parameters
    ----------
    grid
        Shape ``(n_grid,)``.
    totals
        Shape ``(n_cells,)``, passes in all trials.
    tables
        Shape ``(n_samples, n_cells)``, weight of the events in each cell.

    Returns
    -------
    Array
        Shape ``(n_samples, n_grid)``, each row of sum one.
    """
    seen, where = np.unique(totals, return_inverse=True)
    likelihood = binom.pmf(seen[:, None], trials, grid[None, :])
    share = np.zeros((len(tables), len(seen)))
    for column, table in zip(where.reshape(-1), tables.T, strict=True):
        share[:, column] += table
    share /= share.sum(axis=1, keepdims=True)
    mass = np.full((len(tables), len(grid)), 1 / len(grid))
    for _ in range(STEPS):
        mass *= (share / (mass @ likelihood.T)) @ likelihood
    return np.asarray(mass / mass.sum(axis=1, keepdims=True))


def _by_rank(rank: NDArray[np.int64], tables: Array, judged: Array, half: int) -> Array:
    """Weight per count of the ranking half, shape ``(n_samples, half + 1)``."""
    return np.array([np.bincount(rank, table * judged, minlength=half + 1) for table in tables])


def _rates(weights: Array) -> Array:
    """Share at or above each rank, from nothing to everything: shape ``(n_samples, n_ranks + 1)``."""
    above = np.cumsum(weights[:, ::-1], axis=1)
    return np.pad(above / above[:, -1:], ((0, 0), (1, 0)))


def _area(f1: Array, f0: Array) -> Array:
    return np.asarray(np.trapezoid(f1, f0, axis=1))


def _importance(grid: Array, mass: Array, config: SpeedupConfig) -> Array:
    """Best speedup of importance sampling with keep probability ∝ √p, shape ``(n_samples,)``."""
    assert config.retention is not None
    assert config.time_network is not None
    r, t_g, t_n, t_s = config.retention, config.time_generate, config.time_network, config.time_simulate
    passing = mass * grid / (mass @ grid)[:, None]
    failing = mass * (1 - grid) / (mass @ (1 - grid))[:, None]
    keep = np.clip(np.geomspace(0.3, 30, 200)[:, None] * np.sqrt(grid), 1e-12, 1.0)
    cost = t_g + t_n + t_s * (r * passing @ keep.T + (1 - r) * failing @ keep.T)
    return np.asarray(((t_g + t_s) / ((passing @ (1 / keep).T) * cost)).max(axis=1))


def _checked(passes: ArrayLike, trials: int, weights: ArrayLike | None) -> tuple[NDArray[np.int64], Array]:
    count = np.asarray(passes)
    if trials < 2 or trials % 2:
        raise InputError(f"{trials} trials", "an even number, for two halves")
    if count.ndim != 2 or count.shape[1] != 2 or count.dtype.kind not in "iu":
        raise InputError(
            f"pass counts of shape {count.shape} and type {count.dtype}", "integers (n_events, 2)"
        )
    if count.min(initial=0) < 0 or count.max(initial=0) > trials // 2:
        raise InputError(f"pass counts up to {count.max(initial=0)}", f"0 to {trials // 2} in each half")
    if not count.any() or (count == trials // 2).all():
        raise InputError(
            f"{len(count)} events that all end alike", "some passes and some fails", "use more events"
        )
    weight = np.ones(len(count)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != (len(count),) or not (weight > 0).all():
        raise InputError(f"weights of shape {weight.shape}", f"{len(count)} positive numbers")
    return count.astype(np.int64), weight
