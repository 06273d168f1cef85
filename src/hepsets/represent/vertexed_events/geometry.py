"""Where particles, vertices and axes of an event lie towards each other: what its features are made of."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.particle_kinds import VertexKind
from hepsets.core.vertexed_events import NO_VERTEX, VertexedEvents
from hepsets.select.variables.event_shape import thrust

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BEAM_SPOT_ERROR = (4.5e-4, 2e-6, 3e-2)
"""Spread of the collisions [cm] along x, y, z: the errors of a primary vertex where none was found."""

FARTHEST = 1e6
"""Nothing is farther away than this [cm], nor has a larger momentum [GeV]; what claims so counts as
unknown."""


class Geometry:
    """What is derived of events with vertices, each quantity worked out once.

    Numbers that are NaN, infinite or impossibly large become 0, and their masks false.

    Parameters
    ----------
    events
        Particle columns ``px py pz`` [GeV]; whatever else is missing is unknown to the features.
    """

    def __init__(self, events: VertexedEvents) -> None:
        self.events = events
        self.n_events = len(events)
        self.event_of_particle = events.particles.event_of_particle
        self.event_of_vertex = events.vertices.event_of_particle
        self.vertex_row = events.vertex_row
        self.has_vertex = self.vertex_row != NO_VERTEX

    # -- columns -------------------------------------------------------------------------------

    def particle(self, name: str, default: float = 0.0) -> Array:
        """A particle column as finite float64, ``default`` where there is none; shape ``(n_particles,)``."""
        return self._column(self.events.particles.particles, name, len(self.event_of_particle), default)[0]

    def vertex(self, name: str, default: float = 0.0) -> Array:
        """A vertex column as finite float64, ``default`` where there is none; shape ``(n_vertices,)``."""
        return self._column(self.events.vertices.particles, name, len(self.event_of_vertex), default)[0]

    def event(self, name: str, default: float = 0.0) -> Array:
        """An event column as finite float64, ``default`` where there is none; shape ``(n_events,)``."""
        return self._column(self.events.columns, name, self.n_events, default)[0]

    def known(self, name: str, *, of: str = "particle") -> Mask:
        """Where a column of particles, or ``of`` ``"vertex"`` or ``"event"``, holds a finite number."""
        tables = {
            "particle": (self.events.particles.particles, len(self.event_of_particle)),
            "vertex": (self.events.vertices.particles, len(self.event_of_vertex)),
            "event": (self.events.columns, self.n_events),
        }
        table, rows = tables[of]
        return self._column(table, name, rows, 0.0)[1]

    @staticmethod
    def _column(table: Any, name: str, rows: int, default: float) -> tuple[Array, Mask]:
        if name not in table:
            return np.full(rows, default), np.zeros(rows, dtype=bool)
        values = np.asarray(table[name], dtype=np.float64)
        good = np.abs(values) <= FARTHEST  # false for NaN
        return np.where(good, values, default), good

    # -- directions ----------------------------------------------------------------------------

    @cached_property
    def momenta(self) -> Array:
        """Momenta [GeV], shape ``(n_particles, 3)``.

        Raises
        ------
        InputError
            If the particles have none.
        """
        lacking = [name for name in ("px", "py", "pz") if name not in self.events.particles.particles]
        if lacking:
            raise InputError(f"particles without {', '.join(lacking)}", "momenta px py pz [GeV]")
        return np.stack([self.particle(name) for name in ("px", "py", "pz")], axis=1)

    @cached_property
    def momentum(self) -> Array:
        """Sizes of the momenta [GeV], at least 1 keV; shape ``(n_particles,)``."""
        return np.asarray(np.maximum(np.linalg.norm(self.momenta, axis=1), 1e-6))

    @cached_property
    def directions(self) -> Array:
        """Unit vectors of the momenta, shape ``(n_particles, 3)``."""
        return np.asarray(self.momenta / self.momentum[:, None])

    @cached_property
    def axis(self) -> Array:
        """Thrust axis, shape ``(n_events, 3)``: that of the columns ``thrust_x thrust_y thrust_z``, or found.

        The direction z for an event without momentum.
        """
        names = ("thrust_x", "thrust_y", "thrust_z")
        axis = np.stack([self.event(name) for name in names], axis=1)
        length = np.linalg.norm(axis, axis=1)
        lacking = ~(length > 1e-3)
        if lacking.any():
            some = self.events.particles[lacking]
            momenta = np.stack([some.particles[name] for name in ("px", "py", "pz")], axis=1)
            bad = ~(np.abs(momenta) <= FARTHEST)
            axis[lacking] = thrust(np.where(bad, 0.0, momenta), some.offsets).axis
            length = np.linalg.norm(axis, axis=1)
        axis[~(length > 1e-3)] = (0.0, 0.0, 1.0)
        return np.asarray(axis / np.linalg.norm(axis, axis=1)[:, None])

    @cached_property
    def frames(self) -> Array:
        """Axes of the thrust frame as rows, shape ``(n_events, 3, 3)``.

        The third is the thrust axis, the first lies in the plane of it and the beam, so a turn of the event
        around the beam changes nothing in this frame.
        """
        third = self.axis
        first = np.array([0.0, 0.0, 1.0]) - third * third[:, 2:]
        length = np.linalg.norm(first, axis=1)
        first = np.where((length < 1e-9)[:, None], (1.0, 0.0, 0.0), first / np.maximum(length, 1e-9)[:, None])
        return np.stack([first, np.cross(third, first), third], axis=1)

    @cached_property
    def side(self) -> Array:
        """1 for particles in the hemisphere that the axis points to, else −1; shape ``(n_particles,)``."""
        along = np.einsum("ij,ij->i", self.directions, self.axis[self.event_of_particle])
        return np.where(along >= 0, 1.0, -1.0)

    @cached_property
    def hemisphere_axis(self) -> Array:
        """The thrust axis towards each particle's hemisphere, shape ``(n_particles, 3)``."""
        return np.asarray(self.axis[self.event_of_particle] * self.side[:, None])

    # -- vertices ------------------------------------------------------------------------------

    @cached_property
    def positions(self) -> Array:
        """Where vertices are [cm], shape ``(n_vertices, 3)``."""
        return np.stack([self.vertex(name) for name in ("x", "y", "z")], axis=1)

    @cached_property
    def covariances(self) -> Array:
        """Their covariance matrices [cm²], shape ``(n_vertices, 3, 3)``."""
        return _symmetric([self.vertex(f"cov_{name}") for name in _ELEMENTS])

    @cached_property
    def is_primary(self) -> Mask:
        """Which vertices are primary, shape ``(n_vertices,)``; the first one of several."""
        primary = self.vertex("kind", -1.0) == VertexKind.PRIMARY
        first = np.zeros(len(primary), dtype=bool)
        places = np.flatnonzero(primary)
        first[places[np.unique(self.event_of_vertex[places], return_index=True)[1]]] = True
        return first

    @cached_property
    def has_primary(self) -> Mask:
        """Which events have a primary vertex, shape ``(n_events,)``."""
        has = np.zeros(self.n_events, dtype=bool)
        has[self.event_of_vertex[self.is_primary]] = True
        return has

    @cached_property
    def primary(self) -> Array:
        """The primary vertex [cm], or the origin, shape ``(n_events, 3)``."""
        found = np.zeros((self.n_events, 3))
        found[self.event_of_vertex[self.is_primary]] = self.positions[self.is_primary]
        return found

    @cached_property
    def primary_covariance(self) -> Array:
        """Its covariance [cm²], that of the beam spot where there is none; shape ``(n_events, 3, 3)``."""
        found = np.tile(np.diag(np.square(BEAM_SPOT_ERROR)), (self.n_events, 1, 1))
        found[self.event_of_vertex[self.is_primary]] = self.covariances[self.is_primary]
        return found

    @cached_property
    def vertex_momenta(self) -> Array:
        """Summed momenta of the members of each vertex [GeV], shape ``(n_vertices, 3)``."""
        return np.stack([self.sum_at_vertices(part) for part in self.momenta.T], axis=1)

    def sum_at_vertices(self, values: Array) -> Array:
        """Sums over the members of each vertex: ``(n_particles,)`` to ``(n_vertices,)``."""
        rows = self.vertex_row[self.has_vertex]
        return np.bincount(rows, values[self.has_vertex], len(self.event_of_vertex)).astype(np.float64)

    @cached_property
    def vertex_side(self) -> Array:
        """1 for vertices whose members go along the thrust axis, −1 for the others; shape ``(n_vertices,)``.

        Without members the place of the vertex decides. The primary vertex is on no side: 0.
        """
        axis = self.axis[self.event_of_vertex]
        from_primary = self.positions - self.primary[self.event_of_vertex]
        moving = (self.vertex_momenta != 0).any(axis=1)
        along = np.einsum("ij,ij->i", np.where(moving[:, None], self.vertex_momenta, from_primary), axis)
        return np.where(self.is_primary, 0.0, np.where(along >= 0, 1.0, -1.0))


_ELEMENTS = ("x_x", "x_y", "y_y", "x_z", "y_z", "z_z")


def _symmetric(elements: list[Array]) -> Array:
    xx, xy, yy, xz, yz, zz = elements
    return np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=1).reshape(-1, 3, 3)


def squeezed(values: Array, unit: float) -> Array:
    """asinh(values / unit): linear below the unit, logarithmic above, with its sign; any shape."""
    return np.asarray(np.arcsinh(values / unit))
