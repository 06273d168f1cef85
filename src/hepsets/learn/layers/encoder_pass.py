"""Encoder layers on a CPU, forward and back: some events at a time go through all, and stay in the cache.

Their values stand in columns, see :mod:`hepsets.learn.layers.encoder_kernels`; products are those of PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from hepsets.core.lanes import LANES
from hepsets.learn.layers.column_products import blocks, from_blocks
from hepsets.learn.layers.dropout import Dropout
from hepsets.learn.layers.encoder_kernels import Columns
from hepsets.learn.layers.encoder_loops import (
    Batch,
    Draws,
    Layers,
    Matrices,
    Rows,
    Stack,
    Totals,
    ahead,
    back,
    cut,
    rows_of,
)

_PARTICLES_TIMES_WIDTH = 2**14
"""Of a part of a batch, up to a fourth; a layer of 32 units then has 0.7 MB in hand."""


class Layer(Protocol):
    """The parts of an :class:`hepsets.learn.layers.attention.EncoderLayer`."""

    heads: int
    query_key_value: nn.Linear
    mix: nn.Linear
    attention_norm: nn.LayerNorm
    up: nn.Linear
    down: nn.Linear
    feed_forward_norm: nn.LayerNorm
    dropout: Dropout


def encode_in_columns(layers: Sequence[Layer], x: Tensor, offsets: Tensor) -> Tensor:
    """What encoder layers make of particles, float32 on a CPU, with gradients.

    Parameters
    ----------
    layers
        The layers, all of one width.
    x
        Shape ``(n_particles, width)``.
    offsets
        Int64, shape ``(n_events + 1,)``: event ``i`` owns particles ``offsets[i]:offsets[i + 1]``.
    """
    weights = weights_of(layers)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, *weights)):
        result: Tensor = _Encode.apply(x, offsets.numpy(), layers, *weights)  # type: ignore[no-untyped-call]
        return result
    return _forward(x, offsets.numpy(), packed(layers, weights), keep=False).result


def weights_of(layers: Sequence[Layer]) -> list[Tensor]:
    """Weight and bias of the six parts of each layer, in their order; shapes as PyTorch has them."""
    found: list[Tensor] = []
    for layer in layers:
        before = layer.query_key_value, layer.mix, layer.attention_norm
        for part in (*before, layer.up, layer.down, layer.feed_forward_norm):
            found += (part.weight, part.bias)
    return found


def packed(layers: Sequence[Layer], weights: Sequence[Tensor]) -> Layers:
    """Layers as the loops take them, and what dropout drops of them this time.

    ``weights`` are those of :func:`weights_of`, of the shapes that they have there.
    """
    arrays = [tensor.detach().numpy() for tensor in weights]
    weight = _stacked([arrays[2 * k :: 12] for k in range(6)])
    row = _stacked([[bias[None] for bias in arrays[2 * k + 1 :: 12]] for k in range(6)])
    gains = weight[2][:, None], weight[5][:, None]
    seeds, thresholds, scales = zip(*(layer.dropout.drawn_together(3) for layer in layers), strict=True)
    each = np.ones((1, 3), np.uint32)
    draws = Draws(
        np.stack(seeds),
        np.array(thresholds, np.uint32)[:, None] * each,
        np.array(scales, np.float32)[:, None] * each.astype(np.float32),
    )
    return Layers(
        layers[0].heads,
        Matrices(weight[0], weight[1], weight[3], weight[4]),
        Rows(row[0], row[1], gains[0], row[2], row[3], row[4], gains[1], row[5]),
        np.array([[own.attention_norm.eps, own.feed_forward_norm.eps] for own in layers], np.float32),
        draws,
    )


def _stacked(arrays: Sequence[Sequence[NDArray[np.float32]]]) -> list[Stack]:
    """Of each kind, those of all layers in one array: all are copied at once."""
    flat, end, stacks = np.concatenate([own.reshape(-1) for kind in arrays for own in kind]), 0, []
    for kind in arrays:
        begin, end = end, end + len(kind) * kind[0].size
        stacks.append(flat[begin:end].reshape(len(kind), *kind[0].shape))
    return stacks


def in_parts(offsets: NDArray[np.int64], layers: Layers, *, keep: bool) -> tuple[Batch, int]:
    """The batch in parts that the cache is made for, and how much memory they need.

    ``offsets`` are those of events, shape ``(n_events + 1,)``; what is not kept takes the same place.
    """
    units = layers.matrices.mix.shape[1]
    parts, begins = cut(offsets, max(1, _PARTICLES_TIMES_WIDTH // units), rows_of(units, layers.heads))
    if not keep:
        return Batch(offsets, parts, np.zeros_like(parts)), int(np.diff(begins).max())
    begins *= len(layers.eps)
    return Batch(offsets, parts, begins), int(begins[-1])


def _forward(x: Tensor, offsets: NDArray[np.int64], layers: Layers, *, keep: bool) -> _Forward:
    given = x.detach().contiguous().numpy()
    batch, size = in_parts(offsets, layers, keep=keep)
    memory, result = np.empty(size, np.float32), np.empty_like(given)
    ahead(given, batch, layers, keep, memory, result)
    return _Forward(torch.from_numpy(result), given, batch, memory)


class _Forward(NamedTuple):
    """The result, ``(n_particles, width)``, what it was made of, and what is kept for the way back."""

    result: Tensor
    given: Columns
    batch: Batch
    memory: NDArray[np.float32]


class _Encode(torch.autograd.Function):
    """All layers as one function of particles and weights."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, offsets: NDArray[np.int64], layers: Sequence[Layer], *weights: Tensor
    ) -> Tensor:
        ctx.layers = packed(layers, weights)
        result, *ctx.made = _forward(x, offsets, ctx.layers, keep=True)
        ctx.save_for_backward(x, *weights)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        _ = ctx.saved_tensors  # complains about what has changed since
        layers, (given, batch, memory) = ctx.layers, ctx.made
        totals, of_x = no_totals(layers.matrices), np.empty_like(given)
        turned = Matrices(*(matrix.transpose(0, 2, 1).copy() for matrix in layers.matrices))
        back(gradient.contiguous().numpy(), given, batch, layers, turned, memory, totals, of_x)
        return torch.from_numpy(of_x), None, None, *gradients_of(layers.matrices, totals)


def no_totals(matrices: Matrices) -> Totals:
    """Zeros."""
    layers, units, hidden = matrices.down.shape
    of_matrices = (blocks(*matrix.shape) for matrix in matrices)
    lanes = (np.zeros((layers, n, LANES), np.float32) for n in (3 * units, 3 * units, hidden, 3 * units))
    return Totals(*of_matrices, *lanes)


def gradients_of(matrices: Matrices, totals: Totals) -> Iterator[Tensor]:
    """In the order of a layer's parts, weight and bias of each, of the same shapes."""
    layers, units, _ = matrices.down.shape
    qkv, mix, up, down = (
        from_blocks(own, *matrix.shape[1:]) for own, matrix in zip(totals[:4], matrices, strict=True)
    )
    of_qkv, attention, of_up, feed_forward = (own.sum(2) for own in totals[4:])
    attention, feed_forward = attention.reshape(layers, 3, units), feed_forward.reshape(layers, 3, units)
    for k in range(layers):
        first = qkv[k], of_qkv[k], mix[k], attention[k, 2], attention[k, 0], attention[k, 1]
        second = up[k], of_up[k], down[k], feed_forward[k, 2], feed_forward[k, 0], feed_forward[k, 1]
        yield from map(torch.from_numpy, first + second)
