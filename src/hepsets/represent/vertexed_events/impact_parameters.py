"""How far tracks pass from the primary vertex and from their hemisphere's axis, with signs and errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hepsets.represent.vertexed_events.geometry import Array, Geometry, Mask, squeezed

IMPACT = (
    "has_impact",
    "impact_2d",
    "impact_2d_significance",
    "impact_3d",
    "impact_3d_significance",
    "impact_z_significance",
    "impact_error",
    "axis_distance",
    "axis_length",
)
"""Whether a track's impact parameters are known; then, zeros for others: signed distance to the primary
vertex
across the beam, in space, and along the beam, over their errors where they say so; ln of the error across the
beam; ln of the distance to the hemisphere's axis; and how far along the axis that is. Distances are
asinh(d / 10 µm), significances asinh. The sign is positive where the track passes in front of the vertex,
seen along the axis."""

UNIT = 1e-3
"""10 µm [cm]: below it distances count linearly, above it by their logarithm."""

LEAST_ERROR = 1e-5
"""Smaller errors [cm] than a tenth of a micrometre count as that."""


class Lines(NamedTuple):
    """Tracks near the axis: where they are closest to it, and how well that is known.

    Shapes ``(n_particles,)``: azimuth, tan λ, ``d0``, ``z0`` [cm], their variances and covariance [cm²], and
    whether all that is known.
    """

    phi: Array
    tan_lambda: Array
    d0: Array
    z0: Array
    var_d0: Array
    var_z0: Array
    cov: Array
    known: Mask


def lines(seen: Geometry) -> Lines:
    """Tracks by their parameters, or by the vertex that they come from where a file has no parameters.

    Straight lines: within a centimetre of the axis a track of 1 GeV bends by 10 µm.
    """
    charged = seen.particle("charge") != 0
    tracked = seen.known("d0") & seen.known("z0") & seen.known("phi") & seen.known("tan_lambda")
    tracked &= seen.particle("is_track", 1.0) != 0
    pt = np.maximum(np.hypot(seen.momenta[:, 0], seen.momenta[:, 1]), 1e-6)
    phi = np.where(tracked, seen.particle("phi"), np.arctan2(seen.momenta[:, 1], seen.momenta[:, 0]))
    tan_lambda = np.where(tracked, seen.particle("tan_lambda"), seen.momenta[:, 2] / pt)
    if not len(seen.event_of_vertex):
        at, error = np.zeros((len(phi), 3)), np.zeros((len(phi), 3, 3))
    else:
        row = np.maximum(seen.vertex_row, 0)
        at, error = seen.positions[row], seen.covariances[row]
    sin, cos = np.sin(phi), np.cos(phi)
    along = at[:, 0] * cos + at[:, 1] * sin
    own = {
        "d0": -at[:, 0] * sin + at[:, 1] * cos,
        "z0": at[:, 2] - tan_lambda * along,
        "cov_d0_d0": error[:, 0, 0] * sin**2 - 2 * error[:, 0, 1] * sin * cos + error[:, 1, 1] * cos**2,
        "cov_z0_z0": error[:, 2, 2],
        "cov_d0_z0": np.zeros(len(phi)),
    }
    d0, z0, var_d0, var_z0, cov = (
        np.where(tracked, seen.particle(name), value) for name, value in own.items()
    )
    return Lines(phi, tan_lambda, d0, z0, var_d0, var_z0, cov, charged & (tracked | seen.has_vertex))


def impact_parameters(seen: Geometry) -> dict[str, Array]:
    """:data:`IMPACT` of each particle, each of shape ``(n_particles,)``."""
    track = lines(seen)
    vertex = seen.primary[seen.event_of_particle]
    spread = seen.primary_covariance[seen.event_of_particle]
    sin, cos = np.sin(track.phi), np.cos(track.phi)
    across = track.d0 + vertex[:, 0] * sin - vertex[:, 1] * cos
    height = track.z0 + track.tan_lambda * (vertex[:, 0] * cos + vertex[:, 1] * sin) - vertex[:, 2]
    across, height = np.clip(across, -1e4, 1e4), np.clip(height, -1e4, 1e4)
    var_across = track.var_d0 + (
        spread[:, 0, 0] * sin**2 - 2 * spread[:, 0, 1] * sin * cos + spread[:, 1, 1] * cos**2
    )
    var_across = np.maximum(var_across, LEAST_ERROR**2)
    var_height = np.maximum(track.var_z0 + spread[:, 2, 2], LEAST_ERROR**2)
    cos_dip = 1 / np.sqrt(1 + track.tan_lambda**2)
    along = np.stack([cos * cos_dip, sin * cos_dip, track.tan_lambda * cos_dip], axis=1)
    at = np.stack([-across * sin, across * cos, height], axis=1)
    nearest = at - along * np.einsum("ij,ij->i", at, along)[:, None]
    axis = seen.hemisphere_axis
    sign_2d = np.where(np.einsum("ij,ij->i", at[:, :2], axis[:, :2]) >= 0, 1.0, -1.0)
    sign_3d = np.where(np.einsum("ij,ij->i", nearest, axis) >= 0, 1.0, -1.0)
    distance, length = _to_axis(at, along, axis)
    values = {
        "has_impact": np.ones(len(across)),
        "impact_2d": squeezed(sign_2d * np.abs(across), UNIT),
        "impact_2d_significance": squeezed(sign_2d * np.abs(across) / np.sqrt(var_across), 1.0),
        "impact_3d": squeezed(sign_3d * np.linalg.norm(nearest, axis=1), UNIT),
        "impact_3d_significance": squeezed(
            sign_3d * _distance(across, height, var_across, var_height, track.cov), 1.0
        ),
        "impact_z_significance": squeezed(np.abs(height) / np.sqrt(var_height), 1.0),
        "impact_error": np.log(np.sqrt(var_across) / UNIT),
        "axis_distance": np.log(np.maximum(distance, LEAST_ERROR) / UNIT),
        "axis_length": squeezed(length, UNIT),
    }
    return {name: np.where(track.known, value, 0.0) for name, value in values.items()}


def _distance(d: Array, z: Array, var_d: Array, var_z: Array, cov: Array) -> Array:
    """Root of the χ² of both coordinates being 0, with their covariance."""
    limit = 0.99 * np.sqrt(var_d * var_z)
    cov = np.clip(cov, -limit, limit)
    chi2 = (var_z * d**2 - 2 * cov * d * z + var_d * z**2) / (var_d * var_z - cov**2)
    return np.asarray(np.sqrt(np.maximum(chi2, 0.0)))


def _to_axis(at: Array, along: Array, axis: Array) -> tuple[Array, Array]:
    """Distance of lines to axes through the origin, and how far along the axis; 1° apart at least."""
    normal = np.cross(along, axis)
    size = np.maximum(np.linalg.norm(normal, axis=1), 1e-9)
    distance = np.abs(np.einsum("ij,ij->i", at, normal)) / size
    crossing = np.einsum("ij,ij->i", np.cross(at, along), np.cross(axis, along))
    return distance, np.clip(crossing / np.maximum(size, 0.017) ** 2, -1e4, 1e4)
