"""Time of flight: when a track reaches the timing layer."""

from __future__ import annotations

import math

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.kernel import Record, kernel


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TimeOfFlightConfig:
    """A timing layer: a cylinder with two ends."""

    radius: float
    """Radius of the cylinder [cm]."""
    half_length: float
    """|z| of its ends [cm]."""
    resolution: float
    """Of a time [ns], that of the collision included."""


@kernel
def way_to_timing_layer(config: Record, omega: float, tan_lambda: float, z0: float) -> float:
    """Way [cm], in the transverse plane, of a helix from its point closest to the axis to the timing layer.

    It is -1 if the helix does not get there within half a turn. ``omega`` is the absolute curvature [1/cm].
    """
    half = 0.5 * omega * config.radius
    way = 2.0 / omega * math.asin(half) if half < 1.0 else math.inf
    if tan_lambda != 0.0:
        way = min(way, (config.half_length - math.copysign(z0, z0 * tan_lambda)) / abs(tan_lambda))
    return way if way < math.pi / omega else -1.0
