"""Linear layers with ReLU, some of them on the decay tree, and a mean: events go one by one through all.

An event of 42 particles and 32 columns takes 5 kB, so that from layer to layer, forward and back, it stays in
the nearest cache; what remains to be written is what each layer makes of the particles, for the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from hepsets.core.kernel import kernel
from hepsets.core.lanes import LANES, load, passed, splat, store
from hepsets.learn.layers.embedding import PdgEmbedding
from hepsets.learn.layers.narrow_products import COLUMNS, Rows, add_transposed, multiply
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.graph import runs_kernels

Places: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Tables: TypeAlias = NDArray[np.float32]
"""A table for each layer, shape ``(layers, rows, columns)``."""
Given: TypeAlias = tuple[Rows, Places, Places, Rows, Places]
"""Features, tokens, mothers, D^-½ as a column, offsets."""
Weights: TypeAlias = tuple[Rows, Rows, Tables, Rows, Flags]
"""Of the first layer: of features, ``(n_features, columns)``, and of each token, ``(n_tokens, columns)``; of
the layers behind it ``(layers - 1, units, columns)``, and biases; which layers are on the tree."""


@dataclass(frozen=True)
class ReluLayers:
    """Layers of one width, each with ReLU behind it, after which particles are averaged.

    Parameters
    ----------
    layers
        The first takes the features, and beside them the embedding if there is one.
    on_graph
        Which of them are convolved with the decay tree, before the ReLU.
    """

    layers: Sequence[nn.Linear]
    on_graph: Sequence[bool]

    def means(self, features: Tensor, embedding: PdgEmbedding | None, batch: PackedBatch) -> Tensor | None:
        """Means over the particles of each event, float32, shape ``(n_events, units)``.

        ``None`` where they have to be made layer by layer: in other precision, on a GPU, in a graph that is
        traced, for gradients of features, and for tokens beyond the embedding.

        Parameters
        ----------
        features
            Shape ``(n_particles, n_features)``.
        embedding
            What a particle has besides, by its token.
        batch
            The events.
        """
        plain = runs_kernels(features) and runs_kernels(self.layers[0].weight) and not features.requires_grad
        if not plain or torch.is_autocast_enabled("cpu"):
            return None
        if embedding is not None and not embedding.holds(batch.tokens):
            return None
        weights = [*(layer.weight for layer in self.layers), *(layer.bias for layer in self.layers)]
        if embedding is not None:
            weights.append(embedding.weight)
        if torch.is_grad_enabled() and any(weight.requires_grad for weight in weights):
            result: Tensor = _Means.apply(self.on_graph, batch, features, *weights)  # type: ignore[no-untyped-call]
            return result
        with torch.no_grad():
            packed = _Packed(self.on_graph, features.shape[1], weights)
            return _forward(packed, features, batch, keep=False)[0]


class _Packed:
    """Weights as the loops take them: with columns up to a multiple of 32.

    Rows are those of the units alone: of a particle that is not finite, columns beyond hold no zeros.

    Parameters
    ----------
    on_graph
        Of each layer.
    n
        Number of features.
    weights
        Of the layers, their biases, and the embedding if there is one.
    """

    def __init__(self, on_graph: Sequence[bool], n: int, weights: Sequence[Tensor]) -> None:
        layers = len(on_graph)
        self.first, *others = (weight.detach() for weight in weights[:layers])
        bias, *biases = (bias.detach() for bias in weights[layers : 2 * layers])
        self.embedding = weights[-1].detach() if len(weights) > 2 * layers else None
        self.n, self.units = n, len(bias)
        self.columns = self.units + -self.units % COLUMNS
        of_tokens = bias[None]
        if self.embedding is not None:
            of_tokens = torch.addmm(bias, self.embedding, self.first[:, n:].T)
        self.rows, of_features = self.wide(of_tokens), self.wide(self.first[:, :n].T)
        self.behind, ahead = torch.zeros(2, layers - 1, self.units, self.columns)
        shifts = torch.zeros(layers - 1, self.columns)
        for place, weight in enumerate(others):
            self.behind[place, :, : self.units] = weight
            ahead[place, :, : self.units] = weight.T
            shifts[place, : self.units] = biases[place]
        flags = np.array(on_graph, dtype=np.bool_)
        self.ahead = of_features.numpy(), self.rows.numpy(), ahead.numpy(), shifts.numpy(), flags

    def wide(self, rows: Tensor) -> Tensor:
        """Rows with zeros behind their own columns."""
        result = torch.zeros(len(rows), self.columns)
        result[:, : self.units] = rows
        return result


def _forward(
    packed: _Packed, features: Tensor, batch: PackedBatch, *, keep: bool
) -> tuple[Tensor, Given, Tables]:
    """The means, what they were made of, and what each layer made of the particles if that is kept."""
    graph, tokens = batch.graph, batch.tokens
    if packed.embedding is None:
        tokens = torch.zeros_like(tokens)
    given = (
        features.contiguous().numpy(), tokens.numpy(), graph.mothers.numpy(),
        graph.inverse_sqrt_degree.numpy(), batch.offsets.numpy(),
    )  # fmt: skip
    longest = int(batch.multiplicity.max()) if batch.n_events else 0
    kept = np.empty((1 + len(packed.behind), len(features) if keep else longest, packed.columns), np.float32)
    room = np.empty((2, longest, packed.columns), np.float32)
    means = torch.empty(batch.n_events, packed.columns)
    _ahead(given, packed.ahead, keep, kept, room, means.numpy())
    return means[:, : packed.units], given, kept


class _Means(torch.autograd.Function):
    """Autograd sees one operation."""

    @staticmethod
    def forward(
        ctx: Any, on_graph: Sequence[bool], batch: PackedBatch, features: Tensor, *weights: Tensor
    ) -> Tensor:
        ctx.packed = _Packed(on_graph, features.shape[1], weights)
        means, ctx.given, ctx.kept = _forward(ctx.packed, features, batch, keep=True)
        ctx.save_for_backward(features, batch.tokens, *weights)
        return means

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *of_means: Tensor) -> tuple[Tensor | None, ...]:
        _ = ctx.saved_tensors  # complains about what has changed since
        packed, kept = ctx.packed, ctx.kept
        n, units = packed.n, packed.units
        of_first, of_rows = torch.zeros(n, packed.columns), torch.zeros_like(packed.rows)
        of_behind = torch.zeros_like(packed.behind)
        of_shifts = torch.zeros(len(of_behind), packed.columns)
        gradient, behind, on_graph = packed.wide(of_means[0]).numpy(), packed.behind.numpy(), packed.ahead[-1]
        totals = of_first.numpy(), of_rows.numpy(), of_behind.numpy(), of_shifts.numpy()
        _back(gradient, ctx.given, behind, on_graph, kept, totals)
        of_first, of_rows = of_first[:, :units].T, of_rows[:, :units]
        of_embedding: tuple[Tensor, ...] = ()
        if packed.embedding is not None:
            of_first = torch.cat([of_first, of_rows.T @ packed.embedding], dim=1)
            of_embedding = (of_rows @ packed.first[:, n:],)
        of_weights = of_first, *of_behind[:, :, :units]
        of_biases = of_rows.sum(0), *of_shifts[:, :units]
        return None, None, None, *of_weights, *of_biases, *of_embedding


# -- compiled ---------------------------------------------------------------------------------------

_ZERO, _ONE = np.float32(0), np.float32(1)


@kernel
def _ahead(given: Given, weights: Weights, keep: bool, kept: Tables, room: Tables, means: Rows) -> None:
    """Means of all events, ``(n_events, columns)``, and in ``kept`` what layers made of the particles.

    Without ``keep`` each event overwrites the one before. ``room`` is for two tables of an event.
    """
    features, tokens, mothers, scale, offsets = given
    of_features, rows, ahead, shifts, on_graph = weights
    own, received = room[0], room[1]
    nothing = np.zeros((1, means.shape[1]), np.float32)
    for event in range(len(offsets) - 1):
        begin = offsets[event]
        n = offsets[event + 1] - begin
        at = begin if keep else 0
        for layer in range(len(on_graph)):
            made = kept[layer]
            table = own if on_graph[layer] else made
            row = 0 if on_graph[layer] else at
            if layer == 0:
                multiply(features, begin, n, of_features, nothing, 0, table, row)
                for i in range(n):
                    _add_row(rows, tokens[begin + i], table, row + i)
            else:
                multiply(kept[layer - 1], at, n, ahead[layer - 1], shifts, layer - 1, table, row)
            if on_graph[layer]:
                _convolve(own, received, mothers, scale, begin, n, made, at)
            for i in range(at, at + n):
                for c in range(0, made.shape[1], LANES):
                    value = load(made, i, c)
                    store(made, i, c, passed(value, value))
        share = _ONE / np.float32(max(n, 1))
        made = kept[len(on_graph) - 1]
        for c in range(0, made.shape[1], LANES):
            total = splat(_ZERO)
            for i in range(at, at + n):
                total = total + load(made, i, c)
            store(means, event, c, total * share)


@kernel
def _back(
    of_means: Rows,
    given: Given,
    behind: Tables,
    on_graph: Flags,
    kept: Tables,
    totals: tuple[Rows, Rows, Tables, Rows],
) -> None:
    """Add to the totals gradients of what :func:`_ahead` took: of features, rows, weights and biases."""
    features, tokens, mothers, scale, offsets = given
    of_features, of_rows, of_behind, of_shifts = totals
    columns, last = kept.shape[2], len(on_graph) - 1
    longest = 0
    for event in range(len(offsets) - 1):
        longest = max(longest, offsets[event + 1] - offsets[event])
    own, other = np.empty((longest, columns), np.float32), np.empty((longest, columns), np.float32)
    received, nothing = np.empty((longest, columns), np.float32), np.zeros((1, columns), np.float32)
    for event in range(len(offsets) - 1):
        begin = offsets[event]
        n = offsets[event + 1] - begin
        share = _ONE / np.float32(max(n, 1))
        for c in range(0, columns, LANES):
            slope = load(of_means, event, c) * share
            for i in range(n):
                store(own, i, c, passed(load(kept[last], begin + i, c), slope))
        for layer in range(last, -1, -1):
            if on_graph[layer]:
                _convolve(own, received, mothers, scale, begin, n, other, 0)
                own, other = other, own
            if layer > 0:
                before = kept[layer - 1]
                add_transposed(own, 0, n, before, begin, of_behind[layer - 1])
                for c in range(0, columns, LANES):
                    total = splat(_ZERO)
                    for i in range(n):
                        total = total + load(own, i, c)
                    store(of_shifts, layer - 1, c, load(of_shifts, layer - 1, c) + total)
                multiply(own, 0, n, behind[layer - 1], nothing, 0, other, 0)
                own, other = other, own
                for i in range(n):
                    for c in range(0, columns, LANES):
                        store(own, i, c, passed(load(before, begin + i, c), load(own, i, c)))
            else:
                add_transposed(features, begin, n, own, 0, of_features)
                for i in range(n):
                    _add_row(own, i, of_rows, tokens[begin + i])


@kernel
def _add_row(rows: Rows, row: int, total: Rows, at: int) -> None:
    for c in range(0, rows.shape[1], LANES):
        store(total, at, c, load(total, at, c) + load(rows, row, c))


@kernel
def _convolve(
    own: Rows,
    received: Rows,
    mothers: Places,
    scale: NDArray[np.float32],
    begin: int,
    n: int,
    result: Rows,
    at: int,
) -> None:
    """D^-½ A D^-½ of an event's ``n`` rows, which are scaled in place, to rows of the result from ``at`` on.

    ``received`` takes what daughters give to their mothers.
    """
    columns = own.shape[1]
    for i in range(n):
        s = scale[begin + i]
        for c in range(0, columns, LANES):
            store(own, i, c, load(own, i, c) * s)
            store(received, i, c, load(own, i, c))
    for i in range(n):
        m = mothers[begin + i] - begin
        if m != i:
            _add_row(own, i, received, m)
            _add_row(own, m, received, i)
    for i in range(n):
        s = scale[begin + i]
        for c in range(0, columns, LANES):
            store(result, at + i, c, load(received, i, c) * s)
