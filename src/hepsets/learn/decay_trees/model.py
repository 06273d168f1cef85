"""An event model: features and scaler, PDG map, and a network, which belong together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.pdg import UNKNOWN, PdgMap
from hepsets.learn.training.trainable import Trainable
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.data import EventData
from hepsets.represent.decay_trees.features import Coordinates, FeatureSpec
from hepsets.represent.scaler import Scaler

if TYPE_CHECKING:
    from hepsets.learn.training.config import FitConfig


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ModelConfig:
    """Sizes and inputs of a model; ``None`` stands for the model's own published choice.

    Parameters
    ----------
    units
        Width of the hidden layers; 32 in all published models.
    embedding
        Width of the PDG embedding, for models that have one.
    dropout
        Dropout probability, for models that have dropout.
    graph_layers
        Number of graph layers of ``gcn_stack``, of rounds of ``decay_sweep``.
    coordinates
        ``"cartesian"`` or ``"cylindrical"``.
    drop
        Features to leave out, see :class:`hepsets.represent.decay_trees.features.FeatureSpec`.
    inputs
        ``"scaled"`` with training statistics or ``"raw"``.
    graph_last
        In the ``deep_sets_gcn`` models, put the graph layer after the first linear layer, not in
        front of it.
    max_particles
        Slots of the flat MLPs; of larger events they see the most energetic particles.
    heads
        Logits per event; the first is the score, the others are scores of further skims.
    new_heads
        How many of the heads, the last ones, were added to the trained network of the others, see
        :mod:`hepsets.learn.decay_trees.new_head`. Only ``decay_sweep`` has them.
    event_types
        Names of the types of events, such as generated samples, that the model is told; the event
        column ``event_type`` counts them from 1. Only ``decay_sweep`` can be told.
    seed
        Seed of the initial weights.
    """

    units: int | None = Field(default=None, ge=1)
    embedding: int | None = Field(default=None, ge=1)
    dropout: float | None = Field(default=None, ge=0.0, lt=1.0)
    graph_layers: int | None = Field(default=None, ge=1)
    coordinates: Coordinates | None = None
    drop: tuple[str, ...] = ()
    inputs: Literal["scaled", "raw"] | None = None
    graph_last: bool = False
    max_particles: int = Field(default=100, ge=1)
    heads: int = Field(default=1, ge=1)
    new_heads: int = Field(default=0, ge=0)
    event_types: tuple[str, ...] = ()
    seed: int = Field(default=0, ge=0)


class EventNetwork(nn.Module):
    """What a network of the registry must be: particles in, one row of logits per event out."""

    def forward(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``.

        Parameters
        ----------
        features
            Float32, shape ``(n_particles, n_features)``: scaled if the model scales its inputs.
        batch
            The events, for tokens, decay graph, pooling. Its ``features`` are unscaled.
        """
        raise NotImplementedError


class EventModel(Trainable):
    """A network with all that is needed to apply it to events.

    Parameters
    ----------
    name
        Name in the registry.
    config
        The complete configuration: no field is ``None`` that the model uses.
    pdg_map
        Tokens of PDG ids.
    network
        The network.
    """

    def __init__(self, name: str, config: ModelConfig, pdg_map: PdgMap, network: EventNetwork) -> None:
        super().__init__(name, config.heads)
        self.config = config
        self.pdg_map = pdg_map
        self.features = features_of(config)
        self.scaler = Scaler(len(self.features))
        self.network = network

    def prepare(self, events: Events) -> EventData:
        """Tensors that this model takes its batches from.

        Raises
        ------
        InputError
            For event types beyond those that the model knows.
        """
        data = EventData.from_events(events, self.pdg_map, self.features)
        known = self.config.event_types
        if known and len(data) and (largest := int(data.event_types.max())) > len(known):
            raise InputError(
                f"event type {largest} for {self.name}",
                f"0 (unknown) to {len(known)}: " + ", ".join(known),
            )
        return data

    def fit_scaler(self, features: Tensor) -> None:
        """Take the statistics of training particles, unless the model works on raw inputs."""
        if self.config.inputs == "scaled":
            self.scaler.fit(features)

    def fit_inputs(self, training: PackedBatch) -> None:
        """Take the scaler's statistics from the training events."""
        self.fit_scaler(training.features)

    def augment(self, batch: PackedBatch, config: FitConfig) -> PackedBatch:
        """Hide some PDG ids, and some types of events, as they may be hidden one day."""
        if config.unknown_probability:
            lost = torch.rand(batch.n_particles, device=batch.tokens.device) < config.unknown_probability
            batch = replace(batch, tokens=batch.tokens.masked_fill(lost, UNKNOWN))
        types = batch.event_types
        if self.config.event_types and types is not None and config.unknown_type_probability:
            hidden = torch.rand(types.shape, device=types.device) < config.unknown_type_probability
            batch = replace(batch, event_types=types.masked_fill(hidden, 0))
        return batch

    def fingerprint(self) -> str:
        """Name, options and PDG map."""
        return repr((self.name, self.config, self.pdg_map.ids))

    def logits(self, batch: PackedBatch) -> Tensor:
        """What the network says, shape ``(n_events, heads)``."""
        result: Tensor = self.network(self.scaler(batch.features), batch)
        return result


def features_of(config: ModelConfig) -> FeatureSpec:
    """The features that a complete configuration asks for."""
    return FeatureSpec(coordinates=config.coordinates or "cartesian", drop=config.drop)
