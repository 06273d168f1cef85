"""What the study of many skims chooses on validation events, and what the choice adds to the errors."""

from __future__ import annotations

import numpy as np
from helpers.random_events import random_events

from hepsets.analyses.smart_background.studies.many_skims import _choose
from hepsets.core.purpose import Purpose
from hepsets.evaluate.filter.choice_error import RULE_CHOICES, choice_error
from hepsets.evaluate.filter.importance_sampling import choose_keep_rule, importance_speedup
from hepsets.evaluate.filter.speedup import SpeedupConfig, choose_threshold, speedup_at
from hepsets.evaluate.scores.sample import scored_events

COSTS = SpeedupConfig(retention=0.05, time_network=0.001)


def sample(number: int, seed: int):
    """Events with a label of a skim, and scores that tell it."""
    random = np.random.default_rng(seed)
    label = np.arange(number) % 2 == 0
    events = random_events(number, seed=seed, mean_particles=2)
    events = events.with_columns(label_jpsi=label, weight=np.where(label, 1.0, 19.0))
    return events, 1 / (1 + np.exp(-random.normal(np.where(label, 1.5, -1.5))))


def test_errors_of_speedups_hold_those_of_the_choice_on_validation_events():
    events, chosen_scores = sample(200, 1)
    validation = events.used_for(Purpose.TRAINING).held_out(np.arange(200))
    test, scores = sample(2000, 2)
    label, weight = test.columns["label_jpsi"], test.columns["weight"]
    found = _choose(validation, "jpsi", chosen_scores, COSTS, seed=3)
    chosen_on = scored_events(validation, chosen_scores, label="label_jpsi")

    plain = importance_speedup(label, found.card.rule(scores), weight, COSTS)
    choice = choice_error(
        lambda drawn: choose_keep_rule(drawn, COSTS, trained=0.5),
        lambda rule: importance_speedup(label, rule(scores), weight, COSTS).speedup,
        chosen_on,
        seed=3,
        samples=RULE_CHOICES,
    )
    whole = found.importance(label, scores, weight, COSTS)
    assert (whole.speedup, whole.speedup_se) == (plain.speedup, np.hypot(plain.speedup_se, choice))
    assert choice > 0

    cut = speedup_at(found.card.threshold, label, scores, weight, COSTS)
    choice = choice_error(
        lambda drawn: choose_threshold(drawn, COSTS).threshold,
        lambda threshold: speedup_at(threshold, label, scores, weight, COSTS).speedup,
        chosen_on,
        seed=3,
    )
    whole = found.threshold(label, scores, weight, COSTS)
    assert (whole.speedup, whole.speedup_se) == (cut.speedup, np.hypot(cut.speedup_se, choice))
    assert choice > cut.speedup_se / 10
