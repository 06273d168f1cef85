"""The limit of a task on toy events whose pass probability is known, and with it the best area."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from helpers.random_events import random_events
from scipy import stats

from hepsets.analyses.pretraining.config import Config, LimitConfig
from hepsets.analyses.pretraining.limit import limit_of, limits_of
from hepsets.analyses.pretraining.samples import Sample
from hepsets.analyses.pretraining.tasks import LABEL, TASKS, Block, fresh_seed
from hepsets.core.errors import InputError
from hepsets.core.event_random import uniforms
from hepsets.core.purpose import Purpose
from hepsets.select.skims import repeated

TASK = "smart-background"
A, B = 0.5, 4.0
"""The pass probability of the toy's events has a Beta distribution of these parameters."""

CONFIG = Config(limit=LimitConfig(events=4000, trials=40))


def exact():
    """A passing event has its probability from Beta(a + 1, b), a failing one from Beta(a, b + 1)."""
    p = np.linspace(0, 1, 20_001)
    return 1 - np.trapezoid(stats.beta(A + 1, B).cdf(p), stats.beta(A, B + 1).cdf(p))


def toy_events(n, seed=0):
    """As many events of either class, by turns, as the samples of tasks are."""
    p = np.random.default_rng(seed).beta(A, B, 12 * n)
    label = np.random.default_rng([seed, 1]).random(12 * n) < p
    both = np.column_stack([np.flatnonzero(which)[: n // 2] for which in (label, ~label)]).ravel()
    events = random_events(n, seed=seed, mean_particles=2.0)
    return events.with_columns(p=p[both], **{LABEL: label[both]}).used_for(Purpose.TEST)


@pytest.fixture
def simulated(monkeypatch):
    """Simulates the toy in place of the detector, and remembers with which seeds."""
    seeds = []

    def count(events, skims, *, seed, event_numbers, trials, first_trial=0):
        seeds.append(seed)
        each = range(first_trial, first_trial + trials)
        passes = sum(uniforms(seed, event_numbers, trial) < events.columns["p"] for trial in each)
        return {skim: passes.astype(np.int32) for skim in skims}

    monkeypatch.setattr(repeated, "count_passes", count)
    return seeds


def test_the_limit_is_the_best_area_of_the_population_and_halves_stay_below_it(simulated, tmp_path):
    found = limit_of(CONFIG, TASK, toy_events(4000), tmp_path / TASK)
    assert abs(found.auc.value - exact()) < 3 * found.auc.se
    assert found.auc.se < 0.012
    assert exact() - 0.05 < found.auc_halves.value < found.auc.value
    assert abs(found.retention.value - A / (A + B)) < 3 * found.retention.se
    again = (A + 1) / (A + B + 1)
    assert abs(found.passes_again.value - again) < 3 * found.passes_again.se
    assert found.share(0.5) == 0
    assert found.share(found.auc.value) == 1


def test_no_simulation_is_the_one_that_made_the_labels_and_what_was_counted_is_kept(simulated, tmp_path):
    test = toy_events(400)
    first = limit_of(CONFIG, TASK, test, tmp_path / TASK)
    assert set(simulated) == {fresh_seed(CONFIG.seed, TASK)}
    assert fresh_seed(CONFIG.seed, TASK) != Block(TASK, CONFIG.seed, 0, 1).seed_of_task
    done = len(simulated)
    assert limit_of(CONFIG, TASK, test, tmp_path / TASK) == first
    assert len(simulated) == done


def test_only_labels_that_a_detector_draws_have_a_limit_and_it_can_be_left_out(simulated, tmp_path):
    test = toy_events(400)
    samples = {name: Sample(test, test, test, {}, 0.0) for name in TASKS}
    assert set(limits_of(CONFIG, samples, tmp_path)) == {TASK}
    none = dataclasses.replace(CONFIG, limit=LimitConfig(events=0))
    assert limits_of(none, samples, tmp_path) == {}


def test_a_limit_is_measured_on_test_events_alone(tmp_path):
    pool = dataclasses.replace(toy_events(400), purpose=Purpose.TRAINING)
    with pytest.raises(InputError, match="training events where a limit is measured"):
        limit_of(CONFIG, TASK, pool, tmp_path / TASK)
