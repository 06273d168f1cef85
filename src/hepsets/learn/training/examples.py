"""Training data that is a table of rows, and what other data shares with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor


class Numbered:
    """Data whose batches are cut by the numbers of examples, also those in order."""

    def __len__(self) -> int:
        raise NotImplementedError

    def batch(self, numbers: Tensor) -> Any:
        """The examples numbered so (int64)."""
        raise NotImplementedError

    def batches(self, examples: int) -> Iterator[Any]:
        """All examples in order, so many at a time."""
        for begin in range(0, len(self), examples):
            yield self.batch(torch.arange(begin, min(begin + examples, len(self))))


class Rows(Numbered):
    """Inputs of a network, row by row.

    Parameters
    ----------
    inputs
        Shape ``(n, ...)``; batches are of the shape ``(n_batch, ...)``.
    """

    def __init__(self, inputs: Tensor) -> None:
        self.inputs = inputs

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device | str) -> Self:
        """The same rows on ``device``."""
        return type(self)(self.inputs.to(device))

    def batch(self, numbers: Tensor) -> Tensor:
        """The rows numbered so."""
        return self.inputs[numbers]

    def select(self, events: Tensor) -> Self:
        """Some rows as data of their own."""
        return type(self)(self.inputs[events])

    def tensors(self) -> tuple[Tensor, ...]:
        """All that it holds: the inputs, shape ``(n, ...)``."""
        return (self.inputs,)


def split_rows(examples: int, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Numbers of a training part, and of a random ``fraction`` (at least one) to validate with.

    Both int64, rising, of shape ``(n_part,)``.
    """
    order = torch.from_numpy(np.random.default_rng([seed, 0]).permutation(examples))
    held = max(1, round(fraction * examples))
    return order[held:].sort().values, order[:held].sort().values
