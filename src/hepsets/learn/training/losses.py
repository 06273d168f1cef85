"""What training minimises: cross entropy, or the computing time that a filter is there to save."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from hepsets.core.kernel import kernel
from hepsets.represent.decay_trees.graph import runs_kernels

Loss: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""From logits, targets, weights ``(n_events, heads)`` and the sums of weights ``(heads,)``, to a number."""

Floats: TypeAlias = NDArray[np.float32]

MeanLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""From outputs and targets of a batch to their mean loss."""

LEAST_LOGIT = -8.0
"""Keep probabilities below 3·10⁻⁴ count as that in the computing time: one event must not rule a batch."""


class Penalty(nn.Module):
    """What is added to a loss because of more than logits, targets and weights.

    What it knows of the events are buffers, one entry per event; its ``repr`` names its settings.
    """

    def forward(self, logits: Tensor, events: Tensor) -> Tensor:
        """A number, from logits of shape ``(n, heads)`` and these events' numbers in the sample ``(n,)``."""
        raise NotImplementedError


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor, sums: Tensor) -> Tensor:
    """Cross entropy [nat], weighted over events and divided by ``sums``, averaged over heads.

    Logits, targets and weights have shape ``(n_events, heads)``; ``sums`` of the weights ``(heads,)``.
    """
    if logits.requires_grad and _is_usual(logits, targets, weights, sums):
        result: Tensor = _CrossEntropy.apply(logits, targets, weights, sums)  # type: ignore[no-untyped-call]
        return result
    each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return ((each * weights).sum(0) / sums.clamp(min=1e-12)).mean()


cross_entropy.takes_negative_weights = True  # type: ignore[attr-defined]  # it is linear in them


def _is_usual(logits: Tensor, *known: Tensor) -> bool:
    """Whether the compiled loop can do it: single precision on a CPU, and gradients of logits alone."""
    alike = [logits.shape, logits.shape, logits.shape[1:]] == [each.shape for each in known]
    plain = runs_kernels(logits) and all(runs_kernels(each) and not each.requires_grad for each in known)
    return alike and plain and logits.ndim == 2


class _CrossEntropy(torch.autograd.Function):
    """The same in one pass on a CPU: of so few numbers ten operations take longer than the arithmetic."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, *known: Tensor) -> Tensor:
        slope = torch.empty_like(logits, memory_format=torch.contiguous_format)
        targets, weights, sums = (each.numpy() for each in known)
        total = _cross_entropy(logits.detach().numpy(), targets, weights, sums, slope.numpy())
        ctx.save_for_backward(slope)
        return torch.tensor(total, dtype=torch.float32)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return gradients[0] * ctx.saved_tensors[0], None, None, None


@kernel
def _cross_entropy(logits: Floats, targets: Floats, weights: Floats, sums: Floats, slope: Floats) -> float:
    """The loss; its gradient is written to ``slope``."""
    total, heads = 0.0, logits.shape[1]
    for head in range(heads):
        share = 1 / (heads * max(np.float64(sums[head]), 1e-12))
        for i in range(len(logits)):
            z, y = np.float64(logits[i, head]), np.float64(targets[i, head])
            small = math.exp(-abs(z))
            probability = (1.0 if z >= 0 else small) / (1 + small)
            weight = weights[i, head] * share
            total += weight * ((1 - y) * z - min(z, 0.0) + math.log1p(small))
            slope[i, head] = weight * (probability - y)
    return total


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ComputingTime:
    r"""A loss: the logarithm of the computing time per effective passing event, where no filter is 0.

    The model's output σ(logit) itself is the probability p to keep an event, and the loss is

    .. math:: \ln \langle 1/p \rangle_+ + \ln \frac{t_g + t_n + t_s [r \langle p \rangle_+ +
              (1 - r) \langle p \rangle_-]}{t_g + t_s},

    minus the logarithm of the speedup of
    :func:`hepsets.evaluate.filter.importance_sampling.importance_speedup`. Means are over the passing and the
    failing part of a batch: a target between 0 and 1 belongs to both. As the loss is no mean over events,
    that of a batch is biased by one over its size.

    Parameters
    ----------
    retention
        Share of events that pass in the population.
    time_generate, time_network, time_simulate
        Time per event; only ratios count. As :class:`hepsets.evaluate.filter.speedup.SpeedupConfig`.
    """

    retention: float = Field(default=0.05, gt=0.0, lt=1.0)
    time_generate: float = Field(default=0.01, ge=0.0)
    time_network: float = Field(default=0.0, ge=0.0)
    time_simulate: float = Field(default=1.0, gt=0.0)

    def __call__(self, logits: Tensor, targets: Tensor, weights: Tensor, sums: Tensor) -> Tensor:  # noqa: ARG002
        """The loss, see :data:`Loss`."""
        overhead = (self.time_generate + self.time_network) / self.time_simulate
        unfiltered = (self.time_generate + self.time_simulate) / self.time_simulate
        r = self.retention
        logits = logits.clamp(min=LEAST_LOGIT)
        passing, failing = weights * targets, weights * (1 - targets)
        passing = passing / passing.sum(0).clamp(min=1e-12)
        failing = failing / failing.sum(0).clamp(min=1e-12)
        p = torch.sigmoid(logits)
        inverse = (passing * (1 + torch.exp(-logits))).sum(0)
        kept = r * (passing * p).sum(0) + (1 - r) * (failing * p).sum(0)
        return (torch.log(inverse.clamp(min=1.0)) + torch.log((overhead + kept) / unfiltered)).mean()
