"""Deep Sets on all tracks and clusters of an event: a network per particle, pooling, a network per event."""

from __future__ import annotations

import torch
from torch import Tensor

from hepsets.learn.layers.mlp import mlp
from hepsets.learn.particle_sets.multi_deep_sets import event_mlp, pool
from hepsets.learn.whole_events.model import WholeEventConfig, WholeEventNetwork, WholeEventRecipe
from hepsets.represent.particle_sets.data import PackedSet
from hepsets.represent.whole_events.features import FEATURES


class WholeEventDeepSets(WholeEventNetwork):
    """Deep Sets (Zaheer et al., arXiv:1703.06114); the charge is an input as any other.

    Parameters
    ----------
    config
        Its options.
    """

    def __init__(self, config: WholeEventConfig) -> None:
        super().__init__()
        self.per_particle = mlp(len(FEATURES), [config.units] * config.layers)
        self.per_event = event_mlp(2 * config.units, config.units, config.layers, config.dropout)

    def forward(self, even: Tensor, structure: Tensor, particles: PackedSet) -> Tensor:
        """Logits, shape ``(n_events, 1)``."""
        members = self.per_particle(torch.cat([even, structure], dim=1))
        pooled = pool(particles.sum(members), particles.multiplicity, "sum_mean")
        result: Tensor = self.per_event(pooled)
        return result


RECIPES = (
    WholeEventRecipe(name="whole_event_deep_sets", config=WholeEventConfig(), network=WholeEventDeepSets),
)
