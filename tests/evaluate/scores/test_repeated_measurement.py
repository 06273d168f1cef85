import numpy as np
import pytest
from scipy.stats import norm

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.repeated_measurement import judge_repeated

DISTANCE, NOISE = 1.0, 1.0
"""Decays are normal around ± DISTANCE with width 1, measurements normal around the decay with width NOISE."""


def measured(random, events, trials, noise=NOISE, offset=0.0):
    """Scores of a scorer that knows all this; ``offset``: one that looks at the wrong place."""
    truth = random.integers(0, 2, events)
    decay = random.normal(np.where(truth, DISTANCE, -DISTANCE), 1.0)
    seen = random.normal(decay, noise, (trials, events))
    p = 1 / (1 + np.exp(-2 * DISTANCE * (seen - offset) / (1 + noise**2)))
    return truth, np.stack([1 - p, p], axis=2)


def limit_with(noise):
    """Of any classifier of one measurement."""
    return norm.cdf(DISTANCE / np.hypot(1, noise))


def test_a_perfect_scorer_shows_the_limits_of_one_and_of_infinitely_many_measurements():
    found = judge_repeated(*measured(np.random.default_rng(1), 40_000, 16))
    assert abs(found.single.value - limit_with(NOISE)) < 4 * found.single.se
    assert abs(found.limit.value - limit_with(0)) < 4 * found.limit.se
    assert found.limit.value - found.averaged.value < 0.01
    assert abs(found.gain.value - (limit_with(0) - limit_with(NOISE))) < 4 * found.gain.se
    assert found.gain.se < 0.8 * np.hypot(found.limit.se, found.single.se)  # paired
    assert found.measurements.tolist() == [1, 2, 4, 8, 16]
    assert (np.diff(found.accuracy) > 0).all()


def test_the_share_flipped_back_is_the_integral_over_decays():
    found = judge_repeated(*measured(np.random.default_rng(2), 40_000, 4))
    decays = np.random.default_rng(3).normal(DISTANCE, 1, 1_000_000)
    wrong = norm.cdf(-decays / NOISE)
    expected = 1 - np.mean(wrong**2) / np.mean(wrong)
    assert abs(found.flipped_back.value - expected) < 4 * found.flipped_back.se


def test_a_detector_without_noise_leaves_nothing_to_gain():
    found = judge_repeated(*measured(np.random.default_rng(4), 5_000, 4, noise=1e-9))
    assert found.gain.value == 0
    assert found.flipped_back.value == 0
    assert abs(found.single.value - limit_with(0)) < 4 * found.single.se


def test_mistakes_of_the_scorer_itself_do_not_average_out():
    """So what comes out is below the limit of a perfect detector: it is no bound on other scorers."""
    found = judge_repeated(*measured(np.random.default_rng(5), 40_000, 16, offset=1.0))
    assert found.limit.value < limit_with(0) - 4 * found.limit.se


def test_errors_are_the_spread_over_repeated_samples():
    random = np.random.default_rng(6)
    many = [judge_repeated(*measured(random, 200, 4)) for _ in range(400)]
    for name in ("single", "averaged", "limit", "gain", "flipped_back"):
        spread = np.std([getattr(one, name).value for one in many])
        assert np.mean([getattr(one, name).se for one in many]) == pytest.approx(spread, rel=0.12), name


def test_two_decays_measured_twice_have_the_numbers_of_a_hand_calculation():
    """The second measurement of the first decay is wrong, the mean of its two is right."""
    p = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.4, 0.6], [0.3, 0.7]]])
    found = judge_repeated([0, 1], p)
    assert (found.events, found.trials) == (2, 2)
    numbers = {"single": (0.75, 0.25), "averaged": (1, 0), "limit": (1.25, 0.25), "gain": (0.5, 0.5)}
    for name, (value, se) in {**numbers, "flipped_back": (1, 0)}.items():
        assert (getattr(found, name).value, getattr(found, name).se) == pytest.approx((value, se)), name
    assert found.measurements.tolist() == [1, 2]
    assert found.accuracy == pytest.approx([0.75, 1])
    assert found.accuracy_se == pytest.approx([0.25, 0])


def test_where_nothing_is_misjudged_nothing_is_flipped_back():
    found = judge_repeated([0, 0], np.tile([0.9, 0.1], (2, 2, 1))).flipped_back
    assert (found.value, found.se) == (0, 0)


def test_six_trials_are_grouped_by_one_two_three_and_six():
    found = judge_repeated(*measured(np.random.default_rng(8), 50, 6))
    assert found.measurements.tolist() == [1, 2, 3, 6]


def test_odd_trials_and_foreign_shapes_are_refused():
    truth, p = measured(np.random.default_rng(7), 10, 4)
    with pytest.raises(InputError, match="even number"):
        judge_repeated(truth, p[:3])
    with pytest.raises(InputError, match="shape"):
        judge_repeated(truth[:5], p)
    with pytest.raises(InputError, match="sum of one"):
        judge_repeated(truth, 2 * p)
