"""How a model of events with vertices is built, by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.learn.registry import Kind, Recipe, recipe
from hepsets.learn.seeded import seeded
from hepsets.learn.vertexed_events.model import VertexedModel, VertexedModelConfig, VertexedNetwork
from hepsets.represent.vertexed_events.inputs import PUBLISHED_INPUTS, InputSpec, proper_inputs


def flat_inputs(config: VertexedModelConfig) -> InputSpec:
    """The features of a style, particles with what their vertex is like.

    Raises
    ------
    InputError
        For those of jets' constituents.
    """
    if config.style == "constituents":
        raise InputError("constituents of jets for this model", "particle_transformer")
    return PUBLISHED_INPUTS if config.style == "published" else proper_inputs(config.identification)


@dataclasses.dataclass(frozen=True, kw_only=True)
class VertexedRecipe(Recipe):
    """How a model of events with vertices is built.

    Parameters
    ----------
    name, config
        See :class:`~hepsets.learn.registry.Recipe`.
    network
        Makes the network from options of the class of ``config`` and the features that it sees.
    inputs
        Which features these are.
    """

    config: VertexedModelConfig
    network: Callable[[Any, InputSpec], VertexedNetwork]
    inputs: Callable[[Any], InputSpec] = flat_inputs

    @property
    def kind(self) -> Kind:
        """Events with vertices."""
        return "vertexed_events"

    def build(self, config: VertexedModelConfig | None = None) -> VertexedModel:
        """A fresh model, its weights drawn with ``config.seed``."""
        chosen = config or self.config
        spec = self.inputs(chosen)
        with seeded(chosen.seed):
            network = self.network(chosen, spec)
        return VertexedModel(self.name, chosen, spec, network)

    def read(self, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any) -> VertexedModel:
        """The model of a file, see :meth:`hepsets.learn.registry.Recipe.read`."""
        model = self.build(self.stored(record), **given)
        model.load_state_dict(tensors)
        return model.eval()


def build_vertexed_model(name: str, **options: Any) -> VertexedModel:
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
    found = recipe("vertexed_events", name)
    assert isinstance(found, VertexedRecipe)  # of this kind there are no others
    return found.build(found.configured(options))
