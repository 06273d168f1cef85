"""Compiled attention against PyTorch's in double precision, event by event."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from hepsets.learn.layers.attention_kernels import attend, attend_back


def attended(qkv, sizes, heads, gradient):
    """What the kernels make of columns: ``mixed``, and the gradient of ``qkv``."""
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    units, columns = len(gradient), qkv.shape[1]
    mixed, of_qkv = np.full((units, columns), np.nan, np.float32), np.full_like(qkv, np.nan)
    most, share = np.empty((2, heads, columns), np.float32)
    offsets += 7  # a part of a batch does not begin at its first particle
    attend(qkv, offsets, heads, mixed, most, share)
    attend_back(qkv, offsets, heads, mixed, most, share, gradient, of_qkv)
    return mixed, of_qkv


def expected(qkv, sizes, heads, gradient):
    """The same with PyTorch in double precision."""
    units = len(gradient)
    mixed, of_qkv = np.zeros(gradient.shape), np.zeros(qkv.shape)
    begin = 0
    for n in filter(None, sizes):
        own = torch.from_numpy(qkv[:, begin : begin + n].astype(float)).requires_grad_()
        parts = (part.reshape(1, heads, -1, n).transpose(2, 3) for part in own.chunk(3))
        result = scaled_dot_product_attention(*parts).transpose(2, 3).reshape(units, n)
        result.backward(torch.from_numpy(gradient[:, begin : begin + n].astype(float)))
        mixed[:, begin : begin + n], of_qkv[:, begin : begin + n] = result.detach(), own.grad
        begin += n
    return mixed, of_qkv


def columns(sizes, heads, width, spread=1.0, seed=0):
    """Random queries, keys and values, and a gradient, with room behind the last particle."""
    rng = np.random.default_rng(seed)
    n, length = sum(sizes), -(-sum(sizes) // 16) * 16 + 16
    qkv = rng.normal(scale=spread, size=(3 * heads * width, length)).astype(np.float32)
    gradient = rng.normal(size=(heads * width, length)).astype(np.float32)
    gradient[:, n:] = np.nan
    return qkv, gradient


def assert_as_pytorch(qkv, sizes, heads, gradient, tolerance=1e-5):
    found, wanted = attended(qkv, sizes, heads, gradient), expected(qkv, sizes, heads, gradient)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * max(1.0, np.abs(other).max()))


@given(
    st.lists(st.integers(0, 60) | st.sampled_from([0, 1, 2, 15, 16, 17, 300]), min_size=1, max_size=6),
    st.sampled_from([(4, 8), (1, 1), (3, 5), (2, 16), (1, 6)]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_it_is_softmax_attention_within_each_event_and_its_gradient(sizes, shape, seed):
    qkv, gradient = columns(sizes, *shape, seed=seed)
    assert_as_pytorch(qkv, sizes, shape[0], gradient)


@pytest.mark.parametrize("sign", [1, -1])
def test_scores_of_eighty_neither_overflow_nor_vanish(sign):
    sizes = (2, 17, 40)
    qkv, gradient = columns(sizes, 1, 4)
    qkv[:4], qkv[4:8] = sign * np.abs(qkv[:4]), np.abs(qkv[4:8])
    qkv[:8] *= np.sqrt(160 / np.abs((qkv[:4] * qkv[4:8]).sum(0)).max())  # scores: products / √4
    assert_as_pytorch(qkv, sizes, 1, gradient, tolerance=1e-4)


@pytest.mark.parametrize("spread", [1e2, 1e5, 1e9, 1e15])  # scores of tens of thousands, and up to 10³⁰
def test_scores_far_beyond_the_exponents_of_floats_pick_the_largest_key(spread):
    qkv, gradient = columns((5, 9), 2, 4, spread=spread)
    mixed, of_qkv = attended(qkv, (5, 9), 2, gradient)
    wanted, _ = expected(qkv, (5, 9), 2, gradient)
    np.testing.assert_allclose(mixed, wanted, rtol=1e-4, atol=1e-5 * spread)
    assert np.isfinite(of_qkv).all()


def test_what_is_no_number_stays_within_its_event():
    sizes = (20, 18, 21)
    qkv, gradient = columns(sizes, 2, 8)
    clean, of_clean = attended(qkv, sizes, 2, gradient)
    qkv[3, 25] = np.nan  # a query of the second event
    mixed, of_qkv = attended(qkv, sizes, 2, gradient)
    assert np.isnan(mixed[:8, 25]).all()
    for begin, end in ((0, 20), (38, 59)):
        np.testing.assert_array_equal(mixed[:, begin:end], clean[:, begin:end])
        np.testing.assert_array_equal(of_qkv[:, begin:end], of_clean[:, begin:end])


def test_a_single_particle_attends_to_itself():
    qkv, gradient = columns((1,), 4, 8)
    mixed, of_qkv = attended(qkv, (1,), 4, gradient)
    np.testing.assert_allclose(mixed[:, 0], qkv[64:, 0], rtol=1e-6)
    np.testing.assert_allclose(of_qkv[64:, 0], gradient[:, 0], rtol=1e-6)
    assert np.abs(of_qkv[:64]).max() < 1e-6
