"""hepsets: learning on the sets that particle collisions make; the public names, loaded when they are used.

Examples
--------
>>> import hepsets as hs
>>> hs.list_skims()[0], "generate" in dir(hs)
('hadronic_b0', True)
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepsets.core.errors import InputError as InputError
    from hepsets.core.event_frame import EventFrame as EventFrame
    from hepsets.core.events import Events as Events
    from hepsets.core.particle_sets import ParticleSets as ParticleSets
    from hepsets.public.analyses import infer as infer
    from hepsets.public.analyses import run as run
    from hepsets.public.events import read as read
    from hepsets.public.events import write as write
    from hepsets.public.filters import load_filter as load_filter
    from hepsets.public.models import auc as auc
    from hepsets.public.models import export as export
    from hepsets.public.models import fit as fit
    from hepsets.public.models import load as load
    from hepsets.public.models import load_trunk as load_trunk
    from hepsets.public.models import register_model as register_model
    from hepsets.public.models import save as save
    from hepsets.public.models import score as score
    from hepsets.public.names import list_analyses as list_analyses
    from hepsets.public.names import list_detectors as list_detectors
    from hepsets.public.names import list_filters as list_filters
    from hepsets.public.names import list_models as list_models
    from hepsets.public.names import list_samples as list_samples
    from hepsets.public.names import list_skims as list_skims
    from hepsets.public.simulation import candidates as candidates
    from hepsets.public.simulation import generate as generate
    from hepsets.public.simulation import simulate as simulate
    from hepsets.public.simulation import skim as skim
    from hepsets.public.simulation import tag_sides as tag_sides

    __version__: str

_HOMES = {
    "hepsets.core.errors": ("InputError",),
    "hepsets.core.event_frame": ("EventFrame",),
    "hepsets.core.events": ("Events",),
    "hepsets.core.particle_sets": ("ParticleSets",),
    "hepsets.public.events": ("read", "write"),
    "hepsets.public.simulation": ("candidates", "generate", "simulate", "skim", "tag_sides"),
    "hepsets.public.filters": ("load_filter",),
    "hepsets.public.models": (
        "auc",
        "export",
        "fit",
        "load",
        "load_trunk",
        "register_model",
        "save",
        "score",
    ),
    "hepsets.public.analyses": ("infer", "run"),
    "hepsets.public.names": (
        "list_analyses",
        "list_detectors",
        "list_filters",
        "list_models",
        "list_samples",
        "list_skims",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("hepsets")
    if name in _ROOMS:
        return import_module(f"hepsets.{name}")
    if name in _HOME_OF:
        return _public(name)
    raise AttributeError(f"module 'hepsets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _public(name: str) -> Any:
    from hepsets.core.extras import telling_extras

    with telling_extras(f"hepsets.{name}"):
        return getattr(import_module(_HOME_OF[name]), name)


# -- two names are functions and stages: hepsets.generate(...) beside hepsets.generate.pythia --------------

_ROOMS = ("generate", "simulate")


class _CallableRoom(ModuleType):
    """A stage that is called as the public function of its name."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.__wrapped__(*arguments, **options)

    @property
    def __wrapped__(self) -> Any:  # where inspect.signature finds the parameters
        return _public(self.__name__.removeprefix("hepsets."))


class _House(ModuleType):
    """The package itself, which makes those stages callable when they are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ROOMS and isinstance(value, ModuleType):
            value.__class__ = _CallableRoom
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _House
