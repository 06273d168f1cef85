"""A fully connected network on means and standard deviations over particles and over vertices."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hepsets.learn.layers.mlp import mlp
from hepsets.learn.vertexed_events.model import VertexedModelConfig, VertexedNetwork
from hepsets.learn.vertexed_events.recipe import VertexedRecipe
from hepsets.represent.particle_sets.data import PackedSet
from hepsets.represent.vertexed_events.data import VertexedBatch
from hepsets.represent.vertexed_events.inputs import InputSpec


class MomentsNetwork(VertexedNetwork):
    """Layers on the mean and the standard deviation of each feature over the members of an event.

    Parameters
    ----------
    spec
        The features that it sees.
    config
        Its options.
    """

    def __init__(self, spec: InputSpec, config: VertexedModelConfig) -> None:
        super().__init__()
        n_in = 2 * (len(spec.particles) + len(spec.vertices)) + len(spec.events)
        self.body = mlp(n_in, [2 * config.units] * config.layers)
        self.drop = nn.Dropout(config.dropout)
        self.last = nn.Linear(2 * config.units, config.heads)

    def forward(self, particles: Tensor, vertices: Tensor, events: Tensor, batch: VertexedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``."""
        found = [*moments(particles, batch.particles), *moments(vertices, batch.vertices), events]
        result: Tensor = self.last(self.drop(self.body(torch.cat(found, dim=1))))
        return result


def moments(values: Tensor, owner: PackedSet) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (of the population) over the members of each event; zeros if it is empty.

    Each of shape ``(n_events, k)``.
    """
    mean = owner.mean(values)
    apart = values - mean.index_select(0, owner.event_of_particle)
    return mean, torch.sqrt(owner.mean(apart * apart) + 1e-12)


RECIPES = (
    VertexedRecipe(
        name="fcnn",
        config=VertexedModelConfig(layers=3),
        network=lambda config, spec: MomentsNetwork(spec, config),
    ),
)
