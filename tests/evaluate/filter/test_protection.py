"""The speedup of a keep rule that protects an observable knows the error of its choice."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.small_filter import beam_events

from hepsets.core.purpose import Purpose
from hepsets.evaluate.filter.importance_sampling import importance_speedup
from hepsets.evaluate.filter.protection import judge_protection, protected_rules, protection_choice_error
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.sample import scored_events
from hepsets.select.variables.generated import missing_energy

COSTS = SpeedupConfig(retention=0.05, time_network=0.001)


def sample(number: int, seed: int):
    """Events and scores that tell the label the better, the less energy is missing."""
    events = beam_events(number, seed)
    label = np.arange(number) % 2 == 0
    events = events.with_columns(label=label, weight=np.where(label, 1.0, 19.0))
    values = missing_energy(events).values
    clear = 1 + (values < np.median(values))
    logit = np.random.default_rng(seed).normal(np.where(label, clear, -clear))
    return events, 1 / (1 + np.exp(-logit))


def chosen(number: int, seed: int = 1):
    events, scores = sample(number, seed)
    validation = events.used_for(Purpose.TRAINING).held_out(np.arange(number))
    chosen_on = scored_events(validation, scores)
    (rule,) = protected_rules(["missing_energy"], validation, chosen_on, COSTS, trained=0.5)
    return rule, validation, chosen_on


def test_the_error_of_a_choice_is_the_spread_between_validation_samples():
    test, scores = sample(600, 2)
    choices = [chosen(200, seed) for seed in range(10, 22)]
    reached = [
        judge_protection(rule, test, scores, COSTS, ()).importance.speedup.value for rule, *_ in choices
    ]
    errors = [protection_choice_error(*each, test, scores, COSTS, seed=1) for each in choices[:3]]
    assert 0.4 < np.mean(errors) / np.std(reached, ddof=1) < 2.5


def test_the_error_of_the_speedup_holds_that_of_the_choice_and_nothing_else_moves():
    test, scores = sample(600, 2)
    rule, *_ = chosen(200)
    plain, whole = (judge_protection(rule, test, scores, COSTS, (), choice_se=se) for se in (0.0, 0.3))
    seen = missing_energy(test)
    keep = rule(scores, seen.values, seen.valid)
    alone = importance_speedup(test.columns["label"], keep, test.columns["weight"], COSTS)
    assert plain.importance == alone
    assert whole.importance.speedup.se == pytest.approx(np.hypot(alone.speedup.se, 0.3))
    assert whole.importance.speedup.value == alone.speedup.value
