"""Whatever chooses, chooses on validation events: others are refused."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.random_events import random_events

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.evaluate.filter.choice_error import resampled
from hepsets.evaluate.filter.importance_sampling import choose_keep_rule, choose_logistic_rule
from hepsets.evaluate.filter.protected_rule import choose_protected_rule
from hepsets.evaluate.filter.speedup import SpeedupConfig, choose_threshold
from hepsets.evaluate.scores.sample import Scored, scored, scored_events

COSTS = SpeedupConfig(time_network=0.0)


def choose_protected(sample: Scored, config: SpeedupConfig) -> object:
    n = len(sample.scores)
    return choose_protected_rule("r2", np.linspace(0, 1, n), np.ones(n, bool), sample, config)


CHOOSERS = [choose_threshold, choose_keep_rule, choose_logistic_rule, choose_protected]


def sample(purpose: Purpose | None) -> Scored:
    random = np.random.default_rng(1)
    labels = random.random(400) < 0.5
    return scored(labels, np.where(labels, random.beta(3, 1, 400), random.beta(1, 3, 400)), purpose=purpose)


@pytest.mark.parametrize("choose", CHOOSERS)
@pytest.mark.parametrize("purpose", [Purpose.TEST, Purpose.TRAINING])
def test_nothing_is_chosen_on_test_or_training_events(choose, purpose):
    with pytest.raises(InputError, match=f"{purpose} events where a .* is chosen; expected validation"):
        choose(sample(purpose), COSTS)


@pytest.mark.parametrize("choose", CHOOSERS)
def test_validation_events_choose_as_events_that_nobody_knows_of(choose):
    assert choose(sample(Purpose.VALIDATION), COSTS) == choose(sample(None), COSTS)


def test_scores_take_labels_weights_and_purpose_from_their_events():
    label = np.array([True, False, True, False, False])
    events = random_events(5, seed=1).with_columns(label=label, other=~label, weight=np.arange(1.0, 6.0))
    held_out = events.used_for(Purpose.TRAINING).held_out(np.array([4, 0]))
    found = scored_events(held_out, np.array([0.1, 0.9]))
    assert found.purpose is Purpose.VALIDATION
    assert found.labels.tolist() == [False, True]
    assert found.weights.tolist() == [5.0, 1.0]
    assert scored_events(held_out, np.array([0.1, 0.9]), label="other").labels.tolist() == [True, False]
    assert next(resampled(found, 1, 1)).purpose is Purpose.VALIDATION
