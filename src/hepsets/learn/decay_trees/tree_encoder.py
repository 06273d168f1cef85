"""The tree encoder: generated particles, each with its mother, attend to each other."""

from __future__ import annotations

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.learn.decay_trees.model import EventNetwork, ModelConfig, features_of
from hepsets.learn.decay_trees.recipe import EventRecipe
from hepsets.learn.layers.embedding import PdgEmbedding
from hepsets.learn.layers.mlp import mlp
from hepsets.learn.layers.set_encoder import SetEncoder
from hepsets.represent.decay_trees.batch import PackedBatch

FARTHEST = 5.0
"""Scaled features beyond this many standard deviations count as that far: some particles fly metres."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TreeEncoderConfig(ModelConfig):
    """Options of ``tree_encoder``.

    Parameters
    ----------
    embedding
        Width of the PDG embedding.
    layers, attention_heads
        Encoder layers, and heads of each, which divide ``units``.
    """

    units: int = Field(default=64, ge=1)
    embedding: int = Field(default=16, ge=1)
    layers: int = Field(default=3, ge=1)
    attention_heads: int = Field(default=4, ge=1)


class TreeInputs(nn.Module):
    """What a generated particle is before it knows of others than its mother: features, id, and hers.

    Parameters
    ----------
    n_features
        Features per particle.
    n_tokens, embedding
        Rows and width of the PDG embedding.
    units
        Width of what comes out.
    """

    def __init__(self, n_features: int, n_tokens: int, embedding: int, units: int) -> None:
        super().__init__()
        self.embedding = PdgEmbedding(n_tokens, embedding)
        self.own = nn.Linear(n_features + embedding, units)
        self.of_mother = nn.Linear(units, units, bias=False)

    def forward(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Scaled features ``(n_particles, n_features)``, to ``(n_particles, units)``."""
        near = features.clamp(-FARTHEST, FARTHEST)
        own = self.own(torch.cat([near, self.embedding(batch.tokens)], dim=1))
        result: Tensor = own + self.of_mother(torch.relu(own)).index_select(0, batch.mothers)
        return result


class TreeEncoder(EventNetwork):
    """Particles with their mothers, an encoder, a head on the event.

    Parameters
    ----------
    config
        Options.
    n_tokens
        Rows of the PDG embedding.
    """

    def __init__(self, config: TreeEncoderConfig, n_tokens: int) -> None:
        super().__init__()
        self.inputs = TreeInputs(len(features_of(config)), n_tokens, config.embedding, config.units)
        self.encoder = SetEncoder(config.units, config.layers, config.attention_heads)
        self.head = nn.Sequential(mlp(config.units, [config.units]), nn.Linear(config.units, config.heads))

    @property
    def embedding(self) -> PdgEmbedding:
        """The PDG embedding."""
        return self.inputs.embedding

    def forward(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``."""
        encoded = self.encoder(self.inputs(features, batch), batch)
        result: Tensor = self.head(encoded.events)
        return result


RECIPES = (EventRecipe(name="tree_encoder", config=TreeEncoderConfig(), network=TreeEncoder),)
