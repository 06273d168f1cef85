"""A rising, piecewise linear map of logits: what turns scores into probabilities."""

from __future__ import annotations

import torch
from torch import Tensor, nn

KNOTS = 3
"""Where the slope of each head's map may change."""


class LogitSpline(nn.Module):
    """z → slope z + offset + Σ bend · max(z − knot, 0) for every head; the identity at first.

    Parameters
    ----------
    heads
        Logits per event. ``slope`` and ``offset`` have shape ``(heads,)``, ``knots`` and ``bends``
        ``(heads, KNOTS)``.
    """

    slope: Tensor
    offset: Tensor
    knots: Tensor
    bends: Tensor

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.register_buffer("slope", torch.ones(heads))
        self.register_buffer("offset", torch.zeros(heads))
        self.register_buffer("knots", torch.zeros(heads, KNOTS))
        self.register_buffer("bends", torch.zeros(heads, KNOTS))

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        changes = [slope - 1 for slope in self.slope.tolist()], self.offset.tolist(), *self.bends.tolist()
        return not any(map(any, changes))

    def forward(self, logits: Tensor) -> Tensor:
        """Mapped logits, shape ``(n_events, heads)`` as they came."""
        if logits.requires_grad and logits.device.type == "cpu" and self.is_identity:
            return logits  # as in all training but that of a calibrated model: ten operations less
        above = torch.relu(logits[:, :, None] - self.knots)
        return logits * self.slope + self.offset + (above * self.bends).sum(2)
