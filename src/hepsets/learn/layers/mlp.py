"""Multilayer perceptrons: layers in a row, and a small one with scaled inputs, repeatable from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from hepsets.learn.seeded import seeded
from hepsets.represent.scaler import Scaler


def mlp(n_in: int, widths: Sequence[int]) -> nn.Sequential:
    """Linear + ReLU layers of these widths: ``(n, n_in)`` to ``(n, widths[-1])``."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(n_in, width), nn.ReLU(inplace=True)]
        n_in = width
    return nn.Sequential(*layers)


class EventNetwork(Scaler):
    """A multilayer perceptron on scaled inputs: ``(n, n_in)`` to ``(n, n_out)``.

    It is a scaler with layers behind it, fitted on training events by :meth:`fit_scale`.
    """

    def __init__(self, n_in: int, n_out: int, width: int, layers: int, seed: int) -> None:
        super().__init__(n_in)
        sizes = [n_in] + [width] * layers
        with seeded(seed):
            hidden = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.SiLU(inplace=True))]
            self.body = nn.Sequential(*hidden, nn.Linear(width, n_out))

    def fit_scale(self, inputs: Tensor) -> None:
        """Scale each input to mean 0 and standard deviation 1."""
        self.fit(inputs, sample=True)

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs."""
        result: Tensor = self.body(super().forward(inputs))
        return result
