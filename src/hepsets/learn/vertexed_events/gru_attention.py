"""A recurrent network through vertices and particles, by momentum, and attention over its states."""

from __future__ import annotations

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.learn.vertexed_events.deep_sets import head
from hepsets.learn.vertexed_events.model import VertexedModelConfig, VertexedNetwork
from hepsets.learn.vertexed_events.padded import Padded
from hepsets.learn.vertexed_events.recipe import VertexedRecipe
from hepsets.represent.vertexed_events.data import VertexedBatch
from hepsets.represent.vertexed_events.inputs import InputSpec

EMPTY = -1e4
"""Logit of the attention that an empty place gets."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class GruAttentionConfig(VertexedModelConfig):
    """Options of :class:`GruAttention`.

    Parameters
    ----------
    particle_cap, vertex_cap
        Most particles, those of the largest momenta, and most vertices, the first ones, that it goes through.
    """

    units: int = Field(default=48, ge=1)
    layers: int = Field(default=2, ge=1)
    particle_cap: int = Field(default=40, ge=1)
    vertex_cap: int = Field(default=8, ge=1)


class GruAttention(VertexedNetwork):
    r"""Gated recurrent units (Cho et al., arXiv:1406.1078) with additive attention (Bahdanau et al.,
    arXiv:1409.0473).

    The sequence holds the vertices, then the particles, by falling momentum. With states :math:`h_t` the
    event is
    :math:`\sum_t \alpha_t h_t`, :math:`\alpha = \mathrm{softmax}(u \cdot \tanh(W h_t))`. Empty places end the
    sequence and get no attention.

    Parameters
    ----------
    spec
        The features that it sees.
    config
        Its options.
    """

    def __init__(self, spec: InputSpec, config: GruAttentionConfig) -> None:
        super().__init__()
        self.caps = config.vertex_cap, config.particle_cap
        self.sort_by = ("p" if config.style == "published" else "log_momentum",)
        self.per_vertex = nn.Linear(len(spec.vertices), config.units)
        self.per_particle = nn.Linear(len(spec.particles), config.units)
        self.recurrent = nn.GRUCell(config.units, config.units)
        self.keys = nn.Linear(config.units, config.units)
        self.query = nn.Linear(config.units, 1, bias=False)
        self.per_event = head(config.units + len(spec.events), config)

    def forward(self, particles: Tensor, vertices: Tensor, events: Tensor, batch: VertexedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``."""
        states, filled = self._states(particles, vertices, batch)
        seen = (self._attention(states, filled)[:, :, None] * states).sum(1)
        result: Tensor = self.per_event(torch.cat([seen, events], dim=1))
        return result

    def attention(self, particles: Tensor, vertices: Tensor, batch: VertexedBatch) -> Tensor:
        """Weights of the places of the sequence, from scaled features; ``(n_events, vertex_cap +
        particle_cap)``.

        They add up to 1 for each event that has a member.
        """
        return self._attention(*self._states(particles, vertices, batch))

    def _attention(self, states: Tensor, filled: Tensor) -> Tensor:
        logits = self.query(torch.tanh(self.keys(states)))[:, :, 0]
        return torch.softmax(torch.where(filled, logits, EMPTY), dim=1) * filled

    def _states(self, particles: Tensor, vertices: Tensor, batch: VertexedBatch) -> tuple[Tensor, Tensor]:
        parts = (
            (Padded(batch.vertices, self.caps[0]), torch.relu(self.per_vertex(vertices))),
            (Padded(batch.particles, self.caps[1]), torch.relu(self.per_particle(particles))),
        )
        sequence = torch.cat([padded(values) for padded, values in parts], dim=1)
        filled = torch.cat([padded.filled for padded, _ in parts], dim=1)
        # what the cell makes of the inputs is one product for all places
        cell = self.recurrent
        inputs = nn.functional.linear(sequence, cell.weight_ih, cell.bias_ih).unbind(1)
        state = torch.zeros(sequence.shape[0], cell.hidden_size, device=sequence.device)
        states = []
        for at, shown in zip(inputs, filled.unbind(1), strict=True):
            state = torch.where(shown[:, None], _gated(cell, at, state), state)
            states.append(state)
        return torch.stack(states, dim=1), filled


def _gated(cell: nn.GRUCell, inputs: Tensor, state: Tensor) -> Tensor:
    """One step of the cell, its inputs multiplied already."""
    of_inputs = inputs.chunk(3, dim=1)
    of_state = nn.functional.linear(state, cell.weight_hh, cell.bias_hh).chunk(3, dim=1)
    reset = torch.sigmoid(of_inputs[0] + of_state[0])
    update = torch.sigmoid(of_inputs[1] + of_state[1])
    new = torch.tanh(of_inputs[2] + reset * of_state[2])
    return new + update * (state - new)


RECIPES = (
    VertexedRecipe(
        name="gru_attention",
        config=GruAttentionConfig(),
        network=lambda config, spec: GruAttention(spec, config),
    ),
)
