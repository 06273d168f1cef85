"""Linear layer, batch norm, leaky ReLU, dropout and linear layer of some events: one operation in training.

Of a few hundred rows PyTorch's five operations, and as many back, take longer to call than to work out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from hepsets.core.kernel import kernel
from hepsets.core.lanes import LANES, fma, load, splat, store
from hepsets.learn.decay_trees.gcn_passes import Doubles, Floats, Rule, chosen, slope_of
from hepsets.learn.decay_trees.gcn_training import can_fold, remember
from hepsets.learn.layers.dropout import Dropout
from hepsets.learn.layers.narrow_products import COLUMNS, Rows, add_transposed, multiply
from hepsets.represent.decay_trees.graph import runs_kernels

Weights: TypeAlias = tuple[Rows, Floats, Floats, Floats, Rows, Floats]
"""Weight and bias of the first layer, of the norm, and of the last layer."""
Made: TypeAlias = tuple[Rows, Rows, Doubles]
"""Normalised values and what is left of them behind the dropout, ``(n, columns)``; mean and variance."""


@dataclass(frozen=True)
class Head:
    """What stands behind the means over particles.

    Parameters
    ----------
    first, norm, last
        Layers, the first of as many inputs as outputs.
    slope
        Of the leaky ReLU below zero, not zero.
    dropout
        Behind the activation.
    """

    first: nn.Linear
    norm: nn.BatchNorm1d
    slope: float
    dropout: Dropout
    last: nn.Linear

    def can_train(self, values: Tensor) -> bool:
        """Whether compiled loops can do it: on a CPU, in single precision, with a norm as it comes.

        Parameters
        ----------
        values
            Shape ``(n, units)``.
        """
        plain = runs_kernels(values) and runs_kernels(self.first.weight) and len(values) > 1
        return plain and can_fold(self.norm) and not torch.is_autocast_enabled("cpu")

    def logits(self, values: Tensor) -> Tensor:
        """Logits in training, ``(n, units)`` to ``(n, heads)``."""
        layers = self.first, self.norm, self.last
        weights = [weight for layer in layers for weight in (layer.weight, layer.bias)]
        result: Tensor = _Logits.apply(self, values, *weights)  # type: ignore[no-untyped-call]
        return result


class _Logits(torch.autograd.Function):
    """Autograd sees one operation."""

    @staticmethod
    def forward(ctx: Any, head: Head, values: Tensor, *weights: Tensor) -> Tensor:
        n, units = values.shape
        heads, columns = len(weights[-1]), units + -units % COLUMNS
        seed, threshold, up = head.dropout.drawn()
        ctx.rule = seed, threshold, up, np.float32(head.slope * up)
        ctx.given = values.detach().contiguous().numpy(), tuple(each.detach().numpy() for each in weights)
        ctx.eps = head.norm.eps
        tables = np.empty((2, n, columns), np.float32)
        ctx.made = tables[0], tables[1], np.zeros((2, units))
        logits = torch.empty(n, heads + -heads % COLUMNS)
        x, arrays = ctx.given
        _ahead(x, arrays, ctx.eps, ctx.rule, ctx.made, logits.numpy())
        remember(head.norm, ctx.made[-1], n)
        ctx.save_for_backward(values, *weights)
        return logits[:, :heads]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *of_logits: Tensor) -> tuple[Tensor | None, ...]:
        _, *weights = ctx.saved_tensors  # complains about what has changed since
        x, arrays = ctx.given
        units = x.shape[1]
        of_weights = [torch.empty(weight.shape) for weight in weights]
        of_values = torch.empty(ctx.made[0].shape)
        of_arrays: Any = tuple(each.numpy() for each in of_weights)
        gradient = of_logits[0].contiguous().numpy()
        _back(gradient, x, arrays, ctx.eps, ctx.rule, ctx.made, of_arrays, of_values.numpy())
        return None, of_values[:, :units], *of_weights


# -- compiled ---------------------------------------------------------------------------------------

_ZERO = np.float32(0)


@kernel
def _ahead(x: Rows, weights: Weights, eps: float, rule: Rule, made: Made, logits: Rows) -> None:
    """Write logits, with columns up to a multiple of 32, and what is made before them."""
    first, bias, gamma, beta, last, shift = weights
    normed, left, statistics = made
    n, units = x.shape
    columns = normed.shape[1]
    to_units, to_logits = (
        np.zeros((units, columns), np.float32),
        np.zeros((units, logits.shape[1]), np.float32),
    )
    rows = np.zeros((6, columns), np.float32)  # bias, mean, 1/σ, weight and bias of the norm
    shifts = np.zeros((1, logits.shape[1]), np.float32)
    to_units[:, :units], to_logits[:, : len(last)], shifts[0, : len(shift)] = first.T, last.T, shift
    rows[0, :units], rows[3, :units], rows[4, :units] = bias, gamma, beta
    multiply(x, 0, n, to_units, rows, 0, normed, 0)
    for i in range(n):
        for k in range(units):
            statistics[0, k] += normed[i, k]
    for k in range(units):
        statistics[0, k] /= n
    for i in range(n):
        for k in range(units):
            away = normed[i, k] - statistics[0, k]
            statistics[1, k] += away * away
    for k in range(units):
        statistics[1, k] /= n
        rows[1, k], rows[2, k] = statistics[0, k], 1 / math.sqrt(statistics[1, k] + eps)
    for c in range(0, columns, LANES):
        mean, root, weight, offset = load(rows, 1, c), load(rows, 2, c), load(rows, 3, c), load(rows, 4, c)
        for i in range(n):
            value = (load(normed, i, c) - mean) * root
            store(normed, i, c, value)
            store(left, i, c, chosen(fma(value, weight, offset), i * units + c, rule))
    multiply(left, 0, n, to_logits, shifts, 0, logits, 0)


@kernel
def _back(
    of_logits: Rows,
    x: Rows,
    weights: Weights,
    eps: float,
    rule: Rule,
    made: Made,
    of_weights: Weights,
    of_x: Rows,
) -> None:
    """Write gradients of all that :func:`_ahead` takes; those of x have as many columns as what it made."""
    first, _, gamma, _, last, _ = weights
    of_first, of_bias, of_gamma, of_beta, of_last, of_shift = of_weights
    normed, left, statistics = made
    (n, units), (heads, columns) = x.shape, (len(last), normed.shape[1])
    back, to_x = np.zeros((heads, columns), np.float32), np.zeros((units, columns), np.float32)
    back[:, :units], to_x[:, :units] = last, first
    nothing, of_units = np.zeros((1, columns), np.float32), np.zeros((units, columns), np.float32)
    of_made, sums = np.empty((n, columns), np.float32), np.zeros((4, columns), np.float32)
    multiply(of_logits, 0, n, back, nothing, 0, of_made, 0)
    of_left = np.zeros((heads, columns), np.float32)
    add_transposed(of_logits, 0, n, left, 0, of_left)
    for h in range(heads):
        total = 0.0
        for i in range(n):
            total += of_logits[i, h]
        of_shift[h] = total
    for k in range(units):
        sums[0, k] = gamma[k] / math.sqrt(statistics[1, k] + eps)
    for c in range(0, columns, LANES):
        of_weight, of_offset, of_sum = splat(_ZERO), splat(_ZERO), splat(_ZERO)
        for i in range(n):
            value = load(of_made, i, c) * slope_of(load(left, i, c), rule[2], rule[3])
            store(of_made, i, c, value)
            of_weight, of_offset = fma(value, load(normed, i, c), of_weight), of_offset + value
        scale, share = load(sums, 0, c), np.float32(1 / n)
        for i in range(n):
            value = load(of_made, i, c) - (of_offset + load(normed, i, c) * of_weight) * share
            store(of_made, i, c, value * scale)
            of_sum = of_sum + value * scale
        store(sums, 1, c, of_weight)
        store(sums, 2, c, of_offset)
        store(sums, 3, c, of_sum)
    add_transposed(x, 0, n, of_made, 0, of_units)
    multiply(of_made, 0, n, to_x, nothing, 0, of_x, 0)
    of_first[:], of_last[:] = of_units[:, :units].T, of_left[:, :units]
    of_gamma[:], of_beta[:], of_bias[:] = sums[1, :units], sums[2, :units], sums[3, :units]
