"""How a model of particle sets is built, by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.learn.particle_sets.model import SetModel, SetModelConfig, SetNetwork
from hepsets.learn.registry import Kind, Recipe, known_options, recipe
from hepsets.learn.seeded import seeded

_ONCE_COMMON = ("fusion", "pooling")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetRecipe(Recipe):
    """How a model of sets is built.

    Parameters
    ----------
    name, config
        See :class:`~hepsets.learn.registry.Recipe`.
    network
        Makes the network from options of the class of ``config``.
    """

    config: SetModelConfig
    network: Callable[[Any], SetNetwork]

    @property
    def kind(self) -> Kind:
        """Particle sets."""
        return "particle_sets"

    def build(self, config: SetModelConfig | None = None) -> SetModel:
        """A fresh model, its weights drawn with ``config.seed``; with the published options by default."""
        chosen = config or self.config
        with seeded(chosen.seed):
            network = self.network(chosen)
        return SetModel(self.name, chosen, network)

    def read(self, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any) -> SetModel:
        """The model of a file, see :meth:`hepsets.learn.registry.Recipe.read`."""
        model = self.build(self.stored(record), **given)
        model.load_state_dict(tensors)
        model.made_of = dict(record.get("made_of", {}))
        return model.eval()

    def of_earlier(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Options that all models of sets once had are left out where this one has none."""
        return known_options(config, self.config, _ONCE_COMMON)


def build_set_model(name: str, config: SetModelConfig | None = None, **options: Any) -> SetModel:
    """A fresh model, its weights drawn with the option ``seed``.

    Parameters
    ----------
    name
        Its name in the registry.
    config
        All of its options, as an object of its own class.
    options
        In place of ``config``: what is to differ from the model's own options.

    Raises
    ------
    InputError
        If there is no such model or option, or its network cannot have such inputs.
    """
    found = recipe("particle_sets", name)
    assert isinstance(found, SetRecipe)  # of this kind there are no others
    if config is not None and type(config) is not type(found.config):
        raise InputError(f"{type(config).__name__} for {name}", type(found.config).__name__)
    return found.build(config or found.configured(options))
