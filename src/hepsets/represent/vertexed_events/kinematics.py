"""Momenta of particles in the thrust frame, as logarithms of ratios."""

from __future__ import annotations

import numpy as np

from hepsets.represent.vertexed_events.geometry import Array, Geometry

BEAM_ENERGY = 45.594
"""Half the mass of the Z [GeV]."""

KINEMATICS = ("log_momentum", "log_pt_rel", "eta_rel", "abs_cos_theta", "charge")
"""ln p/E_beam; ln of the momentum across the axis over E_beam; pseudorapidity along the axis, towards the
particle's hemisphere; |cos θ| towards the beam; charge."""

DIRECTION = ("direction_1", "direction_2", "direction_3")
"""Unit vector along the axes of the thrust frame: the third is the thrust axis, the first lies in its plane
with the beam. Products of two particles' are what a pair of them is seen by."""

SIDE = ("side",)
"""1 in the hemisphere that the axis points to, −1 in the other."""

LEAST = 1e-4
"""Momenta below this [GeV] count as this."""


def kinematics(seen: Geometry) -> dict[str, Array]:
    """:data:`KINEMATICS` of each particle, each of shape ``(n_particles,)``."""
    along = np.abs(np.einsum("ij,ij->i", seen.momenta, seen.hemisphere_axis))
    across = np.maximum(np.linalg.norm(np.cross(seen.momenta, seen.hemisphere_axis), axis=1), LEAST)
    return {
        "log_momentum": np.log(np.maximum(seen.momentum, LEAST) / BEAM_ENERGY),
        "log_pt_rel": np.log(across / BEAM_ENERGY),
        "eta_rel": np.arcsinh(along / across),
        "abs_cos_theta": np.abs(seen.directions[:, 2]),
        "charge": np.clip(seen.particle("charge"), -1, 1),
    }


def direction(seen: Geometry) -> dict[str, Array]:
    """:data:`DIRECTION` of each particle, each of shape ``(n_particles,)``."""
    parts = np.einsum("nij,nj->in", seen.frames[seen.event_of_particle], seen.directions)
    return dict(zip(DIRECTION, parts, strict=True))


def side(seen: Geometry) -> dict[str, Array]:
    """:data:`SIDE` of each particle, shape ``(n_particles,)``."""
    return {"side": seen.side}
