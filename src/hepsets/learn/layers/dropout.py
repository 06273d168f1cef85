"""Dropout that does not cost more than the layers around it on a CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hepsets.core.kernel import kernel
from hepsets.represent.decay_trees.graph import runs_kernels


class Dropout(nn.Module):
    """Set each value to zero with a probability and scale the others up, while training.

    On a CPU, PyTorch's dropout spends far more time on its random numbers than a small network
    does on anything else. Here one number of PyTorch's generator seeds a hash of each value's
    position, which compiles to vector instructions. Elsewhere PyTorch's own kernel runs.

    Parameters
    ----------
    probability
        Probability to drop a value, in [0, 1).
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, values: Tensor) -> Tensor:
        """``values``, some of them dropped, same shape."""
        if not self.training or self.probability == 0.0:
            return values
        if not runs_kernels(values):
            return functional.dropout(values, self.probability)
        result: Tensor = _Drop.apply(values, *self.drawn())  # type: ignore[no-untyped-call]
        return result

    def drawn(self) -> tuple[np.uint32, np.uint32, np.float32]:
        """Seed and threshold for :func:`keeps`, and the scale of what is kept: for loops of one's own.

        They drop what :meth:`forward` would have dropped in place of this call.
        """
        seeds, threshold, scale = self.drawn_together(1)
        return np.uint32(seeds[0]), threshold, scale

    def drawn_together(self, n: int) -> tuple[NDArray[np.uint32], np.uint32, np.float32]:
        """As ``n`` calls of :meth:`drawn`, with all seeds, shape ``(n,)``."""
        if not self.training or self.probability == 0.0:
            return np.zeros(n, np.uint32), np.uint32(0), np.float32(1)
        seeds = torch.randint(2**32, (n,)).numpy().astype(np.uint32)
        return seeds, np.uint32(self.probability * 2**32), np.float32(1.0 / (1.0 - self.probability))

    def extra_repr(self) -> str:
        """What ``print`` shows between the brackets."""
        return f"{self.probability}"


class _Drop(torch.autograd.Function):
    """The backward pass draws the same stream again and drops the same values; it has gradients, too."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, seed: np.uint32, threshold: np.uint32, scale: np.float32) -> Tensor:
        ctx.drawn = seed, threshold, scale
        return _dropped(values, *ctx.drawn)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        dropped: Tensor = _Drop.apply(gradients[0], *ctx.drawn)  # type: ignore[no-untyped-call]
        return dropped, None, None, None


def _dropped(values: Tensor, seed: np.uint32, threshold: np.uint32, scale: np.float32) -> Tensor:
    flat = values.detach().contiguous().numpy().reshape(-1)
    result = np.empty_like(flat)
    _drop(flat, seed, threshold, scale, result)
    return torch.from_numpy(result).view(values.shape)


@kernel
def keeps(place: np.uint32, seed: np.uint32, threshold: np.uint32) -> np.bool_:
    """Whether the value at a place, counted through the whole array, is kept; compiled, for other loops.

    A Weyl sequence through a two-round multiply–shift hash. The constants are those of lowest known bias in
    C. Wellons' hash-prospector project.
    """
    h = np.uint32(place * np.uint32(0x9E3779B9) + seed)
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * np.uint32(0x21F0AAAD))
    h = np.uint32(h ^ (h >> np.uint32(15)))
    h = np.uint32(h * np.uint32(0x735A2D97))
    h = np.uint32(h ^ (h >> np.uint32(15)))
    return h >= threshold


@kernel
def _drop(
    values: NDArray[np.float32],
    seed: np.uint32,
    threshold: np.uint32,
    scale: np.float32,
    result: NDArray[np.float32],
) -> None:
    for i in range(len(values)):
        result[i] = values[i] * scale if keeps(np.uint32(i), seed, threshold) else np.float32(0.0)
