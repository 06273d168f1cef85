"""Any ``nn.Module`` on packed batches of particle sets as a model: trained, scored, kept as others are."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor, nn

from hepsets.learn.own_modules import PREFIX, given, name_of, with_heads
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


def _recipe(name: str) -> OwnRecipe:
    return OwnRecipe(name=name, config=SetModelConfig(sets=ALL_PARTICLES), network=_nothing)


def _nothing(config: SetModelConfig) -> SetNetwork:
    raise NotImplementedError  # the module itself is given


def family(name: str) -> OwnRecipe | None:
    """The recipe of a name that begins with ``own:``; ``None`` for others."""
    return _recipe(name) if name.startswith(PREFIX) else None


FAMILIES = (family,)
