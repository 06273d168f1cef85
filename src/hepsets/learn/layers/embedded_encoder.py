"""From features and token of particles through encoder layers to the mean of each event: one operation.

The projection is folded into the first layer's queries, keys and values, which are then made of few inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from hepsets.core.kernel import kernel
from hepsets.core.lanes import LANES, above, lane_sums, load, splat, spread, store, turn
from hepsets.learn.layers.column_products import (
    TILE,
    add_outer,
    add_product,
    blocks,
    clear_behind,
    from_blocks,
    multiply,
)
from hepsets.learn.layers.embedding import PdgEmbedding
from hepsets.learn.layers.encoder_kernels import Columns
from hepsets.learn.layers.encoder_loops import (
    Batch,
    Layers,
    Matrices,
    Totals,
    Work,
    layer_back,
    length_of,
    longest,
    masks_of,
    part_ahead,
    products_back,
    room,
    room_for,
    slopes_for,
    slopes_of,
)
from hepsets.learn.layers.encoder_pass import Layer, gradients_of, in_parts, no_totals, packed, weights_of
from hepsets.represent.decay_trees.graph import runs_kernels


class Particles(NamedTuple):
    """Features ``(n_particles, n_features)``, tokens ``(n_particles,)``, their vectors ``(n_tokens, n)``."""

    features: Columns
    tokens: NDArray[np.int64]
    vectors: Columns


class Entry(NamedTuple):
    """What is made of features, vector and 1: particles, queries with keys and values.

    Shapes ``(units, n_inputs)`` and ``(3 · units, n_inputs)``.
    """

    projection: Columns
    query_key_value: Columns


class EntryTotals(NamedTuple):
    """Gradients summed over particles: of both matrices in blocks, and of vectors of tokens."""

    projection: Columns
    query_key_value: Columns
    vectors: Columns


def can_embed(features: Tensor, tokens: Tensor, embedding: PdgEmbedding) -> bool:
    """Whether compiled loops can do it: on a CPU, in single precision, without gradients of features.

    Features and tokens have shapes ``(n_particles, n_features)`` and ``(n_particles,)``.
    """
    plain = runs_kernels(features) and runs_kernels(embedding.weight) and not features.requires_grad
    return plain and not torch.is_autocast_enabled("cpu") and len(tokens) > 0 and embedding.holds(tokens)


def means_of_encoded(
    features: Tensor,
    tokens: Tensor,
    embedding: PdgEmbedding,
    projection: nn.Linear,
    layers: Sequence[Layer],
    offsets: Tensor,
) -> Tensor:
    """The mean over each event of what encoder layers make of its particles, ``(n_events, units)``.

    The mean of an empty event is 0.

    Parameters
    ----------
    features, tokens
        Shapes ``(n_particles, n_features)`` and ``(n_particles,)``; see :func:`can_embed`.
    embedding, projection
        Vectors of tokens, and the layer that features and vectors, side by side, go through first.
    layers
        The encoder layers, all of one width.
    offsets
        Int64, shape ``(n_events + 1,)``: event ``i`` owns particles ``offsets[i]:offsets[i + 1]``.
    """
    weights = [embedding.weight, projection.weight, projection.bias, *weights_of(layers)]
    if torch.is_grad_enabled() and any(weight.requires_grad for weight in weights):
        result: Tensor = _Means.apply(features, tokens, offsets, layers, *weights)  # type: ignore[no-untyped-call]
        return result
    made = _forward(features, tokens, offsets, layers, weights, keep=False)
    return made.means


class _Forward(NamedTuple):
    """The result, what it was made of, and what is kept for the way back."""

    means: Tensor
    particles: Particles
    entry: Entry
    layers: Layers
    batch: Batch
    memory: NDArray[np.float32]


def _forward(
    features: Tensor,
    tokens: Tensor,
    offsets: Tensor,
    layers: Sequence[Layer],
    weights: Sequence[Tensor],
    *,
    keep: bool,
) -> _Forward:
    vectors, weight, bias = (tensor.detach().numpy() for tensor in weights[:3])
    particles = Particles(features.detach().contiguous().numpy(), tokens.contiguous().numpy(), vectors)
    own = packed(layers, weights[3:])
    projection = np.concatenate([weight, bias[:, None]], axis=1)
    of_first = own.matrices.query_key_value[0] @ projection
    of_first[:, -1] += own.rows.query_key_value[0, 0]
    batch, size = in_parts(offsets.numpy(), own, keep=keep)
    memory, units = np.empty(size, np.float32), len(weight)
    means = np.empty((len(offsets) - 1, units + -units % LANES), np.float32)
    entry = Entry(projection, of_first)
    means_ahead(particles, entry, batch, own, keep, memory, means)
    return _Forward(torch.from_numpy(means)[:, :units], particles, entry, own, batch, memory)


class _Means(torch.autograd.Function):
    """All as one function of weights."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, tokens: Tensor, offsets: Tensor, layers: Sequence[Layer], *weights: Tensor
    ) -> Tensor:
        means, *ctx.made = _forward(features, tokens, offsets, layers, weights, keep=True)
        ctx.save_for_backward(*weights)
        return means

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        _ = ctx.saved_tensors  # complains about what has changed since
        particles, entry, layers, batch, memory = ctx.made
        totals, inputs = no_totals(layers.matrices), entry.projection.shape[1]
        rows = inputs + -inputs % LANES
        turned = Matrices(*(matrix.transpose(0, 2, 1).copy() for matrix in layers.matrices))
        of_projection, of_first = (blocks(1, len(matrix), rows) for matrix in entry)
        of_entry = EntryTotals(of_projection[0], of_first[0], np.zeros_like(particles.vectors))
        slope = gradient.contiguous().numpy()
        means_back(slope, particles, entry, batch, layers, turned, memory, totals, of_entry)
        own = from_blocks(of_first, len(entry.query_key_value), rows)[0, :, :inputs]
        before = from_blocks(of_projection, len(entry.projection), rows)[0, :, :inputs]
        before = before + layers.matrices.query_key_value[0].T @ own
        mine = of_entry.vectors, before[:, :-1], before[:, -1], own @ entry.projection.T, own[:, -1]
        _, _, *others = gradients_of(layers.matrices, totals)  # queries, keys and values of the first layer
        return None, None, None, None, *map(torch.from_numpy, mine), *others


# -- compiled ----------------------------------------------------------------------------------------

_ZERO = np.float32(0)


@kernel
def means_ahead(
    particles: Particles,
    entry: Entry,
    batch: Batch,
    layers: Layers,
    keep: bool,
    memory: NDArray[np.float32],
    means: Columns,
) -> None:
    """From particles to means, written in shape ``(n_events, columns)``: units up to a multiple of sixteen.

    The other parameters are those of :func:`hepsets.learn.layers.encoder_loops.ahead`.
    """
    units, hidden = layers.matrices.down.shape[1:]
    dropping, again, inputs = masks_of(layers), room_for(batch, units, hidden), _inputs_for(batch, entry)
    nothing = np.zeros((1, 3 * units), np.float32)
    for part in range(len(batch.parts) - 1):
        events = batch.parts[part]
        offsets = batch.offsets[events : batch.parts[part + 1] + 1]
        first, n = offsets[0], offsets[-1] - offsets[0]
        r, given = room(again, units, hidden, length_of(n)), _inputs_of(inputs, entry, length_of(n))
        _enter(particles, first, n, given)
        for at in range(0, n, TILE):
            multiply(entry.projection, nothing, given, at, r.x)
        own = entry.query_key_value, nothing, given
        part_ahead(layers, own, offsets, batch.begins[part], keep, memory, r, dropping)
        _add_up(r.x, offsets, means, events)
    means[batch.parts[-1] :] = _ZERO  # empty events behind the last particle


@kernel
def means_back(
    gradient: Columns,
    particles: Particles,
    entry: Entry,
    batch: Batch,
    layers: Layers,
    turned: Matrices,
    memory: NDArray[np.float32],
    totals: Totals,
    of_entry: EntryTotals,
) -> None:
    """From the gradient of means, ``(n_events, units)``, to those of weights, which are added to totals.

    The first layer's queries, keys and values are left out there: they are in ``of_entry``. The other
    parameters are those of :func:`means_ahead` and :func:`hepsets.learn.layers.encoder_loops.back`.
    """
    units, hidden = layers.matrices.down.shape[1:]
    dropping, again, inputs = masks_of(layers), room_for(batch, units, hidden), _inputs_for(batch, entry)
    slopes, sums = slopes_for(batch, units, hidden), np.empty((LANES, LANES), np.float32)
    nothing = np.zeros((1, 3 * units + entry.projection.shape[1]), np.float32)
    to_vectors = _to_vectors(entry.projection, particles), _to_vectors(entry.query_key_value, particles)
    for part in range(len(batch.parts) - 1):
        events, begin = batch.parts[part], batch.begins[part]
        offsets = batch.offsets[events : batch.parts[part + 1] + 1]
        first, n = offsets[0], offsets[-1] - offsets[0]
        length, columns = length_of(n), n + -n % TILE
        r, g = room(again, units, hidden, length), slopes_of(slopes, units, hidden, length)
        work = Work(r, g, dropping, sums)
        _share_out(gradient, events, offsets, g.x)
        for layer in range(len(layers.eps) - 1, 0, -1):
            own = layers.matrices.query_key_value[layer], layers.rows.query_key_value[layer], r.x
            layer_back(layers, layer, own, turned, offsets, begin, memory, work, totals)
            products_back(layer, turned, n, work, totals)
        given = _inputs_of(inputs, entry, length)
        _enter(particles, first, n, given)
        own = entry.query_key_value, nothing, given
        layer_back(layers, 0, own, turned, offsets, begin, memory, work, totals)
        add_outer(g.x, given, columns, sums, of_entry.projection)
        add_outer(g.query_key_value, given, columns, sums, of_entry.query_key_value)
        of_vectors = given  # which nobody needs any more
        for at in range(0, n, TILE):
            multiply(to_vectors[0], nothing, g.x, at, of_vectors)
            add_product(to_vectors[1], g.query_key_value, at, of_vectors)
        _add_vectors(of_vectors, particles.tokens, first, n, of_entry.vectors)


@kernel
def _inputs_for(batch: Batch, entry: Entry) -> NDArray[np.float32]:
    """Memory for :func:`_inputs_of` any part."""
    inputs = entry.projection.shape[1]
    return np.empty((inputs + -inputs % LANES) * longest(batch), np.float32)


@kernel
def _inputs_of(memory: NDArray[np.float32], entry: Entry, length: int) -> Columns:
    """Table of inputs, in rows of this length: up to a multiple of sixteen of them."""
    inputs = entry.projection.shape[1]
    rows = inputs + -inputs % LANES
    return memory[: rows * length].reshape(rows, length)


@kernel
def _enter(particles: Particles, first: int, n: int, inputs: Columns) -> None:
    """Features, vectors and 1 of ``n`` particles from the first one on, in columns; 0 below and behind."""
    features, tokens, vectors = particles
    here, width = features.shape[1], vectors.shape[1]
    rows = np.zeros((LANES, len(inputs)), np.float32)
    for at in range(0, n, LANES):
        for i in range(min(LANES, n - at)):
            row, feature, vector = rows[i], features[first + at + i], vectors[tokens[first + at + i]]
            for c in range(here):
                row[c] = feature[c]
            for c in range(width):
                row[here + c] = vector[c]
            row[here + width] = np.float32(1)
        for c in range(0, len(inputs), LANES):
            turn(rows, 0, c, inputs, c, at)
    clear_behind(inputs, n)


@kernel
def _to_vectors(matrix: Columns, particles: Particles) -> Columns:
    """Columns of a matrix that are multiplied with vectors, as rows, up to a multiple of four."""
    begin, width = particles.features.shape[1], particles.vectors.shape[1]
    turned = np.zeros((width + -width % 4, len(matrix)), np.float32)
    turned[:width] = matrix[:, begin : begin + width].T
    return turned


@kernel
def _add_vectors(
    gradient: Columns, tokens: NDArray[np.int64], first: int, n: int, of_vectors: Columns
) -> None:
    """To each token's row add the gradient of the particles that have it."""
    for i in range(n):
        token = tokens[first + i]
        for c in range(of_vectors.shape[1]):
            of_vectors[token, c] += gradient[c, i]


@kernel
def _add_up(x: Columns, offsets: NDArray[np.int64], means: Columns, first: int) -> None:
    """Means over the particles of each event, written from the first row on; 0 for empty events."""
    sums, inside = np.zeros((LANES, LANES), np.float32), np.zeros((1, 2 * LANES), np.float32)
    inside[0, :LANES] = 1
    for event in range(len(offsets) - 1):
        begin, n = offsets[event] - offsets[0], offsets[event + 1] - offsets[event]
        rest = n % LANES
        end, of_rest = begin + n - rest, load(inside, 0, LANES - rest)
        for c in range(0, len(x), LANES):
            for k in range(c, min(c + LANES, len(x))):
                total = splat(_ZERO)
                for at in range(begin, end, LANES):
                    total = total + load(x, k, at)
                if rest:
                    total = total + above(of_rest, load(x, k, end), splat(_ZERO))
                store(sums, k - c, 0, total)
            store(means, first + event, c, lane_sums(sums, 0, 0) / np.float32(max(n, 1)))


@kernel
def _share_out(gradient: Columns, first: int, offsets: NDArray[np.int64], of_x: Columns) -> None:
    """Gradients of the particles of each event from that of its mean; 0 behind the last particle."""
    for event in range(len(offsets) - 1):
        begin, end = offsets[event] - offsets[0], offsets[event + 1] - offsets[0]
        for c in range(len(of_x)):
            own = spread(gradient, first + event, c) / np.float32(max(end - begin, 1))
            for at in range(begin, end, LANES):  # what falls behind the end is overwritten
                store(of_x, c, at, own)
    clear_behind(of_x, offsets[-1] - offsets[0])
