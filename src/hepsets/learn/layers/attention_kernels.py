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
from hepsets.learn.layers.column_products import clear_behind

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
        Written, for :func:`attend_back`: the largest product of each query, in units in which weights are
        powers of two, with a key, and one over the sum of weights, ``(heads, columns)``.
    """
    units = mixed.shape[0]
    width = units // heads
    scale = np.float32(_LOG2_E / math.sqrt(width))
    weights, queries = np.empty((_longest(offsets), LANES), np.float32), np.empty((width, LANES), np.float32)
    for event in range(len(offsets) - 1):
        begin, n = offsets[event] - offsets[0], offsets[event + 1] - offsets[event]
        for head in range(heads):
            own = head * width
            for at in range(begin, begin + n, LANES):
                for c in range(width):
                    store(queries, c, 0, load(qkv, own + c, at) * scale)
                largest = _products(queries, 0, 0, qkv, units + own, begin, n, width, weights, 0)
                total = splat(_ZERO)
                for j in range(n):
                    weight = two_to_the(load(weights, j, 0) - largest)  # never above 0
                    store(weights, j, 0, weight)
                    total = total + weight
                inverse = np.float32(1) / total
                store(most, head, at, largest)
                store(share, head, at, inverse)
                _sums(weights, 0, n, qkv, 2 * units + own, begin, width, (mixed, own, at), inverse)
    clear_behind(mixed, offsets[-1] - offsets[0])


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
    blocks = (_longest(offsets) + LANES - 1) // LANES
    rows = blocks * LANES  # for each block of keys, a row per query
    weights = np.empty((rows, LANES), np.float32)
    of_scores = np.zeros((blocks * rows, LANES), np.float32)
    scaled = np.empty((2 * width + 2, rows + LANES), np.float32)
    one, of_key = splat(np.float32(1)), splat(np.float32(1 / _LOG2_E))
    of_query = splat(np.float32(1 / math.sqrt(width)))
    for event in range(len(offsets) - 1):
        begin, n = offsets[event] - offsets[0], offsets[event + 1] - offsets[event]
        for head in range(heads):
            own = head * width
            query, key, value = own, units + own, 2 * units + own
            _scale_queries(qkv, gradient, mixed, most, share, head, begin, n, scaled)
            for first in range(0, n, LANES):
                at, block = begin + first, (first // LANES) * rows
                for i in range(0, n, 4):
                    _four_queries(qkv, key, value, at, scaled, i, weights, of_scores, block)
                _sums(weights, 0, n, scaled, width, 0, width, (of_qkv, value, at), one)
                _sums(of_scores, block, n, scaled, 0, 0, width, (of_qkv, key, at), of_key)
            for first in range(0, n, LANES):
                for block in range(0, n, LANES):
                    turn(of_scores, (block // LANES) * rows + first, 0, weights, block, 0)
                _sums(weights, 0, n, qkv, key, begin, width, (of_qkv, query, begin + first), of_query)
    clear_behind(of_qkv, offsets[-1] - offsets[0])


@part_of_kernel
def _scale_queries(
    qkv: Columns,
    gradient: Columns,
    mixed: Columns,
    most: Columns,
    share: Columns,
    head: int,
    begin: int,
    n: int,
    scaled: Columns,
) -> None:
    """What each query brings along, so that nothing is left to scale for each of its keys.

    Written, in rows one below the other: the head's queries, in units in which weights are powers of two;
    gradients times share; the largest product in those units; and the mean of the gradients of weights.
    """
    width = len(scaled) // 2 - 1
    scale = np.float32(_LOG2_E / math.sqrt(width))
    for at in range(0, n, LANES):
        inverse, total = load(share, head, begin + at), splat(_ZERO)
        for c in range(width):
            own = head * width + c
            slope = load(gradient, own, begin + at) * inverse
            total = fma(slope, load(mixed, own, begin + at), total)
            store(scaled, c, at, load(qkv, own, begin + at) * scale)
            store(scaled, width + c, at, slope)
        store(scaled, 2 * width, at, load(most, head, begin + at))
        store(scaled, 2 * width + 1, at, total)


@part_of_kernel
def _four_queries(
    qkv: Columns,
    key: int,
    value: int,
    at: int,
    scaled: Columns,
    i: int,
    weights: Columns,
    of_scores: Columns,
    block: int,
) -> None:
    """Weights of sixteen keys for four queries from the i-th on, and scores' gradients."""
    width = len(scaled) // 2 - 1
    most, mean, row = 2 * width, 2 * width + 1, block + i
    a, b, c, d = splat(_ZERO), splat(_ZERO), splat(_ZERO), splat(_ZERO)
    e, f, g, h = a, b, c, d
    for channel in range(width):
        own, other = load(qkv, key + channel, at), load(qkv, value + channel, at)
        a = fma(own, spread(scaled, channel, i), a)
        b = fma(own, spread(scaled, channel, i + 1), b)
        c = fma(own, spread(scaled, channel, i + 2), c)
        d = fma(own, spread(scaled, channel, i + 3), d)
        e = fma(other, spread(scaled, width + channel, i), e)
        f = fma(other, spread(scaled, width + channel, i + 1), f)
        g = fma(other, spread(scaled, width + channel, i + 2), g)
        h = fma(other, spread(scaled, width + channel, i + 3), h)
    a = two_to_the(a - spread(scaled, most, i))
    b = two_to_the(b - spread(scaled, most, i + 1))
    c = two_to_the(c - spread(scaled, most, i + 2))
    d = two_to_the(d - spread(scaled, most, i + 3))
    store(weights, i, 0, a)
    store(weights, i + 1, 0, b)
    store(weights, i + 2, 0, c)
    store(weights, i + 3, 0, d)
    store(of_scores, row, 0, (e - spread(scaled, mean, i)) * a)
    store(of_scores, row + 1, 0, (f - spread(scaled, mean, i + 1)) * b)
    store(of_scores, row + 2, 0, (g - spread(scaled, mean, i + 2)) * c)
    store(of_scores, row + 3, 0, (h - spread(scaled, mean, i + 3)) * d)


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
    sums: tuple[Columns, int, int],
    factor: Lanes,
) -> None:
    """Channel by channel the sum over j of ``weights[first + j]`` · the j-th value, for sixteen particles,
    times a factor of each; written to rows of a table from a column on.
    """
    table, to_row, to = sums
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
        store(table, into, to, a * factor)
        store(table, into + 1, to, b * factor)
        store(table, into + 2, to, c * factor)
        store(table, into + 3, to, d * factor)
        store(table, into + 4, to, e * factor)
        store(table, into + 5, to, f * factor)
        store(table, into + 6, to, g * factor)
        store(table, into + 7, to, h * factor)
    for channel in range(width - width % 8, width):
        a = splat(_ZERO)
        for j in range(n):
            a = fma(load(weights, first + j, 0), spread(values, row + channel, begin + j), a)
        store(table, to_row + channel, to, a * factor)
