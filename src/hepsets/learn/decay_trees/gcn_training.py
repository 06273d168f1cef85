"""Blocks of graph convolutions in training: few passes over the particles, forward and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from hepsets.core.kernel import kernel
from hepsets.core.lanes import LANES
from hepsets.learn.decay_trees.gcn_passes import Doubles, Floats, Places, Rules, ahead, back
from hepsets.learn.layers.dropout import Dropout
from hepsets.learn.layers.narrow_products import COLUMNS
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.graph import runs_kernels


@dataclass(frozen=True)
class Blocks:
    """Blocks of batch norm, layer, leaky ReLU and dropout, after which particles are averaged.

    Batch norm is an affine map once mean and variance of a batch are known, so each goes into the weights of
    the layer behind it, and what comes back through mean and variance is an affine map of the values, too.
    All else between two products of matrices is one pass over the particles, event by event.

    Parameters
    ----------
    norms, layers
        One of each per block. All blocks but the last are convolved after their layer.
    slope
        Of the leaky ReLU below zero, not zero.
    dropout
        Behind each activation, and of the embedding.
    """

    norms: Sequence[nn.BatchNorm1d]
    layers: Sequence[nn.Linear]
    slope: float
    dropout: Dropout

    def can_train(self, features: Tensor) -> bool:
        """Whether compiled loops can do it: on a CPU, in single precision, with norms as they come.

        Parameters
        ----------
        features
            Shape ``(n_particles, n_features)``.
        """
        usual = all(can_fold(norm) for norm in self.norms)
        plain = not features.requires_grad and not torch.is_autocast_enabled("cpu")
        return usual and plain and runs_kernels(features) and len(features) > 1

    def means(self, features: Tensor, embedding: Tensor, batch: PackedBatch) -> Tensor:
        """Means over the particles of each event, shape ``(n_events, units)``, in training.

        Parameters
        ----------
        features
            Shape ``(n_particles, n_features)``; they get no gradient.
        embedding
            Of each token, shape ``(n_tokens, n)``: what a particle has besides its features.
        batch
            The events.
        """
        weights = [
            weight
            for norm, layer in zip(self.norms, self.layers, strict=True)
            for weight in (norm.weight, norm.bias, layer.weight, layer.bias)
        ]
        result: Tensor = _Means.apply(self, batch, features, embedding, *weights)  # type: ignore[no-untyped-call]
        return result

    def rules(self) -> Rules:
        """What compiled loops drop, and slopes of what they keep."""
        seeds, threshold, up = self.dropout.drawn_together(1 + len(self.layers))
        return seeds, threshold, up, np.float32(self.slope * up)


def can_fold(norm: nn.BatchNorm1d) -> bool:
    """Whether a norm takes the mean and variance of each batch, and remembers some of them."""
    return norm.training and norm.track_running_stats and bool(norm.momentum)


def remember(norm: nn.BatchNorm1d, statistics: Doubles, n: int, centre: Floats | None = None) -> None:
    """Move the running statistics of a norm, as it does itself.

    Parameters
    ----------
    statistics
        Mean and variance of its inputs, shape ``(2, n_inputs)`` or with more columns.
    n
        Number of rows.
    centre
        What the first of them were counted from.
    """
    mean, variance, seen = norm.running_mean, norm.running_var, norm.num_batches_tracked
    assert mean is not None
    assert variance is not None
    assert seen is not None
    assert norm.momentum is not None
    centre = _NOWHERE if centre is None else centre
    kept = seen.numpy(), mean.numpy(), variance.numpy()
    _remember(statistics, n / (n - 1), centre, norm.momentum, *kept)


_NOWHERE = np.empty(0, np.float32)


@kernel
def _remember(
    statistics: Doubles,
    bessel: float,
    centre: Floats,
    momentum: float,
    seen: Places,
    mean: Floats,
    variance: Floats,
) -> None:
    seen[()] += 1
    for j in range(len(mean)):
        away = np.float64(centre[j]) if j < len(centre) else 0.0
        mean[j] += momentum * (statistics[0, j] + away - mean[j])
        variance[j] += momentum * (statistics[1, j] * bessel - variance[j])


class _Means(torch.autograd.Function):
    """Autograd sees one operation."""

    @staticmethod
    def forward(
        ctx: Any, blocks: Blocks, batch: PackedBatch, features: Tensor, embedding: Tensor, *weights: Tensor
    ) -> Tensor:
        graph, norms = batch.graph, blocks.norms
        units, (n_tokens, width) = len(weights[-1]), embedding.shape
        n_particles, n = features.shape
        n_in, columns = max(n + width, units), max(width, units)
        columns += -columns % COLUMNS
        rows = np.zeros((2, n_tokens, columns), np.float32)  # embedding, and how often its numbers are kept
        rows[0, :, :width] = embedding.detach().numpy()
        ctx.given = (
            features.contiguous().numpy(), rows[0], batch.tokens.numpy(), graph.mothers.numpy(),
            graph.inverse_sqrt_degree.numpy(), batch.offsets.numpy(),
        )  # fmt: skip
        ctx.rules, ctx.widths = blocks.rules(), (n, width, units)
        flat = torch.cat([weight.flatten() for weight in weights])
        ctx.weights = flat.numpy(), np.array([norm.eps for norm in norms])
        ctx.folded = tuple(
            np.zeros((len(norms), *shape), np.float32)
            for shape in ((n_in, columns), (units, columns), (columns,))
        )
        x, tables = (
            np.empty(shape, np.float32)
            for shape in ((n_particles, n + columns), (len(norms) - 1, n_particles, columns))
        )
        signs = np.empty((n_particles, columns // LANES), np.uint32)
        ctx.made = x, tables, signs, rows[1], np.zeros((len(norms), 2, n_in))
        means = torch.empty(batch.n_events, columns)
        centre = ahead(ctx.given, ctx.rules, ctx.widths, ctx.weights, ctx.folded, ctx.made, means.numpy())
        for place, (norm, of_block) in enumerate(zip(norms, ctx.made[-1], strict=True)):
            remember(norm, of_block, n_particles, None if place else centre)
        ctx.save_for_backward(features, batch.tokens, embedding, *weights)
        return means[:, :units]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *of_means: Tensor) -> tuple[Tensor | None, ...]:
        _, _, _, *weights = ctx.saved_tensors  # complains about what has changed since
        _, width, units = ctx.widths
        rows = ctx.given[1]
        gradient = np.zeros((len(of_means[0]), rows.shape[1]), np.float32)
        gradient[:, :units] = of_means[0].numpy()
        of_weights, of_rows = torch.empty(len(ctx.weights[0])), torch.zeros(rows.shape)
        parts = ctx.given, ctx.rules, ctx.widths, ctx.weights, ctx.folded, ctx.made
        back(gradient, *parts, of_weights.numpy(), of_rows.numpy())
        each = torch.split_with_sizes(of_weights, [weight.numel() for weight in weights])
        shaped = (one.view_as(weight) for one, weight in zip(each, weights, strict=True))
        return None, None, None, of_rows[:, :width], *shaped
