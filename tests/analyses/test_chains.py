"""Whole chains on toys with a known answer: what is wired wrongly gives another one."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from helpers.random_events import random_events
from scipy import stats

from hepsets.analyses.smart_background.comparison import weighted_biases
from hepsets.analyses.smart_background.config import Config, LimitConfig
from hepsets.analyses.smart_background.resimulation import measure_limit
from hepsets.analyses.smart_background.samples import Samples
from hepsets.core.errors import InputError
from hepsets.core.event_random import uniforms
from hepsets.core.measured import Measured
from hepsets.core.pdg import PdgMap
from hepsets.core.purpose import Purpose
from hepsets.evaluate.filter.speedup import SpeedupConfig, choose_threshold
from hepsets.evaluate.scores.sample import scored_events
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.calibration import calibrate_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score
from hepsets.select.skims import repeated
from hepsets.select.variables.generated import passing_observables

PASS_PROBABILITY = stats.beta(0.5, 4.0)
"""Distribution of the pass probability of the toy's events."""

RETENTION = PASS_PROBABILITY.mean()


def toy_events(n, seed):
    """Events with a pass probability of their own, labelled by trial 0, and balanced as real samples are."""
    p = PASS_PROBABILITY.ppf((np.random.default_rng(seed).permutation(n) + 0.5) / n)
    numbers = np.arange(n, dtype=np.int64)
    label = uniforms(seed, numbers, 0) < p
    events = random_events(n, seed=seed, mean_particles=2.0)
    events = events.with_columns(p=p, event_number=numbers, label=label)
    chosen = label | (uniforms(seed, numbers, 2**40) < RETENTION / (1 - RETENTION))
    weight = np.where(label, 1.0, (1 - RETENTION) / RETENTION)
    return events.with_columns(weight=weight)[chosen]


@pytest.fixture
def detector(monkeypatch):
    """Simulates the toy in place of the real detector, and remembers which trials were asked for."""
    asked = []

    def count(events, skims, *, seed, event_numbers, trials, first_trial=0):
        asked.append(range(first_trial, first_trial + trials))
        passes = sum(uniforms(seed, event_numbers, trial) < events.columns["p"] for trial in asked[-1])
        return {skim: passes.astype(np.int32) for skim in skims}

    monkeypatch.setattr(repeated, "count_passes", count)
    return asked


@pytest.fixture
def limit(detector, tmp_path):
    test = toy_events(20_000, seed=1).used_for(Purpose.TEST)
    config = Config(limit=LimitConfig(events=len(test), trials=40), speedup=SpeedupConfig(retention=None))
    samples = Samples(test, test, Measured(RETENTION, 0.0), None, True, "toy", "hadronic_b0")
    return measure_limit(config, samples, tmp_path)


def test_the_limit_is_that_of_the_population_not_of_the_balanced_sample(limit):
    assert limit.retention.value == pytest.approx(RETENTION, abs=4 * limit.retention.se)
    assert limit.retention.se < 0.05 * RETENTION
    # a passing event has p from Beta(a + 1, b), a failing one from Beta(a, b + 1)
    p = np.linspace(0, 1, 20_001)
    passing, failing = stats.beta(1.5, 4.0).cdf(p), stats.beta(0.5, 5.0).cdf(p)
    assert limit.auc.value == pytest.approx(1 - np.trapezoid(passing, failing), abs=0.01)
    again = (PASS_PROBABILITY.var() + RETENTION**2) / RETENTION
    assert limit.passes_again.value == pytest.approx(again, abs=4 * limit.passes_again.se)


def test_the_trial_that_made_the_label_is_never_counted_in_the_limit_and_none_is_counted_twice(
    limit, detector
):
    trials = sorted({(asked.start, asked.stop) for asked in detector})
    assert trials[0][0] >= 1
    assert all(first[1] <= second[0] for first, second in pairwise(trials))


def test_kept_events_weighted_with_what_they_were_kept_by_are_worth_all():
    n = 20_000
    test = random_events(n, seed=3, mean_particles=2.0).with_columns(
        label=np.ones(n, dtype=bool), weight=np.ones(n), mbc=np.linspace(5.24, 5.29, n)
    )
    keep = np.random.default_rng(1).choice([0.02, 0.1, 0.5], n)
    found = weighted_biases(keep, test, 5, passing_observables(test))
    (mbc,) = [bias for bias in found if bias.observable == "mbc"]
    total = (mbc.kept_sum.sum() - n) / np.sqrt(np.sum(mbc.kept_se**2))
    assert abs(total) < 4
    assert mbc.p_value > 1e-4


@pytest.fixture(scope="module")
def trained():
    """A small model, the events that it was shown, and how it was trained."""
    n = 400
    events = random_events(n, seed=7).with_columns(weight=np.ones(n))
    label = events.multiplicity > np.median(events.multiplicity)
    events = events.with_columns(label=label).used_for(Purpose.TRAINING)
    model = build_model("deep_sets", PdgMap.fit(events.particles["pdg"]))
    result = fit(model, events, label, config=FitConfig(epochs=2, device="cpu"))
    return model, events, result


def test_validation_events_were_not_trained_on(trained):
    _, events, result = trained
    held_out = result.validation(events)
    assert held_out.purpose is Purpose.VALIDATION
    assert len(held_out) == len(result.validation_indices) == 100
    assert not np.isin(result.validation_indices, result.train_indices).any()
    assert np.array_equal(held_out.multiplicity, events.multiplicity[result.validation_indices])


def test_a_model_is_not_calibrated_on_events_that_it_was_trained_on(trained):
    model, events, result = trained
    shown = events[result.train_indices]
    with pytest.raises(InputError, match="training events where a model is calibrated"):
        calibrate_model(model, shown, shown.columns["label"])
    test = dataclasses.replace(shown, purpose=Purpose.TEST)
    with pytest.raises(InputError, match="test events where a model is calibrated"):
        calibrate_model(model, test, test.columns["label"])


def test_a_threshold_is_not_chosen_on_events_that_were_trained_on_or_that_judge(trained):
    model, events, result = trained
    costs = SpeedupConfig(time_network=0.0)
    held_out = result.validation(events)
    choose_threshold(scored_events(held_out, score(model, held_out)), costs)
    for purpose in (Purpose.TRAINING, Purpose.TEST):
        others = dataclasses.replace(events, purpose=purpose)
        with pytest.raises(InputError, match=f"{purpose} events where a threshold is chosen"):
            choose_threshold(scored_events(others, score(model, others)), costs)


def test_a_model_is_not_trained_on_test_events(trained):
    model, events, _ = trained
    test = dataclasses.replace(events, purpose=Purpose.TEST)
    with pytest.raises(InputError, match="test events where a model is trained"):
        fit(model, test, test.columns["label"])
