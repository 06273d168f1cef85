from dataclasses import replace

import numpy as np
import pytest

from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.scores.told_apart import TREES, judge_reweighting, tell_apart
from hepsets.learn.tables.reweighting import ReweightingConfig, Sample


def sample(n: int, mean: float = 0.0, seed: int = 0, weights=None) -> Sample:
    random = np.random.default_rng(seed)
    columns = {"x": random.normal(mean, 1, n), "y": random.normal(0, 1, n)}
    return Sample(EventFrame(columns), 100_000 * seed + np.arange(n) // 4, weights)


SMALL = ReweightingConfig(folds=2, trees=30, least_in_leaf=100)
SIMULATED, DATA = sample(3000, seed=1), sample(3000, 0.5, seed=2)


def test_samples_that_are_alike_are_not_told_apart() -> None:
    found = tell_apart(SIMULATED, sample(3000, seed=3), ("x", "y"))
    assert found.auc.value == pytest.approx(0.5, abs=3 * found.auc.se)
    assert found.p_value > 0.003
    assert found.effective_size == 3000


def test_two_normal_distributions_are_told_apart_as_far_as_they_can_be() -> None:
    found = tell_apart(SIMULATED, DATA, ("x", "y"))
    assert found.auc.value == pytest.approx(0.6382, abs=3 * found.auc.se + 0.005)  # Φ(0.5 / √2)
    assert found.p_value < 1e-6


def test_the_true_ratio_as_weight_leaves_no_difference_and_costs_what_it_must() -> None:
    weights = np.exp(0.5 * SIMULATED.events["x"] - 0.125)
    found = tell_apart(Sample(SIMULATED.events, SIMULATED.groups, weights), DATA, ("x", "y"))
    assert found.auc.value == pytest.approx(0.5, abs=3 * found.auc.se)
    assert found.effective_size == pytest.approx(3000 * np.exp(-0.25), rel=0.05)
    wrong = tell_apart(Sample(SIMULATED.events, SIMULATED.groups, 1 / weights), DATA, ("x", "y"))
    assert wrong.auc.value > 0.7  # Φ(1 / √2) = 0.76 at best


def test_reweighting_helps() -> None:
    before, after = judge_reweighting(SIMULATED, DATA, ("x", "y"), SMALL)
    assert before.p_value < 1e-6
    assert after.auc.value == pytest.approx(0.5, abs=0.05)
    assert after.auc.value < before.auc.value - 3 * before.auc.se
    assert after.effective_size < before.effective_size == pytest.approx(1500, abs=4)


def test_weights_are_not_judged_by_what_they_were_made_of() -> None:
    """Weights that follow chance make like samples unlike; in their own half they would seem to help."""
    wild = replace(SMALL, trees=40, depth=5, least_in_leaf=20, regularisation=1.0)
    areas = []
    for seed in range(4):
        one, other = sample(1200, seed=10 + seed), sample(1200, seed=30 + seed)
        areas.append(judge_reweighting(one, other, ("x", "y"), wild)[1].auc.value)
    assert np.mean(areas) > 0.51


def test_background_that_is_subtracted_is_not_taken_for_a_difference() -> None:
    random = np.random.default_rng(8)
    x = np.concatenate([random.normal(0, 1, 3000), random.normal(2, 1, 1500), random.normal(2, 1, 3000)])
    frame = EventFrame({"x": x, "y": random.normal(0, 1, len(x))})
    weights = np.repeat([1.0, 1.0, -0.5], [3000, 1500, 3000])
    groups = 10**6 + np.arange(len(x))
    found = tell_apart(SIMULATED, Sample(frame, groups, weights), ("x", "y"))
    assert found.auc.value == pytest.approx(0.5, abs=3 * found.auc.se)
    kept = tell_apart(SIMULATED, Sample(frame, groups, np.abs(weights)), ("x", "y"))
    assert kept.auc.value > 0.65


def test_a_difference_under_background_that_is_subtracted_is_seen() -> None:
    random = np.random.default_rng(8)
    x = np.concatenate([random.normal(0.5, 1, 3000), *random.normal(-1.5, 0.3, (2, 3000))])
    data = EventFrame({"x": x, "y": random.normal(0, 1, len(x))})
    weights = np.repeat([1.0, 1.0, -1.0], 3000)
    found = tell_apart(SIMULATED, Sample(data, 10**6 + np.arange(len(x)), weights), ("x", "y"))
    assert found.auc.value > 0.58  # of 0.638 at best


def test_trees_are_small() -> None:
    assert TREES.depth <= 3
