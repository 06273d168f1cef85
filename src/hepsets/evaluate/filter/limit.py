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
For p from Beta distributions whose limit is known, 40 trials suffice for AUC and threshold speedup.

Importance sampling hangs on the mean of :math:`\sqrt p`, to which the smallest p add much that few
trials do not tell apart. So events that hardly ever pass are simulated further. Which ones is decided
by their own counts, and that leaves the likelihood as it is: that of k passes in K trials is
:math:`p^k (1 - p)^{K - k}` up to a constant, whenever one stops. What still is not known is bracketed.
The counts fix the first two moments of p among events with the same few passes (Robbins, *An empirical
Bayes approach to statistics*, 1956), and with these

.. math:: \frac{\langle p \rangle^{3/2}}{\langle p^2 \rangle^{1/2}} \le \langle \sqrt p \rangle
          \le \langle p \rangle^{1/2}

by Hölder and Jensen, whatever the distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.filter.speedup import SpeedupConfig, SpeedupCurve, speedup
from hepsets.evaluate.scores.classification import Roc
from hepsets.evaluate.scores.sample import Array

GRID_POINTS = 201
"""Points of the pass probability at which G may have mass."""

FEW = 1
"""Events with no more passes than this, in all their trials, have a pass probability that is not resolved."""

STEPS = 100
"""Steps of the expectation maximisation: more of them break a smooth G into spikes, at the same limit."""


@dataclass(frozen=True, eq=False)
class Further:
    """Further simulations of some of the events.

    Parameters
    ----------
    passes
        Integers, shape ``(n_events,)``: passes in the further trials; -1 for events that had none.
    trials
        Further trials of each of the others.
    """

    passes: NDArray[np.int64]
    trials: int


@dataclass(frozen=True)
class Limit:
    """What a filter that knows every event's pass probability would reach.

    Parameters
    ----------
    auc, max_speedup, importance_speedup
        Best area under the ROC curve, best speedup of a threshold and of importance sampling. The error of
        the last holds that of the sample and the root mean square distance from the value to the bracket's
        points.
    importance_bracket
        Between which values the speedup of importance sampling lies, whatever the distribution of pass
        probabilities among events of the same few passes. Its ends are measured, too: they fluctuate with the
        sample.
    auc_halves, max_speedup_halves, importance_halves
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
        Number of events and of trials of each, further ones not counted.
    further_events, further_trials
        How many events were simulated further, and how often.
    """

    auc: Measured
    max_speedup: Measured
    importance_speedup: Measured
    importance_bracket: tuple[float, float]
    auc_halves: Measured
    max_speedup_halves: Measured
    importance_halves: Measured
    threshold: float
    roc: Roc
    curve: SpeedupCurve
    probability: Array
    mass: Array
    retention: Measured
    passes_again: Measured
    events: int
    trials: int
    further_events: int
    further_trials: int


def estimate_limit(
    passes: ArrayLike,
    trials: int,
    weights: ArrayLike | None,
    config: SpeedupConfig,
    *,
    further: Further | None = None,
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
    further
        Further trials of some events, chosen by their own counts; none by default.
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
    more = _checked_further(further, len(count))
    half = trials // 2
    # events with the same counts are alike, so the table of counts holds all there is to know
    rows, cell = np.unique(np.column_stack([count, more.passes]), axis=0, return_inverse=True)
    cell, cells = cell.reshape(-1), rows[:, :2]
    tables = _tables(cell, weight, strata, seed, replicas)
    probabilities: Array = cells / half
    retention = _measured(tables @ probabilities.mean(axis=1) / tables.sum(axis=1))
    # a product of independent halves is free of the bias that a square has
    again = _measured(tables @ probabilities.prod(axis=1) / (tables @ probabilities.mean(axis=1)))
    config = config.resolve(time_network=0.0, retention=retention.value)
    assert config.retention is not None

    grid = np.sin(np.linspace(0, np.pi / 2, GRID_POINTS)) ** 2  # equal steps in units of the binomial error
    seen, likelihood, share = _seen(rows, trials, more.trials, grid, tables)
    mass = _mixing_mass(likelihood, share)
    f1, f0 = _rates(mass * grid), _rates(mass * (1 - grid))
    gain = speedup(f1, f0, config)
    halves = _rates_of_halves(cells, tables, half)
    thresholds = np.append(grid, np.inf)[::-1]
    root = np.sqrt(grid)
    importance = _measured(_importance(root, mass * grid, mass * (1 - grid), config))
    few = seen <= FEW
    low, high = _bracket(grid, mass[0], likelihood[few], share[0, few], config)
    return Limit(
        auc=_measured(_area(f1, f0)),
        max_speedup=_measured(gain.max(axis=1)),
        importance_speedup=_with_bracket(importance, low, high),
        importance_bracket=(low, high),
        auc_halves=_measured(np.mean([_area(*rates) for rates in halves], axis=0)),
        max_speedup_halves=_measured(
            np.mean([speedup(*rates, config).max(axis=1) for rates in halves], axis=0)
        ),
        importance_halves=_measured(_importance_of_halves(cells, tables, half, config)),
        threshold=float(thresholds[int(np.argmax(gain[0]))]),
        roc=Roc(f0[0], f1[0], thresholds),
        curve=_curve(thresholds, gain, f1[0], f0[0], config.retention),
        probability=grid,
        mass=mass[0],
        retention=retention,
        passes_again=again,
        events=len(weight),
        trials=trials,
        further_events=int((more.passes >= 0).sum()),
        further_trials=more.trials,
    )


def retention_of_classes(label: ArrayLike, passes: ArrayLike, trials: int) -> Measured:
    r"""Retention of the population that labelled events came from, in whatever numbers of each class.

    The label is a trial as all others, so to pass and then to fail is as probable as to fail and then to
    pass: :math:`r (1 - \langle p \rangle_+) = (1 - r) \langle p \rangle_-`.

    Parameters
    ----------
    label
        Shape ``(n_events,)``, bool: whether the event passed.
    passes
        Shape ``(n_events,)``: in further trials, among which that of the label is not.
    trials
        How many.

    Raises
    ------
    InputError
        If all labels are alike, or none changes in another trial.

    Examples
    --------
    >>> print(retention_of_classes([True, True, False, False], [20, 20, 10, 10], 40))
    0.3333
    """
    passed, p = np.asarray(label, dtype=bool), np.asarray(passes, dtype=np.float64) / trials
    sides = [1 - p[passed], p[~passed]]
    if min(map(len, sides)) < 1 or not sum(side.sum() for side in sides):
        raise InputError("labels that are all alike, or never change", "a label that a detector draws")
    lost, won = (Measured(float(one.mean()), float(one.std() / np.sqrt(len(one)))) for one in sides)
    both = lost.value + won.value
    error = np.hypot(lost.value * won.se, won.value * lost.se) / both**2
    return Measured(won.value / both, float(error))


def weights_of_classes(label: ArrayLike, retention: float) -> Array:
    """Weights that make labelled events a population of this retention; mean one, shape ``(n_events,)``."""
    passed = np.asarray(label, dtype=bool)
    share = passed.mean()
    weights: Array = np.where(passed, retention / share, (1 - retention) / (1 - share))
    return weights


# -- inside; the first axis of every table runs over the sample itself and its bootstrap replicas ----


def _tables(
    cell: NDArray[np.int64], weight: Array, strata: ArrayLike | None, seed: int, replicas: int
) -> Array:
    """Weight of the events in each cell, shape ``(n_samples, n_cells)``."""
    random = np.random.default_rng(seed)
    groups = [np.arange(len(weight))] if strata is None else _groups(strata, len(weight))
    n_cells = int(cell.max()) + 1
    return np.array(
        [np.bincount(cell, weight, minlength=n_cells)]
        + [np.bincount(cell, _resampled(weight, groups, random), minlength=n_cells) for _ in range(replicas)]
    )


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


def _seen(
    rows: NDArray[np.int64], trials: int, further: int, grid: Array, tables: Array
) -> tuple[NDArray[np.int64], Array, Array]:
    """Distinct passes in distinct numbers of trials, their likelihood on ``grid``, and their shares.

    Parameters
    ----------
    rows
        Shape ``(n_rows, 3)``: passes in both halves, and in further trials, -1 if there were none.
    trials, further
        Numbers of trials.
    grid
        Shape ``(n_grid,)``, pass probabilities.
    tables
        Shape ``(n_samples, n_rows)``, weight of the events in each row.

    Returns
    -------
    tuple
        Passes, shape ``(n_seen,)``; likelihood, ``(n_seen, n_grid)``; shares, ``(n_samples, n_seen)``.
    """
    in_all = trials + further * (rows[:, 2] >= 0)
    passes = rows[:, 0] + rows[:, 1] + np.maximum(rows[:, 2], 0)
    pairs, where = np.unique(np.column_stack([passes, in_all]), axis=0, return_inverse=True)
    share = np.zeros((len(tables), len(pairs)))
    for column, table in zip(where.reshape(-1), tables.T, strict=True):
        share[:, column] += table
    likelihood = binom.pmf(pairs[:, :1], pairs[:, 1:], grid[None, :])
    return pairs[:, 0], likelihood, share / share.sum(axis=1, keepdims=True)


def _mixing_mass(likelihood: Array, share: Array) -> Array:
    """Maximum-likelihood distribution of the pass probability, by expectation maximisation.

    ``likelihood`` and ``share`` are those of :func:`_seen`; each row of the result,
    ``(n_samples, n_grid)``, has the sum one.
    """
    mass = np.full((len(share), likelihood.shape[1]), 1 / likelihood.shape[1])
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


def _rates_of_halves(cells: NDArray[np.int64], tables: Array, half: int) -> list[tuple[Array, Array]]:
    """True and false positive rates by one half of the trials, judged by the other, both ways."""
    probabilities: Array = cells / half
    return [
        (
            _rates(_by_rank(cells[:, rank], tables, probabilities[:, judge], half)),
            _rates(_by_rank(cells[:, rank], tables, 1 - probabilities[:, judge], half)),
        )
        for rank, judge in ((0, 1), (1, 0))
    ]


def _measured(values: Array) -> Measured:
    """The first value, that of the sample itself, with the spread of its replicas."""
    return Measured(float(values[0]), float(values[1:].std(ddof=1)))


def _curve(thresholds: Array, gain: Array, f1: Array, f0: Array, retention: float) -> SpeedupCurve:
    """The speedup of the sample along the threshold, with the spread of its replicas."""
    spread = gain[1:].std(axis=0, ddof=1)
    return SpeedupCurve(thresholds, gain[0], spread, f1, f0, retention * f1 + (1 - retention) * f0)


def _area(f1: Array, f0: Array) -> Array:
    return np.asarray(np.trapezoid(f1, f0, axis=1))


_SCALES = np.geomspace(0.3, 30, 200)
"""Scales of the keep probability that are tried."""


def _importance(root: Array, passing: Array, failing: Array, config: SpeedupConfig) -> Array:
    """Best speedup of importance sampling with keep probability ∝ ``root``, shape ``(n_samples,)``.

    ``passing`` and ``failing``, shape ``(n_samples, n_roots)``, are the events of each class at each root.
    """
    return np.asarray(_speedups(root, passing, failing, config).max(axis=1))


def _speedups(
    root: Array, passing: Array, failing: Array, config: SpeedupConfig, shift: float = 0.0
) -> Array:
    """Speedup at each scale, shape ``(n_samples, n_scales)``; ``shift`` is added to the mean of √p."""
    assert config.retention is not None
    assert config.time_network is not None
    r, t_g, t_n, t_s = config.retention, config.time_generate, config.time_network, config.time_simulate
    plus, minus = passing.sum(axis=1)[:, None], failing.sum(axis=1)[:, None]
    keep = np.clip(_SCALES[:, None] * root, 1e-12, 1.0)
    # events with small p fail, and are kept with p ∝ √p: both sums move with the mean of √p
    inverse = (passing @ (1 / keep).T + shift / _SCALES) / plus
    kept = r * (passing @ keep.T) / plus + (1 - r) * (failing @ keep.T + shift * _SCALES) / minus
    return np.asarray((t_g + t_s) / (inverse * (t_g + t_n + t_s * kept)))


def _bracket(
    grid: Array, mass: Array, likelihood: Array, share: Array, config: SpeedupConfig
) -> tuple[float, float]:
    """Least and greatest best speedup, whatever p is spread like among events of the same few passes.

    Parameters
    ----------
    grid, mass
        Shape ``(n_grid,)``: pass probabilities and their distribution.
    likelihood, share
        Shapes ``(n_few, n_grid)`` and ``(n_few,)``: of the events with few passes.
    """
    posterior = likelihood * mass
    posterior /= np.maximum(posterior.sum(axis=1, keepdims=True), 1e-300)
    first, second, root = posterior @ grid, posterior @ grid**2, posterior @ np.sqrt(grid)
    hoelder = np.divide(first**1.5, np.sqrt(second), out=np.zeros_like(first), where=second > 0)
    row = mass[None, :]
    low, high = (
        float(_speedups(np.sqrt(grid), row * grid, row * (1 - grid), config, shift).max())
        for shift in (float(share @ (np.sqrt(first) - root)), float(share @ (hoelder - root)))
    )
    return low, high


def _with_bracket(found: Measured, low: float, high: float) -> Measured:
    """With the root mean square distance to a truth anywhere from ``low`` to ``high`` in its error."""
    within = float(np.hypot((high - low) / np.sqrt(12), (low + high) / 2 - found.value))
    return Measured(found.value, float(np.hypot(found.se, within)))


def _importance_of_halves(cells: NDArray[np.int64], tables: Array, half: int, config: SpeedupConfig) -> Array:
    """Speedup with keep probabilities from one half of the trials, judged by the other, both ways."""
    root = np.sqrt((np.arange(half + 1) + 0.3) / (half + 0.6))
    found = [
        _importance(
            root,
            _by_rank(cells[:, rank], tables, cells[:, judge] / half, half),
            _by_rank(cells[:, rank], tables, 1 - cells[:, judge] / half, half),
            config,
        )
        for rank, judge in ((0, 1), (1, 0))
    ]
    return np.asarray(np.mean(found, axis=0))


def _checked_further(further: Further | None, events: int) -> Further:
    if further is None:
        return Further(np.full(events, -1, dtype=np.int64), 0)
    passes = np.asarray(further.passes)
    if (
        passes.shape != (events,)
        or passes.dtype.kind not in "iu"
        or further.trials < 0
        or passes.min(initial=0) < -1
        or passes.max(initial=0) > further.trials
    ):
        raise InputError(
            f"passes in further trials of shape {passes.shape}, {passes.min(initial=0)} to "
            f"{passes.max(initial=0)}",
            f"{events} integers, -1 or up to {further.trials}",
        )
    return Further(passes.astype(np.int64), further.trials)


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
