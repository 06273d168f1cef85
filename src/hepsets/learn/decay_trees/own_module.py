"""Any ``nn.Module`` on packed batches of decay trees as a model: trained, scored, kept as others are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.model import EventModel, EventNetwork, ModelConfig, features_of
from hepsets.learn.decay_trees.recipe import EventRecipe
from hepsets.learn.own_modules import (
    PREFIX,
    as_it_was_trained,
    checked_maker,
    given,
    made,
    name_of,
    with_heads,
)
from hepsets.represent.decay_trees.batch import PackedBatch


class OwnNetwork(EventNetwork):
    """A module that is called with a batch, whose features are scaled as the model's options say."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``; the module may give ``(n_events,)`` for one head."""
        return with_heads(self.module(dataclasses.replace(batch, features=features)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnRecipe(EventRecipe):
    """How a model is made of a module, which must be given."""

    def build(self, pdg_map: PdgMap, config: ModelConfig | None = None, module: Any = None) -> EventModel:
        """A model of the module, whose weights stay as they are.

        Raises
        ------
        InputError
            Without the module.
        """
        return EventModel(self.name, config or self.config, pdg_map, OwnNetwork(given(self.name, module)))


def own_event_model(module: nn.Module, pdg_map: PdgMap, **options: Any) -> EventModel:
    """A model of decay trees from any module.

    Parameters
    ----------
    module
        Called with a :class:`~hepsets.represent.decay_trees.batch.PackedBatch`, whose float32 ``features`` of
        shape ``(n_particles, n_features)`` are scaled; gives logits, shape ``(n_events,)`` or
        ``(n_events, heads)``. It becomes part of the model and is trained with it.
    pdg_map
        Tokens of PDG ids.
    options
        Of :class:`~hepsets.learn.decay_trees.model.ModelConfig`, such as ``heads``, ``drop``, ``inputs``.

    Returns
    -------
    EventModel
        Named ``own:`` and the module's class. Its file is loaded with ``load(path, module=…)``.

    Raises
    ------
    InputError
        For an option that there is not.
    """
    recipe = _recipe(name_of(module))
    return recipe.build(pdg_map, recipe.configured(options), module)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeRecipe(EventRecipe):
    """How a model is made of a class of modules, which has a name of its own."""

    def read(self, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any) -> EventModel:
        """The model of a file, see :meth:`hepsets.learn.registry.Recipe.read`."""
        with as_it_was_trained(self.name):
            return super().read(record, tensors, **given)


def own_event_recipe(name: str, make: Callable[..., nn.Module], **options: Any) -> EventRecipe:
    """A recipe of decay trees from any class of modules: for the registry, or an entry point.

    Parameters
    ----------
    name
        What the model is called.
    make
        Gives a fresh module, see :func:`own_event_model`, when it is called: with the sizes that it has
        parameters for, of ``n_features`` (of a particle), ``n_tokens`` (of PDG ids), ``heads`` (logits of an
        event) and the other options.
    options
        See :func:`own_event_model`.

    Returns
    -------
    EventRecipe
        Its models are saved and loaded by their name; a file holds numbers, never code.

    Raises
    ------
    InputError
        For an option that there is not, or a ``make`` that is nothing to call.
    """
    maker = checked_maker(name, make)

    def network(config: ModelConfig, n_tokens: int) -> EventNetwork:
        own = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
        sizes = {"n_features": len(features_of(config)), "n_tokens": n_tokens, **own}
        return OwnNetwork(made(name, maker, sizes))

    config = _recipe(name).configured(options)
    return MadeRecipe(name=name, config=config, network=network)


def _recipe(name: str) -> OwnRecipe:
    return OwnRecipe(name=name, config=ModelConfig(), network=_nothing)


def _nothing(config: ModelConfig, n_tokens: int) -> EventNetwork:
    raise NotImplementedError  # the module itself is given


def family(name: str) -> OwnRecipe | None:
    """The recipe of a name that begins with ``own:``; ``None`` for others."""
    return _recipe(name) if name.startswith(PREFIX) else None


FAMILIES = (family,)
