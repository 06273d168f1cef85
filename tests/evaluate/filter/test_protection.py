"""The speedup of a keep rule that protects an observable knows the error of its choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.small_filter import beam_events

from hepsets.core.purpose import Purpose
from hepsets.evaluate.filter import protection
from hepsets.evaluate.filter.bias import bin_edges
from hepsets.evaluate.filter.choice_error import draws
from hepsets.evaluate.filter.effective_fraction import measure_effective_fraction
from hepsets.evaluate.filter.importance_sampling import importance_speedup
from hepsets.evaluate.filter.protected_rule import choose_protected_rule
from hepsets.evaluate.filter.protection import (
    effective_fractions,
    judge_protection,
    protected_rules,
    protection_choice_error,
)
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.sample import Scored, scored_events
from hepsets.select.variables.generated import Observable, missing_energy

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


def test_an_observable_is_protected_if_a_passing_event_has_it(monkeypatch):
    events, scores = sample(40, 3)
    chosen_on = scored_events(events.used_for(Purpose.TRAINING).held_out(np.arange(40)), scores)
    values = missing_energy(events).values
    valid = {"all": np.ones(40, bool), "failing": ~chosen_on.labels, "some": np.arange(40) < 30}
    monkeypatch.setattr(
        protection, "truth_observable", lambda name: lambda _: Observable(name, name, "", values, valid[name])
    )
    rules = protected_rules(list(valid), events, chosen_on, COSTS, trained=0.4)
    assert [rule.observable for rule in rules] == ["all", "some"]
    assert rules[1] == choose_protected_rule("some", values, valid["some"], chosen_on, COSTS, trained=0.4)


def test_effective_fractions_are_those_of_passing_events_that_have_the_observable():
    test, scores = sample(120, 4)
    passing = test.columns["label"]
    values = np.linspace(0, 1, 60)
    valid = np.arange(60) < 50
    observables = [
        Observable("mass", "m", "", values, valid),
        Observable("nothing", "n", "", values, np.zeros(len(values), bool)),
    ]
    keep = 0.2 + 0.8 * scores
    for given in ({}, {"bins": 10, "least": 9}):
        (found,) = effective_fractions(keep, test, COSTS, observables, **given)
        edges = bin_edges(values[valid], **{"bins": 20, "least": 25} | given)
        weight = test.columns["weight"]
        expected = measure_effective_fraction(
            "mass", values, passing, keep, weight, COSTS, valid=valid, edges=edges
        )
        assert found.observable == "mass"
        for name in ("edges", "fraction", "fraction_se", "speedup"):
            assert np.asarray(getattr(found, name)).tolist() == np.asarray(getattr(expected, name)).tolist()


def test_a_judged_rule_has_its_bins_and_fractions():
    test, scores = sample(100, 5)
    rule, *_ = chosen(60)
    passing = test.columns["label"]
    mass = Observable("mass", "m", "", np.linspace(0, 1, passing.sum()), np.ones(passing.sum(), bool))
    seen = missing_energy(test)
    keep = rule(scores, seen.values, seen.valid)
    for given in ({}, {"bins": 10, "least": 9}):
        found = judge_protection(rule, test, scores, COSTS, [mass], **given)
        assert found.importance == importance_speedup(passing, keep, test.columns["weight"], COSTS)
        (expected,) = effective_fractions(keep, test, COSTS, [mass], **given)
        assert found.rule is rule
        assert found.fractions[0].fraction.tolist() == expected.fraction.tolist()


def test_the_error_of_a_choice_is_the_spread_of_rules_chosen_on_redrawn_events(monkeypatch):
    """The second time no passing event is drawn, so that no rule can be chosen."""
    rule, validation, chosen_on = chosen(60)
    rule = replace(rule, trained=0.4)
    test, scores = sample(80, 6)
    test = test.with_columns(weight=test.columns["weight"] * np.linspace(1, 2, 80))
    first, *_, last = draws(chosen_on, 5, protection.RULE_CHOICES)
    own, seen = missing_energy(validation), missing_energy(test)
    reached = []
    for drawn in (first, last):
        redrawn = Scored(
            chosen_on.labels[drawn], chosen_on.scores[drawn], chosen_on.weights[drawn], chosen_on.purpose
        )
        again = choose_protected_rule(
            "missing_energy", own.values[drawn], own.valid[drawn], redrawn, COSTS, trained=0.4
        )
        keep = again(scores, seen.values, seen.valid)
        gain = importance_speedup(test.columns["label"], keep, test.columns["weight"], COSTS)
        reached.append(gain.speedup.value)

    for shown, expected in ((3, np.std(reached, ddof=1)), (2, 0.0)):
        drawn = [first, np.flatnonzero(~chosen_on.labels), last][:shown]
        monkeypatch.setattr(
            protection, "draws", lambda *given, drawn=drawn: iter(drawn if given[1:] == (5, 10) else ())
        )
        found = protection_choice_error(rule, validation, chosen_on, test, scores, COSTS, seed=5)
        assert found == pytest.approx(expected)
    assert reached[0] != reached[1]
