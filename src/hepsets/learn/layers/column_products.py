"""Products of weights with particles that stand in columns, compiled: twelve sums at a time in registers."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel, part_of_kernel
from hepsets.core.lanes import LANES, Lanes, fma, lane_sums, load, splat, spread, store, sums_of

Columns: TypeAlias = NDArray[np.float32]
"""Shape ``(channels, columns)``, row after row."""

TILE = 3 * LANES
"""Columns that products take at a time: tables have room for whole tiles."""

_ZERO = np.float32(0)


@part_of_kernel
def multiply(weight: Columns, added: Columns, x: Columns, at: int, result: Columns) -> None:
    """Write a tile of the product of weights with x, and a column.

    Parameters
    ----------
    weight
        Shape ``(n_out, n_in)``.
    added
        What is added to each column, ``(1, n_out)``.
    x
        Shape ``(n_in, columns)`` or with more rows, of which nothing is made.
    at
        The tile's first column, in x and in the result.
    result
        Shape ``(n_out, columns)``.
    """
    for o in range(0, len(weight) - 3, 4):
        a, b = spread(added, 0, o), spread(added, 0, o + 1)
        c, d = spread(added, 0, o + 2), spread(added, 0, o + 3)
        _four(weight, o, x, at, result, (a, a, a, b, b, b, c, c, c, d, d, d))
    for o in range(len(weight) - len(weight) % 4, len(weight)):
        a = spread(added, 0, o)
        _one(weight, o, x, at, result, (a, a, a))


@part_of_kernel
def add_product(weight: Columns, x: Columns, at: int, result: Columns) -> None:
    """Add a tile of the product of weights with x to the result; shapes as in :func:`multiply`."""
    p, q = at + LANES, at + 2 * LANES
    for o in range(0, len(weight) - 3, 4):
        a, b, c = load(result, o, at), load(result, o, p), load(result, o, q)
        d, e, f = load(result, o + 1, at), load(result, o + 1, p), load(result, o + 1, q)
        g, h, i = load(result, o + 2, at), load(result, o + 2, p), load(result, o + 2, q)
        j, k, m = load(result, o + 3, at), load(result, o + 3, p), load(result, o + 3, q)
        _four(weight, o, x, at, result, (a, b, c, d, e, f, g, h, i, j, k, m))
    for o in range(len(weight) - len(weight) % 4, len(weight)):
        _one(weight, o, x, at, result, (load(result, o, at), load(result, o, p), load(result, o, q)))


@part_of_kernel
def _four(weight: Columns, o: int, x: Columns, at: int, result: Columns, begin: tuple[Lanes, ...]) -> None:
    a0, a1, a2, b0, b1, b2, c0, c1, c2, d0, d1, d2 = begin
    p, q = at + LANES, at + 2 * LANES
    for k in range(weight.shape[1]):
        x0, x1, x2 = load(x, k, at), load(x, k, p), load(x, k, q)
        w = spread(weight, o, k)
        a0, a1, a2 = fma(w, x0, a0), fma(w, x1, a1), fma(w, x2, a2)
        w = spread(weight, o + 1, k)
        b0, b1, b2 = fma(w, x0, b0), fma(w, x1, b1), fma(w, x2, b2)
        w = spread(weight, o + 2, k)
        c0, c1, c2 = fma(w, x0, c0), fma(w, x1, c1), fma(w, x2, c2)
        w = spread(weight, o + 3, k)
        d0, d1, d2 = fma(w, x0, d0), fma(w, x1, d1), fma(w, x2, d2)
    store_three(result, o, at, a0, a1, a2)
    store_three(result, o + 1, at, b0, b1, b2)
    store_three(result, o + 2, at, c0, c1, c2)
    store_three(result, o + 3, at, d0, d1, d2)


@part_of_kernel
def _one(weight: Columns, o: int, x: Columns, at: int, result: Columns, begin: tuple[Lanes, ...]) -> None:
    a0, a1, a2 = begin
    for k in range(weight.shape[1]):
        w = spread(weight, o, k)
        a0 = fma(w, load(x, k, at), a0)
        a1 = fma(w, load(x, k, at + LANES), a1)
        a2 = fma(w, load(x, k, at + 2 * LANES), a2)
    store_three(result, o, at, a0, a1, a2)


@part_of_kernel
def store_three(table: Columns, row: int, at: int, a: Lanes, b: Lanes, c: Lanes) -> None:
    """A row's numbers of a tile."""
    store(table, row, at, a)
    store(table, row, at + LANES, b)
    store(table, row, at + 2 * LANES, c)


@kernel
def clear_behind(table: Columns, n: int) -> None:
    """Write 0 behind the first ``n`` columns, row by row."""
    for row in range(len(table)):
        table[row, n:] = _ZERO


def blocks(layers: int, n_out: int, n_in: int) -> NDArray[np.float32]:
    """Zeros to which :func:`add_outer` adds, for each layer, products of so many channels with so many.

    Shape ``(layers, n_blocks, 16)``.
    """
    return np.zeros((layers, -(-n_out // 4) * -(-n_in // 4), LANES), np.float32)


def from_blocks(sums: NDArray[np.float32], n_out: int, n_in: int) -> NDArray[np.float32]:
    """What :func:`add_outer` added up for each layer, shape ``(layers, n_out, n_in)``."""
    four = sums.reshape(len(sums), -(-n_out // 4), -1, 4, 4).transpose(0, 1, 3, 2, 4)
    return four.reshape(len(sums), 4 * four.shape[1], -1)[:, :n_out, :n_in]


@part_of_kernel
def add_outer(a: Columns, b: Columns, columns: int, room: Columns, total: Columns) -> None:
    """Add a bᵀ to the total: of each channel of a and each of b the product, summed over columns.

    Parameters
    ----------
    a, b
        Shapes ``(n_out, columns)`` and ``(n_in, columns)``.
    columns
        How many, a multiple of sixteen.
    room
        Shape ``(16, 16)``, for sums on their way where channels end.
    total
        A layer's, of :func:`blocks`: in a row stand four channels of a with four of b.
    """
    row = 0
    for o in range(0, len(a), 4):
        for k in range(0, len(b), 4):
            if o + 4 <= len(a) and k + 4 <= len(b):
                store(total, row, 0, load(total, row, 0) + _sixteen_sums(a, o, b, k, columns))
            else:
                _fewer_sums(a, o, b, k, columns, room)
                store(total, row, 0, load(total, row, 0) + lane_sums(room, 0, 0))
            row += 1


@part_of_kernel
def _fewer_sums(a: Columns, o: int, b: Columns, k: int, columns: int, room: Columns) -> None:
    """As :func:`_sixteen_sums` where channels end."""
    for i in range(4):
        for j in range(4):
            one = splat(_ZERO)
            if o + i < len(a) and k + j < len(b):
                for at in range(0, columns, LANES):
                    one = fma(load(a, o + i, at), load(b, k + j, at), one)
            store(room, 4 * i + j, 0, one)


@part_of_kernel
def _sixteen_sums(a: Columns, o: int, b: Columns, k: int, columns: int) -> Lanes:
    """Four channels of a with four of b, a lane for each pair."""
    nothing = splat(_ZERO)
    s0, s1, s2, s3, s4, s5, s6, s7 = nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing
    t0, t1, t2, t3, t4, t5, t6, t7 = s0, s1, s2, s3, s4, s5, s6, s7
    for at in range(0, columns, LANES):
        w, x, y, z = load(b, k, at), load(b, k + 1, at), load(b, k + 2, at), load(b, k + 3, at)
        v = load(a, o, at)
        s0, s1, s2, s3 = fma(v, w, s0), fma(v, x, s1), fma(v, y, s2), fma(v, z, s3)
        v = load(a, o + 1, at)
        s4, s5, s6, s7 = fma(v, w, s4), fma(v, x, s5), fma(v, y, s6), fma(v, z, s7)
        v = load(a, o + 2, at)
        t0, t1, t2, t3 = fma(v, w, t0), fma(v, x, t1), fma(v, y, t2), fma(v, z, t3)
        v = load(a, o + 3, at)
        t4, t5, t6, t7 = fma(v, w, t4), fma(v, x, t5), fma(v, y, t6), fma(v, z, t7)
    return sums_of((s0, s1, s2, s3, s4, s5, s6, s7, t0, t1, t2, t3, t4, t5, t6, t7))
