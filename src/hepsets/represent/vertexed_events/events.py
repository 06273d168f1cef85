"""Events, or hemispheres, as a whole: how many of what, how much energy, which way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.represent.vertexed_events.geometry import Array, Geometry
from hepsets.represent.vertexed_events.kinematics import BEAM_ENERGY

EVENT = (
    "log_particles",
    "log_tracks",
    "log_vertices",
    "visible_energy",
    "axis_cos_theta",
    "has_thrust",
    "thrust_value",
    "has_primary",
)
"""ln(1 + particles), of tracks, of vertices besides the primary one; summed momenta over 2 E_beam; |cos θ|
of the thrust axis; whether the file tells the thrust, and 1 − thrust; whether there is a primary vertex."""


def events(seen: Geometry) -> dict[str, Array]:
    """:data:`EVENT` of each event, each of shape ``(n_events,)``."""
    known = seen.known("thrust", of="event")
    return {
        "log_particles": np.log1p(_count(seen.event_of_particle, np.ones(len(seen.momentum)), seen)),
        "log_tracks": np.log1p(_count(seen.event_of_particle, seen.particle("charge") != 0, seen)),
        "log_vertices": np.log1p(_count(seen.event_of_vertex, ~seen.is_primary, seen)),
        "visible_energy": np.minimum(
            _count(seen.event_of_particle, seen.momentum, seen) / (2 * BEAM_ENERGY), 10
        ),
        "axis_cos_theta": np.abs(seen.axis[:, 2]),
        "has_thrust": known.astype(np.float64),
        "thrust_value": np.where(known, 1 - seen.event("thrust"), 0.0),
        "has_primary": seen.has_primary.astype(np.float64),
    }


def _count(event: NDArray[Any], values: NDArray[Any], seen: Geometry) -> Array:
    return np.bincount(event, values.astype(np.float64), seen.n_events).astype(np.float64)
