"""Sixteen numbers side by side: the same as numpy, number by number."""

import numpy as np
import pytest
from numba.core.errors import TypingError

from hepsets.core.kernel import kernel
from hepsets.core.lanes import (
    LANES,
    above,
    by_signs,
    fma,
    kept,
    lane_sums,
    larger,
    load,
    passed,
    signs,
    splat,
    spread,
    square_root,
    store,
    turn,
    two_to_the,
)
from hepsets.learn.layers.dropout import keeps


@kernel
def powers(x, result):
    for row in range(len(x)):
        store(result, row, 0, two_to_the(load(x, row, 0)))


@kernel
def all_operations(values, result):
    a, b, one = load(values, 0, 1), load(values, 1, 1), np.float32(1)
    store(result, 0, 0, a + b * np.float32(2) - a / b)
    store(result, 1, 0, one - a)
    store(result, 2, 0, -fma(a, b, spread(values, 1, 3)))
    store(result, 3, 0, larger(a, b))
    store(result, 4, 0, passed(a, b))
    store(result, 5, 0, square_root(a * a) + splat(one))
    store(result, 6, 0, above(a, b, a))


@kernel
def turned(table, result):
    turn(table, 2, 3, result, 1, 4)


@kernel
def chosen(values, places, seed, threshold, result):
    for row in range(len(values)):
        store(result, row, 0, kept(load(values, row, 0), np.uint32(places[row]), seed, threshold))


@kernel
def kept_one_by_one(places, seed, threshold, result):
    for row in range(len(places)):
        for k in range(result.shape[1]):
            result[row, k] = keeps(np.uint32(places[row] + k), seed, threshold)


@kernel
def summed(table, result):
    store(result, 0, 0, lane_sums(table, 2, 3))


def sixteen(rows=1):
    return np.empty((rows, LANES), np.float32)


def test_they_add_multiply_and_choose_as_numpy_does():
    rng = np.random.default_rng(1)
    values, result = rng.normal(size=(2, LANES + 1)).astype(np.float32), sixteen(7)
    values[0, 5] = 0
    all_operations(values, result)
    a, b = values[:, 1:]
    expected = [
        a + b * np.float32(2) - a / b,
        1 - a,
        -(a.astype(float) * b + values[1, 3]),
        np.maximum(a, b),
        np.where(a <= 0, 0, b),
        np.abs(a) + 1,
        np.where(a > 0, b, a),
    ]
    np.testing.assert_allclose(result, expected, rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize(("seed", "threshold"), [(0, 0), (7, 2**30), (2**32 - 5, 3 * 2**30)])
def test_they_keep_what_numbers_one_by_one_would_keep(seed, threshold):
    places = np.array([0, 16, 1000, 2**31 - 3, 2**32 - 9])
    values, result, expected = np.ones((5, LANES), np.float32), sixteen(5), sixteen(5)
    chosen(values, places, np.uint32(seed), np.uint32(threshold), result)
    kept_one_by_one(places, np.uint32(seed), np.uint32(threshold), expected)
    np.testing.assert_array_equal(result, expected)
    assert abs(result.mean() - (1 - threshold / 2**32)) < 0.15


def test_a_product_is_rounded_once_with_its_sum():
    @kernel
    def square(table, result):
        store(result, 0, 0, fma(load(table, 0, 0), load(table, 0, 0), splat(np.float32(-1))))

    exact = 2.0**-11 + 2.0**-24  # of (1 + 2⁻¹²)² − 1; a rounded square loses the second term
    table, result = sixteen(), sixteen()
    table[:] = 1 + 2.0**-12
    square(table, result)
    assert (result == np.float32(exact)).all()


def test_powers_of_two_are_right_within_one_unit_in_the_last_place():
    x = np.linspace(-126, 127, 1_000_000 * LANES // 16, dtype=np.float32).reshape(-1, LANES)
    result = np.empty_like(x)
    powers(x, result)
    exact = np.exp2(x.astype(np.float64))
    assert (np.abs(result - exact) <= np.spacing(exact.astype(np.float32))).all()


def test_powers_of_whole_numbers_are_exact_and_tiny_ones_end_somewhere():
    x, result = sixteen(), sixteen()
    x[0] = [0, 1, -1, 127, -126, -126.5, -1e30, -np.inf, np.nan, *range(2, 9)]
    powers(x, result)
    least = 2.0**-126
    np.testing.assert_array_equal(
        result[0], np.array([1, 2, 0.5, 2.0**127, *4 * [least], np.nan, *2.0 ** np.arange(2, 9)], np.float32)
    )


def test_what_is_no_number_passes():
    values, result = np.full((2, LANES + 1), np.nan, np.float32), sixteen(7)
    all_operations(values, result)
    assert np.isnan(result).all()


def test_a_square_of_numbers_is_turned():
    table = np.arange(20 * 24, dtype=np.float32).reshape(20, 24)
    result = np.zeros((18, 30), np.float32)
    turned(table, result)
    np.testing.assert_array_equal(result[1:17, 4:20], table[2:18, 3:19].T)
    result[1:17, 4:20] = 0
    assert not result.any()


def test_rows_are_summed_over_lanes():
    table, result = np.arange(20 * 24, dtype=np.float32).reshape(20, 24), sixteen()
    summed(table, result)
    np.testing.assert_array_equal(result[0], table[2:18, 3:19].sum(1))


@pytest.mark.parametrize("table", [np.zeros((16, 16)), np.zeros((16, 32), np.float32)[:, ::2]])
def test_only_rows_of_single_precision_without_gaps_are_taken(table):
    with pytest.raises(TypingError):
        powers(table, table)


@kernel
def kept_as_signs(values, result):
    found = signs(load(values, 0, 0))
    store(result, 0, 0, by_signs(found, splat(np.float32(2)), splat(np.float32(-3))))
    return found


def test_signs_of_sixteen_numbers_are_kept_in_bits():
    values = np.float32([[1, 0, -1, 1e-40, -1e-40, np.nan, np.inf, -np.inf, -0.0, 5, -5, 0, 0, 0, 7, -8]])
    result = np.empty((1, LANES), np.float32)
    found = kept_as_signs(values, result)
    above, below = (values[0] > 0), (values[0] < 0)
    assert found == sum(1 << int(k) for k in np.flatnonzero(np.append(above, below)))
    np.testing.assert_array_equal(result[0], 2 * above - 3 * below)
