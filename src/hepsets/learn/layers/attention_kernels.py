"""Attention within events, compiled: event after event, without padding, forward and back.

Values stand in columns: a row for each channel, particles side by side, sixteen at a time. An event has some
forty particles and a head some eight channels, which together stay in the nearest cache. As in FlashAttention
(Dao et al., arXiv:2205.14135) no weight of attention is kept: the way back makes them again from the largest
product of each query and the sum of its weights.

Rows hold at least 15 more columns than there are particles: what is done to the last particles of an event is
done to those behind them, too, whose own results overwrite it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel
from hepsets.core.lanes import LANES, Lanes, fma, larger, load, splat, spread, store, turn, two_to_the

Columns = NDArray[np.float32]
"""Shape ``(channels, columns)``, row after row."""

_ZERO = np.float32(0)
_LOG2_E = math.log2(math.e)


@kernel
def attend(
    qkv: Columns, offsets: NDArray[np.int64], heads: int, mixed: Columns, most: Columns, share: Columns
) -> None:
    """Softmax of queries · keys / √width over the keys of the same event, times values.

    Parameters
    ----------
    qkv
        Queries, keys and values of all heads one below the other, shape ``(3 · heads · width, columns)``.
    offsets
        Event ``i`` owns particles ``offsets[i]`` to ``offsets[i + 1]``; the first of all stands in column 0.
    heads
        How many.
    mixed
        Written: ``(heads · width, columns)``; 0 behind the last particle.
    most, share
        Written, for :func:`attend_back`: the largest product of each query with a key, and one over the sum
        of weights, ``(heads, columns)``.
    """
    units = mixed.shape[0]
    width = units // heads
    scale = np.float32(_LOG2_E / math.sqrt(width))
    weights = np.empty((_longest(offsets), LANES), np.float32)
    for event in range(len(offsets) - 1):
        begin, n = offsets[event] - offsets[0], offsets[event + 1] - offsets[event]
        for head in range(heads):
            own = head * width
            for at in range(begin, begin + n, LANES):
                largest = _products(qkv, own, at, qkv, units + own, begin, n, width, weights, 0)
                total = splat(_ZERO)
                for j in range(n):
                    weight = two_to_the((load(weights, j, 0) - largest) * scale)  # never above 0
                    store(weights, j, 0, weight)
                    total = total + weight
                inverse = np.float32(1) / total
                store(most, head, at, largest)
                store(share, head, at, inverse)
                _sums(weights, 0, n, qkv, 2 * units + own, begin, width, mixed, own, at)
                for c in range(own, own + width):
                    store(mixed, c, at, load(mixed, c, at) * inverse)
    mixed[:, offsets[-1] - offsets[0] :] = _ZERO


@kernel
def attend_back(
    qkv: Columns,
    offsets: NDArray[np.int64],
    heads: int,
    mixed: Columns,
    most: Columns,
    share: Columns,
    gradient: Columns,
    of_qkv: Columns,
) -> None:
    """From the gradient of ``mixed`` to that of ``qkv``, written to ``of_qkv``; 0 behind the last particle.

    The other parameters are those of :func:`attend`, as it left them; shapes as there.
    """
    units = mixed.shape[0]
    width = units // heads
    scale, small = np.float32(_LOG2_E / math.sqrt(width)), np.float32(1 / math.sqrt(width))
    blocks = (_longest(offsets) + LANES - 1) // LANES
    rows = blocks * LANES  # for each block of keys, a row per query
    weights = np.empty((rows, LANES), np.float32)
    of_scores = np.zeros((blocks * rows, LANES), np.float32)
    mean = np.empty((1, rows), np.float32)
    for event in range(len(offsets) - 1):
        begin, n = offsets[event] - offsets[0], offsets[event + 1] - offsets[event]
        for head in range(heads):
            own = head * width
            query, key, value = own, units + own, 2 * units + own
            for at in range(0, n, LANES):
                total = splat(_ZERO)
                for c in range(own, own + width):
                    total = fma(load(gradient, c, begin + at), load(mixed, c, begin + at), total)
                store(mean, 0, at, total)
            for first in range(0, n, LANES):
                at, block = begin + first, (first // LANES) * rows
                _products(qkv, key, at, qkv, query, begin, n, width, weights, 0)
                _products(qkv, value, at, gradient, own, begin, n, width, of_scores, block)
                for i in range(n):
                    score = (load(weights, i, 0) - spread(most, head, begin + i)) * scale
                    weight = two_to_the(score) * spread(share, head, begin + i)
                    slope = load(of_scores, block + i, 0) - spread(mean, 0, i)
                    store(weights, i, 0, weight)
                    store(of_scores, block + i, 0, slope * (weight * small))
                _sums(weights, 0, n, gradient, own, begin, width, of_qkv, value, at)
                _sums(of_scores, block, n, qkv, query, begin, width, of_qkv, key, at)
            for first in range(0, n, LANES):
                for block in range(0, n, LANES):
                    turn(of_scores, (block // LANES) * rows + first, 0, weights, block, 0)
                _sums(weights, 0, n, qkv, key, begin, width, of_qkv, query, begin + first)
    of_qkv[:, offsets[-1] - offsets[0] :] = _ZERO


@kernel
def _longest(offsets: NDArray[np.int64]) -> int:
    longest = 0
    for event in range(len(offsets) - 1):
        longest = max(longest, offsets[event + 1] - offsets[event])
    return longest


@kernel
def _products(
    some: Columns,
    row: int,
    at: int,
    others: Columns,
    other_row: int,
    begin: int,
    n: int,
    width: int,
    products: Columns,
    first: int,
) -> Lanes:
    """Of sixteen particles from column ``at`` on with the j-th of others, summed over channels.

    Written to ``products[first + j]``; returned is the largest of each of the sixteen. Rows are those of the
    first channels.
    """
    largest = splat(np.float32(-np.inf))
    for j in range(0, n - 3, 4):  # four at a time, so that no sum waits for itself
        a, b, c, d = splat(_ZERO), splat(_ZERO), splat(_ZERO), splat(_ZERO)
        for channel in range(width):
            own, other = load(some, row + channel, at), other_row + channel
            a = fma(own, spread(others, other, begin + j), a)
            b = fma(own, spread(others, other, begin + j + 1), b)
            c = fma(own, spread(others, other, begin + j + 2), c)
            d = fma(own, spread(others, other, begin + j + 3), d)
        store(products, first + j, 0, a)
        store(products, first + j + 1, 0, b)
        store(products, first + j + 2, 0, c)
        store(products, first + j + 3, 0, d)
        largest = larger(largest, larger(larger(a, b), larger(c, d)))
    for j in range(n - n % 4, n):
        a = splat(_ZERO)
        for channel in range(width):
            a = fma(load(some, row + channel, at), spread(others, other_row + channel, begin + j), a)
        store(products, first + j, 0, a)
        largest = larger(largest, a)
    return largest


@kernel
def _sums(
    weights: Columns,
    first: int,
    n: int,
    values: Columns,
    row: int,
    begin: int,
    width: int,
    sums: Columns,
    to_row: int,
    to: int,
) -> None:
    """Channel by channel the sum over j of ``weights[first + j]`` · the j-th value, for sixteen particles."""
    for channel in range(0, width - 3, 4):
        a, b, c, d = splat(_ZERO), splat(_ZERO), splat(_ZERO), splat(_ZERO)
        from_row = row + channel
        for j in range(n):
            weight = load(weights, first + j, 0)
            a = fma(weight, spread(values, from_row, begin + j), a)
            b = fma(weight, spread(values, from_row + 1, begin + j), b)
            c = fma(weight, spread(values, from_row + 2, begin + j), c)
            d = fma(weight, spread(values, from_row + 3, begin + j), d)
        store(sums, to_row + channel, to, a)
        store(sums, to_row + channel + 1, to, b)
        store(sums, to_row + channel + 2, to, c)
        store(sums, to_row + channel + 3, to, d)
    for channel in range(width - width % 4, width):
        a = splat(_ZERO)
        for j in range(n):
            a = fma(load(weights, first + j, 0), spread(values, row + channel, begin + j), a)
        store(sums, to_row + channel, to, a)
