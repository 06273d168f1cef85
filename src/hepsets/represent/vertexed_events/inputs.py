"""Which features a model sees: names by group, and the function that makes each group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.represent.vertexed_events import (
    constituents,
    impact_parameters,
    kinematics,
    membership,
    published,
    vertices,
)
from hepsets.represent.vertexed_events import (
    events as event_features,
)
from hepsets.represent.vertexed_events import (
    identification as ids,
)
from hepsets.represent.vertexed_events.geometry import Array, Geometry
from hepsets.represent.vertexed_events.identification import Identification

Style = Literal["proper", "published", "constituents"]
"""Features as physicists would choose them; columns as the coursework took them; or what FCCAnalyses tells of
the constituents of a jet, here a hemisphere."""

Maker = Callable[[Geometry], Mapping[str, Array]]

LARGEST = 25.0
"""No proper feature is larger: they are logarithms, shares and masks."""

_AS_THEY_ARE = (published.__name__, constituents.__name__)
"""Modules whose features have units, and are not cut."""


@dataclass(frozen=True)
class InputSpec:
    """Names of features, of particles, of vertices and of events, in order."""

    particles: tuple[str, ...]
    vertices: tuple[str, ...] = ()
    events: tuple[str, ...] = ()

    def __add__(self, other: InputSpec) -> InputSpec:
        """All of both, each once."""
        pairs = zip(self._parts, other._parts, strict=True)
        return InputSpec(*(tuple(dict.fromkeys((*own, *more))) for own, more in pairs))

    @property
    def _parts(self) -> tuple[tuple[str, ...], ...]:
        return self.particles, self.vertices, self.events


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features of many events.

    Parameters
    ----------
    particles, vertices, events
        Float32, shapes ``(n_particles, k)``, ``(n_vertices, l)`` and ``(n_events, m)``.
    particle_offsets, vertex_offsets
        Int64, shape ``(n_events + 1,)``: whose they are.
    vertex
        Int16, shape ``(n_particles,)``: place of a particle's vertex in its event, or −1.
    """

    particles: NDArray[np.float32]
    vertices: NDArray[np.float32]
    events: NDArray[np.float32]
    particle_offsets: NDArray[np.int64]
    vertex_offsets: NDArray[np.int64]
    vertex: NDArray[np.int16]


_PARTICLES: tuple[tuple[Sequence[str], Maker], ...] = (
    (kinematics.KINEMATICS, kinematics.kinematics),
    (kinematics.DIRECTION, kinematics.direction),
    (kinematics.SIDE, kinematics.side),
    (impact_parameters.IMPACT, impact_parameters.impact_parameters),
    (ids.KINDS, ids.kinds),
    (ids.DNDX, ids.dndx),
    (ids.TOF, ids.time_of_flight),
    (ids.TRUTH, ids.truth),
    (membership.MEMBERSHIP, membership.membership),
    (published.REPEATED_PARTICLE, published.published_particles),
    ((*constituents.CONSTITUENT, *constituents.VECTOR), constituents.constituents),
)
_VERTICES: tuple[tuple[Sequence[str], Maker], ...] = (
    (vertices.VERTEX_KINDS, vertices.vertex_kinds),
    (vertices.VERTEX, vertices.vertices),
    (vertices.VERTEX_SIDE, vertices.vertex_side),
    (published.REPEATED_VERTEX, published.published_vertices),
)
_EVENTS: tuple[tuple[Sequence[str], Maker], ...] = (
    (event_features.EVENT, event_features.events),
    (published.PUBLISHED_EVENT, published.published_events),
)

PROPER_VERTEX = (*vertices.VERTEX_KINDS, *vertices.VERTEX)
"""What is seen of vertices."""


def proper_inputs(
    identification: Identification, *, structure: bool = False, joined: bool = True
) -> InputSpec:
    """The features that physicists would choose.

    Parameters
    ----------
    identification
        What is known of kinds.
    structure
        Whether to add, at the end, the ``side`` and ``direction`` of particles, and ``vertex_side``, for
        networks that look at hemispheres and pairs.
    joined
        Whether particles carry what their vertex is like.
    """
    return InputSpec(
        (
            *kinematics.KINEMATICS,
            *impact_parameters.IMPACT,
            *ids.FEATURES[identification],
            *(membership.MEMBERSHIP if joined else ()),
            *(PARTICLE_STRUCTURE if structure else ()),
        ),
        (*PROPER_VERTEX, *(vertices.VERTEX_SIDE if structure else ())),
        event_features.EVENT,
    )


PARTICLE_STRUCTURE = (*kinematics.SIDE, *kinematics.DIRECTION)
"""What networks that look at hemispheres and pairs ask for besides; in the order of :func:`proper_inputs`."""

PUBLISHED_INPUTS = InputSpec(
    published.REPEATED_PARTICLE, published.REPEATED_VERTEX, published.PUBLISHED_EVENT
)
"""What the coursework's networks saw."""

CONSTITUENT_INPUTS = InputSpec((*constituents.CONSTITUENT, *constituents.VECTOR))
"""What a tagger of jets may see in FCCAnalyses: their constituents."""


def feature_table(events: VertexedEvents, spec: InputSpec) -> FeatureTable:
    """The features of events; columns that these lack are features that are 0, with masks that say so.

    Particles and vertices that are marked as not valid are left out.

    Raises
    ------
    InputError
        For a feature that does not exist, or particles without momenta.
    """
    events = events.valid()
    seen = Geometry(events)
    n_particles, n_vertices = len(seen.event_of_particle), len(seen.event_of_vertex)
    return FeatureTable(
        _columns(seen, spec.particles, _PARTICLES, n_particles),
        _columns(seen, spec.vertices, _VERTICES, n_vertices),
        _columns(seen, spec.events, _EVENTS, seen.n_events),
        events.particles.offsets,
        events.vertices.offsets,
        events.particles.particles["vertex"].astype(np.int16),
    )


def _columns(
    seen: Geometry, names: Sequence[str], groups: Sequence[tuple[Sequence[str], Maker]], rows: int
) -> NDArray[np.float32]:
    known = {name for group, _ in groups for name in group}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"features {unknown}", f"some of {sorted(known)}")
    place = {name: number for number, name in enumerate(names)}
    found = np.zeros((rows, len(names)), dtype=np.float32)
    for group, make in groups:
        if rows and not place.keys().isdisjoint(group):
            limit = np.inf if make.__module__ in _AS_THEY_ARE else LARGEST
            for name, values in make(seen).items():
                if name in place:
                    found[:, place[name]] = np.clip(np.nan_to_num(values), -limit, limit)
    return found
