"""Vertices as numbers: how far from the primary vertex, how heavy, of how many tracks, how well fitted."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from hepsets.core.masses import M_PI
from hepsets.represent.vertexed_events.geometry import Array, Geometry, squeezed
from hepsets.represent.vertexed_events.kinematics import BEAM_ENERGY

VERTEX_KINDS = ("vertex_primary", "vertex_displaced", "vertex_k_short", "vertex_lambda", "vertex_conversion")
"""What the vertex finder says a vertex is, in the order of the column ``kind``."""

VERTEX = (
    "vertex_flight",
    "vertex_flight_significance",
    "vertex_flight_error",
    "vertex_mass",
    "vertex_corrected_mass",
    "vertex_tracks",
    "vertex_probability",
    "vertex_energy",
    "vertex_pointing",
    "vertex_axis_angle",
    "vertex_charge",
)
"""Of a vertex: distance to the primary vertex, asinh(d / 10 µm), over its error (asinh), negative behind it,
seen
along the hemisphere's axis, and ln of that error; asinh(m / 0.5 GeV) of its mass, and of its mass with the
momentum
that is missing across its flight; ln(1 + tracks); probability of its χ²; ln of its energy over E_beam; ln of
the angle between flight and momentum, and between momentum and axis; charge."""

VERTEX_SIDE = ("vertex_side",)
"""1 in the hemisphere that the axis points to, −1 in the other, 0 for the primary vertex."""

FLIGHT_UNIT = 1e-3
"""10 µm [cm]."""


def vertex_kinds(seen: Geometry) -> dict[str, Array]:
    """:data:`VERTEX_KINDS` of each vertex, each of shape ``(n_vertices,)``."""
    kind = seen.vertex("kind", 1.0)
    return {name: (kind == number).astype(np.float64) for number, name in enumerate(VERTEX_KINDS)}


def vertex_side(seen: Geometry) -> dict[str, Array]:
    """:data:`VERTEX_SIDE` of each vertex, shape ``(n_vertices,)``."""
    return {"vertex_side": seen.vertex_side}


def vertices(seen: Geometry) -> dict[str, Array]:
    """:data:`VERTEX` of each vertex, each of shape ``(n_vertices,)``; flights of primary vertices are 0."""
    event, primary = seen.event_of_vertex, seen.is_primary
    flight = np.where(primary[:, None], 0.0, seen.positions - seen.primary[event])
    length = np.linalg.norm(flight, axis=1)
    way = flight / np.maximum(length, 1e-9)[:, None]
    error = seen.covariances + np.where(primary[:, None, None], 0.0, seen.primary_covariance[event])
    spread = np.sqrt(np.maximum(np.einsum("ni,nij,nj->n", way, error, way), 1e-10))
    momenta = seen.vertex_momenta
    momentum = np.maximum(np.linalg.norm(momenta, axis=1), 1e-6)
    # the primary vertex is on no side: its axis is that which its momentum goes along
    along = np.where(np.einsum("ij,ij->i", momenta, seen.axis[event]) >= 0, 1.0, -1.0)
    axis = seen.axis[event] * np.where(primary, along, seen.vertex_side)[:, None]
    forward = np.where(np.einsum("ij,ij->i", flight, axis) >= 0, 1.0, -1.0)
    across = np.linalg.norm(np.cross(momenta, way), axis=1)
    mass = np.maximum(_masses(seen), 0.0)
    chi2, ndf = np.maximum(seen.vertex("chi2"), 0.0), seen.vertex("ndf")
    fitted = seen.known("chi2", of="vertex") & (ndf > 0)
    tracks = np.where(
        seen.known("n_tracks", of="vertex"),
        seen.vertex("n_tracks"),
        seen.sum_at_vertices((seen.particle("charge") != 0).astype(float)),
    )
    values = {
        "vertex_flight": squeezed(forward * length, FLIGHT_UNIT),
        "vertex_flight_significance": squeezed(forward * length / spread, 1.0),
        "vertex_flight_error": np.log(np.minimum(spread, 1e4) / FLIGHT_UNIT),
        "vertex_mass": squeezed(mass, 0.5),
        "vertex_corrected_mass": squeezed(np.sqrt(mass**2 + across**2) + across, 0.5),
        "vertex_tracks": np.log1p(np.maximum(tracks, 0.0)),
        "vertex_probability": np.where(fitted, chdtrc(np.maximum(ndf, 1), chi2), 0.0),
        "vertex_energy": np.log(np.maximum(np.hypot(momentum, mass), 1e-3) / BEAM_ENERGY),
        "vertex_pointing": _log_angle(momenta / momentum[:, None], way),
        "vertex_axis_angle": _log_angle(momenta / momentum[:, None], axis),
        "vertex_charge": seen.sum_at_vertices(np.clip(seen.particle("charge"), -1, 1)),
    }
    of_flight = ("vertex_flight", "vertex_flight_significance", "vertex_flight_error", "vertex_pointing")
    for name in of_flight:
        values[name] = np.where(primary, 0.0, values[name])
    values["vertex_corrected_mass"] = np.where(
        primary, values["vertex_mass"], values["vertex_corrected_mass"]
    )
    return values


def _masses(seen: Geometry) -> Array:
    """Masses [GeV], as the file has them, or of the members as pions."""
    energy = seen.sum_at_vertices(np.hypot(seen.momentum, M_PI))
    squared = energy**2 - (seen.vertex_momenta**2).sum(axis=1)
    own = np.sqrt(np.maximum(squared, 0.0))
    return np.where(seen.known("mass", of="vertex"), seen.vertex("mass"), own)


def _log_angle(a: Array, b: Array) -> Array:
    """Ln of the angle [rad] between unit vectors, 1 mrad at least."""
    sine, cosine = np.linalg.norm(np.cross(a, b), axis=1), np.einsum("ij,ij->i", a, b)
    return np.asarray(np.log(np.maximum(np.arctan2(sine, cosine), 1e-3)))
