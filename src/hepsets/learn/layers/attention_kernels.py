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

from hepsets.core.kernel import kernel, part_of_kernel
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
    scales = np.float32(_LOG2_E / math.sqrt(width)), np.float32(1 / math.sqrt(width))
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
                tables = qkv, gradient, most, share, mean
                for i in range(0, n, 4):
                    _back_four(tables, head, width, at, begin, i, scales, weights, of_scores, block)
                _sums(weights, 0, n, gradient, own, begin, width, of_qkv, value, at)
                _sums(of_scores, block, n, qkv, query, begin, width, of_qkv, key, at)
            for first in range(0, n, LANES):
                for block in range(0, n, LANES):
                    turn(of_scores, (block // LANES) * rows + first, 0, weights, block, 0)
                _sums(weights, 0, n, qkv, key, begin, width, of_qkv, query, begin + first)
    of_qkv[:, offsets[-1] - offsets[0] :] = _ZERO


@part_of_kernel
def _back_four(
    tables: tuple[Columns, Columns, Columns, Columns, Columns],
    head: int,
    width: int,
    at: int,
    begin: int,
    i: int,
    scales: tuple[np.float32, np.float32],
    weights: Columns,
    of_scores: Columns,
    block: int,
) -> None:
    """Weights of sixteen keys for four queries from the i-th on, and scores' gradients."""
    qkv, gradient, most, share, mean = tables
    scale, small = scales
    units = len(gradient)
    a, b, c, d = splat(_ZERO), splat(_ZERO), splat(_ZERO), splat(_ZERO)
    e, f, g, h = a, b, c, d
    to = begin + i
    for channel in range(head * width, head * width + width):
        key, value = load(qkv, units + channel, at), load(qkv, 2 * units + channel, at)
        a = fma(key, spread(qkv, channel, to), a)
        b = fma(key, spread(qkv, channel, to + 1), b)
        c = fma(key, spread(qkv, channel, to + 2), c)
        d = fma(key, spread(qkv, channel, to + 3), d)
        e = fma(value, spread(gradient, channel, to), e)
        f = fma(value, spread(gradient, channel, to + 1), f)
        g = fma(value, spread(gradient, channel, to + 2), g)
        h = fma(value, spread(gradient, channel, to + 3), h)
    a = two_to_the((a - spread(most, head, to)) * scale) * spread(share, head, to)
    b = two_to_the((b - spread(most, head, to + 1)) * scale) * spread(share, head, to + 1)
    c = two_to_the((c - spread(most, head, to + 2)) * scale) * spread(share, head, to + 2)
    d = two_to_the((d - spread(most, head, to + 3)) * scale) * spread(share, head, to + 3)
    store(weights, i, 0, a)
    store(weights, i + 1, 0, b)
    store(weights, i + 2, 0, c)
    store(weights, i + 3, 0, d)
    row = block + i
    store(of_scores, row, 0, (e - spread(mean, 0, i)) * (a * small))
    store(of_scores, row + 1, 0, (f - spread(mean, 0, i + 1)) * (b * small))
    store(of_scores, row + 2, 0, (g - spread(mean, 0, i + 2)) * (c * small))
    store(of_scores, row + 3, 0, (h - spread(mean, 0, i + 3)) * (d * small))


@kernel
def _longest(offsets: NDArray[np.int64]) -> int:
    longest = 0
    for event in range(len(offsets) - 1):
        longest = max(longest, offsets[event + 1] - offsets[event])
    return longest


@part_of_kernel
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


@part_of_kernel
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
    for channel in range(0, width - 7, 8):  # eight at a time, so that no sum waits for itself
        nothing, from_row, into = splat(_ZERO), row + channel, to_row + channel
        a, b, c, d, e, f, g, h = nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing
        for j in range(n):
            weight, at = load(weights, first + j, 0), begin + j
            a = fma(weight, spread(values, from_row, at), a)
            b = fma(weight, spread(values, from_row + 1, at), b)
            c = fma(weight, spread(values, from_row + 2, at), c)
            d = fma(weight, spread(values, from_row + 3, at), d)
            e = fma(weight, spread(values, from_row + 4, at), e)
            f = fma(weight, spread(values, from_row + 5, at), f)
            g = fma(weight, spread(values, from_row + 6, at), g)
            h = fma(weight, spread(values, from_row + 7, at), h)
        store(sums, into, to, a)
        store(sums, into + 1, to, b)
        store(sums, into + 2, to, c)
        store(sums, into + 3, to, d)
        store(sums, into + 4, to, e)
        store(sums, into + 5, to, f)
        store(sums, into + 6, to, g)
        store(sums, into + 7, to, h)
    for channel in range(width - width % 8, width):
        a = splat(_ZERO)
        for j in range(n):
            a = fma(load(weights, first + j, 0), spread(values, row + channel, begin + j), a)
        store(sums, to_row + channel, to, a)
