"""An event model: features and scaler, PDG map, and a network, which belong together."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Literal

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.pdg import UNKNOWN, PdgMap
from hepsets.learn.registry import Kind
from hepsets.learn.training.trainable import Trainable
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.data import EventData
from hepsets.represent.decay_trees.features import Coordinates, FeatureSpec
from hepsets.represent.scaler import Scaler


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ModelConfig:
    """Sizes and inputs of every model of decay trees; options of single models are in subclasses of theirs.

    Parameters
    ----------
    units
        Width of the hidden layers; 32 in all published models.
    coordinates
        ``"cartesian"`` or ``"cylindrical"``.
    drop
        Features to leave out, see :class:`hepsets.represent.decay_trees.features.FeatureSpec`.
    inputs
        ``"scaled"`` with training statistics or ``"raw"``.
    heads
        Logits per event; the first is the score, the others are scores of further skims.
    unknown_probability
        Probability that a particle shows the ``<unknown>`` token in place of its own in training, so that
        the model learns what to make of ids that it has never seen.
    seed
        Seed of the initial weights.
    """

    units: int = Field(default=32, ge=1)
    coordinates: Coordinates = "cartesian"
    drop: tuple[str, ...] = ()
    inputs: Literal["scaled", "raw"] = "scaled"
    heads: int = Field(default=1, ge=1)
    unknown_probability: float = Field(default=0.01, ge=0.0, lt=1.0)
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

    ``event_types`` names the types of events that it is told, if its options have them; the event column
    ``event_type`` counts them from 1.

    Parameters
    ----------
    name
        Name in the registry.
    config
        Its options.
    pdg_map
        Tokens of PDG ids.
    network
        The network.
    """

    kind: Kind = "decay_trees"

    def __init__(self, name: str, config: ModelConfig, pdg_map: PdgMap, network: EventNetwork) -> None:
        super().__init__(name, config.heads)
        self.config = config
        self.pdg_map = pdg_map
        self.event_types: tuple[str, ...] = getattr(config, "event_types", ())
        self.features = features_of(config)
        self.scaler = Scaler(len(self.features))
        self.network = network
        self.scored_together = getattr(network, "scored_together", self.scored_together)

    def prepare(self, events: Events | EventData) -> EventData:
        """Tensors that this model takes its batches from, of events or made of them before.

        Raises
        ------
        InputError
            For event types beyond those that the model knows.
        """
        if isinstance(events, EventData):
            data = events
        else:
            data = EventData.from_events(events, self.pdg_map, self.features)
        known = self.event_types
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

    def augment(self, batch: PackedBatch) -> PackedBatch:
        """Hide some PDG ids, and some types of events, as they may be hidden one day."""
        if self.config.unknown_probability:
            lost = torch.rand(batch.n_particles, device=batch.tokens.device) < self.config.unknown_probability
            batch = replace(batch, tokens=batch.tokens.masked_fill(lost, UNKNOWN))
        types = batch.event_types
        hiding: float = getattr(self.config, "unknown_type_probability", 0.0)
        if self.event_types and types is not None and hiding:
            hidden = torch.rand(types.shape, device=types.device) < hiding
            batch = replace(batch, event_types=types.masked_fill(hidden, 0))
        return batch

    def fingerprint(self) -> str:
        """Name, options and PDG map."""
        return repr((self.name, self.config, self.pdg_map.ids))

    def record(self) -> dict[str, Any]:
        """Name, options and PDG ids."""
        return {"name": self.name, "config": asdict(self.config), "pdg_ids": self.pdg_map.ids}

    def logits(self, batch: PackedBatch) -> Tensor:
        """What the network says, shape ``(n_events, heads)``."""
        result: Tensor = self.network(self.scaler(batch.features), batch)
        return result


def features_of(config: ModelConfig) -> FeatureSpec:
    """The features that a configuration asks for."""
    return FeatureSpec(coordinates=config.coordinates, drop=config.drop)
