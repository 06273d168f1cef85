"""Blocks of graph convolutions in training: few passes over the particles, forward and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from hepsets.core.kernel import kernel, kernel_of_separate_arrays
from hepsets.learn.layers.dropout import Dropout, keeps
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.graph import runs_kernels

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.int64]
Drawn: TypeAlias = tuple[np.uint32, np.uint32, np.float32]
Tree: TypeAlias = tuple[Places, Floats, Floats]
"""Mothers, D^-½, and sums of it over a particle and its neighbours."""
Rule: TypeAlias = tuple[np.uint32, np.uint32, np.float32, np.float32]
"""Seed and threshold of the dropout, and slopes of the activation, above and below zero, of what is kept."""
Columns: TypeAlias = tuple[int, ...]
"""One entry per column: the compiler takes their number for a constant."""


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
        usual = all(norm.training and norm.track_running_stats and norm.momentum for norm in self.norms)
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


class _Means(torch.autograd.Function):
    """Autograd sees one operation, so the gradients of particles need two arrays for all blocks."""

    @staticmethod
    def forward(
        ctx: Any, blocks: Blocks, batch: PackedBatch, features: Tensor, embedding: Tensor, *weights: Tensor
    ) -> Tensor:
        graph, tokens = batch.graph, batch.tokens.numpy()
        mothers, offsets = graph.mothers.numpy(), batch.offsets.numpy()
        scale = graph.inverse_sqrt_degree.numpy()
        tree = mothers, scale, _sums_of_scales(mothers, scale)
        n, width = features.shape[1], embedding.shape[1]
        drawn = blocks.dropout.drawn()
        x = torch.empty(len(features), 8 * math.ceil((n + width) / 8))  # products are slow for odd widths
        rows = functional.pad(embedding.detach(), (n, x.shape[1] - n - width))
        centre = features.mean(0)
        parts = features.contiguous().numpy(), centre.numpy(), rows.numpy(), tokens
        statistics = _beside(*parts, drawn, width, x.numpy(), _columns(x))
        passed, steps = [x], []
        for place, norm in enumerate(blocks.norms):
            step = _Step(norm, weights[4 * place : 4 * place + 4], statistics, x.shape[1])
            step.remember(norm, len(x), None if place else centre)
            x = torch.mm(x, step.folded.T)
            seed, threshold, up = blocks.dropout.drawn()
            step.rule = seed, threshold, up, np.float32(blocks.slope * up)
            if place + 1 < len(blocks.layers):
                statistics = _activate(x.numpy(), step.shifted, tree, offsets, step.rule, _columns(x))
            else:
                means = _activate_last(x.numpy(), step.shifted, offsets, step.rule, _columns(x))
            passed.append(x)
            steps.append(step)
        ctx.save_for_backward(*passed, embedding, *weights)
        ctx.steps, ctx.tree, ctx.offsets = steps, tree, offsets
        ctx.of_tokens = tokens, drawn, (n, width)
        return torch.from_numpy(means)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *of_means: Tensor) -> tuple[Tensor | None, ...]:
        passed = ctx.saved_tensors[: len(ctx.steps) + 1]
        x, step = passed[-1], ctx.steps[-1]
        of_x = torch.empty_like(x)
        of_mean = of_means[0].contiguous().numpy()
        of_bias = _activate_last_back(of_mean, x.numpy(), ctx.offsets, step.rule, of_x.numpy(), _columns(x))
        of_weights: list[Tensor] = []
        for place in reversed(range(len(ctx.steps))):
            step, x = ctx.steps[place], passed[place]
            of_folded, of_x = torch.mm(of_x.T, x), torch.mm(of_x, step.folded)
            of_weight, of_norm, affine = step.unfolded(of_folded, of_bias, len(x))
            of_weights[:0] = (*of_norm, of_weight, torch.from_numpy(of_bias.astype(np.float32)))
            if place:
                rest = ctx.tree, ctx.offsets, ctx.steps[place - 1].rule
                of_bias = _activate_back(of_x.numpy(), x.numpy(), affine, *rest, _columns(x))
        tokens, drawn, (n, width) = ctx.of_tokens
        of_rows = torch.zeros(len(ctx.saved_tensors[len(passed)]), x.shape[1])
        parts = tokens, drawn, (n, width), of_rows.numpy()
        _beside_back(of_x.numpy(), x.numpy(), affine, *parts, _columns(x))
        return None, None, None, of_rows[:, n : n + width], *of_weights


class _Step:
    """A norm and the layer behind it as one.

    Parameters
    ----------
    norm
        The norm, of which it takes no weights.
    weights
        Weight and bias of the norm, weight and bias of the layer.
    statistics
        Mean and variance of each column, shape ``(2, n)``.
    columns
        How many there are, at least as many as the layer takes; it makes nothing of the others.

    Attributes
    ----------
    folded, shifted
        Weight, of shape ``(n_out, n)``, and bias.
    rule
        Of the activation and the dropout behind it.
    """

    rule: Rule

    def __init__(
        self, norm: nn.BatchNorm1d, weights: Sequence[Tensor], statistics: Doubles, columns: int
    ) -> None:
        self.gamma, self.beta, self.weight, bias = (each.detach().numpy() for each in weights)
        self.eps, self.statistics = norm.eps, statistics
        self.folded = torch.zeros(len(bias), columns)
        parts = self.gamma, self.beta, statistics, self.eps, self.folded.numpy()
        self.shifted = _fold(self.weight, bias, *parts)

    def remember(self, norm: nn.BatchNorm1d, n: int, centre: Tensor | None) -> None:
        """Move the running statistics of the norm, as it does itself; its inputs had a ``centre``."""
        mean, variance, seen = norm.running_mean, norm.running_var, norm.num_batches_tracked
        momentum = norm.momentum
        assert mean is not None
        assert variance is not None
        assert seen is not None
        assert momentum is not None
        seen.add_(1)
        _remember(self.statistics, n / (n - 1), momentum, mean.numpy(), variance.numpy())
        if centre is not None:
            mean[: len(centre)] += momentum * centre

    def unfolded(self, of_folded: Tensor, of_shifted: Doubles, n: int) -> tuple[Tensor, Tensor, Floats]:
        """Gradients of weight and norm, and the affine map that ``n`` values gain, rows of shape (2, n)."""
        of_weight, of_norm = torch.empty(self.weight.shape), torch.empty(2, len(self.gamma))
        parts = self.weight, self.gamma, self.beta, self.statistics, self.eps, n
        of_parts = of_folded.numpy(), of_shifted, of_weight.numpy(), of_norm.numpy()
        return of_weight, of_norm, _unfold(*parts, *of_parts)


def _columns(values: Tensor) -> tuple[int, ...]:
    """What tells the compiler how many columns there are."""
    return (0,) * values.shape[1]


# -- compiled ---------------------------------------------------------------------------------------

_ZERO, _ONE = np.float32(0), np.float32(1)
_LEAST = np.float32(1.2e-38)
"""Taken from each kept value that is not above zero, so that 0 stands for nothing but what was dropped."""


@kernel
def _fold(
    weight: Floats, bias: Floats, gamma: Floats, beta: Floats, statistics: Doubles, eps: float, folded: Floats
) -> Floats:
    """Weight and bias of a layer behind a norm, see :func:`hepsets.learn.layers.folding.linear_of_norm`."""
    n_out, n_in = weight.shape
    total = np.zeros(n_out)
    for j in range(n_in):
        scale = gamma[j] / math.sqrt(statistics[1, j] + eps)
        shift = beta[j] - statistics[0, j] * scale
        for o in range(n_out):
            folded[o, j] = weight[o, j] * scale
            total[o] += weight[o, j] * shift
    return (bias + total).astype(np.float32)


@kernel
def _unfold(
    weight: Floats,
    gamma: Floats,
    beta: Floats,
    statistics: Doubles,
    eps: float,
    n: int,
    of_folded: Floats,
    of_shifted: Doubles,
    of_weight: Floats,
    of_norm: Floats,
) -> Floats:
    """From gradients of what :func:`_fold` gives to those of what it takes; that of the bias is unchanged.

    The gradients of mean and variance become the slope and the offset of what each of the ``n`` values gains.
    """
    affine = np.zeros((2, of_folded.shape[1]), np.float32)
    for j in range(weight.shape[1]):
        mean, root = statistics[0, j], 1 / math.sqrt(statistics[1, j] + eps)
        scale = gamma[j] * root
        shift = beta[j] - mean * scale
        of_scale, of_shift = 0.0, 0.0
        for o in range(weight.shape[0]):
            of_scale += np.float64(of_folded[o, j]) * weight[o, j]
            of_shift += of_shifted[o] * weight[o, j]
            of_weight[o, j] = of_folded[o, j] * scale + of_shifted[o] * shift
        of_scale -= mean * of_shift
        of_norm[0, j], of_norm[1, j] = of_scale * root, of_shift
        slope = -of_scale * scale * root * root / n
        affine[0, j], affine[1, j] = slope, -scale * of_shift / n - slope * mean
    return affine


@kernel
def _remember(statistics: Doubles, bessel: float, momentum: float, mean: Floats, variance: Floats) -> None:
    for j in range(len(mean)):
        mean[j] += momentum * (statistics[0, j] - mean[j])
        variance[j] += momentum * (statistics[1, j] * bessel - variance[j])


@kernel
def _finish(sums: Doubles, n: int) -> None:
    """From sums and sums of squares to means and variances."""
    for k in range(sums.shape[1]):
        mean = sums[0, k] / n
        sums[0, k], sums[1, k] = mean, max(sums[1, k] / n - mean * mean, 0.0)


@kernel_of_separate_arrays
def _beside(
    features: Floats,
    centre: Floats,
    rows: Floats,
    tokens: Places,
    drawn: Drawn,
    width: int,
    x: Floats,
    columns: Columns,
) -> Doubles:
    """Features beside the rows of their tokens, of which some numbers are dropped; means and variances.

    Features are counted from a ``centre``, which the norm behind them does not see but rounding does.
    Rows have as many columns as ``x`` and the embedding of this ``width`` in its place there.
    """
    n = features.shape[1]
    seed, threshold, scale = drawn
    statistics = np.zeros((2, len(columns)))
    for i in range(len(x)):
        t, first = tokens[i], i * width - n
        for k in range(len(columns)):
            kept = keeps(np.uint32(first + k), seed, threshold)
            value = rows[t, k] * scale if kept else _ZERO
            x[i, k] = value
            statistics[0, k] += value
            statistics[1, k] += np.float64(value) * value
        for k in range(n):
            value = features[i, k] - centre[k]
            x[i, k] = value
            statistics[0, k] += value
            statistics[1, k] += np.float64(value) * value
    _finish(statistics, len(x))
    return statistics


@kernel_of_separate_arrays
def _beside_back(
    of_x: Floats,
    x: Floats,
    affine: Floats,
    tokens: Places,
    drawn: Drawn,
    place: tuple[int, int],
    of_rows: Floats,
    columns: Columns,
) -> None:
    """Add the gradients of ``rows``, those in their columns for features being meaningless.

    ``place`` is where the embedding begins, and its width.
    """
    seed, threshold, scale = drawn
    n, width = place
    for i in range(len(x)):
        t, first = tokens[i], i * width - n
        for k in range(len(columns)):
            gradient = (of_x[i, k] + x[i, k] * affine[0, k] + affine[1, k]) * scale
            of_rows[t, k] += gradient if keeps(np.uint32(first + k), seed, threshold) else _ZERO


@kernel
def _sums_of_scales(mothers: Places, scale: Floats) -> Floats:
    """What a particle and its neighbours in the decay tree weigh in a convolution, but for its own D^-½."""
    total = scale.copy()
    for i in range(len(mothers)):
        m = mothers[i]
        if m != i:
            total[i] += scale[m]
            total[m] += scale[i]
    return total


@kernel
def _activate(x: Floats, bias: Floats, tree: Tree, offsets: Places, rule: Rule, columns: Columns) -> Doubles:
    """Convolution, activation and dropout in place; means and variances of what is left.

    Event by event, each of which stays in the nearest cache.
    """
    width = len(columns)
    own, given = room_of_an_event(offsets, width), room_of_an_event(offsets, width)
    sums, statistics = np.empty((2, width), np.float32), np.zeros((2, width))
    for event in range(len(offsets) - 1):
        part = offsets[event], offsets[event + 1]
        _activate_event(x, bias, tree, part, rule, own, given, sums, columns)
        for k in range(width):
            statistics[0, k] += sums[0, k]
            statistics[1, k] += sums[1, k]
    _finish(statistics, len(x))
    return statistics


@kernel
def room_of_an_event(offsets: Places, width: int) -> Floats:
    """For the particles of any event, shape ``(n, width)``."""
    longest = 1
    for event in range(len(offsets) - 1):
        longest = max(longest, offsets[event + 1] - offsets[event])
    return np.empty((longest, width), np.float32)


@kernel_of_separate_arrays
def _activate_event(
    x: Floats,
    bias: Floats,
    tree: Tree,
    part: tuple[int, int],
    rule: Rule,
    own: Floats,
    given: Floats,
    sums: Floats,
    columns: Columns,
) -> None:
    """First what daughters give to their mothers, then all else of a particle at once.

    Loops over ``units`` are as long as others: told so, the compiler would not make vectors of them.
    """
    begin, end = part
    mothers, scale, weights = tree
    seed, threshold, up, down = rule
    units, width = x.shape[1], len(columns)
    for i in range(begin, end):
        for k in range(units):
            own[i - begin, k] = x[i, k] * scale[i]
        for k in range(width):
            given[i - begin, k] = _ZERO
    for i in range(begin, end):
        m = mothers[i]
        if m != i:
            for k in range(units):
                given[m - begin, k] += own[i - begin, k]
    for k in range(width):
        sums[0, k] = sums[1, k] = _ZERO
    for i in range(begin, end):
        m, s, weight = mothers[i], scale[i], weights[i]
        linked = _ZERO if m == i else _ONE
        for k in range(width):
            around = own[i - begin, k] + given[i - begin, k] + linked * own[m - begin, k]
            value = s * (around + weight * bias[k])
            value = value * up if value > _ZERO else value * down - _LEAST
            value = value if keeps(np.uint32(i * width + k), seed, threshold) else _ZERO
            x[i, k] = value
            sums[0, k] += value
            sums[1, k] += value * value


@kernel
def _activate_back(
    of_x: Floats, x: Floats, affine: Floats, tree: Tree, offsets: Places, rule: Rule, columns: Columns
) -> Doubles:
    """In place, from gradients of what :func:`_activate` gives to those of what it takes; sums of these."""
    width = len(columns)
    own, given = room_of_an_event(offsets, width), room_of_an_event(offsets, width)
    sums, of_bias = np.empty(width, np.float32), np.zeros(width)
    for event in range(len(offsets) - 1):
        part = offsets[event], offsets[event + 1]
        _activate_event_back(of_x, x, affine, tree, part, rule, own, given, sums, columns)
        for k in range(width):
            of_bias[k] += sums[k]
    return of_bias


@kernel_of_separate_arrays
def _activate_event_back(
    of_x: Floats,
    x: Floats,
    affine: Floats,
    tree: Tree,
    part: tuple[int, int],
    rule: Rule,
    own: Floats,
    given: Floats,
    sums: Floats,
    columns: Columns,
) -> None:
    """The convolution is symmetric, so it is the same two steps."""
    begin, end = part
    mothers, scale, _ = tree
    _, _, up, down = rule
    units, width = x.shape[1], len(columns)
    for i in range(begin, end):
        s = scale[i]
        for k in range(width):
            value = x[i, k]
            slope = up if value > _ZERO else down
            slope = slope if value != _ZERO else _ZERO
            own[i - begin, k] = (of_x[i, k] + value * affine[0, k] + affine[1, k]) * slope * s
            given[i - begin, k] = _ZERO
    for i in range(begin, end):
        m = mothers[i]
        if m != i:
            for k in range(units):
                given[m - begin, k] += own[i - begin, k]
    for k in range(width):
        sums[k] = _ZERO
    for i in range(begin, end):
        m, s = mothers[i], scale[i]
        linked = _ZERO if m == i else _ONE
        for k in range(width):
            value = s * (own[i - begin, k] + given[i - begin, k] + linked * own[m - begin, k])
            of_x[i, k] = value
            sums[k] += value


@kernel_of_separate_arrays
def _activate_last(x: Floats, bias: Floats, offsets: Places, rule: Rule, columns: Columns) -> Floats:
    """Activation and dropout in place; the mean over each event's particles."""
    seed, threshold, up, down = rule
    width = len(columns)
    means = np.zeros((len(offsets) - 1, width), np.float32)
    for event in range(len(offsets) - 1):
        begin, end = offsets[event], offsets[event + 1]
        share = _ONE / np.float32(max(end - begin, 1))
        for i in range(begin, end):
            for k in range(width):
                value = x[i, k] + bias[k]
                value = value * up if value > _ZERO else value * down - _LEAST
                value = value if keeps(np.uint32(i * width + k), seed, threshold) else _ZERO
                x[i, k] = value
                means[event, k] += value
        for k in range(width):
            means[event, k] *= share
    return means


@kernel_of_separate_arrays
def _activate_last_back(
    of_means: Floats, x: Floats, offsets: Places, rule: Rule, of_x: Floats, columns: Columns
) -> Doubles:
    """From gradients of what :func:`_activate_last` gives to those of what it takes; sums of these."""
    _, _, up, down = rule
    width = len(columns)
    sums, of_bias = np.empty(width, np.float32), np.zeros(width)
    for event in range(len(offsets) - 1):
        begin, end = offsets[event], offsets[event + 1]
        share = _ONE / np.float32(max(end - begin, 1))
        for k in range(width):
            sums[k] = _ZERO
        for i in range(begin, end):
            for k in range(width):
                slope = up if x[i, k] > _ZERO else down
                slope = slope if x[i, k] != _ZERO else _ZERO
                value = of_means[event, k] * share * slope
                of_x[i, k] = value
                sums[k] += value
        for k in range(width):
            of_bias[k] += sums[k]
    return of_bias
