"""A small multilayer perceptron with scaled inputs, repeatable from a seed."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class EventNetwork(nn.Module):
    """A multilayer perceptron on scaled inputs: ``(n, n_in)`` to ``(n, n_out)``.

    Scales are buffers, fitted on training events by :meth:`fit_scale`.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, n_in: int, n_out: int, width: int, layers: int, seed: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_in))
        self.register_buffer("scale", torch.ones(n_in))
        sizes = [n_in] + [width] * layers
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            hidden = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.SiLU(inplace=True))]
            self.body = nn.Sequential(*hidden, nn.Linear(width, n_out))

    def fit_scale(self, inputs: Tensor) -> None:
        """Scale each input to mean 0 and standard deviation 1."""
        self.mean.copy_(inputs.mean(0))
        self.scale.copy_(inputs.std(0).clamp_min(1e-6))

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs."""
        result: Tensor = self.body((inputs - self.mean) / self.scale)
        return result
