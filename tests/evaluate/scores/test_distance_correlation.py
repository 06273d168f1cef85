import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.distance_correlation import distance_correlation


def naive_covariance(x, y, p):
    """Squared distance covariance of double-centred matrices, with shares that add up to one."""

    def centred(values):
        distance = np.abs(values[:, None] - values)
        rows = distance @ p
        return distance - rows[:, None] - rows + p @ rows

    return p @ (centred(x) * centred(y)) @ p


def naive(x, y, w):
    """Squared distance correlation, weights as probabilities."""
    p = w / w.sum()
    return naive_covariance(x, y, p) / np.sqrt(naive_covariance(x, x, p) * naive_covariance(y, y, p))


def naive_over_distinct_events(x, y, w):
    """The definition in words: means over distinct pairs, triples and quadruples."""
    a, b = np.abs(x[:, None] - x), np.abs(y[:, None] - y)

    def covariance(a, b):
        means = []
        for size, term in (
            (2, lambda i, j: a[i, j] * b[i, j]),
            (4, lambda i, j, k, m: a[i, j] * b[k, m]),
            (3, lambda i, j, k: a[i, j] * b[i, k]),
        ):
            tuples = list(itertools.permutations(range(len(w)), size))
            weight = np.array([np.prod(w[list(t)]) for t in tuples])
            means.append(weight @ np.array([term(*t) for t in tuples]) / weight.sum())
        return means[0] + means[1] - 2 * means[2]

    return covariance(a, b) / np.sqrt(covariance(a, a) * covariance(b, b))


def bivariate_normal(random, n, correlation):
    x, noise = random.normal(size=(2, n))
    return x, correlation * x + np.sqrt(1 - correlation**2) * noise


def known_for_normal(correlation):
    """Theorem 7 of Székely, Rizzo and Bakirov (2007)."""
    r = correlation
    above = r * np.arcsin(r) + np.sqrt(1 - r**2) - r * np.arcsin(r / 2) - np.sqrt(4 - r**2) + 1
    return np.sqrt(above / (1 + np.pi / 3 - np.sqrt(3)))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ties=st.booleans(), n=st.integers(4, 60))
def test_it_is_that_of_the_double_centred_matrices(seed, ties, n):
    random = np.random.default_rng(seed)
    x, y = bivariate_normal(random, n, 0.5)
    x[0], x[1] = -2, 2  # not constant when rounded
    y[0], y[1] = -2, 2
    x, y = (np.round(x), np.round(y)) if ties else (x, y)
    w = random.uniform(0.2, 3, n)
    assert distance_correlation(x, y, w).value.value ** 2 == pytest.approx(naive(x, y, w), abs=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_unbiased_square_is_that_over_distinct_events(weighted):
    random = np.random.default_rng(1)
    x, y = bivariate_normal(random, 7, 0.7)
    w = random.uniform(0.2, 3, 7) if weighted else np.ones(7)
    found = distance_correlation(x, y, w).squared.value
    assert found == pytest.approx(naive_over_distinct_events(x, y, w), rel=1e-9)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_errors_and_p_value_follow_from_what_each_event_adds(correlation):
    """Numerically: the change of the square when an event gets a millionth of all weight more."""
    random = np.random.default_rng(8)
    x, y = bivariate_normal(random, 9, correlation)
    w = random.uniform(0.5, 2, 9)
    p, count = w / w.sum(), w.sum() ** 2 / np.sum(w**2)
    square, step = naive(x, y, p), 1e-6
    influence = [(naive(x, y, (1 - step) * p + step * one) - square) / step for one in np.eye(9)]
    first, second = np.sum((p * influence) ** 2), 2 * (1 - square) ** 2 / count**2
    se = np.sqrt(max(first - 2 * second, 0) + second)
    found = distance_correlation(x, y, w)
    assert found.value.value == pytest.approx(np.sqrt(square))
    assert found.squared.se == pytest.approx(se, rel=1e-4)
    plain = [naive_covariance(one, one, p) for one in (x, y)]
    means = [p @ np.abs(one[:, None] - one) @ p for one in (x, y)]
    null = np.sqrt(means[0] * means[1] / count / np.sqrt(plain[0] * plain[1]))
    assert found.null == pytest.approx(min(null, 1))
    assert found.value.se == pytest.approx(se / (2 * max(np.sqrt(square), null / 2)), rel=1e-4)
    unbiased = naive_over_distinct_events(x[:6], y[:6], w[:6])
    fewer = distance_correlation(x[:6], y[:6], w[:6])
    count = w[:6].sum() ** 2 / np.sum(w[:6] ** 2)
    assert fewer.p_value == pytest.approx(chi2.sf(count * unbiased + 1, 1), rel=1e-6)


@pytest.mark.parametrize("correlation", [0.1, 0.5, -0.9])
def test_the_value_for_normal_variables_is_the_known_one(correlation):
    x, y = bivariate_normal(np.random.default_rng(2), 100_000, correlation)
    found = distance_correlation(x, y).value
    assert abs(found.value - known_for_normal(correlation)) < 4 * found.se
    assert found.se < 0.005


def test_a_dependence_that_correlation_does_not_see_is_seen():
    x = np.random.default_rng(3).normal(size=3000)
    found = distance_correlation(x, x**2)
    assert abs(np.corrcoef(x, x**2)[0, 1]) < 0.1
    assert found.value.value > 0.4
    assert found.p_value < 1e-10


def test_a_variable_depends_on_itself_wholly():
    x = np.random.default_rng(4).exponential(size=500)
    found = distance_correlation(x, 3 - 7 * x)
    assert found.value.value == pytest.approx(1)
    assert found.squared.value == pytest.approx(1)
    assert found.value.se < 1e-6


@pytest.mark.parametrize("weighted", [False, True])
def test_independent_variables_show_what_null_says_and_no_bias_in_the_square(weighted):
    random = np.random.default_rng(5)
    results = []
    for _ in range(200):
        x, y = random.normal(size=300), random.exponential(size=300)
        weights = random.choice([1.0, 4.0], 300) if weighted else None
        results.append(distance_correlation(x, y, weights))
    square = np.array([result.value.value**2 for result in results])
    error = square.std() / np.sqrt(len(results))
    assert np.mean([result.null**2 for result in results]) == pytest.approx(square.mean(), abs=4 * error)
    unbiased = np.array([result.squared.value for result in results])
    assert abs(unbiased.mean()) < 4 * error
    assert 0.9 < np.mean([result.squared.se for result in results]) / unbiased.std() < 1.4
    false_alarms = np.mean([result.p_value < 0.05 for result in results])
    assert false_alarms < 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(results))


@pytest.mark.parametrize("correlation", [0.2, 0.7])
@pytest.mark.parametrize("weighted", [False, True])
def test_errors_are_the_spread_and_cover_the_truth(correlation, weighted):
    random = np.random.default_rng(6)
    results = []
    for _ in range(200):
        x, y = bivariate_normal(random, 600, correlation)
        weights = random.choice([1.0, 4.0], 600) if weighted else None
        results.append(distance_correlation(x, y, weights))
    square, se = np.array([(result.squared.value, result.squared.se) for result in results]).T
    assert np.mean(se) == pytest.approx(square.std(), rel=0.15)
    covered = np.mean(np.abs(square - known_for_normal(correlation) ** 2) < se)
    assert covered == pytest.approx(0.683, abs=0.09)
    value = np.array([result.value.value for result in results])
    assert np.mean([result.value.se for result in results]) == pytest.approx(value.std(), rel=0.2)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-6, 1e6), shift=st.floats(-1e4, 1e4))
def test_units_origins_and_the_scale_of_weights_do_not_matter(seed, scale, shift):
    random = np.random.default_rng(seed)
    x, y = bivariate_normal(random, 50, 0.6)
    w = random.uniform(1, 2, 50)
    one, other = distance_correlation(x, y, w), distance_correlation(-scale * (x + shift), y, scale * w)
    assert other.value.value == pytest.approx(one.value.value, rel=1e-6)
    assert other.value.se == pytest.approx(one.value.se, rel=1e-5)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-4)


def test_whole_weights_are_repeated_events():
    random = np.random.default_rng(7)
    x, y = bivariate_normal(random, 40, 0.6)
    w = random.integers(1, 4, 40)
    repeated = distance_correlation(np.repeat(x, w), np.repeat(y, w)).value.value
    assert distance_correlation(x, y, w).value.value == pytest.approx(repeated)


@pytest.mark.parametrize(
    ("x", "y", "weights", "message"),
    [
        ([1, 2, 3, 4], [1, 2, 3], None, "shapes"),
        ([1, 2, 3], [1, 2, 3], None, "at least four"),
        ([1, 2, 3, np.nan], [1, 2, 3, 4], None, "not finite"),
        ([1, 2, 3, 4], [1, 2, 3, 4], [1, 1, 1, 0], "weight"),
        ([1, 1, 1, 1], [1, 2, 3, 4], None, "one value"),
        ([1, 2, 3, 4], [2, 2, 2, 2], None, "one value"),
    ],
)
def test_what_has_no_distance_correlation_is_refused(x, y, weights, message):
    with pytest.raises(InputError, match=message):
        distance_correlation(x, y, weights)
