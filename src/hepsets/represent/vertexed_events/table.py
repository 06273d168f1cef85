"""Events with vertices as one row each, for trees: leading vertices and tracks, and sums, as in LCFIPlus.

LCFIPlus (Suehara, Tanabe, NIM A 808 (2016) 109, arXiv:1506.08371) tags with the leading displaced vertices,
and the
tracks of the largest impact-parameter significances. Here the leading kaons, leptons and V0s join them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.core.purpose import Purpose
from hepsets.represent.vertexed_events.data import VertexedData
from hepsets.represent.vertexed_events.feature_files import FeatureFiles

Array = NDArray[np.float32]

LEADING_VERTICES = 3
"""Vertices besides the primary one that are told one by one, by falling significance of their flight."""

LEADING_TRACKS = 6
"""Tracks that are told one by one, by falling significance in space."""

LEADING_MOMENTA = 3
"""Particles that are told one by one, by falling momentum."""

ABSENT = -30.0
"""Stands where an event has fewer."""


@dataclass(frozen=True)
class TreeTable:
    """Columns of events by name, each float32 of shape ``(n_events,)``, and what the events are for."""

    columns: Mapping[str, Array]
    purpose: Purpose | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def tree_table(data: VertexedData | FeatureFiles) -> TreeTable:
    """One row per event, or hemisphere, of proper features.

    Parameters
    ----------
    data
        Features that hold those of :func:`hepsets.represent.vertexed_events.inputs.proper_inputs`.
    """
    pieces = [_columns(piece) for piece in ([data] if isinstance(data, VertexedData) else data.pieces())]
    joined = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    return TreeTable(joined, data.purpose)


def _columns(data: VertexedData) -> dict[str, Array]:
    particles, vertices = _Members(data, "particles"), _Members(data, "vertices")
    found = {name: data.event_features[:, i].numpy() for i, name in enumerate(data.spec.events)}
    flown = np.where(vertices["vertex_primary"] > 0, -np.inf, vertices["vertex_flight_significance"])
    found |= vertices.leading(flown, LEADING_VERTICES, [n for n in data.spec.vertices if n != "vertex_side"])
    tracks = np.where(particles["has_impact"] > 0, particles["impact_3d_significance"], -np.inf)
    of_track = (
        "impact_3d_significance",
        "impact_2d_significance",
        "impact_3d",
        "log_momentum",
        "axis_length",
    )
    found |= particles.leading(tracks, LEADING_TRACKS, of_track)
    of_kind = [n for n in data.spec.particles if n.startswith(("truth_", "clusters_", "flight_", "is_"))]
    found |= {
        f"fast_{name}": column
        for name, column in particles.leading(
            particles["log_momentum"], LEADING_MOMENTA, [*of_kind, "log_momentum", "impact_3d_significance"]
        ).items()
    }
    momentum = np.exp(particles["log_momentum"])
    for name in of_kind:
        found[f"sum_{name}"] = particles.sum(particles[name] * momentum)
    tracks_of = np.maximum(particles.sum(particles["has_impact"]), 1)
    for name in ("impact_3d_significance", "impact_2d_significance", "impact_z_significance"):
        found[f"mean_{name}"] = particles.sum(particles[name]) / tracks_of
    for cut in (1.5, 2.5, 3.5):  # about 2, 6, 16 standard deviations
        found[f"tracks_beyond_{cut:g}"] = particles.sum((tracks > cut).astype(np.float32))
    for name in data.spec.vertices:
        if name.startswith("vertex_") and name in ("vertex_displaced", "vertex_k_short", "vertex_lambda"):
            found[f"sum_{name}"] = vertices.sum(vertices[name])
            found[f"energy_{name}"] = vertices.sum(vertices[name] * np.exp(vertices["vertex_energy"]))
    return {name: np.asarray(column, dtype=np.float32) for name, column in found.items()}


class _Members:
    """Particles or vertices of all events, by the names of their features."""

    def __init__(self, data: VertexedData, kind: str) -> None:
        packed = getattr(data, kind)
        self.place = {name: number for number, name in enumerate(getattr(data.spec, kind))}
        self.features = packed.features.numpy()
        self.offsets = packed.offsets.numpy()
        self.event = packed.event_of_particle.numpy()

    def __getitem__(self, name: str) -> Array:
        column: Array = self.features[:, self.place[name]].astype(np.float32)
        return column

    def sum(self, values: Array) -> NDArray[np.float64]:
        return np.bincount(self.event, values, len(self.offsets) - 1).astype(np.float64)

    def leading(self, key: Array, number: int, names: object) -> dict[str, Array]:
        """Features of the members with the largest finite keys, ``name_1`` and so on."""
        order = np.lexsort((-key, self.event))
        rank = np.arange(len(order)) - self.offsets[self.event[order]]
        found = {}
        for place in range(number):
            rows = order[(rank == place) & np.isfinite(key[order])]
            for name in names:  # type: ignore[attr-defined]
                column = np.full(len(self.offsets) - 1, ABSENT, dtype=np.float32)
                column[self.event[rows]] = self[name][rows]
                found[f"{name}_{place + 1}"] = column
        return found
