"""The particle encoder: tracks and clusters of an event attend to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.learn.layers.mlp import mlp
from hepsets.learn.layers.set_encoder import SetEncoder
from hepsets.learn.particle_sets.model import SetModelConfig, SetNetwork
from hepsets.learn.particle_sets.recipe import SetRecipe
from hepsets.represent.particle_sets.data import SetBatch
from hepsets.represent.particle_sets.features import IDENTIFICATION, OWN, SetSpec
from hepsets.represent.particle_sets.joined import JoinedSets

MARK = "from_candidate"
"""The column that marks the particles that a task is about."""

_OF_TRACKS = ("charge", *IDENTIFICATION, "log_dr", "log_dz", MARK)
_MOMENTUM = ("px", "py", "pz", "log_momentum")
_OWN_MOMENTUM = (*OWN, "log_own_momentum")

TRACKS_AND_CLUSTERS = (
    SetSpec("tracks", (*_OWN_MOMENTUM, *_OF_TRACKS), ("track",)),
    SetSpec("clusters", (*_OWN_MOMENTUM, MARK), ("photon",)),
)
"""Tracks and clusters, candidate and rest of event in their own frames, so that Mbc cannot be learnt."""

WHOLE_EVENT = (
    SetSpec("tracks", (*_MOMENTUM, *_OF_TRACKS), ("track",)),
    SetSpec("clusters", (*_MOMENTUM, MARK), ("photon",)),
)
"""Tracks and clusters in the frame of the collision, where missing momentum is seen, too: what trunks see."""

FARTHEST = 8.0
"""Scaled features beyond this many standard deviations count as that far: tails have no other end."""

Tune = Literal["all", "head"]
"""What of a network that starts from a trunk is trained: everything, or the head alone."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ParticleEncoderConfig(SetModelConfig):
    """Options of ``particle_encoder``; ``layers`` are encoder layers.

    Parameters
    ----------
    attention_heads
        Heads of each; they divide ``units``.
    """

    layers: int = Field(default=3, ge=1)
    attention_heads: int = Field(default=4, ge=1)
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)


class MemberInputs(nn.Module):
    """A linear layer for each set, which brings its members to one width.

    Parameters
    ----------
    n_features
        Features of each set.
    units
        The width.
    """

    def __init__(self, n_features: Sequence[int], units: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(width, units) for width in n_features)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Scaled features ``(n_members, n_features)`` of each set, to ``(n_members, units)`` each."""
        return [
            project(one.clamp(-FARTHEST, FARTHEST))
            for project, one in zip(self.projections, features, strict=True)
        ]


class ParticleEncoder(SetNetwork):
    """Linear layers for each set, an encoder of their union, a head on the event and its marked particles.

    The mean over particles that :data:`MARK` marks, such as the daughters of a candidate, stands beside the
    event's vector.

    Parameters
    ----------
    sets
        The sets, with their features.
    config
        Options.
    """

    def __init__(self, sets: Sequence[SetSpec], config: ParticleEncoderConfig) -> None:
        super().__init__()
        self.marks = [spec.features.index(MARK) if MARK in spec.features else None for spec in sets]
        self.inputs = MemberInputs([len(spec.features) for spec in sets], config.units)
        self.encoder = SetEncoder(config.units, config.layers, config.attention_heads, config.dropout)
        width = 2 * config.units + len(config.event_features)
        self.head = nn.Sequential(mlp(width, [config.units]), nn.Linear(config.units, 1))

    def forward(self, features: tuple[Tensor, ...], event_features: Tensor, batch: SetBatch) -> Tensor:
        """Logits, shape ``(n_events, 1)``."""
        joined = JoinedSets(batch.sets)
        encoded = self.encoder(joined.join(self.inputs(features)), joined)
        mark = joined.join(
            [
                torch.zeros_like(one.features[:, :1]) if at is None else one.features[:, at : at + 1]
                for at, one in zip(self.marks, batch.sets, strict=True)
            ]
        )
        marked = joined.sum(encoded.particles * mark) / joined.sum(mark).clamp(min=1)
        result: Tensor = self.head(torch.cat([encoded.events, marked, event_features], dim=1))
        return result


def _network(config: ParticleEncoderConfig) -> ParticleEncoder:
    return ParticleEncoder(config.sets, config)


RECIPES = (
    SetRecipe(
        name="particle_encoder", config=ParticleEncoderConfig(sets=TRACKS_AND_CLUSTERS), network=_network
    ),
)
