"""What an encoder layer does between products, compiled: residual, dropout and norm in one pass, ReLU.

Values stand in columns: a row for each channel, particles side by side, sixteen at a time. They are written
up to the next multiple of sixteen; a gradient is 0 behind the last particle.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel
from hepsets.core.lanes import LANES, fma, load, passed, splat, spread, square_root, store, turn
from hepsets.learn.layers.dropout import keeps

Columns: TypeAlias = NDArray[np.float32]
"""Shape ``(channels, columns)``, row after row."""

Drawn: TypeAlias = tuple[np.uint32, np.uint32, np.float32]
"""What is dropped, see :meth:`hepsets.learn.layers.dropout.Dropout.drawn`."""

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
        columns[c, n : n + -n % LANES] = _ZERO


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


@kernel
def add_norm(
    x: Columns,
    change: Columns,
    n: int,
    gain: Columns,
    shift: Columns,
    eps: np.float32,
    drawn: Drawn,
    first: int,
    inverse: Columns,
    result: Columns,
) -> None:
    """Layer norm of x + dropout of the change.

    Parameters
    ----------
    x, change
        Shape ``(channels, columns)``; in place of the change its normalised sum with x is left.
    n
        How many particles.
    gain, shift
        Of the norm, shape ``(1, channels)``.
    eps
        Added to variances.
    drawn, first
        What is dropped, and the number of the first particle in the whole batch, where places are counted.
    inverse
        Written: one over the standard deviation of each particle, ``(1, columns)``.
    result
        Written, ``(channels, columns)``; may be x.
    """
    channels = len(x)
    per_channel = np.float32(1 / channels)
    factors, places = np.ones((channels, LANES), np.float32), _places(channels)
    for at in range(0, n, LANES):
        _draw(drawn, first + at, places, factors)
        total, more = splat(_ZERO), splat(_ZERO)
        for c in range(channels):  # two sums in turn, so that neither waits for itself
            own = fma(load(change, c, at), load(factors, c, 0), load(x, c, at))
            store(change, c, at, own)
            total, more = more, total + own
        mean = (total + more) * per_channel
        square, more = splat(_ZERO), splat(_ZERO)
        for c in range(channels):
            away = load(change, c, at) - mean
            square, more = more, fma(away, away, square)
        square = square + more
        scale = _ONE / square_root(fma(square, per_channel, eps))
        store(inverse, 0, at, scale)
        for c in range(channels):
            own = (load(change, c, at) - mean) * scale
            store(change, c, at, own)
            store(result, c, at, fma(own, spread(gain, 0, c), spread(shift, 0, c)))


@kernel
def add_norm_back(
    gradient: Columns,
    normed: Columns,
    n: int,
    inverse: Columns,
    gain: Columns,
    drawn: Drawn,
    first: int,
    of_change: Columns,
    sums: Columns,
) -> None:
    """From the gradient of what :func:`add_norm` gave to those of what it was given.

    Parameters
    ----------
    gradient
        Of the result, ``(channels, columns)``; becomes that of x.
    normed, inverse
        What :func:`add_norm` left in place of the change, and of standard deviations.
    n, gain, drawn, first
        As there.
    of_change
        Written, ``(channels, columns)``.
    sums
        To which are added the gradients of gain and shift, and the sum over particles of that of the change,
        ``(3, channels)``.
    """
    channels = len(gradient)
    per_channel = np.float32(1 / channels)
    factors, places = np.ones((channels, LANES), np.float32), _places(channels)
    totals = np.zeros((3 * channels, LANES), np.float32)
    for at in range(0, n, LANES):
        _draw(drawn, first + at, places, factors)
        mean, along = splat(_ZERO), splat(_ZERO)
        for c in range(channels):
            slope, own = load(gradient, c, at), load(normed, c, at)
            store(totals, c, 0, fma(slope, own, load(totals, c, 0)))
            store(totals, channels + c, 0, load(totals, channels + c, 0) + slope)
            slope = slope * spread(gain, 0, c)
            mean = mean + slope
            along = fma(slope, own, along)
        mean, along, scale = mean * per_channel, along * per_channel, load(inverse, 0, at)
        for c in range(channels):
            slope = load(gradient, c, at) * spread(gain, 0, c) - mean
            slope = (slope - load(normed, c, at) * along) * scale
            store(gradient, c, at, slope)
            kept = slope * load(factors, c, 0)
            store(of_change, c, at, kept)
            store(totals, 2 * channels + c, 0, load(totals, 2 * channels + c, 0) + kept)
    for k in range(3):
        for c in range(channels):
            sums[k, c] += totals[k * channels + c].sum()


@kernel
def drop_negative(hidden: Columns, n: int, drawn: Drawn, first: int) -> None:
    """Dropout of max(0, hidden), in place; ``n``, ``drawn`` and ``first`` as in :func:`add_norm`."""
    channels = len(hidden)
    factors, places = np.ones((channels, LANES), np.float32), _places(channels)
    for at in range(0, n, LANES):
        _draw(drawn, first + at, places, factors)
        for c in range(channels):
            own = load(hidden, c, at)
            store(hidden, c, at, passed(own, own * load(factors, c, 0)))


@kernel
def drop_negative_back(hidden: Columns, n: int, scale: np.float32, gradient: Columns, sums: Columns) -> None:
    """From the gradient of what :func:`drop_negative` left to that of what it was given, in place.

    ``scale`` is that of what is kept. To ``sums``, ``(1, channels)``, the sum over particles is added.
    """
    lanes = np.empty((1, LANES), np.float32)
    for c in range(len(hidden)):
        total = splat(_ZERO)
        for at in range(0, n, LANES):
            slope = passed(load(hidden, c, at), load(gradient, c, at) * scale)
            store(gradient, c, at, slope)
            total = total + slope
        store(lanes, 0, 0, total)
        sums[0, c] += lanes.sum()


@kernel
def add_sums(columns: Columns, n: int, sums: Columns) -> None:
    """Add to ``sums``, ``(1, channels)``, the sum of each row over ``n`` particles."""
    lanes = np.empty((1, LANES), np.float32)
    for c in range(len(columns)):
        total = splat(_ZERO)
        for at in range(0, n, LANES):
            total = total + load(columns, c, at)
        store(lanes, 0, 0, total)
        sums[0, c] += lanes.sum()


@kernel
def _places(channels: int) -> NDArray[np.uint32]:
    """Where the values of sixteen particles, channel by channel, stand in rows ``(particles, channels)``."""
    places = np.empty(channels * LANES, np.uint32)
    for c in range(channels):
        for lane in range(LANES):
            places[c * LANES + lane] = lane * channels + c
    return places


@kernel
def _draw(drawn: Drawn, first: int, places: NDArray[np.uint32], factors: Columns) -> None:
    """By what the channels of sixteen particles are multiplied, ``(channels, 16)``: the scale, or 0."""
    seed, threshold, scale = drawn
    if threshold > 0:
        flat, begin = factors.reshape(-1), np.uint32(first * len(factors))
        for i in range(len(flat)):
            flat[i] = scale if keeps(np.uint32(begin + places[i]), seed, threshold) else _ZERO
