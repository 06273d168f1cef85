"""A model of whole events: the scale of its features and a network, and how it is built by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.particle_sets import ParticleSets
from hepsets.learn.registry import Kind, Recipe, recipe
from hepsets.learn.seeded import seeded
from hepsets.learn.training.trainable import Trainable
from hepsets.represent.particle_sets.data import PackedSet, SetBatch, SetData
from hepsets.represent.scaler import Scaler
from hepsets.represent.whole_events.data import whole_event_data
from hepsets.represent.whole_events.features import EVEN, FEATURES

LARGEST = 10.0
"""Scaled features are cut at this many standard deviations."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class WholeEventConfig:
    """Sizes of every model of whole events; options of single models are in subclasses of theirs.

    Parameters
    ----------
    units
        Width of the hidden layers.
    layers
        Hidden layers of the network per particle, and of the last one.
    dropout
        Dropout probability in the last network.
    seed
        Seed of the initial weights.
    """

    units: int = Field(default=64, ge=1)
    layers: int = Field(default=2, ge=1)
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    seed: int = Field(default=0, ge=0)


class WholeEventNetwork(nn.Module):
    """What a network on whole events must be: scaled features of particles in, a logit of each event out."""

    def forward(self, even: Tensor, structure: Tensor, particles: PackedSet) -> Tensor:
        """Logits, shape ``(n_events, 1)``.

        Parameters
        ----------
        even
            Scaled features of :data:`~hepsets.represent.whole_events.features.EVEN`, shape
            ``(n_particles, n_even)``.
        structure
            Charge and direction, shape ``(n_particles, 4)``, as they are.
        particles
            Who owns which; its features are unscaled.
        """
        raise NotImplementedError


class WholeEventModel(Trainable):
    """A network on whole events with all that is needed to apply it to them.

    Parameters
    ----------
    name
        Name in the registry.
    config
        Its options.
    network
        The network.
    """

    kind: Kind = "whole_events"

    def __init__(self, name: str, config: WholeEventConfig, network: WholeEventNetwork) -> None:
        super().__init__(name, heads=1)
        self.config = config
        self.scaler = Scaler(len(EVEN))
        self.network = network

    def prepare(self, events: ParticleSets | SetData) -> SetData:
        """Tensors that this model takes its batches from, of events or made of them before.

        Raises
        ------
        InputError
            For a particle column that the events lack.
        """
        return events if isinstance(events, SetData) else whole_event_data(events)

    def fit_inputs(self, training: SetBatch) -> None:
        """Take means and scales from the particles of the training events."""
        features = training.sets[0].features
        if len(features):
            self.scaler.fit(features[:, : len(EVEN)])

    def logits(self, batch: SetBatch) -> Tensor:
        """What the network says, shape ``(n_events, 1)``."""
        particles = batch.sets[0]
        even = self.scaler(particles.features[:, : len(EVEN)]).clamp(-LARGEST, LARGEST)
        result: Tensor = self.network(even, particles.features[:, len(EVEN) :], particles)
        return result

    def fingerprint(self) -> str:
        """Name, configuration and features."""
        return repr((self.name, self.config, FEATURES))

    def record(self) -> dict[str, Any]:
        """Name, options and the names of the features."""
        return {"name": self.name, "config": dataclasses.asdict(self.config), "features": FEATURES}


@dataclasses.dataclass(frozen=True, kw_only=True)
class WholeEventRecipe(Recipe):
    """How a model of whole events is built.

    Parameters
    ----------
    name, config
        See :class:`~hepsets.learn.registry.Recipe`.
    network
        Makes the network from options of the class of ``config``.
    """

    config: WholeEventConfig
    network: Callable[[Any], WholeEventNetwork]

    @property
    def kind(self) -> Kind:
        """Whole events."""
        return "whole_events"

    def build(self, config: WholeEventConfig | None = None) -> WholeEventModel:
        """A fresh model, its weights drawn with ``config.seed``."""
        chosen = config or self.config
        with seeded(chosen.seed):
            network = self.network(chosen)
        return WholeEventModel(self.name, chosen, network)

    def read(self, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any) -> WholeEventModel:
        """The model of a file, see :meth:`hepsets.learn.registry.Recipe.read`."""
        if tuple(record.get("features", ())) != FEATURES:
            raise ValueError(f"features {record.get('features')}")
        model = self.build(self.stored(record), **given)
        model.load_state_dict(tensors)
        return model.eval()


def build_whole_event_model(name: str, **options: Any) -> WholeEventModel:
    """A fresh model, its weights drawn with the option ``seed``.

    Parameters
    ----------
    name
        Its name in the registry.
    options
        What is to differ from the model's own options.

    Raises
    ------
    InputError
        If there is no such model or option.
    """
    found = recipe("whole_events", name)
    assert isinstance(found, WholeEventRecipe)  # of this kind there are no others
    return found.build(found.configured(options))
