"""What a vertex finder leaves of each vertex, and how it is put down."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import Record, kernel
from hepsets.core.masses import M_PI
from hepsets.core.particle_kinds import VertexKind
from hepsets.select.vertices.approach import momentum_from

Array = NDArray[np.float64]

PRIMARY, DISPLACED, K_SHORT, LAMBDA, CONVERSION = (int(kind) for kind in VertexKind)
"""The kinds, as numbers for kernels."""

COVARIANCE = ("cov_x_x", "cov_x_y", "cov_y_y", "cov_x_z", "cov_y_z", "cov_z_z")

VERTEX = np.dtype(
    [
        *((name, np.float32) for name in ("x", "y", "z", *COVARIANCE, "chi2")),
        ("ndf", np.int16),
        ("n_tracks", np.int16),
        ("mass", np.float32),
        ("kind", np.int8),
    ]
)
"""A vertex: position [cm] and its covariance, χ² and degrees of freedom, number of tracks, mass [GeV], kind
(of :class:`hepsets.core.particle_kinds.VertexKind`).
"""


@kernel
def put_down(
    vertex: Record,
    point: Array,
    covariance: Array,
    chi2: float,
    ndf: int,
    n_tracks: int,
    mass: float,
    kind: int,
) -> None:
    """Fill a record :data:`VERTEX`."""
    vertex.x, vertex.y, vertex.z = point[0], point[1], point[2]
    vertex.cov_x_x, vertex.cov_x_y, vertex.cov_y_y = covariance[0], covariance[1], covariance[2]
    vertex.cov_x_z, vertex.cov_y_z, vertex.cov_z_z = covariance[3], covariance[4], covariance[5]
    vertex.chi2, vertex.ndf, vertex.n_tracks = chi2, ndf, n_tracks
    vertex.mass, vertex.kind = mass, kind


@kernel
def take_up(vertex: Record, point: Array, covariance: Array) -> None:
    """Fill ``point``, shape ``(3,)``, and ``covariance``, shape ``(6,)``, from a record :data:`VERTEX`."""
    point[0], point[1], point[2] = vertex.x, vertex.y, vertex.z
    covariance[0], covariance[1], covariance[2] = vertex.cov_x_x, vertex.cov_x_y, vertex.cov_y_y
    covariance[3], covariance[4], covariance[5] = vertex.cov_x_z, vertex.cov_y_z, vertex.cov_z_z


@kernel
def momentum_and_mass(
    tracks: Array, members: NDArray[np.int64], point: Array
) -> tuple[float, float, float, float]:
    """Momentum and mass [GeV] of what decayed into pions.

    Parameters
    ----------
    tracks, members
        Rows of :func:`hepsets.select.vertices.tracks.track_rows`, shape ``(n, 21)``, and which of them.
    point
        The vertex [cm], shape ``(3,)``.
    """
    px, py, pz, energy = 0.0, 0.0, 0.0, 0.0
    for k in range(len(members)):
        kx, ky, kz = momentum_from(tracks[members[k]], point[0], point[1], point[2])
        px, py, pz = px + kx, py + ky, pz + kz
        energy += math.sqrt(kx * kx + ky * ky + kz * kz + M_PI * M_PI)
    return px, py, pz, math.sqrt(max(0.0, energy * energy - px * px - py * py - pz * pz))
