"""Products of some rows with narrow matrices are those of numpy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hepsets.learn.layers.narrow_products import COLUMNS, add_transposed, multiply

SIZES = given(
    n=st.integers(0, 9),
    inner=st.integers(1, 9),
    columns=st.integers(1, 3).map(lambda times: times * COLUMNS),
    first=st.integers(0, 3),
    at=st.integers(0, 3),
)


def table(rows, columns, seed):
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


@SIZES
def test_rows_times_a_matrix_begin_with_what_is_added_and_leave_other_rows_alone(
    n, inner, columns, first, at
):
    a, b, given_rows = table(first + n, inner + 2, 1), table(inner, columns, 2), table(2, columns, 4)
    result = table(at + n + 1, columns, 3)
    expected = result.astype(np.float64)
    expected[at : at + n] = given_rows[1] + a[first:, :inner].astype(np.float64) @ b
    multiply(a, first, n, b, given_rows, 1, result, at)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@SIZES
def test_products_of_columns_are_added_up(n, inner, columns, first, at):
    a, b, total = table(first + n, inner + 1, 1), table(at + n, columns, 2), table(inner, columns, 3)
    expected = total + a[first:, :inner].astype(np.float64).T @ b[at:]
    add_transposed(a, first, n, b, at, total)
    np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-5)
