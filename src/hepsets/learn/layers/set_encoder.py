"""An encoder of sets: attention among the particles of an event, a vector for each and one for the event."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from hepsets.learn.layers.attention import EncoderLayer, encode
from hepsets.represent.sums import EventSums

TYPICAL_MULTIPLICITY = 20.0
"""Sums over particles are given in units of this many, so that they are of the size of means."""


@dataclasses.dataclass(frozen=True, eq=False)
class Encoded:
    """What an encoder makes of some events.

    Parameters
    ----------
    particles
        Float32, shape ``(n_particles, units)``.
    events
        Float32, shape ``(n_events, units)``.
    owner
        Which particles belong to which event.
    """

    particles: Tensor
    events: Tensor
    owner: EventSums


class SetEncoder(nn.Module):
    """Encoder layers, then mean and sum over the particles of an event through a linear layer.

    Means know shapes, sums know multiplicities. It has 8 ``units``² weights per layer.

    Parameters
    ----------
    units
        Width of particles and events; the feed-forward layers have twice that.
    layers
        Encoder layers.
    heads
        Attention heads; they divide ``units``.
    dropout
        Dropout probability.

    Raises
    ------
    InputError
        If the heads do not divide the width.
    """

    def __init__(self, units: int, layers: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(units, heads, 2 * units, dropout) for _ in range(layers))
        self.of_event = nn.Linear(2 * units, units)

    def forward(self, particles: Tensor, owner: EventSums) -> Encoded:
        """Embedded particles ``(n_particles, units)``, as they are before they know of each other."""
        particles = encode(self.layers, particles, owner)
        total = owner.sum(particles)
        mean = total / owner.multiplicity.clamp(min=1).to(total.dtype)[:, None]
        return Encoded(
            particles, self.of_event(torch.cat([mean, total / TYPICAL_MULTIPLICITY], dim=1)), owner
        )
