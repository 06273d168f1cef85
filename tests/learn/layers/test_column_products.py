"""Products of weights with particles that stand in columns are those of numpy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.kernel import kernel
from hepsets.learn.layers import column_products
from hepsets.learn.layers.column_products import TILE, blocks, from_blocks

SIZES = given(n_out=st.integers(1, 9), n_in=st.integers(1, 9), tile=st.integers(0, 2))


@kernel
def multiply(weight, added, x, at, result):
    column_products.multiply(weight, added, x, at, result)


@kernel
def add_product(weight, x, at, result):
    column_products.add_product(weight, x, at, result)


@kernel
def add_outer(a, b, columns, room, total):
    column_products.add_outer(a, b, columns, room, total)


def table(rows, columns, seed):
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-5)


@SIZES
def test_a_tile_of_weights_times_columns_with_a_bias_or_onto_what_is_there(n_out, n_in, tile):
    weight, bias, x = table(n_out, n_in, 1), table(1, n_out, 2), table(n_in + 1, 3 * TILE, 3)
    result = table(n_out, 3 * TILE, 4)
    own = slice(tile * TILE, (tile + 1) * TILE)
    product, expected = weight.astype(np.float64) @ x[:n_in, own], result.astype(np.float64)
    add_product(weight, x, tile * TILE, result)
    expected[:, own] += product
    assert_close(result, expected)
    multiply(weight, bias, x, tile * TILE, result)
    expected[:, own] = product + bias.T
    assert_close(result, expected)


@SIZES
def test_sums_over_columns_of_products_of_two_channels_are_added_up_layer_by_layer(n_out, n_in, tile):
    a, b = table(n_out, 3 * TILE, 1), table(n_in, 3 * TILE, 2)
    columns, room, totals = 16 * tile, np.empty((16, 16), np.float32), blocks(2, n_out, n_in)
    expected = a[:, :columns].astype(np.float64) @ b[:, :columns].T
    for layer in (0, 1, 1):
        add_outer(a, b, columns, room, totals[layer])
    found = from_blocks(totals, n_out, n_in)
    assert_close(found[0], expected)
    assert_close(found[1], 2 * expected)
