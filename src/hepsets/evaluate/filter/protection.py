"""Where the unbiased speedup lives, and keep rules that spread it evenly over an observable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hepsets.core.events import Events
from hepsets.core.measured import Measured
from hepsets.evaluate.filter.bias import bin_edges
from hepsets.evaluate.filter.choice_error import RULE_CHOICES, draws
from hepsets.evaluate.filter.effective_fraction import EffectiveFraction, measure_effective_fraction
from hepsets.evaluate.filter.importance_sampling import ImportanceResult, importance_speedup
from hepsets.evaluate.filter.keep_rule import ProtectedRule
from hepsets.evaluate.filter.protected_rule import choose_protected_rule
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.sample import Scored
from hepsets.select.variables.generated import Observable, truth_observable


@dataclass(frozen=True)
class Protection:
    """A keep rule that protects an observable, and what it is worth on test events.

    Parameters
    ----------
    rule
        Chosen on validation events.
    importance
        Speedup and effective fraction on test events.
    fractions
        Effective fraction in the bins of all observables.
    """

    rule: ProtectedRule
    importance: ImportanceResult
    fractions: tuple[EffectiveFraction, ...]


def protected_rules(
    names: Sequence[str],
    validation: Events,
    sample: Scored,
    costs: SpeedupConfig,
    *,
    trained: float,
) -> tuple[ProtectedRule, ...]:
    """A rule for each observable that is to be protected and that some passing validation event has."""
    rules = []
    for name in names:
        found = truth_observable(name)(validation)
        if not (found.valid & sample.labels).any():
            continue
        rules.append(choose_protected_rule(name, found.values, found.valid, sample, costs, trained=trained))
    return tuple(rules)


def judge_protection(
    rule: ProtectedRule,
    test: Events,
    scores: NDArray[np.float64],
    costs: SpeedupConfig,
    observables: Sequence[Observable],
    *,
    bins: int = 20,
    least: int = 25,
    choice_se: float = 0.0,
) -> Protection:
    """What a protecting rule is worth on test events, see :func:`effective_fractions`.

    The error of the speedup holds ``choice_se``, that of :func:`protection_choice_error`.
    """
    found = truth_observable(rule.observable)(test)
    keep = rule(scores, found.values, found.valid)
    gain = importance_speedup(test.columns["label"], keep, test.columns["weight"], costs)
    return Protection(
        rule,
        replace(gain, speedup=Measured(gain.speedup.value, float(np.hypot(gain.speedup.se, choice_se)))),
        effective_fractions(keep, test, costs, observables, bins=bins, least=least),
    )


def protection_choice_error(
    rule: ProtectedRule,
    validation: Events,
    sample: Scored,
    test: Events,
    scores: NDArray[np.float64],
    costs: SpeedupConfig,
    *,
    seed: int,
) -> float:
    """Standard error of the speedup of a protecting rule from the events that it was chosen on.

    As :func:`hepsets.evaluate.filter.choice_error.choice_error`, with the observable drawn along.

    Parameters
    ----------
    rule
        The rule that was chosen; its observable and prior are taken.
    validation, sample
        What it was chosen on, the same ``n`` events.
    test, scores
        What it is judged on; shape ``(n_test,)``.
    costs
        What events cost.
    seed
        Of the bootstrap.
    """
    observable = truth_observable(rule.observable)
    own, seen = observable(validation), observable(test)
    label, weight = test.columns["label"], test.columns["weight"]
    reached = []
    for drawn in draws(sample, seed, RULE_CHOICES):
        if not (own.valid[drawn] & sample.labels[drawn]).any():
            continue  # no rule can be chosen on these
        again = choose_protected_rule(
            rule.observable,
            own.values[drawn],
            own.valid[drawn],
            Scored(sample.labels[drawn], sample.scores[drawn], sample.weights[drawn], sample.purpose),
            costs,
            trained=rule.trained,
        )
        keep = again(scores, seen.values, seen.valid)
        reached.append(importance_speedup(label, keep, weight, costs).speedup.value)
    return float(np.std(reached, ddof=1)) if len(reached) > 1 else 0.0


def effective_fractions(
    keep: NDArray[np.float64],
    test: Events,
    costs: SpeedupConfig,
    observables: Sequence[Observable],
    *,
    bins: int = 20,
    least: int = 25,
) -> tuple[EffectiveFraction, ...]:
    """Effective fraction and speedup by bin of each observable of the passing test events.

    ``keep`` has shape ``(n_events,)``, ``observables`` are those of the passing events alone; ``bins``
    and ``least`` are of :func:`hepsets.evaluate.filter.bias.bin_edges`, by default the bins of the biases.
    """
    return tuple(
        measure_effective_fraction(
            observable.name,
            observable.values,
            test.columns["label"],
            keep,
            test.columns["weight"],
            costs,
            valid=observable.valid,
            edges=bin_edges(observable.values[observable.valid], bins=bins, least=least),
        )
        for observable in observables
        if observable.valid.any()
    )
