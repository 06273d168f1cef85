"""What stands between the products of an encoder layer, against PyTorch in double precision."""

import numpy as np
import pytest
import torch
from torch.nn.functional import layer_norm

from hepsets.core.kernel import kernel
from hepsets.learn.layers import encoder_kernels
from hepsets.learn.layers.column_products import TILE
from hepsets.learn.layers.dropout import Dropout
from hepsets.learn.layers.encoder_kernels import add_sums, masks, to_columns, to_rows

N, FIRST, EPS = TILE + 37, 1000, np.float32(1e-5)
ALL, LENGTH = 2 * TILE, 2 * TILE + 16
SHAPES = pytest.mark.parametrize("channels", [1, 6, 16, 40])
DROPS = pytest.mark.parametrize("probability", [0.0, 0.3])


@kernel
def add_norm(x, change, norm, drawn, inverse, result):
    of_units = masks(len(x))
    for at in range(0, ALL, TILE):
        encoder_kernels.add_norm(x, change, at, norm, drawn, of_units, FIRST, inverse, result)


@kernel
def scale_and_shift(normed, gain, shift, result):
    for at in range(0, ALL, TILE):
        encoder_kernels.scale_and_shift(normed, at, gain, shift, result)


@kernel
def add_norm_back(gradient, normed, inverse, gain, drawn, of_change, totals):
    of_units = masks(len(gradient))
    for at in range(0, ALL, TILE):
        encoder_kernels.add_norm_back(
            gradient, normed, at, inverse, gain, drawn, of_units, FIRST, of_change, totals
        )


@kernel
def drop_negative(hidden, drawn):
    of_hidden = masks(len(hidden))
    for at in range(0, ALL, TILE):
        encoder_kernels.drop_negative(hidden, at, drawn, of_hidden, FIRST)


@kernel
def drop_negative_back(hidden, scale, gradient, totals):
    for at in range(0, ALL, TILE):
        encoder_kernels.drop_negative_back(hidden, at, scale, gradient, totals)


def table(rows, seed):
    return np.random.default_rng(seed).normal(size=(rows, LENGTH)).astype(np.float32)


def drawn(probability, channels):
    """What a layer draws, and its mask: by what ``(channels, N)`` values behind others are multiplied."""
    dropout = Dropout(probability)
    torch.manual_seed(5)
    mask = dropout(torch.ones(FIRST + N, channels))[FIRST:].T.double()
    torch.manual_seed(5)
    return dropout.drawn(), mask


def double(array):
    return torch.from_numpy(array[:, :N].astype(float)).requires_grad_()


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected.detach(), rtol=2e-5, atol=2e-5)


@SHAPES
@DROPS
def test_a_norm_of_residual_and_dropped_change_and_its_gradients(channels, probability):
    x, change, gradient = table(channels, 1), table(channels, 2), table(channels, 3)
    gain, shift = table(1, 4)[:, :channels].copy(), table(1, 5)[:, :channels].copy()
    draws, mask = drawn(probability, channels)
    a, b = double(x), double(change)
    c, d = (torch.from_numpy(one[0].astype(float)).requires_grad_() for one in (gain, shift))
    expected = layer_norm((a + b * mask).T, (channels,), c, d, float(EPS)).T
    expected.backward(torch.from_numpy(gradient[:, :N].astype(float)))

    result, inverse = np.empty_like(x), np.empty((1, LENGTH), np.float32)
    add_norm(x, change, (gain, shift, EPS), draws, inverse, result)
    assert_close(result[:, :N], expected)
    again = np.empty_like(x)
    scale_and_shift(change, gain, shift, again)
    np.testing.assert_array_equal(again[:, :N], result[:, :N])
    gradient[:, N:] = 0
    of_change, totals = np.empty_like(x), np.ones((3 * channels, 16), np.float32)  # they are added to
    add_norm_back(gradient, change, inverse, gain, draws, of_change, totals)
    scale = max(1.0, float(a.grad.abs().max()))
    assert_close(gradient[:, :N] / scale, a.grad / scale)
    assert_close(of_change[:, :N] / scale, b.grad / scale)
    assert not gradient[:, N:ALL].any()
    assert not of_change[:, N:ALL].any()
    sums = (totals - 1).sum(1).reshape(3, channels)
    for found, wanted in zip(sums, (c.grad, d.grad, b.grad.sum(1)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-5 * max(1.0, float(wanted.abs().max())))


def test_the_result_of_a_norm_may_stand_in_the_place_of_x():
    x, change, other = table(6, 1), table(6, 2), table(6, 2)
    gain, shift = np.ones((2, 1, 6), np.float32)
    draws, _ = drawn(0.3, 6)
    result, inverse = np.empty_like(x), np.empty((1, LENGTH), np.float32)
    add_norm(x, change, (gain, shift, EPS), draws, inverse, result)
    add_norm(x, other, (gain, shift, EPS), draws, inverse, x)
    np.testing.assert_array_equal(x[:, :N], result[:, :N])


@SHAPES
@DROPS
def test_what_is_negative_or_dropped_is_zero_and_so_is_its_gradient(channels, probability):
    hidden, gradient = table(channels, 6), table(channels, 7)
    draws, mask = drawn(probability, channels)
    exact = double(hidden)
    expected = torch.relu(exact) * mask
    expected.backward(torch.from_numpy(gradient[:, :N].astype(float)))
    drop_negative(hidden, draws)
    assert_close(hidden[:, :N], expected)
    totals = np.ones((channels, 16), np.float32)
    gradient[:, N:] = 0
    drop_negative_back(hidden, draws[2], gradient, totals)
    assert_close(gradient[:, :N], exact.grad)
    assert_close((totals - 1).sum(1), exact.grad.sum(1))
    added = np.ones((channels, 16), np.float32)
    add_sums(gradient, ALL, added)
    np.testing.assert_allclose(added, totals, rtol=1e-5)


def test_what_is_no_number_passes():
    hidden = table(6, 8)
    hidden[2, 5] = np.nan
    drop_negative(hidden, drawn(0.0, 6)[0])
    assert np.isnan(hidden[2, 5])
    x, change, result, inverse = hidden, table(6, 9), table(6, 9), np.empty((1, LENGTH), np.float32)
    gain, shift = np.ones((2, 1, 6), np.float32)
    add_norm(x, change, (gain, shift, EPS), drawn(0.0, 6)[0], inverse, result)
    assert np.isnan(result[:, 5]).all()
    assert np.isfinite(np.delete(result[:, :N], 5, axis=1)).all()


@SHAPES
@pytest.mark.parametrize("n", [1, 16, 37])
def test_rows_become_columns_with_nothing_behind_and_rows_again(channels, n):
    rows = np.random.default_rng(1).normal(size=(50, channels)).astype(np.float32)
    columns, back = np.full((channels, 64), np.nan, np.float32), np.zeros_like(rows)
    to_columns(rows, 11, n, columns)
    np.testing.assert_array_equal(columns[:, :n], rows[11 : 11 + n].T)
    assert not columns[:, n:].any()
    to_rows(columns, n, back, 11)
    np.testing.assert_array_equal(back[11 : 11 + n], rows[11 : 11 + n])
    assert not back[:11].any()
    assert not back[11 + n :].any()
