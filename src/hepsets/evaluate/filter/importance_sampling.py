"""Unbiased speedups: weights 1/p for kept events, and the keep rules that make the most of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass as result
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose, demand
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule
from hepsets.evaluate.filter.speedup import SpeedupConfig, _retention, _time_network, _with_retention
from hepsets.evaluate.scores.sample import Array, Scored, mean, scored


@result(frozen=True)
class ImportanceResult:
    """Speedup of importance sampling; it leaves no bias behind.

    ``effective_fraction`` is Kish's effective number of kept passing events, divided by the number
    of generated passing events.
    """

    speedup: Measured
    effective_fraction: float
    kept: float


@result(frozen=True)
class ImportanceInfluence:
    """Importance sampling and how its speedup hangs on every event.

    Parameters
    ----------
    speedup, effective_fraction, kept
        As in :class:`ImportanceResult`.
    cost, response
        Shape ``(n,)``: linear response of the logarithm of the speedup to each event of its class, through
        the cost alone and in all.
    """

    speedup: float
    effective_fraction: float
    kept: float
    cost: Array
    response: Array


def importance_speedup(
    labels: ArrayLike, keep: ArrayLike, weights: ArrayLike | None, config: SpeedupConfig
) -> ImportanceResult:
    r"""Speedup if each event is kept with its own probability p and weighted with 1/p.

    .. math:: S = \frac{t_g + t_s}{\langle 1/p \rangle_+ \,
              (t_g + t_n + t_s [r \langle p \rangle_+ + (1 - r) \langle p \rangle_-])}

    where + and - are passing and failing events: the weighted sample is worth
    :math:`(\sum w)^2 / \sum w^2 = n_+ / \langle 1/p \rangle_+` unweighted events (Kish).

    Parameters
    ----------
    labels
        Shape ``(n,)``, bool: the event passes.
    keep
        Shape ``(n,)``, probability in (0, 1] to keep the event.
    weights
        Shape ``(n,)``, event weights; all one if ``None``.
    config
        Costs; a retention of ``None`` is measured from ``labels`` and ``weights``.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.sample.scored`; if a passing event is never kept; if the network
        time is open.
    """
    sample = scored(labels, keep, weights)
    config = _with_retention(sample, config)
    found = _importance(sample, config)
    relative = np.hypot(
        mean(found.response[sample.labels], sample.weights[sample.labels]).se,
        mean(found.response[~sample.labels], sample.weights[~sample.labels]).se,
    )
    return ImportanceResult(
        Measured(found.speedup, float(found.speedup * relative)), found.effective_fraction, found.kept
    )


def importance_ratio(
    labels: ArrayLike, keep: ArrayLike, other: ArrayLike, weights: ArrayLike | None, config: SpeedupConfig
) -> Measured:
    """Speedup with keep probabilities ``keep`` over that with ``other``, on the same events.

    What both share of the chance in the events cancels in the error.

    Raises
    ------
    InputError
        As :func:`importance_speedup`.
    """
    one, two = scored(labels, keep, weights), scored(labels, other, weights)
    config = _with_retention(one, config)
    first, second = _importance(one, config), _importance(two, config)
    response = first.response - second.response
    relative = np.hypot(
        mean(response[one.labels], one.weights[one.labels]).se,
        mean(response[~one.labels], one.weights[~one.labels]).se,
    )
    ratio = first.speedup / second.speedup
    return Measured(ratio, float(ratio * relative))


def choose_keep_rule(sample: Scored, config: SpeedupConfig, *, trained: float = 0.5) -> KeepRule:
    """The importance sampling p ∝ √P(pass) of greatest speedup on validation events.

    The cost ⟨1/p⟩₊ (t_g + t_n + t_s ⟨p⟩) is least for p ∝ √P(pass) (Cauchy–Schwarz); scale and
    floor of p are scanned, since probabilities are bounded and networks are not perfect.

    Parameters
    ----------
    sample
        Validation events and their scores, see :func:`hepsets.evaluate.scores.sample.scored_events`.
    config
        Costs.
    trained
        Share of passing events that the network was trained with.

    Raises
    ------
    InputError
        For training or test events, or if the network time is open.
    """
    demand(sample.purpose, Purpose.VALIDATION, "a keep rule is chosen")
    config = _with_retention(sample, config)
    population = _retention(config)
    rules = [
        KeepRule(float(scale), float(floor), trained, population)
        for scale in np.geomspace(0.3, 10, 36)
        for floor in (0.01, 0.02, 0.05, 0.1, 0.2, 1.0)
    ]

    return _best(rules, sample, config)


@result(frozen=True)
class FloorScan:
    """Importance sampling against the floor of the keep probability; arrays of shape ``(n_floors,)``.

    ``largest_weight`` is that of the passing events, 1/p of the least likely one.
    """

    chosen: float
    floors: Array
    speedup: Array
    speedup_se: Array
    effective_fraction: Array
    largest_weight: Array


def scan_floors(
    labels: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None,
    rule: KeepRule,
    config: SpeedupConfig,
    floors: ArrayLike = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
) -> FloorScan:
    """What other floors than its own would make of a keep rule.

    Raises
    ------
    InputError
        As :func:`importance_speedup`.
    """
    sample = scored(labels, scores, weights)
    at = np.asarray(floors, dtype=np.float64)
    keeps = [dataclasses.replace(rule, floor=float(floor))(sample.scores) for floor in at]
    found = [importance_speedup(sample.labels, keep, sample.weights, config) for keep in keeps]
    return FloorScan(
        rule.floor,
        at,
        np.array([each.speedup.value for each in found]),
        np.array([each.speedup.se for each in found]),
        np.array([each.effective_fraction for each in found]),
        np.array([1 / keep[sample.labels].min() for keep in keeps]),
    )


def choose_logistic_rule(sample: Scored, config: SpeedupConfig) -> LogisticRule:
    """The logistic keep probability of greatest speedup on validation events, for comparison.

    Parameters
    ----------
    sample, config
        As in :func:`choose_keep_rule`.

    Raises
    ------
    InputError
        For training or test events, or if the network time is open.
    """
    demand(sample.purpose, Purpose.VALIDATION, "a keep rule is chosen")
    config = _with_retention(sample, config)
    rules = [
        LogisticRule(float(offset), floor)
        for offset in np.linspace(-4, 4, 33)
        for floor in (0.01, 0.02, 0.05, 0.1, 0.2)
    ]
    return _best(rules, sample, config)


Rule = TypeVar("Rule", KeepRule, LogisticRule)


def _best(rules: Sequence[Rule], sample: Scored, config: SpeedupConfig) -> Rule:
    """The rule of greatest speedup; hundreds are tried, none of whose errors is wanted."""
    passes = sample.labels
    passing, failing = (Scored(passes[of], sample.scores[of], sample.weights[of]) for of in (passes, ~passes))

    def gain(rule: Rule) -> float:
        keep = rule(passing.scores), rule(failing.scores)
        return _reached(*keep, passing.weights, failing.weights, config).speedup

    return max(rules, key=gain)


class _Reached(NamedTuple):
    """``inverse`` is ⟨1/p⟩ of passing events, ``kept`` the share of events kept, ``cost`` [s] of one."""

    speedup: float
    inverse: float
    kept: float
    cost: float


def _reached(
    p_passing: Array, p_failing: Array, w_passing: Array, w_failing: Array, config: SpeedupConfig
) -> _Reached:
    """What keep probabilities and weights of the events of each class reach."""
    r, t_g, t_s = _retention(config), config.time_generate, config.time_simulate
    inverse = _average(1 / p_passing, w_passing)
    kept = r * _average(p_passing, w_passing) + (1 - r) * _average(p_failing, w_failing)
    cost = t_g + _time_network(config) + t_s * kept
    return _Reached((t_g + t_s) / (inverse * cost), inverse, kept, cost)


def _average(values: Array, weights: Array) -> float:
    return float(weights @ values / weights.sum())


def _importance(sample: Scored, config: SpeedupConfig) -> ImportanceInfluence:
    passes, p, w = sample.labels, sample.scores, sample.weights
    if (p[passes] == 0).any():
        raise InputError(
            "a passing event that is never kept", "keep probabilities above 0", "raise the floor"
        )
    found = _reached(p[passes], p[~passes], w[passes], w[~passes], config)
    r = _retention(config)
    by_cost = -config.time_simulate * np.where(passes, r, 1 - r) * p / found.cost
    response = by_cost.copy()
    response[passes] -= 1 / (p[passes] * found.inverse)  # 1/p and p of one event are correlated
    return ImportanceInfluence(found.speedup, 1 / found.inverse, found.kept, by_cost, response)


def importance_influence(
    labels: ArrayLike, keep: ArrayLike, weights: ArrayLike | None, config: SpeedupConfig
) -> ImportanceInfluence:
    """:func:`importance_speedup` and what every event adds to its error.

    Raises
    ------
    InputError
        As :func:`importance_speedup`.
    """
    sample = scored(labels, keep, weights)
    return _importance(sample, _with_retention(sample, config))
