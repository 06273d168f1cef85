"""Particles and vertices tell each other what they are: messages along membership, within hemispheres."""

from __future__ import annotations

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.learn.layers.mlp import mlp
from hepsets.learn.vertexed_events.deep_sets import head
from hepsets.learn.vertexed_events.model import VertexedModelConfig, VertexedNetwork
from hepsets.learn.vertexed_events.pooling import group_max, group_sum
from hepsets.learn.vertexed_events.recipe import VertexedRecipe
from hepsets.represent.vertexed_events.data import VertexedBatch
from hepsets.represent.vertexed_events.inputs import PARTICLE_STRUCTURE, InputSpec, proper_inputs

SIDES = 3
"""Groups of an event: one hemisphere, the primary vertex, the other hemisphere."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class VertexGraphConfig(VertexedModelConfig):
    """Options of :class:`VertexGraph`.

    Parameters
    ----------
    rounds
        How often messages go around.
    """

    rounds: int = Field(default=2, ge=0)


class VertexGraph(VertexedNetwork):
    r"""Messages between particles and the vertices that they belong to, and with all of their hemisphere.

    With :math:`h_i` of a particle, :math:`u_j` of a vertex, :math:`v(i)` the vertex of particle i and
    :math:`s(\cdot)` a hemisphere, each round is

    .. math:: g_s = \gamma\Big(\sum_{i \in s} h_i, \max_{i \in s} h_i, \sum_{j \in s} u_j, e\Big), \quad
              u_j \mathrel{+}= \psi\Big(u_j, \sum_{v(i) = j} h_i, g_{s(j)}\Big), \quad
              h_i \mathrel{+}= \phi\big(h_i, u_{v(i)}, g_{s(i)}\big).

    In the end each hemisphere is one vector, and the event is the sum and the maximum of the two, which of
    them is which being of no meaning, beside what its primary vertex says.

    Parameters
    ----------
    spec
        The features that it sees, with those that say where things are.
    config
        Its options.
    """

    def __init__(self, spec: InputSpec, config: VertexGraphConfig) -> None:
        super().__init__()
        units, n_events = config.units, len(spec.events)
        self.side = spec.particles.index("side"), spec.vertices.index("vertex_side")
        self.shown = len(spec.particles) - len(PARTICLE_STRUCTURE), len(spec.vertices) - 1
        self.per_particle = mlp(self.shown[0], [units] * config.layers)
        self.per_vertex = mlp(self.shown[1], [units])
        self.rounds = nn.ModuleList(_Round(units, n_events) for _ in range(config.rounds))
        self.per_side = mlp(4 * units + n_events, [2 * units, units])
        self.per_event = head(3 * units + n_events, config)
        self.charges = _Charges(spec, units) if config.charge else None

    def forward(self, particles: Tensor, vertices: Tensor, events: Tensor, batch: VertexedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``."""
        links = _Links(batch, self.side)
        h, u = self.per_particle(particles[:, : self.shown[0]]), self.per_vertex(vertices[:, : self.shown[1]])
        repeated = events.repeat_interleave(SIDES, dim=0)
        for step in self.rounds:
            h, u = step(h, u, repeated, links)
        pooled = [*links.pooled(h, links.of_particle), *links.pooled(u, links.of_vertex)]
        sides = self.per_side(torch.cat([*pooled, repeated], dim=1)).reshape(batch.n_events, SIDES, -1)
        one, primary, other = sides.unbind(1)
        both = [one + other, torch.maximum(one, other), primary, events]
        result: Tensor = self.per_event(torch.cat(both, dim=1))
        if self.charges is None:
            return result
        return torch.cat([result[:, :-1], result[:, -1:] + self.charges(h, u, one + other, batch)], dim=1)


class _Charges(nn.Module):
    r"""The logit of the charge: charges of particles and of vertices, weighed by what they are.

    :math:`\sum_k a_k(z) \big(\sum_i q_i w_k(h_i) + \sum_j Q_j v_k(u_j)\big)`, with a of the whole hemisphere:
    charge-conjugation turns its sign, but for what h, u and z know of single charges.
    """

    channels = 8

    def __init__(self, spec: InputSpec, units: int) -> None:
        super().__init__()
        self.place = spec.particles.index("charge"), spec.vertices.index("vertex_charge")
        self.of_particle = nn.Linear(units, self.channels)
        self.of_vertex = nn.Linear(units, self.channels)
        self.whole = nn.Linear(units, self.channels)

    def forward(self, h: Tensor, u: Tensor, whole: Tensor, batch: VertexedBatch) -> Tensor:
        q = batch.particles.features[:, self.place[0], None]
        charge = batch.vertices.features[:, self.place[1], None]
        total = batch.particles.sum(q * self.of_particle(h)) + batch.vertices.sum(charge * self.of_vertex(u))
        logit: Tensor = (total * self.whole(whole)).sum(1, keepdim=True)
        return logit


class _Links:
    """Who belongs to which vertex, and to which side of which event."""

    def __init__(self, batch: VertexedBatch, side: tuple[int, int]) -> None:
        self.sides = SIDES * batch.n_events
        self.vertices = batch.vertices.n_particles
        self.vertex_row = batch.vertex_row
        self.of_particle, self.of_vertex = (
            SIDES * one.event_of_particle + 1 + one.features[:, place].round().long()
            for one, place in zip((batch.particles, batch.vertices), side, strict=True)
        )

    def members(self, h: Tensor) -> Tensor:
        """Sums over the members of each vertex, ``(n_vertices, k)``."""
        return group_sum(h, self.vertex_row, self.vertices + 1)[:-1]

    def vertex(self, u: Tensor) -> Tensor:
        """What each particle's vertex says, zeros without, ``(n_particles, k)``."""
        return torch.cat([u, u.new_zeros(1, u.shape[1])]).index_select(0, self.vertex_row)

    def pooled(self, values: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
        """Sums and maxima over the members of each side, ``(SIDES · n_events, k)``."""
        return group_sum(values, group, self.sides) / 10, group_max(values, group, self.sides)


class _Round(nn.Module):
    """One round of messages."""

    def __init__(self, units: int, n_events: int) -> None:
        super().__init__()
        self.side = mlp(4 * units + n_events, [units])
        self.vertex_in = nn.Linear(2 * units, units)
        self.vertex_side = nn.Linear(units, units, bias=False)
        self.vertex_out = nn.Linear(units, units)
        self.particle_in = nn.Linear(units, units)
        self.particle_vertex = nn.Linear(units, units, bias=False)
        self.particle_side = nn.Linear(units, units, bias=False)
        self.particle_out = nn.Linear(units, units)

    def forward(self, h: Tensor, u: Tensor, events: Tensor, links: _Links) -> tuple[Tensor, Tensor]:
        sides = [*links.pooled(h, links.of_particle), *links.pooled(u, links.of_vertex), events]
        g = self.side(torch.cat(sides, dim=1))
        message = self.vertex_in(torch.cat([u, links.members(h)], dim=1))
        message = message + self.vertex_side(g).index_select(0, links.of_vertex)
        u = torch.relu_(u + self.vertex_out(torch.relu_(message)))
        message = self.particle_in(h) + links.vertex(self.particle_vertex(u))
        message = message + self.particle_side(g).index_select(0, links.of_particle)
        return torch.relu_(h + self.particle_out(torch.relu_(message))), u


def _inputs(config: VertexedModelConfig) -> InputSpec:
    if config.style == "published":
        raise InputError("published features for vertex_graph", "proper ones: they know hemispheres")
    return proper_inputs(config.identification, structure=True, joined=False)


RECIPES = (
    VertexedRecipe(
        name="vertex_graph",
        config=VertexGraphConfig(),
        network=lambda config, spec: VertexGraph(spec, config),
        inputs=_inputs,
    ),
)
