"""Any ``nn.Module`` on packed batches of particle sets as a model: trained, scored, kept as others are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from hepsets.learn.own_modules import (
    PREFIX,
    as_it_was_trained,
    checked_maker,
    given,
    made,
    name_of,
    with_heads,
)
from hepsets.learn.particle_sets.model import SetModel, SetModelConfig, SetNetwork
from hepsets.learn.particle_sets.recipe import SetRecipe
from hepsets.represent.particle_sets.data import SetBatch
from hepsets.represent.particle_sets.features import ALL_PARTICLES


class OwnNetwork(SetNetwork):
    """A module that is called with a batch, whose features are scaled."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, features: tuple[Tensor, ...], event_features: Tensor, batch: SetBatch) -> Tensor:
        """Logits, shape ``(n_events, 1)``, of a module that gives these or ``(n_events,)``."""
        sets = (
            dataclasses.replace(one, features=scaled)
            for one, scaled in zip(batch.sets, features, strict=True)
        )
        return with_heads(self.module(SetBatch(tuple(sets), event_features)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnRecipe(SetRecipe):
    """How a model is made of a module, which must be given."""

    def build(self, config: SetModelConfig | None = None, module: Any = None) -> SetModel:
        """A model of the module, whose weights stay as they are.

        Raises
        ------
        InputError
            Without the module.
        """
        return SetModel(self.name, config or self.config, OwnNetwork(given(self.name, module)))


def own_set_model(module: nn.Module, **options: Any) -> SetModel:
    """A model of particle sets from any module.

    Parameters
    ----------
    module
        Called with a :class:`~hepsets.represent.particle_sets.data.SetBatch`, whose features are scaled;
        gives logits, shape ``(n_events,)`` or ``(n_events, 1)``. It becomes part of the model and is trained
        with it.
    options
        Of :class:`~hepsets.learn.particle_sets.model.SetModelConfig`: ``sets`` (all particles in one set by
        default), ``event_features``, ``symmetries``.

    Returns
    -------
    SetModel
        Named ``own:`` and the module's class. Its file is loaded with ``load(path, module=…)``.

    Raises
    ------
    InputError
        For an option that there is not.
    """
    recipe = _recipe(name_of(module))
    return recipe.build(recipe.configured(options), module)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeRecipe(SetRecipe):
    """How a model is made of a class of modules, which has a name of its own."""

    def read(self, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any) -> SetModel:
        """The model of a file, see :meth:`hepsets.learn.registry.Recipe.read`."""
        with as_it_was_trained(self.name):
            return super().read(record, tensors, **given)


def own_set_recipe(name: str, make: Callable[..., nn.Module], **options: Any) -> SetRecipe:
    """A recipe of particle sets from any class of modules: for the registry, or an entry point.

    Parameters
    ----------
    name
        What the model is called.
    make
        Gives a fresh module, see :func:`own_set_model`, when it is called: with the sizes that it has
        parameters for, of ``n_features`` (of a member, one number for each set), ``n_event_features`` and the
        other options.
    options
        See :func:`own_set_model`.

    Returns
    -------
    SetRecipe
        Its models are saved and loaded by their name; a file holds numbers, never code.

    Raises
    ------
    InputError
        For an option that there is not, or a ``make`` that is nothing to call.
    """
    maker = checked_maker(name, make)

    def network(config: SetModelConfig) -> SetNetwork:
        own = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
        numbers = tuple(len(spec.features) for spec in config.sets)
        sizes = {"n_features": numbers, "n_event_features": len(config.event_features), **own}
        return OwnNetwork(made(name, maker, sizes))

    config = _recipe(name).configured(options)
    return MadeRecipe(name=name, config=config, network=network)


def _recipe(name: str) -> OwnRecipe:
    return OwnRecipe(name=name, config=SetModelConfig(sets=ALL_PARTICLES), network=_nothing)


def _nothing(config: SetModelConfig) -> SetNetwork:
    raise NotImplementedError  # the module itself is given


def family(name: str) -> OwnRecipe | None:
    """The recipe of a name that begins with ``own:``; ``None`` for others."""
    return _recipe(name) if name.startswith(PREFIX) else None


FAMILIES = (family,)
