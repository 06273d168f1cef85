import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
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


def test_three_toys_are_judged_by_hand():
    """Off the truth by 0.1, -0.3 and 0.5, with intervals of half a width of 0.2, 0.1 and 0.5."""
    quality = estimator_quality([1.1, 0.7, 1.5], 1.0, [[0.9, 1.3], [0.6, 0.8], [1.0, 2.0]])
    assert (quality.delta_c9, quality.toys) == (1, 3)
    spread = np.sqrt((0**2 + 0.4**2 + 0.4**2) / 2)
    assert (quality.spread.value, quality.spread.se) == pytest.approx((spread, spread / 2))
    assert (quality.bias.value, quality.bias.se) == pytest.approx((0.1, spread / np.sqrt(3)))
    for found, errors in (
        (quality.squared_error, [0.01, 0.09, 0.25]),
        (quality.absolute_error, [0.1, 0.3, 0.5]),
    ):
        assert (found.value, found.se) == pytest.approx(
            (np.mean(errors), np.sqrt(np.var(errors) * 3 / 2 / 3))
        )
    assert quality.coverage68 == Measured.proportion(2, 3)
    pull = np.sqrt(np.sum((np.array([0.5, -3, 1]) + 0.5) ** 2) / 2)
    assert (quality.pull_width.value, quality.pull_width.se) == pytest.approx((pull, pull / 2))
    bare = estimator_quality([1.1, 0.7, 1.5], 1.0)
    assert (bare.coverage68, bare.pull_width, bare.bias) == (None, None, quality.bias)
    edge = estimator_quality([1.0, 2.0], 1.0, [[1.0, 1.0], [1.5, 2.5]])
    assert edge.coverage68 == Measured.proportion(1, 2)


def test_a_line_through_three_points_is_that_of_least_squares():
    points = [
        estimator_quality(np.array([-1, 1]) * width + value, truth)
        for truth, value, width in ((-1.0, -0.9, 0.1), (0.0, 0.2, 0.2), (2.0, 1.7, 0.1))
    ]
    line = linearity(points)
    se = [point.bias.se for point in points]
    (slope, offset), covariance = np.polyfit(
        [-1, 0, 2], [-0.9, 0.2, 1.7], 1, w=1 / np.array(se), cov="unscaled"
    )
    assert (line.slope.value, line.offset.value) == pytest.approx((slope, offset))
    assert (line.slope.se, line.offset.se) == pytest.approx(np.sqrt(np.diag(covariance)))
    off = np.array([-0.9, 0.2, 1.7]) - slope * np.array([-1, 0, 2]) - offset
    two = linearity(points[:2])
    assert (two.slope.value, two.offset.value, two.ndof) == (pytest.approx(1.1), pytest.approx(0.2), 0)
    assert (line.chi2, line.ndof) == (pytest.approx(np.sum((off / se) ** 2)), 1)


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
    two = [estimator_quality([0.0, 0.2], 0.0), estimator_quality([1.0, 1.4], 1.0)]
    squared, absolute = mean_error(two)
    # (0 and 0.04), (0 and 0.16): errors 0.02 and 0.08; (0 and 0.2), (0 and 0.4): 0.1 and 0.2
    assert (squared.value, squared.se) == pytest.approx((0.05, np.hypot(0.02, 0.08) / 2))
    assert (absolute.value, absolute.se) == pytest.approx((0.15, np.hypot(0.1, 0.2) / 2))


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
