"""One random number for many skims against one for each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hepsets.core.errors import InputError
from hepsets.core.event_random import uniforms
from hepsets.evaluate.filter.shared_random import compare_random_numbers
from hepsets.evaluate.filter.speedup import SpeedupConfig

COSTS = SpeedupConfig(time_network=0.0)

probabilities = arrays(np.float64, st.tuples(st.integers(2, 30), st.integers(1, 5)), elements=st.floats(0, 1))


@given(probabilities)
def test_a_shared_number_never_simulates_more_events(keep):
    found = compare_random_numbers(keep, None, COSTS)
    slack = 1e-12
    assert found.shared.value <= found.independent.value + slack
    assert max(each.value for each in found.each) <= found.shared.value + slack
    assert found.independent.value <= sum(each.value for each in found.each) + slack
    assert found.saving.value >= -slack


@given(probabilities)
def test_there_is_nothing_to_save_with_one_skim(keep):
    found = compare_random_numbers(keep[:, :1], None, COSTS)
    assert found.saving.value == pytest.approx(0, abs=1e-12)
    assert found.separate_saving.value == pytest.approx(0, abs=1e-12)


def test_the_shares_are_those_of_a_simulated_choice():
    random = np.random.default_rng(1)
    n = 200_000
    common = random.beta(0.5, 3, n)
    keep = np.clip(np.stack([common, 0.5 * common + 0.1, random.random(n) ** 4], axis=1), 0, 1)
    weights = random.choice([1.0, 5.0], n)
    found = compare_random_numbers(keep, weights, COSTS)
    one = uniforms(1, np.arange(n), 0)[:, None]
    each = np.stack([uniforms(1, np.arange(n), 1 + skim) for skim in range(3)], axis=1)
    for chance, share in ((one, found.shared), (each, found.independent)):
        kept = (chance < keep).any(axis=1)
        assert abs(np.average(kept, weights=weights) - share.value) < 0.005
    # whatever is shared, each skim gets its own events with their own probability
    assert np.allclose(np.average(one < keep, axis=0), np.average(each < keep, axis=0), atol=0.005)


def test_skims_that_want_the_same_cost_as_much_as_one():
    keep = np.repeat(np.linspace(0.1, 0.9, 9)[:, None], 4, axis=1)
    found = compare_random_numbers(keep, None, SpeedupConfig(time_generate=0.0, time_network=0.0))
    assert found.shared.value == pytest.approx(0.5)
    assert found.separate_saving.value == pytest.approx(0.75)
    assert found.saving.value == pytest.approx(1 - 0.5 / np.mean(1 - (1 - keep[:, 0]) ** 4))


def test_shares_and_savings_of_three_weighted_events_by_hand():
    keep, weight = np.array([[0.5, 0.2], [0.1, 0.4], [1.0, 0.0]]), np.array([1.0, 2.0, 1.0])
    found = compare_random_numbers(
        keep, weight, SpeedupConfig(time_generate=0.02, time_network=0.03, time_simulate=2.0)
    )
    shared, independent = np.array([0.5, 0.4, 1.0]), np.array([0.6, 0.46, 1.0])
    assert [each.value for each in found.each] == pytest.approx([1.7 / 4, 1.0 / 4])
    assert (found.shared.value, found.independent.value) == pytest.approx((2.3 / 4, 2.52 / 4))
    off = shared - 2.3 / 4
    assert found.shared.se == pytest.approx(np.sqrt(1.5 * np.sum((weight * off) ** 2)) / 4)
    time = 0.05 + 2 * shared
    for saving, other in (
        (found.saving, 0.05 + 2 * independent),
        (found.separate_saving, 0.10 + 2 * np.array([0.7, 0.5, 1.0])),
    ):
        ratio = np.sum(weight * time) / np.sum(weight * other)
        assert saving.value == pytest.approx(1 - ratio)
        noise = np.sqrt(1.5 * np.sum((weight * (time - ratio * other)) ** 2))
        assert saving.se == pytest.approx(noise / np.sum(weight * other))


def test_the_error_of_the_saving_is_that_of_repeated_samples():
    random = np.random.default_rng(2)

    def once(n):
        common = random.beta(0.5, 3, n)
        keep = np.clip(np.stack([common, 0.5 * common + 0.1 * random.random(n)], axis=1), 0, 1)
        return compare_random_numbers(keep, random.choice([1.0, 20.0], n), COSTS).saving

    found = [once(400) for _ in range(300)]
    spread = np.std([each.value for each in found])
    assert np.mean([each.se for each in found]) == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize(
    ("keep", "weights", "costs"),
    [
        ([[1.5]], None, COSTS),
        ([0.5, 0.5], None, COSTS),
        ([[0.5]], [1.0, 2.0], COSTS),
        ([[0.5]], [0.0], COSTS),
        ([[0.5]], [np.inf], COSTS),
        ([[-0.1]], None, COSTS),
        (np.zeros((0, 2)), None, COSTS),
        ([[0.5]], None, SpeedupConfig()),
    ],
)
def test_impossible_inputs_are_refused(keep, weights, costs):
    with pytest.raises(InputError):
        compare_random_numbers(keep, weights, costs)
