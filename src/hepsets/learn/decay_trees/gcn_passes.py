"""Passes of the tuned stack over a batch, compiled: event by event, products included, in the nearest cache.

Only the batch norms, which need all events, stand between the passes.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel, part_of_kernel
from hepsets.core.lanes import LANES, Lanes, above, by_signs, fma, kept, load, signs, splat, store
from hepsets.learn.layers.narrow_products import COLUMNS, Rows, add_transposed, multiply

Places: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Tables: TypeAlias = NDArray[np.float32]
"""A table for each block, shape ``(blocks, rows, columns)``."""
Given: TypeAlias = tuple[Rows, Rows, Places, Places, Floats, Places]
"""Features, embedding ``(n_tokens, columns)``, tokens, mothers, D^-½, offsets."""
Rules: TypeAlias = tuple[NDArray[np.uint32], np.uint32, np.float32, np.float32]
"""Seeds of the dropouts, that of the embedding and one per block; their threshold; slopes of the activation,
above and below zero, of what is kept."""
Rule: TypeAlias = tuple[np.uint32, np.uint32, np.float32, np.float32]
"""The same of one block, with its seed alone."""
Widths: TypeAlias = tuple[int, int, int]
"""Of features, embedding and units; tables have as many columns as the wider of the latter two, or more,
up to a multiple of 32, of which nothing is made."""
Weights: TypeAlias = tuple[Floats, Doubles]
"""Weight and bias of the norm, weight and bias of the layer, block after block; what norms add to
variances."""
Folded: TypeAlias = tuple[Tables, Tables, Rows]
"""Norm and layer as one: from inputs to units; from units to inputs, of which the first block has the
embedding alone; biases ``(blocks, columns)``."""
Signs: TypeAlias = NDArray[np.uint32]
"""Of the numbers that the last block makes, sixteen at a time, ``(n_particles, columns / 16)``."""
Made: TypeAlias = tuple[Rows, Tables, Signs, Rows, Doubles]
"""Inputs of the first block, ``(n_particles, n_features + columns)``; what blocks but the last make of the
particles, and signs of what the last one makes; how often each number of the embedding was kept; mean and
variance of inputs, ``(blocks, 2, n_inputs)``."""

_ZERO, _ONE = np.float32(0), np.float32(1)
_LEAST = np.float32(1.2e-38)
"""Taken from each kept value that is not above zero, so that 0 stands for nothing but what was dropped."""


@kernel
def ahead(
    given: Given, rules: Rules, widths: Widths, weights: Weights, folded: Folded, made: Made, means: Rows
) -> Floats:
    """Write means over the particles of each event, ``(n_events, columns)``, and all that was made before.

    Returns what features are counted from, shape ``(n_features,)``.
    """
    mothers, scale, offsets = given[3:]
    to_units, _, shifts = folded
    x, tables, of_last, _, statistics = made
    seeds, threshold, up, down = rules
    columns, last, at = shifts.shape[1], len(shifts) - 1, 0
    own, received, sums = (
        room_of_an_event(offsets, columns),
        room_of_an_event(offsets, columns),
        np.empty((2, columns), np.float32),
    )
    centre = _beside(given, seeds[0], threshold, up, widths, made)
    for block in range(len(shifts)):
        n_in = widths[2] if block else widths[0] + widths[1]
        values = tables[block - 1] if block else x
        rule = seeds[block + 1], threshold, up, down
        at = _fold(weights, at, block, widths, folded, statistics[block])
        for event in range(len(offsets) - 1):
            begin = offsets[event]
            n = offsets[event + 1] - begin
            multiply(values, begin, n, to_units[block, :n_in], shifts, block, own, 0)
            if block == last:
                _average(own, begin, n, widths[2], rule, of_last, means, event)
            else:
                _activate(own, received, mothers, scale, begin, n, widths[2], rule, tables[block], sums)
                for k in range(widths[2]):
                    statistics[block + 1, 0, k] += sums[0, k]
                    statistics[block + 1, 1, k] += sums[1, k]
        if block < last:
            _finish(statistics[block + 1], len(x))
    return centre


@kernel
def back(
    of_means: Rows,
    given: Given,
    rules: Rules,
    widths: Widths,
    weights: Weights,
    folded: Folded,
    made: Made,
    of_weights: Floats,
    of_rows: Rows,
) -> None:
    """Write gradients of the weights, in their order, and of the embedding, ``(n_tokens, columns)``."""
    tokens, mothers, scale, offsets = given[2:]
    _, to_inputs, shifts = folded
    x, tables, of_last, _, statistics = made
    seeds, threshold, up, down = rules
    columns, last, at = shifts.shape[1], len(shifts) - 1, len(of_weights)
    own, received, other = (
        room_of_an_event(offsets, columns),
        room_of_an_event(offsets, columns),
        room_of_an_event(offsets, columns),
    )
    of_x, nothing = np.empty((len(x), columns), np.float32), np.zeros((1, columns), np.float32)
    affine, sums = np.zeros((2, x.shape[1]), np.float32), np.empty((1, columns), np.float32)
    for block in range(last, -1, -1):
        n_in = widths[2] if block else widths[0] + widths[1]
        values = tables[block - 1] if block else x
        of_folded, of_shift = np.zeros((n_in, columns), np.float32), np.zeros(columns)
        for event in range(len(offsets) - 1):
            begin = offsets[event]
            n = offsets[event + 1] - begin
            if block == last:
                _average_back(of_means, event, of_last, begin, n, up, down, own, sums)
            else:
                _slopes(of_x, tables[block], affine, scale, begin, n, up, down, other, received)
                _convolve(other, received, mothers, scale, begin, n, own, sums)
            for k in range(columns):
                of_shift[k] += sums[0, k]
            add_transposed(values, begin, n, own, 0, of_folded)
            if block:
                multiply(own, 0, n, to_inputs[block], nothing, 0, of_x, begin)
            else:
                multiply(own, 0, n, to_inputs[block], nothing, 0, other, 0)
                _add_to_rows(other, begin, n, tokens, widths[1], seeds[0], threshold, of_rows)
        at -= n_in * (2 + widths[2]) + widths[2]
        _unfold(
            weights, at, block, widths, statistics[block], len(x), of_folded, of_shift, of_weights, affine
        )
    _finish_rows(given[1], made[3], affine, widths, up, of_rows)


@kernel
def room_of_an_event(offsets: Places, columns: int) -> Rows:
    """For the particles of any event, shape ``(n, columns)``."""
    longest = 1
    for event in range(len(offsets) - 1):
        longest = max(longest, offsets[event + 1] - offsets[event])
    return np.empty((longest, columns), np.float32)


# -- norms and layers -------------------------------------------------------------------------------


@kernel
def _finish(sums: Doubles, n: int) -> None:
    """From sums and sums of squares to means and variances."""
    for k in range(sums.shape[1]):
        mean = sums[0, k] / n
        sums[0, k], sums[1, k] = mean, max(sums[1, k] / n - mean * mean, 0.0)


@kernel
def _fold(weights: Weights, at: int, block: int, widths: Widths, folded: Folded, statistics: Doubles) -> int:
    """A layer behind a norm, see :func:`hepsets.learn.layers.folding.linear_of_norm`.

    The block's weights begin ``at`` a place; where those of the next do is returned.
    """
    values, eps = weights
    to_units, to_inputs, shifts = folded
    units, first = widths[2], 0 if block else widths[0]
    n_in = units if block else widths[0] + widths[1]
    weight, total = at + 2 * n_in, np.zeros(units)
    for j in range(n_in):
        scale = values[at + j] / math.sqrt(statistics[1, j] + eps[block])
        shift = values[at + n_in + j] - statistics[0, j] * scale
        for o in range(units):
            each = values[weight + o * n_in + j]
            to_units[block, j, o] = each * scale
            total[o] += each * shift
            if j >= first:
                to_inputs[block, o, j - first] = each * scale
    bias = weight + units * n_in
    for o in range(units):
        shifts[block, o] = values[bias + o] + total[o]
    return bias + units


@kernel
def _unfold(
    weights: Weights,
    at: int,
    block: int,
    widths: Widths,
    statistics: Doubles,
    n: int,
    of_folded: Rows,
    of_shift: Doubles,
    of_weights: Floats,
    affine: Rows,
) -> None:
    """From gradients of what :func:`_fold` gives to those of what it takes; that of the bias is unchanged.

    The gradients of mean and variance become the slope and the offset of what each of the ``n`` values gains.
    """
    values, eps = weights
    units, n_in = widths[2], len(of_folded)
    weight = at + 2 * n_in
    for j in range(n_in):
        mean, root = statistics[0, j], 1 / math.sqrt(statistics[1, j] + eps[block])
        scale = values[at + j] * root
        shift = values[at + n_in + j] - mean * scale
        of_scale, of_shift_of_j = 0.0, 0.0
        for o in range(units):
            each = values[weight + o * n_in + j]
            of_scale += np.float64(of_folded[j, o]) * each
            of_shift_of_j += of_shift[o] * each
            of_weights[weight + o * n_in + j] = of_folded[j, o] * scale + of_shift[o] * shift
        of_scale -= mean * of_shift_of_j
        of_weights[at + j], of_weights[at + n_in + j] = of_scale * root, of_shift_of_j
        slope = -of_scale * scale * root * root / n
        affine[0, j], affine[1, j] = slope, -scale * of_shift_of_j / n - slope * mean
    for o in range(units):
        of_weights[weight + units * n_in + o] = of_shift[o]


# -- features and embedding -------------------------------------------------------------------------


@kernel
def _beside(
    given: Given, seed: np.uint32, threshold: np.uint32, up: np.float32, widths: Widths, made: Made
) -> Floats:
    """Features beside the rows of their tokens, of which some numbers are dropped; means and variances.

    Features are counted from what is returned, some particles' mean: the norm behind them does not see that
    but rounding does. Sums over the embedding are sums over tokens.
    """
    features, rows, tokens = given[:3]
    x, _, _, counts, statistics = made
    n, width, _ = widths
    centre, sums = _centre(features), statistics[0]
    for i in range(len(x)):
        t, place = tokens[i], np.uint32(i * width)
        for c in range(0, rows.shape[1], LANES):
            one = kept(splat(_ONE), place + np.uint32(c), seed, threshold)
            store(counts, t, c, load(counts, t, c) + one)
            store(x, i, n + c, one * load(rows, t, c) * up)
        for k in range(n):
            value = features[i, k] - centre[k]
            x[i, k] = value
            sums[0, k] += value
            sums[1, k] += np.float64(value) * value
    for t in range(len(rows)):
        for k in range(width):
            value = np.float64(rows[t, k] * up)
            sums[0, n + k] += counts[t, k] * value
            sums[1, n + k] += counts[t, k] * value * value
    _finish(sums, len(x))
    return centre


@kernel
def _centre(features: Rows) -> Floats:
    total, n = np.zeros(features.shape[1]), min(len(features), 64)
    for i in range(n):
        for k in range(len(total)):
            total[k] += features[i, k]
    return (total / n).astype(np.float32)


@kernel
def _add_to_rows(
    of_x: Rows,
    begin: int,
    n: int,
    tokens: Places,
    width: int,
    seed: np.uint32,
    threshold: np.uint32,
    of_rows: Rows,
) -> None:
    """Add gradients of what was kept of an event's ``n`` rows to those of their tokens."""
    for i in range(n):
        t, place = tokens[begin + i], np.uint32((begin + i) * width)
        for c in range(0, of_rows.shape[1], LANES):
            gradient = kept(load(of_x, i, c), place + np.uint32(c), seed, threshold)
            store(of_rows, t, c, load(of_rows, t, c) + gradient)


@kernel
def _finish_rows(
    rows: Rows, counts: Rows, affine: Rows, widths: Widths, up: np.float32, of_rows: Rows
) -> None:
    """What comes through mean and variance, once per token: it is affine in what was kept."""
    for t in range(len(rows)):
        for k in range(widths[1]):
            slope, offset = affine[0, widths[0] + k], affine[1, widths[0] + k]
            gain = counts[t, k] * (rows[t, k] * up * slope + offset)
            of_rows[t, k] = (of_rows[t, k] + gain) * up


# -- convolution, activation, dropout ---------------------------------------------------------------
# Two vectors of a row at a time: sums over sisters wait for each other.


@part_of_kernel
def _activate(
    own: Rows,
    received: Rows,
    mothers: Places,
    scale: Floats,
    begin: int,
    n: int,
    units: int,
    rule: Rule,
    made: Rows,
    sums: Rows,
) -> None:
    """Convolve an event's ``n`` rows, activate and drop; sums and sums of squares of what is left."""
    for c in range(0, own.shape[1], COLUMNS):
        d = c + LANES
        weigh(own, received, scale, begin, n, c)
        give(own, received, mothers, begin, n, c)
        p_total, q_total, p_squares, q_squares = splat(_ZERO), splat(_ZERO), splat(_ZERO), splat(_ZERO)
        for i in range(n):
            p, q = around(own, received, mothers, scale, begin, i, c)
            at = (begin + i) * units
            p, q = chosen(p, at + c, rule), chosen(q, at + d, rule)
            store(made, begin + i, c, p)
            store(made, begin + i, d, q)
            p_total, q_total = p_total + p, q_total + q
            p_squares, q_squares = fma(p, p, p_squares), fma(q, q, q_squares)
        store(sums, 0, c, p_total)
        store(sums, 0, d, q_total)
        store(sums, 1, c, p_squares)
        store(sums, 1, d, q_squares)


@part_of_kernel
def chosen(value: Lanes, place: int, rule: Rule) -> Lanes:
    """Activated, and some of it dropped."""
    seed, threshold, up, down = rule
    value = above(value, value * up, value * down - _LEAST)
    return kept(value, np.uint32(place), seed, threshold)


@part_of_kernel
def weigh(own: Rows, received: Rows, scale: Floats, begin: int, n: int, c: int) -> None:
    """Times D^-½: the first step of a convolution of 32 columns of an event's ``n`` rows from ``c`` on."""
    d = c + LANES
    for i in range(n):
        s = scale[begin + i]
        p, q = load(own, i, c) * s, load(own, i, d) * s
        store(own, i, c, p)
        store(own, i, d, q)
        store(received, i, c, p)
        store(received, i, d, q)


@part_of_kernel
def give(own: Rows, received: Rows, mothers: Places, begin: int, n: int, c: int) -> None:
    """What daughters give to their mothers: the second step."""
    d = c + LANES
    for i in range(n):
        m = mothers[begin + i] - begin
        if m != i:
            store(received, m, c, load(received, m, c) + load(own, i, c))
            store(received, m, d, load(received, m, d) + load(own, i, d))


@part_of_kernel
def around(
    own: Rows, received: Rows, mothers: Places, scale: Floats, begin: int, i: int, c: int
) -> tuple[Lanes, Lanes]:
    """What a row receives from its mother, too, times D^-½: the last step."""
    d, m, s = c + LANES, mothers[begin + i] - begin, scale[begin + i]
    of_mother = _ZERO if m == i else s
    p = fma(splat(of_mother), load(own, m, c), load(received, i, c) * s)
    q = fma(splat(of_mother), load(own, m, d), load(received, i, d) * s)
    return p, q


@part_of_kernel
def _slopes(
    of_x: Rows,
    x: Rows,
    affine: Rows,
    scale: Floats,
    begin: int,
    n: int,
    up: np.float32,
    down: np.float32,
    own: Rows,
    received: Rows,
) -> None:
    """From gradients of what :func:`_activate` gives to those of what is convolved, times D^-½, twice."""
    for c in range(0, own.shape[1], LANES):
        slope, offset = load(affine, 0, c), load(affine, 1, c)
        for i in range(n):
            value = load(x, begin + i, c)
            gradient = fma(value, slope, load(of_x, begin + i, c) + offset) * scale[begin + i]
            gradient = gradient * slope_of(value, up, down)
            store(own, i, c, gradient)
            store(received, i, c, gradient)


@part_of_kernel
def _convolve(
    own: Rows, received: Rows, mothers: Places, scale: Floats, begin: int, n: int, result: Rows, sums: Rows
) -> None:
    """The rest of a convolution, which is symmetric, and sums."""
    for c in range(0, own.shape[1], COLUMNS):
        give(own, received, mothers, begin, n, c)
        p_total, q_total = splat(_ZERO), splat(_ZERO)
        for i in range(n):
            p, q = around(own, received, mothers, scale, begin, i, c)
            store(result, i, c, p)
            store(result, i, c + LANES, q)
            p_total, q_total = p_total + p, q_total + q
        store(sums, 0, c, p_total)
        store(sums, 0, c + LANES, q_total)


@part_of_kernel
def slope_of(value: Lanes, up: np.float32, down: np.float32) -> Lanes:
    """Of activation and dropout at what came of them."""
    return above(value, splat(up), above(-value, splat(down), splat(_ZERO)))


@part_of_kernel
def _average(
    own: Rows, begin: int, n: int, units: int, rule: Rule, made: Signs, means: Rows, event: int
) -> None:
    """Activate and drop; the mean over an event's ``n`` particles, and signs of what went into it."""
    share = _ONE / np.float32(max(n, 1))
    for c in range(0, own.shape[1], LANES):
        total = splat(_ZERO)
        for i in range(n):
            value = chosen(load(own, i, c), (begin + i) * units + c, rule)
            made[begin + i, c // LANES] = signs(value)
            total = total + value
        store(means, event, c, total * share)


@part_of_kernel
def _average_back(
    of_means: Rows,
    event: int,
    made: Signs,
    begin: int,
    n: int,
    up: np.float32,
    down: np.float32,
    own: Rows,
    sums: Rows,
) -> None:
    """From gradients of what :func:`_average` gives to those of what it takes; sums of these."""
    share = _ONE / np.float32(max(n, 1))
    for c in range(0, own.shape[1], LANES):
        of_mean, total = load(of_means, event, c) * share, splat(_ZERO)
        for i in range(n):
            value = of_mean * by_signs(made[begin + i, c // LANES], splat(up), splat(down))
            store(own, i, c, value)
            total = total + value
        store(sums, 0, c, total)
