"""How a model of decay trees is built, by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.model import EventModel, EventNetwork, ModelConfig
from hepsets.learn.registry import Kind, Recipe, known_options, recipe
from hepsets.learn.seeded import seeded

_ONCE_COMMON = (
    "embedding",
    "dropout",
    "graph_layers",
    "graph_last",
    "max_particles",
    "new_heads",
    "event_types",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EventRecipe(Recipe):
    """How a model of decay trees is built.

    Parameters
    ----------
    name, config
        See :class:`~hepsets.learn.registry.Recipe`.
    network
        Makes the network from options of the class of ``config`` and the number of PDG tokens.
    """

    config: ModelConfig
    network: Callable[[Any, int], EventNetwork]

    @property
    def kind(self) -> Kind:
        """Decay trees."""
        return "decay_trees"

    def build(self, pdg_map: PdgMap, config: ModelConfig | None = None) -> EventModel:
        """A fresh model, its weights drawn with ``config.seed``; with the published options by default."""
        chosen = config or self.config
        with seeded(chosen.seed):
            network = self.network(chosen, len(pdg_map))
        return EventModel(self.name, chosen, pdg_map, network)

    def read(self, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any) -> EventModel:
        """The model of a file, see :meth:`hepsets.learn.registry.Recipe.read`."""
        pdg_map = PdgMap(TypeAdapter(tuple[int, ...]).validate_python(record["pdg_ids"]))
        model = self.build(pdg_map, self.stored(record), **given)
        model.load_state_dict(tensors)
        return model.eval()

    def of_earlier(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Options that all models of decay trees once had are left out where this one has none."""
        return known_options(config, self.config, _ONCE_COMMON)


def event_recipe(name: str) -> EventRecipe:
    """The recipe of a model or family member.

    Raises
    ------
    InputError
        If there is no such model.
    """
    found = recipe("decay_trees", name)
    assert isinstance(found, EventRecipe)  # of this kind there are no others
    return found


def build_model(name: str, pdg_map: PdgMap, config: ModelConfig | None = None, **options: Any) -> EventModel:
    """A fresh model, its weights drawn with the option ``seed``.

    Parameters
    ----------
    name
        Its name in the registry, or a family member such as ``"DS_6_GCN_135"``.
    pdg_map
        Tokens of PDG ids.
    config
        All of its options, as an object of its own class.
    options
        In place of ``config``: what is to differ from the published options.

    Raises
    ------
    InputError
        If there is no such model or option, or the features do not exist.
    """
    found = event_recipe(name)
    if config is not None and type(config) is not type(found.config):
        raise InputError(f"{type(config).__name__} for {name}", type(found.config).__name__)
    return found.build(pdg_map, config or found.configured(options))
