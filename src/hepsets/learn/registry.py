"""The registry: every model by its kind and name, found by being in its room, or by an entry point.

A model is a network or a method in a file of its own, in the room of its kind, and ``RECIPES`` there: how it
is built, with the options that are its own; ``FAMILIES`` there are functions from the name of a member to its
recipe, or to ``None``. Other packages add a recipe by an entry point of the group ``hepsets.models`` with the
model's name, a script or notebook by :func:`register`. :mod:`hepsets.learn.files`, the analyses and the
contract tests find all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Literal, Protocol, get_args

from pydantic import TypeAdapter
from torch import Tensor

from hepsets.core.config import from_mapping, merge, to_mapping
from hepsets.core.errors import InputError
from hepsets.core.registry import Registry

Kind = Literal[
    "decay_trees", "particle_sets", "tables", "data_sets", "vertexed_events", "images", "whole_events"
]
"""What models are applied to: event tables with mothers; several sets per event; one row per event or
candidate; sets of events; reconstructed events with vertices; images; all that a detector saw of an event."""

KINDS: tuple[Kind, ...] = get_args(Kind)


class Model(Protocol):
    """What every trained model has, whatever its kind; :func:`hepsets.learn.files.save` writes it."""

    @property
    def kind(self) -> Kind:
        """What it is applied to."""

    @property
    def name(self) -> str:
        """What it is called in tables and messages."""

    def record(self) -> dict[str, Any]:
        """All but tensors, as JSON can hold it: ``name``, ``config``, what else it takes to build it; and
        ``model``, its name in the registry, where ``name`` is another.
        """

    def tensors(self) -> dict[str, Tensor]:
        """Its numbers by name, in tensors of any shape."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is built; each kind has its own subclass.

    Parameters
    ----------
    name
        What the model is called; once per kind.
    config
        Its options as published. Their class is the model's own and stands beside it.
    """

    name: str
    config: Any

    @property
    def kind(self) -> Kind:
        """What its models are applied to."""
        raise NotImplementedError

    def read(self, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any) -> Model:
        """The model of a file, from what :meth:`Model.record` gave, and tensors of any shape.

        ``given`` is what it takes besides.
        """
        raise NotImplementedError

    def configured(self, options: Mapping[str, Any], *, source: str = "") -> Any:
        """The options as published, with those that are given in their place.

        Parameters
        ----------
        options
            Plain values by name, as a TOML table has them.
        source
            What messages call them; the model by default.

        Raises
        ------
        InputError
            For an option that the model does not have, or a value that does not fit.
        """
        values = merge(to_mapping(self.config), options)
        return from_mapping(type(self.config), values, source=source or f"options of {self.name}")

    def stored(self, record: Mapping[str, Any]) -> Any:
        """The options that a file names."""
        return TypeAdapter(type(self.config)).validate_python(record["config"])

    def of_earlier(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Options of a file of an earlier version, in today's terms."""
        return dict(config)


ADDED: Registry[Recipe] = Registry(
    "hepsets.models", "model", {}, lambda found: "" if isinstance(found, Recipe) else "it is no Recipe"
)
"""Those of other packages, of all kinds."""


def known_options(config: Mapping[str, Any], own: object, once_common: Iterable[str]) -> dict[str, Any]:
    """Options without those that all models once had and this one leaves open or does not have.

    Parameters
    ----------
    config
        The options of a file.
    own
        Options of the model today.
    once_common
        Names of options that were common to all models.
    """
    names = {field.name for field in dataclasses.fields(own)}  # type: ignore[arg-type]  # a dataclass
    gone = set(once_common) - names
    return {name: value for name, value in config.items() if value is not None and name not in gone}


@cache
def _modules(kind: Kind) -> tuple[ModuleType, ...]:
    room = import_module(f"hepsets.learn.{kind}")
    return tuple(import_module(f"{room.__name__}.{module.name}") for module in iter_modules(room.__path__))


_REGISTERED: dict[tuple[Kind, str], Recipe] = {}


def register(recipe: Recipe) -> None:
    """Make a model known in this process; once more under its name, it takes the place of the first.

    Raises
    ------
    InputError
        If the package, or another one that is installed, has a model of this kind and name.
    """
    kind, name = recipe.kind, recipe.name
    if name in _installed(kind) or _of_a_family(kind, name) is not None:
        raise InputError(f"a model {name!r} of {kind} is there already", "a name of its own")
    _REGISTERED[kind, name] = recipe


def only_here(kind: Kind, name: str) -> bool:
    """Whether no other process knows this model, since it was registered in this one."""
    return (kind, name) in _REGISTERED


def recipes(kind: Kind) -> Mapping[str, Recipe]:
    """All models of a kind by name: the package's own, in the order of their files, then those of others.

    Raises
    ------
    InputError
        If an entry point gives a name that is taken, or a recipe of another name than its own.
    """
    return {**_installed(kind), **{name: found for (of, name), found in _REGISTERED.items() if of == kind}}


@cache
def _installed(kind: Kind) -> Mapping[str, Recipe]:
    """Those of the package and of other packages."""
    found: dict[str, Recipe] = {}
    for module in _modules(kind):
        found |= {recipe.name: recipe for recipe in getattr(module, "RECIPES", ())}
    for name in ADDED:
        try:
            recipe = ADDED[name]
        except InputError:
            continue  # it says what is wrong when it is asked for
        if recipe.kind != kind:
            continue
        if recipe.name != name:
            raise InputError(
                f"model {recipe.name!r} under the name {name!r} in {ADDED.source(name)}", "one name for both",
                "files of the model could not be read again",
            )  # fmt: skip
        if name in found or _of_a_family(kind, name) is not None:
            raise InputError(
                f"model {name!r} of hepsets and {ADDED.source(name)}", "one package that gives it",
                "uninstall the other, or rename it there",
            )  # fmt: skip
        found[name] = recipe
    return found


def recipe(kind: Kind | str, name: str) -> Recipe:
    """The recipe of a model, or of a member of a family.

    Raises
    ------
    InputError
        If there is no such model.
    """
    if kind not in KINDS:
        raise InputError(f"models of {kind!r}", f"one of {', '.join(KINDS)}")
    there = recipes(kind)
    if name in there:
        return there[name]
    member = _of_a_family(kind, name)
    if member is not None:
        return member
    if name in ADDED:
        ADDED.find(name)  # which says why it cannot be used, if it cannot
    raise InputError(
        f"no model {name!r} of {kind}", f"one of {', '.join(there)}",
        "one of your own: hs.register_model makes it known, or the package that gives it",
    )  # fmt: skip


def _of_a_family(kind: Kind, name: str) -> Recipe | None:
    """The member of a family that has this name, if one does."""
    for module in _modules(kind):
        for family in getattr(module, "FAMILIES", ()):
            if (member := family(name)) is not None:
                assert isinstance(member, Recipe)
                return member
    return None
