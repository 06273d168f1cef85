"""The tuned stack as it is scored: events by the dozen, which stay in the cache from layer to layer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from hepsets.core.kernel import kernel, kernel_of_separate_arrays
from hepsets.learn.decay_trees.gcn_training import Blocks, Columns, Floats, Places, room_of_an_event
from hepsets.learn.layers.folding import linear_of_norm
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.graph import runs_kernels

EVENTS = 128
"""Events at a time: two arrays of 42 particles each by 32 columns are 1.4 MB."""


def can_score(blocks: Blocks, features: Tensor) -> bool:
    """Whether :class:`Folded` stands for the blocks: on a CPU, in single precision, without gradients.

    Parameters
    ----------
    blocks
        In evaluation, dropout included, with running statistics.
    features
        Shape ``(n_particles, n_features)``.
    """
    usual = all(not norm.training and norm.track_running_stats for norm in blocks.norms)
    return usual and not blocks.dropout.training and runs_kernels(features) and not torch.is_grad_enabled()


class Folded:
    """Blocks in evaluation, where norms go into the layers behind them.

    Parameters
    ----------
    blocks
        The blocks.
    embedding
        Of each token, shape ``(n_tokens, n)``: what a particle has besides its features. What the first layer
        makes of it is worked out once per token.
    """

    def __init__(self, blocks: Blocks, embedding: Tensor) -> None:
        pairs = zip(blocks.layers, blocks.norms, strict=True)
        folded = [linear_of_norm(layer.weight, layer.bias, norm) for layer, norm in pairs]
        (first, bias), *others = folded
        n = first.shape[1] - embedding.shape[1]
        rows = torch.addmm(bias, embedding, first[:, n:].T)
        self.weights = [first[:, :n].T, *(weight.T for weight, _ in others)]
        self.rows = [rows.numpy(), *(shift[None].numpy() for _, shift in others)]
        self.slope = np.float32(blocks.slope)

    def means(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Means over the particles of each event, shape ``(n_events, units)``.

        Parameters
        ----------
        features
            Float32 on the CPU, shape ``(n_particles, n_features)``.
        batch
            The events.
        """
        offsets, graph = batch.offsets.numpy(), batch.graph
        edges = offsets[np.append(np.arange(0, batch.n_events, EVENTS), batch.n_events)]
        longest, columns = int(np.diff(edges).max(initial=0)), (0,) * self.rows[0].shape[1]
        x, before = torch.empty(longest, len(columns)), torch.empty(longest, len(columns))
        mothers, scale = graph.mothers.numpy(), graph.inverse_sqrt_degree.numpy()
        tokens, none = batch.tokens.numpy(), np.zeros(longest, dtype=np.int64)
        means = torch.zeros(batch.n_events, len(columns))
        for block, (begin, end) in enumerate(pairwise(edges)):
            part = slice(block * EVENTS, (block + 1) * EVENTS + 1)
            tree = mothers[begin:end], scale[begin:end], offsets[part]
            n = end - begin
            torch.mm(features[begin:end], self.weights[0], out=x[:n])
            _convolve(x.numpy(), self.rows[0], tokens[begin:end], *tree, self.slope, columns)
            for weight, rows in zip(self.weights[1:-1], self.rows[1:-1], strict=True):
                x, before = before, x
                torch.mm(before[:n], weight, out=x[:n])
                _convolve(x.numpy(), rows, none, *tree, self.slope, columns)
            torch.mm(x[:n], self.weights[-1], out=before[:n])
            _average(before.numpy(), self.rows[-1][0], tree[2], self.slope, means[part].numpy(), columns)
        return means


# -- compiled ---------------------------------------------------------------------------------------

_ZERO, _ONE = np.float32(0), np.float32(1)


@kernel
def _convolve(
    x: Floats,
    rows: Floats,
    tokens: Places,
    mothers: Places,
    scale: Floats,
    offsets: Places,
    slope: np.float32,
    columns: Columns,
) -> None:
    """Add the row of each particle's token, convolve, activate: in place, event by event.

    ``mothers`` and ``offsets`` count from anywhere; the other arrays begin with the first event.
    """
    own, given = room_of_an_event(offsets, len(columns)), room_of_an_event(offsets, len(columns))
    for event in range(len(offsets) - 1):
        part = offsets[event] - offsets[0], offsets[event + 1] - offsets[0]
        _convolve_event(x, rows, tokens, (mothers, scale), part, offsets[0], slope, own, given, columns)


@kernel_of_separate_arrays
def _convolve_event(
    x: Floats,
    rows: Floats,
    tokens: Places,
    tree: tuple[Places, Floats],
    part: tuple[int, int],
    start: int,
    slope: np.float32,
    own: Floats,
    given: Floats,
    columns: Columns,
) -> None:
    """First what daughters give to their mothers, then all else of a particle at once.

    Loops over ``units`` are as long as others: told so, the compiler would not make vectors of them.
    """
    begin, end = part
    mothers, scale = tree
    units, width = x.shape[1], len(columns)
    for i in range(begin, end):
        t, s = tokens[i], scale[i]
        for k in range(units):
            own[i - begin, k] = (x[i, k] + rows[t, k]) * s
        for k in range(width):
            given[i - begin, k] = _ZERO
    for i in range(begin, end):
        m = mothers[i] - start
        if m != i:
            for k in range(units):
                given[m - begin, k] += own[i - begin, k]
    for i in range(begin, end):
        m, s = mothers[i] - start, scale[i]
        linked = _ZERO if m == i else _ONE
        for k in range(width):
            value = s * (own[i - begin, k] + given[i - begin, k] + linked * own[m - begin, k])
            x[i, k] = value if value > _ZERO else value * slope


@kernel_of_separate_arrays
def _average(
    x: Floats, bias: Floats, offsets: Places, slope: np.float32, means: Floats, columns: Columns
) -> None:
    """Activated values, averaged over each event."""
    for event in range(len(offsets) - 1):
        begin, end = offsets[event] - offsets[0], offsets[event + 1] - offsets[0]
        for i in range(begin, end):
            for k in range(len(columns)):
                value = x[i, k] + bias[k]
                means[event, k] += value if value > _ZERO else value * slope
        for k in range(len(columns)):
            means[event, k] /= np.float32(max(end - begin, 1))
