"""The detectors by name."""

from __future__ import annotations

from hepsets.core.registry import Registry
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import DetectorConfig


def _fault(thing: object) -> str:
    return "" if isinstance(thing, DetectorConfig) else f"{type(thing).__name__} is no DetectorConfig"


DEFAULT_DETECTOR = "belle2"

DETECTORS: Registry[DetectorConfig] = Registry(
    "hepsets.detectors", "detector", {DEFAULT_DETECTOR: BELLE2}, _fault
)
"""Detectors by name. Those of other packages are :class:`~hepsets.simulate.detector.DetectorConfig` objects
behind entry points of the group ``hepsets.detectors``."""
