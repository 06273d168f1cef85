"""The detectors by name."""

from __future__ import annotations

from typing import TypeAlias

from hepsets.core.errors import InputError
from hepsets.core.registry import Registry
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import DetectorConfig
from hepsets.simulate.layered import LayeredConfig

Detector: TypeAlias = DetectorConfig | LayeredConfig
"""The numbers of a detector: parametric, as :mod:`hepsets.simulate.detector` takes it, or of layers, as
:mod:`hepsets.simulate.layered`."""


def _fault(thing: object) -> str:
    right = isinstance(thing, DetectorConfig | LayeredConfig)
    return "" if right else f"{type(thing).__name__} is no DetectorConfig and no LayeredConfig"


DEFAULT_DETECTOR = "belle2"

DETECTORS: Registry[Detector] = Registry(
    "hepsets.detectors",
    "detector",
    {DEFAULT_DETECTOR: BELLE2, "idea": "hepsets.simulate.idea:IDEA"},
    _fault,
)
"""Detectors by name. Those of other packages are :class:`~hepsets.simulate.detector.DetectorConfig` or
:class:`~hepsets.simulate.layered.LayeredConfig` objects behind entry points of the group
``hepsets.detectors``."""


def skimmed_detector(name: str) -> DetectorConfig:
    """A detector of which skims can be run.

    Raises
    ------
    InputError
        For an unknown detector, and for one of layers: skims take tracks and clusters as Belle II has them.
    """
    detector = DETECTORS.find(name)
    if not isinstance(detector, DetectorConfig):
        raise InputError(
            f"skims of what the detector {name!r} sees",
            "a detector of tracks and clusters, such as belle2",
            "take that one, or write what this one sees, without skims",
        )
    return detector
