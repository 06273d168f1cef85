"""A model of events as several sets: which sets, their scales and a network, which belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.particle_sets import ParticleSets
from hepsets.learn.particle_sets.symmetries import CollisionSymmetries
from hepsets.learn.registry import Kind
from hepsets.learn.training.trainable import Trainable
from hepsets.represent.particle_sets.data import SetBatch, SetData
from hepsets.represent.particle_sets.features import SetSpec
from hepsets.represent.scaler import Scaler


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SetModelConfig:
    """Inputs and sizes of every model of sets; options of single models are in subclasses of theirs.

    Parameters
    ----------
    sets
        The sets that it sees.
    event_features
        Event columns that it sees besides, such as the thirty variables.
    units
        Width of the hidden layers.
    layers
        Hidden layers of the network per particle, and of the one per event.
    dropout
        Dropout probability in the network per event.
    symmetries
        Whether training shows events turned around the beam, mirrored and charge-conjugated at random,
        see :class:`hepsets.learn.particle_sets.symmetries.CollisionSymmetries`.
    seed
        Seed of the initial weights.
    """

    sets: tuple[SetSpec, ...] = ()
    event_features: tuple[str, ...] = ()
    units: int = Field(default=64, ge=1)
    layers: int = Field(default=2, ge=1)
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    symmetries: bool = False
    seed: int = Field(default=0, ge=0)


class SetNetwork(nn.Module):
    """What a network on sets must be: scaled members and event features in, logits out."""

    def forward(self, features: tuple[Tensor, ...], event_features: Tensor, batch: SetBatch) -> Tensor:
        """Logits, shape ``(n_events, 1)``.

        Parameters
        ----------
        features
            Per set, float32 of shape ``(n_members, n_features)``, scaled.
        event_features
            Float32, shape ``(n_events, n_event_features)``, scaled.
        batch
            The events, for pooling. What it holds is unscaled.
        """
        raise NotImplementedError


class SetModel(Trainable):
    """A network on sets with all that is needed to apply it to events.

    Parameters
    ----------
    name
        Name in the registry.
    config
        Its options.
    network
        The network.

    Attributes
    ----------
    made_of
        What its inputs were made of in files of the user's, for who applies it to more of them: plain values.
    """

    kind: Kind = "particle_sets"

    def __init__(self, name: str, config: SetModelConfig, network: SetNetwork) -> None:
        super().__init__(name, heads=1)
        self.config = config
        self.made_of: Mapping[str, Any] = {}
        self.sets = config.sets
        self.event_features = config.event_features
        self.scalers = nn.ModuleList(Scaler(len(spec.features)) for spec in self.sets)
        self.event_scaler = Scaler(len(self.event_features))
        self.network = network
        self.symmetries = CollisionSymmetries(self.sets) if config.symmetries else None

    def prepare(self, events: ParticleSets | SetData) -> SetData:
        """Tensors that this model takes its batches from, of events or made of them before.

        Raises
        ------
        InputError
            For a feature, condition or event column that the events lack.
        """
        if isinstance(events, SetData):
            return events
        return SetData.from_events(events, self.sets, self.event_features)

    def fit_inputs(self, training: SetBatch) -> None:
        """Take means and scales from the members of the training events' sets, and from these events."""
        for scaler, one in zip(self.scalers, training.sets, strict=True):
            assert isinstance(scaler, Scaler)
            if one.n_particles:
                scaler.fit(one.features)
        if self.event_features:
            self.event_scaler.fit(training.event_features)

    def augment(self, batch: SetBatch) -> SetBatch:
        """Events that are as likely as those of the batch, if the configuration says so."""
        return batch if self.symmetries is None else self.symmetries(batch)

    def fingerprint(self) -> str:
        """Name and configuration."""
        return repr((self.name, self.config))

    def record(self) -> dict[str, Any]:
        """Name and options."""
        made_of = {"made_of": self.made_of} if self.made_of else {}
        return {"name": self.name, "config": asdict(self.config), **made_of}

    def logits(self, batch: SetBatch) -> Tensor:
        """What the network says, shape ``(n_events, 1)``."""
        scaled = tuple(scaler(one.features) for scaler, one in zip(self.scalers, batch.sets, strict=True))
        result: Tensor = self.network(scaled, self.event_scaler(batch.event_features), batch)
        return result
