"""A model of events with vertices: which features, their scales and a network, which belong together."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from scipy.special import expit, softmax
from torch import Tensor, nn

from hepsets.core.purpose import Purpose, demand
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.formats.jet_variables import NO_TRACK
from hepsets.learn.registry import Kind
from hepsets.learn.training.trainable import Trainable, TrainingData
from hepsets.represent.scaler import Scaler
from hepsets.represent.vertexed_events.data import VertexedBatch, VertexedData
from hepsets.represent.vertexed_events.feature_files import FeatureFiles
from hepsets.represent.vertexed_events.identification import Identification
from hepsets.represent.vertexed_events.inputs import InputSpec, Style

Level = Literal["event", "hemisphere"]
"""What is tagged: whole events, or each of their hemispheres, see
:func:`hepsets.represent.vertexed_events.hemispheres.hemispheres`."""

MASKED_BEYOND = 4.0
"""Published features farther from their mean than this many standard deviations count as that mean."""

SCALING_EVENTS = 10_000
"""Training events that scales are taken from, where there are more: they tell a scale to better than a per
cent."""

LARGEST = 10.0
"""Proper features are cut at this many standard deviations."""

FARTHEST = 1000.0
"""Variables of constituents, which have long tails, are cut at so many of their scales; then comes asinh."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class VertexedModelConfig:
    """Inputs and sizes of every model of events with vertices; options of single models are in subclasses.

    Parameters
    ----------
    style
        Features as physicists would choose them, as the coursework did, or those of jets' constituents.
    identification
        What is known of the kinds of particles; published features know the truth.
    level
        What the model is trained on and applied to.
    classes
        Names of the flavours, in the order of the targets.
    charge
        Whether there is a further output: is it the quark's hemisphere, or the antiquark's?
    units
        Width of the hidden layers.
    layers
        Hidden layers of each network per particle, per vertex and per event.
    dropout
        Dropout probability in the network per event.
    seed
        Seed of the initial weights.
    """

    style: Style = "proper"
    identification: Identification = "dndx+tof"
    level: Level = "event"
    classes: tuple[str, ...] = Field(default=("b", "c", "s"), min_length=2)
    charge: bool = False
    units: int = Field(default=64, ge=1)
    layers: int = Field(default=2, ge=1)
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    seed: int = Field(default=0, ge=0)

    @property
    def heads(self) -> int:
        """Outputs of the network: a logit for each class, and that of the charge."""
        return len(self.classes) + self.charge


class VertexedNetwork(nn.Module):
    """What a network on events with vertices must be: scaled features in, logits out.

    ``sort_by`` names features of particles: those with the largest first one come first, then those with the
    largest second one. Where it is empty the order of particles has no meaning.
    """

    sort_by: tuple[str, ...] = ()

    def forward(self, particles: Tensor, vertices: Tensor, events: Tensor, batch: VertexedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``.

        Parameters
        ----------
        particles, vertices, events
            Scaled features, float32, shapes ``(n_particles, k)``, ``(n_vertices, l)``, ``(n_events, m)``.
        batch
            The events, for who owns what. The features that it holds are unscaled.
        """
        raise NotImplementedError


class VertexedModel(Trainable):
    """A network with all that is needed to apply it to events, or to hemispheres.

    Parameters
    ----------
    name
        Name in the registry.
    config
        Its options.
    spec
        The features that its network sees.
    network
        The network.
    """

    kind: Kind = "vertexed_events"

    def __init__(
        self, name: str, config: VertexedModelConfig, spec: InputSpec, network: VertexedNetwork
    ) -> None:
        super().__init__(name, heads=config.heads)
        self.config = config
        self.spec = spec
        self.particle_scaler = Scaler(len(spec.particles))
        self.vertex_scaler = Scaler(len(spec.vertices))
        self.event_scaler = Scaler(len(spec.events))
        self.network = network

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the flavours, in the order of the outputs."""
        return self.config.classes

    def prepare(self, events: VertexedEvents | VertexedData | FeatureFiles) -> VertexedData | FeatureFiles:
        """What this model takes its batches from: features in files stay there.

        Parameters
        ----------
        events
            Events, or hemispheres, as the model's ``level`` says; or features of them, made before.

        Raises
        ------
        InputError
            For features without one that the model takes, or particles without momenta.
        """
        return prepared(events, self.spec, self.network.sort_by)

    def fit_inputs(self, training: VertexedBatch) -> None:
        """Take means and scales from all training events."""
        for scaler, features in self._scaled(training):
            if len(features) and features.shape[1]:
                if self.config.style == "constituents":
                    scaler.fit_quantiles(features, NO_TRACK)
                else:
                    scaler.fit(features)

    def fit_scales(self, data: TrainingData, training: Tensor) -> None:
        """Take means and scales from training events, every so many of them: a batch of all might not fit.

        Parameters
        ----------
        data
            What :meth:`prepare` made.
        training
            Numbers of the training events, int64, shape ``(n,)``.

        Raises
        ------
        InputError
            For validation or test events.
        """
        demand(getattr(data, "purpose", None), Purpose.TRAINING, f"{self.name} takes scales")
        self.fit_inputs(data.batch(training[:: max(1, len(training) // SCALING_EVENTS)]))

    def _scaled(self, batch: VertexedBatch) -> tuple[tuple[Scaler, Tensor], ...]:
        return (
            (self.particle_scaler, batch.particles.features),
            (self.vertex_scaler, batch.vertices.features),
            (self.event_scaler, batch.event_features),
        )

    def logits(self, batch: VertexedBatch) -> Tensor:
        """What the network says, shape ``(n_events, heads)``."""
        result: Tensor = self.network(*self.scaled(batch), batch)
        return result

    def scaled(self, batch: VertexedBatch) -> tuple[Tensor, Tensor, Tensor]:
        """What the network sees of particles, vertices and events, each of shape ``(n, n_features)``."""
        particles, vertices, events = (
            self._limited(scaler(features)) for scaler, features in self._scaled(batch)
        )
        return particles, vertices, events

    def _limited(self, scaled: Tensor) -> Tensor:
        if self.config.style == "published":
            return scaled.masked_fill(scaled.abs() > MASKED_BEYOND, 0.0)
        if self.config.style == "constituents":
            return torch.asinh(scaled.clamp(-FARTHEST, FARTHEST))
        return scaled.clamp(-LARGEST, LARGEST)

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of each class, and, where there is a charge, of the hemisphere to be the quark's; shape
        ``(n_events, heads)``.
        """
        found = np.empty_like(logits)
        classes = len(self.classes)
        found[:, :classes] = softmax(logits[:, :classes].astype(np.float64), axis=1)
        found[:, classes:] = expit(logits[:, classes:])
        return found

    def fingerprint(self) -> str:
        """Name and configuration."""
        return repr((self.name, self.config))

    def record(self) -> dict[str, Any]:
        """Name and options."""
        return {"name": self.name, "config": asdict(self.config)}


def prepared(
    events: VertexedEvents | VertexedData | FeatureFiles, spec: InputSpec, sort_by: tuple[str, ...]
) -> VertexedData | FeatureFiles:
    """Features as a model takes them: made of events or chosen of those there are, sorted if it asks for it.

    Parameters
    ----------
    events
        Events, or hemispheres, or features of them.
    spec
        The features that the model sees.
    sort_by
        See :class:`VertexedNetwork`.

    Raises
    ------
    InputError
        For features without one that the model takes, or particles without momenta.
    """
    if isinstance(events, VertexedEvents):
        return VertexedData.from_events(events, spec).sorted_by(sort_by)
    return events.seeing(spec).sorted_by(sort_by)
