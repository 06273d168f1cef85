"""Examples that are rows of two tensors, for :func:`hepsets.learn.training.network_fit.fit_network`."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np
import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True)
class TensorExamples:
    """Inputs ``(n, n_in)`` and targets ``(n, n_targets)`` of a network, row by row."""

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device | str) -> Self:
        """The same examples on ``device``."""
        return type(self)(self.inputs.to(device), self.targets.to(device))

    def batch(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and targets of the examples numbered so."""
        return self.inputs[numbers], self.targets[numbers]

    def split(self, fraction: float, seed: int) -> tuple[TensorExamples, TensorExamples]:
        """A training part, and a random ``fraction`` (at least one) to validate with."""
        order = torch.from_numpy(np.random.default_rng([seed, 0]).permutation(len(self)))
        held = max(1, round(fraction * len(self)))
        return (
            TensorExamples(*self.batch(order[held:].sort().values)),
            TensorExamples(*self.batch(order[:held].sort().values)),
        )
