"""The detectors by name, found by being in this folder, or by an entry point.

A detector is a file of numbers here: ``idea.py`` with a :class:`~hepsets.simulate.detector.DetectorConfig`
``IDEA`` is the detector ``idea``.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TypeAlias

from hepsets.core.errors import InputError
from hepsets.core.registry import Registry
from hepsets.simulate.detector import DetectorConfig
from hepsets.simulate.forward import ForwardConfig
from hepsets.simulate.layered import LayeredConfig

Detector: TypeAlias = DetectorConfig | LayeredConfig | ForwardConfig
"""The numbers of a detector: parametric, as :mod:`hepsets.simulate.detector` takes it, of layers, as
:mod:`hepsets.simulate.layered`, or forwards, as :mod:`hepsets.simulate.forward`."""

DEFAULT_DETECTOR = "belle2"


def _fault(thing: object) -> str:
    right = isinstance(thing, Detector)
    return "" if right else f"{type(thing).__name__} is no DetectorConfig, LayeredConfig or ForwardConfig"


def _detectors_of_this_folder() -> dict[str, Detector]:
    """Configurations of an engine that are named as their file is, in order of these names."""
    files = [file.name for file in iter_modules([str(Path(__file__).parent)]) if file.name != "registry"]
    found = {name: getattr(import_module(f"hepsets.simulate.{name}"), name.upper(), None) for name in files}
    return {name: thing for name, thing in found.items() if isinstance(thing, Detector)}


DETECTORS: Registry[Detector] = Registry("hepsets.detectors", "detector", _detectors_of_this_folder(), _fault)
"""Detectors by name. Those of other packages are :class:`~hepsets.simulate.detector.DetectorConfig`,
:class:`~hepsets.simulate.layered.LayeredConfig` or :class:`~hepsets.simulate.forward.ForwardConfig` objects
behind entry points of the group ``hepsets.detectors``."""


def skimmed_detector(name: str) -> DetectorConfig:
    """A detector of which skims can be run.

    Raises
    ------
    InputError
        For an unknown detector, and for one without skims: they take what Belle II sees.
    """
    detector = DETECTORS.find(name)
    if not isinstance(detector, DetectorConfig):
        raise InputError(
            f"skims of what the detector {name!r} sees",
            "a detector of tracks and clusters, such as belle2",
            "take that one, or write what this one sees, without skims",
        )
    return detector
