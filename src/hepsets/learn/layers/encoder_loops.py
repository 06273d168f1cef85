"""Some events through encoder layers, forward and back, compiled: tile after tile, which stay in the cache.

Of what a layer makes of particles a third is kept for the way back, which makes the rest again: that takes
less time than to write it to memory and to read it.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel
from hepsets.core.lanes import LANES
from hepsets.learn.layers.attention_kernels import attend, attend_back
from hepsets.learn.layers.column_products import TILE, add_outer, add_product, multiply
from hepsets.learn.layers.encoder_kernels import (
    Columns,
    Drawn,
    Masks,
    add_norm,
    add_norm_back,
    add_sums,
    drop_negative,
    drop_negative_back,
    masks,
    scale_and_shift,
    to_columns,
    to_rows,
)

Stack: TypeAlias = NDArray[np.float32]
"""One of each layer, ``(layers, rows, columns)``."""


class Matrices(NamedTuple):
    """Weights of products, ``(layers, n_out, n_in)``."""

    query_key_value: Stack
    mix: Stack
    up: Stack
    down: Stack


class Rows(NamedTuple):
    """Biases, and gain and shift of norms, ``(layers, 1, n)``."""

    query_key_value: Stack
    mix: Stack
    attention_gain: Stack
    attention_shift: Stack
    up: Stack
    down: Stack
    feed_forward_gain: Stack
    feed_forward_shift: Stack


class Draws(NamedTuple):
    """What is dropped: of each layer what was mixed, the hidden units, what comes down; ``(layers, 3)``."""

    seeds: NDArray[np.uint32]
    thresholds: NDArray[np.uint32]
    scales: NDArray[np.float32]


class Layers(NamedTuple):
    """Encoder layers of one width; ``eps``: what is added to variances, ``(layers, 2)``."""

    heads: int
    matrices: Matrices
    rows: Rows
    eps: NDArray[np.float32]
    draws: Draws


class Batch(NamedTuple):
    """Events in parts that go through all layers.

    ``offsets``: event ``i`` owns particles ``offsets[i]:offsets[i + 1]``. ``parts``: part ``p`` owns events
    ``parts[p]:parts[p + 1]``; ``begins``: where in memory begins what is kept of it.
    """

    offsets: NDArray[np.int64]
    parts: NDArray[np.int64]
    begins: NDArray[np.int64]


class Totals(NamedTuple):
    """Gradients summed over particles: of matrices in blocks, of all else of each of sixteen lanes."""

    query_key_value: Stack
    mix: Stack
    up: Stack
    down: Stack
    query_key_value_bias: Stack
    attention: Stack
    up_bias: Stack
    feed_forward: Stack


Dropping: TypeAlias = tuple[Masks, Masks]
"""See :func:`masks_of`."""

Entry: TypeAlias = tuple[Columns, Columns, Columns]
"""Weight and bias of what makes queries, keys and values, and of what it makes them."""


class Kept(NamedTuple):
    """What is kept of a layer: see :func:`attend` and :func:`add_norm`."""

    mixed: Columns
    attended: Columns
    changed: Columns
    most: Columns
    share: Columns
    attention_deviations: Columns
    feed_forward_deviations: Columns


class Room(NamedTuple):
    """What is made again on the way back; the same place for all layers."""

    x: Columns
    query_key_value: Columns
    middle: Columns
    hidden: Columns


class Slopes(NamedTuple):
    """Gradients; the same place for all layers."""

    x: Columns
    query_key_value: Columns
    mixed: Columns
    mix: Columns
    up: Columns
    down: Columns


class Work(NamedTuple):
    """Where a part works on the way back: what is made again, gradients, what dropping needs, and sums on
    their way, shape ``(16, 16)``.
    """

    room: Room
    slopes: Slopes
    dropping: Dropping
    sums: Columns


@kernel
def rows_of(units: int, heads: int) -> int:
    """How many rows are kept of a layer."""
    return 3 * units + 2 * heads + 2


@kernel
def length_of(n: int) -> int:
    """Of a row of ``n`` particles: whole tiles, free columns behind them, and an odd number of cache lines,
    so that rows do not all fall into the same places of the cache.
    """
    return ((n + -n % TILE) // LANES + 1 | 1) * LANES


@kernel
def cut(offsets: NDArray[np.int64], particles: int, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Parts of a batch, and where they begin in a memory of so many rows of each; see :class:`Batch`.

    ``offsets`` are those of events, shape ``(n_events + 1,)``; so many parts and one are written of both.

    A part has so many particles, give or take a fourth, as best fill whole tiles: what they leave free is
    computed, too. Larger events are parts of their own.
    """
    parts, begins = np.zeros(len(offsets), np.int64), np.zeros(len(offsets), np.int64)
    n_parts, total = 0, offsets[-1]
    least, most = particles - particles // 4, particles + particles // 4
    while offsets[parts[n_parts]] < total:
        begin = parts[n_parts]
        end, best, first = begin, 0.0, offsets[begin]
        for event in range(begin + 1, len(offsets)):
            n = offsets[event] - first
            if end > begin and n > most:
                break
            if n >= least or offsets[event] == total:
                filled = n / (n + -n % TILE)
                if filled >= best or offsets[event] == total:
                    end, best = event, filled
        n_parts += 1
        parts[n_parts] = end
        begins[n_parts] = begins[n_parts - 1] + rows * length_of(offsets[end] - first)
    return parts[: n_parts + 1], begins[: n_parts + 1]


@kernel
def _rows(memory: NDArray[np.float32], begin: int, first: int, n: int, length: int) -> Columns:
    """``n`` rows from the first one on, of a table that begins there."""
    return memory[begin + first * length : begin + (first + n) * length].reshape(n, length)


@kernel
def kept(memory: NDArray[np.float32], begin: int, units: int, heads: int, length: int) -> Kept:
    """What is kept of a layer, in memory of shape ``(n,)`` from ``begin`` on, in rows of a part's length."""
    last = 3 * units
    return Kept(
        _rows(memory, begin, 0, units, length),
        _rows(memory, begin, units, units, length),
        _rows(memory, begin, 2 * units, units, length),
        _rows(memory, begin, last, heads, length),
        _rows(memory, begin, last + heads, heads, length),
        _rows(memory, begin, last + 2 * heads, 1, length),
        _rows(memory, begin, last + 2 * heads + 1, 1, length),
    )


@kernel
def room(memory: NDArray[np.float32], units: int, hidden: int, length: int) -> Room:
    """Tables in memory of shape ``(n,)``, see :func:`room_for`, in rows of a part's length."""
    return Room(
        _rows(memory, 0, 0, units, length),
        _rows(memory, 0, units, 3 * units, length),
        _rows(memory, 0, 4 * units, units, length),
        _rows(memory, 0, 5 * units, hidden, length),
    )


@kernel
def slopes_of(memory: NDArray[np.float32], units: int, hidden: int, length: int) -> Slopes:
    """Tables in memory of shape ``(n,)``, see :func:`slopes_for`, in rows of a part's length."""
    return Slopes(
        _rows(memory, 0, 0, units, length),
        _rows(memory, 0, units, 3 * units, length),
        _rows(memory, 0, 4 * units, units, length),
        _rows(memory, 0, 5 * units, units, length),
        _rows(memory, 0, 6 * units, hidden, length),
        _rows(memory, 0, 6 * units + hidden, units, length),
    )


@kernel
def longest(batch: Batch) -> int:
    """Of the rows of all parts."""
    found = 0
    for part in range(len(batch.parts) - 1):
        n = batch.offsets[batch.parts[part + 1]] - batch.offsets[batch.parts[part]]
        found = max(found, length_of(n))
    return found


@kernel
def room_for(batch: Batch, units: int, hidden: int) -> NDArray[np.float32]:
    """Memory for :func:`room` of any part, shape ``(n,)``."""
    return np.empty((5 * units + hidden) * longest(batch), np.float32)


@kernel
def slopes_for(batch: Batch, units: int, hidden: int) -> NDArray[np.float32]:
    """Memory for :func:`slopes_of` any part, shape ``(n,)``."""
    return np.empty((7 * units + hidden) * longest(batch), np.float32)


@kernel
def masks_of(layers: Layers) -> Dropping:
    """What dropping needs of particles and of hidden units."""
    units, hidden = layers.matrices.down.shape[1:]
    return masks(units), masks(hidden)


@kernel
def _drawn(draws: Draws, layer: int, which: int) -> Drawn:
    return draws.seeds[layer, which], draws.thresholds[layer, which], draws.scales[layer, which]


# -- forward -----------------------------------------------------------------------------------------


@kernel
def ahead(
    given: Columns,
    batch: Batch,
    layers: Layers,
    keep: bool,
    memory: NDArray[np.float32],
    result: Columns,
) -> None:
    """All layers.

    Parameters
    ----------
    given, result
        Shape ``(n_particles, units)``; the result is written.
    batch, layers
        See there.
    keep
        Whether each layer has its own part of the memory, for :func:`back`, or all of them the same.
    memory
        Written: what is kept, in rows of :func:`length_of`, as many as :func:`rows_of` says.
    """
    units, hidden = layers.matrices.down.shape[1:]
    dropping, again = masks_of(layers), room_for(batch, units, hidden)
    for part in range(len(batch.parts) - 1):
        offsets = batch.offsets[batch.parts[part] : batch.parts[part + 1] + 1]
        first, n = offsets[0], offsets[-1] - offsets[0]
        r = room(again, units, hidden, length_of(n))
        to_columns(given, first, n, r.x)
        weight, bias = layers.matrices.query_key_value[0], layers.rows.query_key_value[0]
        part_ahead(layers, (weight, bias, r.x), offsets, batch.begins[part], keep, memory, r, dropping)
        to_rows(r.x, n, result, first)


@kernel
def part_ahead(
    layers: Layers,
    entry: Entry,
    offsets: NDArray[np.int64],
    begin: int,
    keep: bool,
    memory: NDArray[np.float32],
    r: Room,
    dropping: Dropping,
) -> None:
    """A part of the events through all layers; r.x becomes what it was given to what comes out.

    Parameters
    ----------
    layers, keep, memory
        As in :func:`ahead`.
    entry
        Of what the first layer makes queries, keys and values, and how.
    offsets, begin
        Of the part: its events, and where its memory begins.
    r
        Where it works; x is there.
    dropping
        Of :func:`masks_of`.
    """
    units, n = len(r.x), offsets[-1] - offsets[0]
    length = r.x.shape[1]
    for layer in range(len(layers.eps)):
        k = kept(memory, begin, units, layers.heads, length)
        if keep:
            begin += rows_of(units, layers.heads) * length
        w, b, x = layers.matrices.query_key_value[layer], layers.rows.query_key_value[layer], r.x
        if layer == 0:
            w, b, x = entry
        for at in range(0, n, TILE):
            multiply(w, b, x, at, r.query_key_value)
        attend(r.query_key_value, offsets, layers.heads, k.mixed, k.most, k.share)
        _through(layers, layer, k, r, n, dropping, offsets[0])


@kernel
def _through(layers: Layers, layer: int, k: Kept, r: Room, n: int, dropping: Dropping, first: int) -> None:
    """From what was mixed to the result of the layer, which takes the place of its x."""
    draws, eps = layers.draws, layers.eps
    of_units, of_hidden = dropping
    mix, up, down = layers.matrices.mix[layer], layers.matrices.up[layer], layers.matrices.down[layer]
    of_mix, of_up, of_down = layers.rows.mix[layer], layers.rows.up[layer], layers.rows.down[layer]
    norm = layers.rows.attention_gain[layer], layers.rows.attention_shift[layer], eps[layer, 0]
    last = layers.rows.feed_forward_gain[layer], layers.rows.feed_forward_shift[layer], eps[layer, 1]
    for at in range(0, n, TILE):
        multiply(mix, of_mix, k.mixed, at, k.attended)
        drawn, inverse = _drawn(draws, layer, 0), k.attention_deviations
        add_norm(r.x, k.attended, at, norm, drawn, of_units, first, inverse, r.middle)
        multiply(up, of_up, r.middle, at, r.hidden)
        drop_negative(r.hidden, at, _drawn(draws, layer, 1), of_hidden, first)
        multiply(down, of_down, r.hidden, at, k.changed)
        drawn, inverse = _drawn(draws, layer, 2), k.feed_forward_deviations
        add_norm(r.middle, k.changed, at, last, drawn, of_units, first, inverse, r.x)


# -- back --------------------------------------------------------------------------------------------


@kernel
def back(
    gradient: Columns,
    given: Columns,
    batch: Batch,
    layers: Layers,
    turned: Matrices,
    memory: NDArray[np.float32],
    totals: Totals,
    result: Columns,
) -> None:
    """From the gradient of the result of :func:`ahead` to that of what it was given; weights' are added.

    Parameters
    ----------
    gradient, result
        Of the result and of what was given, ``(n_particles, units)``; the latter is written.
    given, batch, layers, memory
        As there, which has kept what it made in the memory.
    turned
        Weights, each with rows and columns exchanged.
    totals
        To which gradients of weights are added.
    """
    units, hidden = layers.matrices.down.shape[1:]
    dropping, again = masks_of(layers), room_for(batch, units, hidden)
    slopes, sums = slopes_for(batch, units, hidden), np.empty((LANES, LANES), np.float32)
    for part in range(len(batch.parts) - 1):
        offsets = batch.offsets[batch.parts[part] : batch.parts[part + 1] + 1]
        first, n = offsets[0], offsets[-1] - offsets[0]
        length, begin = length_of(n), batch.begins[part]
        r, g = room(again, units, hidden, length), slopes_of(slopes, units, hidden, length)
        work = Work(r, g, dropping, sums)
        to_columns(gradient, first, n, g.x)
        for layer in range(len(layers.eps) - 1, -1, -1):
            if not layer:
                to_columns(given, first, n, r.x)
            own = layers.matrices.query_key_value[layer], layers.rows.query_key_value[layer], r.x
            layer_back(layers, layer, own, turned, offsets, begin, memory, work, totals)
            products_back(layer, turned, n, work, totals)
        to_rows(g.x, n, result, first)


@kernel
def layer_back(
    layers: Layers,
    layer: int,
    entry: Entry,
    turned: Matrices,
    offsets: NDArray[np.int64],
    begin: int,
    memory: NDArray[np.float32],
    work: Work,
    totals: Totals,
) -> None:
    """A part of the events back through a layer, from g.x, which becomes that of the residual, to that of
    queries, keys and values.

    Parameters
    ----------
    layers, turned, memory, totals
        As in :func:`back`.
    layer
        Which.
    entry
        Of what it makes queries, keys and values, and how; the first layer's is there, others make it again.
    offsets, begin
        As in :func:`part_ahead`.
    work
        Where it works.
    """
    r, g, dropping, sums = work
    length, n, first = r.x.shape[1], offsets[-1] - offsets[0], offsets[0]
    units, step = len(r.x), rows_of(len(r.x), layers.heads) * length
    begin += layer * step
    k = kept(memory, begin, units, layers.heads, length)
    before = kept(memory, begin - (step if layer else 0), units, layers.heads, length)
    _again(layers, layer, entry, before, k, r, n, dropping, first)
    _back_to_mixed(layers, layer, turned, k, r, g, n, dropping, first, totals)
    qkv = r.query_key_value, offsets, layers.heads, k.mixed, k.most, k.share
    attend_back(*qkv, g.mixed, g.query_key_value)
    columns = n + -n % TILE
    add_outer(g.down, r.hidden, columns, sums, totals.down[layer])
    add_outer(g.up, r.middle, columns, sums, totals.up[layer])
    add_outer(g.mix, k.mixed, columns, sums, totals.mix[layer])


@kernel
def products_back(layer: int, turned: Matrices, n: int, work: Work, totals: Totals) -> None:
    """To g.x the gradient that comes through queries, keys and values of ``n`` particles, after
    :func:`layer_back`.
    """
    r, g, _, sums = work
    columns, weight = n + -n % TILE, turned.query_key_value[layer]
    for at in range(0, n, TILE):
        add_product(weight, g.query_key_value, at, g.x)
    add_sums(g.query_key_value, columns, totals.query_key_value_bias[layer])
    add_outer(g.query_key_value, r.x, columns, sums, totals.query_key_value[layer])


@kernel
def _again(
    layers: Layers,
    layer: int,
    entry: Entry,
    before: Kept,
    k: Kept,
    r: Room,
    n: int,
    dropping: Dropping,
    first: int,
) -> None:
    """What was not kept, from what was of the layer before and of its own."""
    rows, draws = layers.rows, layers.draws
    qkv, of_qkv, x = entry
    up, of_up = layers.matrices.up[layer], rows.up[layer]
    last_gain, last_shift = rows.feed_forward_gain[layer - 1], rows.feed_forward_shift[layer - 1]
    gain, shift = rows.attention_gain[layer], rows.attention_shift[layer]
    for at in range(0, n, TILE):
        if layer:
            scale_and_shift(before.changed, at, last_gain, last_shift, x)
        multiply(qkv, of_qkv, x, at, r.query_key_value)
        scale_and_shift(k.attended, at, gain, shift, r.middle)
        multiply(up, of_up, r.middle, at, r.hidden)
        drop_negative(r.hidden, at, _drawn(draws, layer, 1), dropping[1], first)


@kernel
def _back_to_mixed(
    layers: Layers,
    layer: int,
    turned: Matrices,
    k: Kept,
    r: Room,
    g: Slopes,
    n: int,
    dropping: Dropping,
    first: int,
    totals: Totals,
) -> None:
    """From the gradient of the result to that of what was mixed."""
    draws, rows, of_units = layers.draws, layers.rows, dropping[0]
    nothing = np.zeros((1, len(r.hidden) + len(r.x)), np.float32)
    down, up, mix = turned.down[layer], turned.up[layer], turned.mix[layer]
    gain, last_gain = rows.attention_gain[layer], rows.feed_forward_gain[layer]
    sums, of_bias, last_sums = totals.attention[layer], totals.up_bias[layer], totals.feed_forward[layer]
    for at in range(0, n, TILE):
        inverse, drawn = k.feed_forward_deviations, _drawn(draws, layer, 2)
        add_norm_back(g.x, k.changed, at, inverse, last_gain, drawn, of_units, first, g.down, last_sums)
        multiply(down, nothing, g.down, at, g.up)
        drop_negative_back(r.hidden, at, draws.scales[layer, 1], g.up, of_bias)
        add_product(up, g.up, at, g.x)
        inverse, drawn = k.attention_deviations, _drawn(draws, layer, 0)
        add_norm_back(g.x, k.attended, at, inverse, gain, drawn, of_units, first, g.mix, sums)
        multiply(mix, nothing, g.mix, at, g.mixed)
