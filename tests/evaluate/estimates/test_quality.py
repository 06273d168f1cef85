import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.estimates.quality import estimator_quality, linearity, mean_error


def toys(random, n=400, truth=-0.8, bias=0.0, sigma=0.1, scale=1.0):
    values = random.normal(truth + bias, sigma, n)
    return values, np.stack([values - scale * sigma, values + scale * sigma], axis=1)


def test_errors_of_spread_bias_and_coverage_are_as_large_as_their_fluctuations():
    random = np.random.default_rng(1)
    results = [estimator_quality(*_args(toys(random))) for _ in range(300)]
    for name in ("spread", "bias", "squared_error", "absolute_error", "coverage68"):
        values = np.array([getattr(result, name).value for result in results])
        errors = np.array([getattr(result, name).se for result in results])
        assert errors.mean() == pytest.approx(values.std(), rel=0.15)
    assert np.mean([result.pull_width.value for result in results]) == pytest.approx(1, abs=0.01)
    assert np.mean([result.coverage68.value for result in results]) == pytest.approx(0.683, abs=0.01)


def _args(made):
    values, intervals = made
    return values, -0.8, intervals


def test_a_biased_estimator_with_short_intervals_is_found_out():
    values, intervals = toys(np.random.default_rng(2), bias=0.05, scale=0.5)
    quality = estimator_quality(values, -0.8, intervals)
    assert quality.bias.value == pytest.approx(0.05, abs=0.02)
    assert quality.coverage68.value < 0.5
    assert quality.pull_width.value > 1.8
    assert quality.squared_error.value == pytest.approx(
        quality.spread.value**2 * 399 / 400 + quality.bias.value**2
    )


def test_a_straight_line_is_found_with_its_error():
    random = np.random.default_rng(3)
    slopes = []
    for _ in range(200):
        points = [
            estimator_quality(random.normal(0.9 * truth + 0.02, 0.1, 100), truth)
            for truth in np.linspace(-2, 1, 7)
        ]
        slopes.append(linearity(points).slope)
    values = np.array([slope.value for slope in slopes])
    assert values.mean() == pytest.approx(0.9, abs=0.005)
    assert slopes[0].se == pytest.approx(values.std(), rel=0.25)
    line = linearity(points)
    assert abs(line.offset.value - 0.02) < 4 * line.offset.se
    assert line.ndof == 5


def test_every_truth_counts_the_same_in_mean_errors():
    points = [estimator_quality([0.1, -0.1], 0.0), estimator_quality(np.tile([1.3, 0.7], 50), 1.0)]
    squared, absolute = mean_error(points)
    assert squared.value == pytest.approx((0.01 + 0.09) / 2)
    assert absolute.value == pytest.approx((0.1 + 0.3) / 2)


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(InputError, match="predictions"):
        estimator_quality([0.1], 0.0)
    with pytest.raises(InputError, match="predictions"):
        estimator_quality([0.1, np.nan], 0.0)
    with pytest.raises(InputError, match="lower end first"):
        estimator_quality([0.1, 0.2], 0.0, [[1, 0], [0, 1]])
    with pytest.raises(InputError, match="two different"):
        linearity([estimator_quality([0.1, 0.2], 0.0)])
    with pytest.raises(InputError, match="at least one"):
        mean_error([])
