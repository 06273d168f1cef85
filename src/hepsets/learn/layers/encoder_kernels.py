"""What an encoder layer does between products, compiled: residual, dropout and norm in one pass, ReLU.

Values stand in columns: a row for each channel, particles side by side, a tile of 48 at a time. What stands
behind the last particle is written, too; a gradient is 0 there.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel, part_of_kernel
from hepsets.core.lanes import LANES, fma, load, passed, splat, spread, square_root, store, turn
from hepsets.learn.layers.column_products import TILE, store_three
from hepsets.learn.layers.dropout import keeps

Columns: TypeAlias = NDArray[np.float32]
"""Shape ``(channels, columns)``, row after row."""

Drawn: TypeAlias = tuple[np.uint32, np.uint32, np.float32]
"""What is dropped, see :meth:`hepsets.learn.layers.dropout.Dropout.drawn`."""

Norm: TypeAlias = tuple[Columns, Columns, np.float32]
"""Gain and shift of a norm, and what it adds to variances."""

Masks: TypeAlias = tuple[NDArray[np.uint32], Columns]
"""See :func:`masks`."""

_ZERO, _ONE = np.float32(0), np.float32(1)


@kernel
def to_columns(rows: NDArray[np.float32], first: int, n: int, columns: Columns) -> None:
    """``n`` particles from the first one on, shape ``(n_particles, channels)``, to columns; 0 behind them."""
    channels = len(columns)
    whole, across = n - n % LANES, channels - channels % LANES
    for at in range(0, whole, LANES):
        for c in range(0, across, LANES):
            turn(rows, first + at, c, columns, c, at)
    for c in range(channels):
        for i in range(whole if c < across else 0, n):
            columns[c, i] = rows[first + i, c]
        columns[c, n:] = _ZERO


@kernel
def to_rows(columns: Columns, n: int, rows: NDArray[np.float32], first: int) -> None:
    """Back: ``n`` particles from columns to rows ``(n_particles, channels)``, from the first one on."""
    channels = len(columns)
    whole, across = n - n % LANES, channels - channels % LANES
    for at in range(0, whole, LANES):
        for c in range(0, across, LANES):
            turn(columns, c, at, rows, first + at, c)
    for c in range(channels):
        for i in range(whole if c < across else 0, n):
            rows[first + i, c] = columns[c, i]


@part_of_kernel
def add_norm(
    x: Columns,
    change: Columns,
    at: int,
    norm: Norm,
    drawn: Drawn,
    masks: Masks,
    first: int,
    inverse: Columns,
    result: Columns,
) -> None:
    """Layer norm of x + dropout of the change, a tile of it.

    Parameters
    ----------
    x, change
        Shape ``(channels, columns)``; in place of the change its normalised sum with x is left.
    at
        The tile's first column.
    norm
        Gain and shift, shape ``(1, channels)``, and what is added to variances.
    drawn, masks, first
        What is dropped, :func:`masks` of as many channels, and the number of the particle in column 0 in the
        whole batch, where places are counted.
    inverse
        Written: one over the standard deviation of each particle, ``(1, columns)``.
    result
        Written, ``(channels, columns)``; may be x.
    """
    gain, shift, eps = norm
    per_channel, factors = np.float32(1 / len(x)), masks[1]
    p, q = at + LANES, at + 2 * LANES
    _draw(drawn, first + at, masks)
    a, b, c = splat(_ZERO), splat(_ZERO), splat(_ZERO)
    for k in range(len(x)):
        u = fma(load(change, k, at), load(factors, k, 0), load(x, k, at))
        v = fma(load(change, k, p), load(factors, k, LANES), load(x, k, p))
        w = fma(load(change, k, q), load(factors, k, 2 * LANES), load(x, k, q))
        store_three(change, k, at, u, v, w)
        a, b, c = a + u, b + v, c + w
    a, b, c = a * per_channel, b * per_channel, c * per_channel
    d, e, f = splat(_ZERO), splat(_ZERO), splat(_ZERO)
    for k in range(len(x)):
        u, v, w = load(change, k, at) - a, load(change, k, p) - b, load(change, k, q) - c
        d, e, f = fma(u, u, d), fma(v, v, e), fma(w, w, f)
    d, e, f = fma(d, per_channel, eps), fma(e, per_channel, eps), fma(f, per_channel, eps)
    d, e, f = _ONE / square_root(d), _ONE / square_root(e), _ONE / square_root(f)
    store_three(inverse, 0, at, d, e, f)
    for k in range(len(x)):
        u, v, w = load(change, k, at) - a, load(change, k, p) - b, load(change, k, q) - c
        u, v, w = u * d, v * e, w * f
        store_three(change, k, at, u, v, w)
        g, s = spread(gain, 0, k), spread(shift, 0, k)
        store_three(result, k, at, fma(u, g, s), fma(v, g, s), fma(w, g, s))


@part_of_kernel
def scale_and_shift(normed: Columns, begin: int, gain: Columns, shift: Columns, result: Columns) -> None:
    """A tile of the result of :func:`add_norm` again, from what it left in place of the change."""
    for c in range(len(normed)):
        for at in range(begin, begin + TILE, LANES):
            store(result, c, at, fma(load(normed, c, at), spread(gain, 0, c), spread(shift, 0, c)))


@part_of_kernel
def add_norm_back(
    gradient: Columns,
    normed: Columns,
    at: int,
    inverse: Columns,
    gain: Columns,
    drawn: Drawn,
    masks: Masks,
    first: int,
    of_change: Columns,
    totals: Columns,
) -> None:
    """From the gradient of what :func:`add_norm` gave to those of what it was given.

    Parameters
    ----------
    gradient
        Of the result, ``(channels, columns)``; becomes that of x.
    normed, inverse
        What :func:`add_norm` left in place of the change, and of standard deviations.
    at, gain, drawn, masks, first
        As there.
    of_change
        Written, ``(channels, columns)``.
    totals
        To which are added the gradients of gain and shift, and the sum of that of the change, of each of
        sixteen lanes, ``(3 · channels, 16)``.
    """
    channels, factors = len(gradient), masks[1]
    per_channel = np.float32(1 / channels)
    p, q = at + LANES, at + 2 * LANES
    _draw(drawn, first + at, masks)
    a, b, c = splat(_ZERO), splat(_ZERO), splat(_ZERO)
    d, e, f = a, b, c
    for k in range(channels):
        u, v, w = load(gradient, k, at), load(gradient, k, p), load(gradient, k, q)
        x, y, z = load(normed, k, at), load(normed, k, p), load(normed, k, q)
        store(totals, k, 0, fma(u, x, fma(v, y, fma(w, z, load(totals, k, 0)))))
        store(totals, channels + k, 0, load(totals, channels + k, 0) + (u + v + w))
        g = spread(gain, 0, k)
        u, v, w = u * g, v * g, w * g
        a, b, c = a + u, b + v, c + w
        d, e, f = fma(u, x, d), fma(v, y, e), fma(w, z, f)
    a, b, c = a * per_channel, b * per_channel, c * per_channel
    d, e, f = d * per_channel, e * per_channel, f * per_channel
    r, s, t = load(inverse, 0, at), load(inverse, 0, p), load(inverse, 0, q)
    for k in range(channels):
        g = spread(gain, 0, k)
        u, v, w = load(gradient, k, at) * g - a, load(gradient, k, p) * g - b, load(gradient, k, q) * g - c
        u = (u - load(normed, k, at) * d) * r
        v = (v - load(normed, k, p) * e) * s
        w = (w - load(normed, k, q) * f) * t
        store_three(gradient, k, at, u, v, w)
        u, v, w = u * load(factors, k, 0), v * load(factors, k, LANES), w * load(factors, k, 2 * LANES)
        store_three(of_change, k, at, u, v, w)
        store(totals, 2 * channels + k, 0, load(totals, 2 * channels + k, 0) + (u + v + w))


@part_of_kernel
def drop_negative(hidden: Columns, begin: int, drawn: Drawn, masks: Masks, first: int) -> None:
    """Dropout of max(0, hidden), a tile in place; the other parameters are those of :func:`add_norm`."""
    factors = masks[1]
    _draw(drawn, first + begin, masks)
    for c in range(len(hidden)):
        for lane in range(0, TILE, LANES):
            own = load(hidden, c, begin + lane)
            store(hidden, c, begin + lane, passed(own, own * load(factors, c, lane)))


@part_of_kernel
def drop_negative_back(
    hidden: Columns, begin: int, scale: np.float32, gradient: Columns, totals: Columns
) -> None:
    """From the gradient of what :func:`drop_negative` left to that of what it was given, a tile in place.

    ``scale`` is that of what is kept. To ``totals``, ``(channels, 16)``, is added the sum of each lane.
    """
    for c in range(len(hidden)):
        total = load(totals, c, 0)
        for at in range(begin, begin + TILE, LANES):
            slope = passed(load(hidden, c, at), load(gradient, c, at) * scale)
            store(gradient, c, at, slope)
            total = total + slope
        store(totals, c, 0, total)


@kernel
def add_sums(gradient: Columns, columns: int, totals: Columns) -> None:
    """Add to ``totals``, ``(channels, 16)``, the sum of each lane over columns."""
    for c in range(len(gradient)):
        total = load(totals, c, 0)
        for at in range(0, columns, LANES):
            total = total + load(gradient, c, at)
        store(totals, c, 0, total)


@kernel
def masks(channels: int) -> Masks:
    """What dropping needs: where the values of a tile's particles, channel by channel, stand in rows
    ``(particles, channels)``, and by what they are multiplied, ``(channels, 48)``: 1 where nothing is drawn.
    """
    places = np.empty(channels * TILE, np.uint32)
    for c in range(channels):
        for lane in range(TILE):
            places[c * TILE + lane] = lane * channels + c
    return places, np.ones((channels, TILE), np.float32)


@kernel
def _draw(drawn: Drawn, first: int, masks: Masks) -> None:
    """By what the channels of a tile's particles are multiplied: the scale, or 0."""
    seed, threshold, scale = drawn
    places, factors = masks
    if threshold > 0:
        flat, begin = factors.reshape(-1), np.uint32(first * len(factors))
        for i in range(len(flat)):
            flat[i] = scale if keeps(np.uint32(begin + places[i]), seed, threshold) else _ZERO
