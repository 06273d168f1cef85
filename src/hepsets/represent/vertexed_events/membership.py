"""What a particle knows of the vertex that it belongs to, for networks that see particles alone."""

from __future__ import annotations

import numpy as np

from hepsets.represent.vertexed_events.geometry import Array, Geometry
from hepsets.represent.vertexed_events.vertices import VERTEX, VERTEX_KINDS, vertex_kinds, vertices

MEMBERSHIP = ("in_vertex", *(f"in_{name}" for name in (*VERTEX_KINDS, *VERTEX)))
"""Whether a particle belongs to a vertex, and that vertex's kind and quantities; zeros for others."""


def membership(seen: Geometry) -> dict[str, Array]:
    """:data:`MEMBERSHIP` of each particle, each of shape ``(n_particles,)``."""
    found = {"in_vertex": seen.has_vertex.astype(np.float64)}
    row = np.maximum(seen.vertex_row, 0)
    for name, values in {**vertex_kinds(seen), **vertices(seen)}.items():
        padded = np.append(values, 0.0)  # so that there is a row where an event set has no vertex at all
        found[f"in_{name}"] = np.where(seen.has_vertex, padded[row], 0.0)
    return found
