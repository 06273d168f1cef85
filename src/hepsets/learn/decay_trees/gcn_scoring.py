"""The tuned stack as it is scored: an event goes alone through all layers and stays in the nearest cache."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hepsets.core.kernel import kernel
from hepsets.core.lanes import LANES, above, load, splat, store
from hepsets.learn.decay_trees.gcn_passes import Given, Tables, around, give, room_of_an_event, weigh
from hepsets.learn.decay_trees.gcn_training import Blocks
from hepsets.learn.layers.folding import linear_of_norm
from hepsets.learn.layers.narrow_products import COLUMNS, Rows, multiply
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.graph import runs_kernels


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
        (first, bias), *others = [linear_of_norm(layer.weight, layer.bias, norm) for layer, norm in pairs]
        n, self.units = first.shape[1] - embedding.shape[1], len(bias)
        rows = torch.addmm(bias, embedding, first[:, n:].T)
        weights = torch.stack([weight.T for weight, _ in others])
        shifts = torch.stack([shift for _, shift in others])
        self.rows, *self.weights = (self._wide(part) for part in (rows, first[:, :n].T, weights, shifts))
        self.slope = np.float32(blocks.slope)

    def _wide(self, part: Tensor) -> Tables:
        """With columns up to a multiple of 32."""
        wide: Tables = functional.pad(part, (0, -self.units % COLUMNS)).contiguous().numpy()
        return wide

    def means(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Means over the particles of each event, shape ``(n_events, units)``.

        Parameters
        ----------
        features
            Float32 on the CPU, shape ``(n_particles, n_features)``.
        batch
            The events.
        """
        graph = batch.graph
        given = (
            features.contiguous().numpy(), self.rows, batch.tokens.numpy(), graph.mothers.numpy(),
            graph.inverse_sqrt_degree.numpy(), batch.offsets.numpy(),
        )  # fmt: skip
        means = torch.empty(batch.n_events, self.rows.shape[1])
        of_features, weights, shifts = self.weights
        _means(given, of_features, weights, shifts, self.slope, means.numpy())
        return means[:, : self.units]


# -- compiled ---------------------------------------------------------------------------------------

_ZERO, _ONE = np.float32(0), np.float32(1)


@kernel
def _means(
    given: Given, of_features: Rows, weights: Tables, shifts: Rows, slope: np.float32, means: Rows
) -> None:
    """Write means of all events, ``(n_events, columns)``.

    Weights are ``(n_features, columns)`` of features and ``(blocks - 1, units, columns)`` of blocks behind
    the first; of the embedding there is what the first block makes of each token.
    """
    features, rows, tokens, mothers, scale, offsets = given
    columns = shifts.shape[1]
    own, received = room_of_an_event(offsets, columns), room_of_an_event(offsets, columns)
    x, nothing = room_of_an_event(offsets, columns), np.zeros((1, columns), np.float32)
    for event in range(len(offsets) - 1):
        begin = offsets[event]
        n = offsets[event + 1] - begin
        multiply(features, begin, n, of_features, nothing, 0, own, 0)
        for i in range(n):
            t = tokens[begin + i]
            for c in range(0, columns, LANES):
                store(own, i, c, load(own, i, c) + load(rows, t, c))
        for block in range(len(weights)):
            for c in range(0, columns, COLUMNS):
                weigh(own, received, scale, begin, n, c)
                give(own, received, mothers, begin, n, c)
                for i in range(n):
                    p, q = around(own, received, mothers, scale, begin, i, c)
                    store(x, i, c, above(p, p, p * slope))
                    store(x, i, c + LANES, above(q, q, q * slope))
            multiply(x, 0, n, weights[block], shifts, block, own, 0)
        share = _ONE / np.float32(max(n, 1))
        for c in range(0, columns, LANES):
            total = splat(_ZERO)
            for i in range(n):
                value = load(own, i, c)
                total = total + above(value, value, value * slope)
            store(means, event, c, total * share)
