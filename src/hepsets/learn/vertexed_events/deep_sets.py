"""DeepSets of particles and vertices: a network for each, sums and maxima over them, a network per event."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.learn.layers.mlp import mlp
from hepsets.learn.vertexed_events.model import VertexedModelConfig, VertexedNetwork
from hepsets.learn.vertexed_events.pooling import group_max
from hepsets.learn.vertexed_events.recipe import VertexedRecipe
from hepsets.represent.particle_sets.data import PackedSet
from hepsets.represent.vertexed_events.data import VertexedBatch
from hepsets.represent.vertexed_events.inputs import InputSpec

Pooling = Literal["sum", "max", "sum_max"]

TYPICAL = 20.0
"""Sums are given in units of this many members, so that they are of the size of maxima."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FlavourDeepSetsConfig(VertexedModelConfig):
    """Options of :class:`FlavourDeepSets`.

    Parameters
    ----------
    pooling
        What is taken over particles and over vertices.
    """

    pooling: Pooling = "sum_max"


class FlavourDeepSets(VertexedNetwork):
    r"""Deep Sets (Zaheer et al., arXiv:1703.06114) of particles and of vertices.

    .. math:: z = \rho\big(\mathrm{pool}_i\, \phi(x_i), \mathrm{pool}_j\, \psi(v_j), e\big)

    Parameters
    ----------
    spec
        The features that it sees.
    config
        Its options.
    """

    def __init__(self, spec: InputSpec, config: FlavourDeepSetsConfig) -> None:
        super().__init__()
        units = [config.units] * config.layers
        self.pooling = config.pooling
        self.per_particle = mlp(len(spec.particles), units)
        self.per_vertex = mlp(len(spec.vertices), units)
        pools = 2 * (2 if config.pooling == "sum_max" else 1)
        self.per_event = head(pools * config.units + len(spec.events), config)

    def forward(self, particles: Tensor, vertices: Tensor, events: Tensor, batch: VertexedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``."""
        pooled = [
            *pools(self.per_particle(particles), batch.particles, self.pooling),
            *pools(self.per_vertex(vertices), batch.vertices, self.pooling),
        ]
        result: Tensor = self.per_event(torch.cat([*pooled, events], dim=1))
        return result


def pools(values: Tensor, owner: PackedSet, pooling: Pooling) -> list[Tensor]:
    """Sums, maxima, or both, over the members of each event, each of shape ``(n_events, k)``."""
    found = []
    if pooling != "max":
        found.append(owner.sum(values) / TYPICAL)
    if pooling != "sum":
        found.append(group_max(values, owner.event_of_particle, owner.n_events))
    return found


def head(n_in: int, config: VertexedModelConfig) -> nn.Sequential:
    """The network per event: hidden layers with dropout after each, and the logits."""
    stages: list[nn.Module] = []
    for width in [2 * config.units, *[config.units] * (config.layers - 1)]:
        stages += [nn.Linear(n_in, width), nn.ReLU(), nn.Dropout(config.dropout)]
        n_in = width
    return nn.Sequential(*stages, nn.Linear(n_in, config.heads))


RECIPES = (
    VertexedRecipe(
        name="deep_sets",
        config=FlavourDeepSetsConfig(),
        network=lambda config, spec: FlavourDeepSets(spec, config),
    ),
)
