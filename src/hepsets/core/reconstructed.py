"""Columns of reconstructed particles: track parameters, kinds, and where in the event each comes from."""

from __future__ import annotations

from hepsets.core.particle_kinds import ParticleKind

TRACK_PARAMETERS = ("d0", "phi", "omega", "z0", "tan_lambda")
"""A helix at its point closest to the z axis: signed distance [cm], azimuth [rad], charge over radius [1/cm],
height [cm], cotangent of the polar angle; signs as in :mod:`hepsets.simulate.vertexing`."""

COVARIANCE = tuple(
    f"cov_{first}_{second}"
    for row, second in enumerate(TRACK_PARAMETERS)
    for first in TRACK_PARAMETERS[: row + 1]
)
"""The fifteen elements of the covariance of :data:`TRACK_PARAMETERS`: its lower triangle, row by row."""

CHARGED_HADRON, ELECTRON, MUON, PHOTON, NEUTRAL_HADRON = (int(kind) for kind in ParticleKind)
"""``kind``: what calorimeters and muon system say of a particle, without ionisation or time of flight."""

KIND_NAMES = ("charged hadron", "electron", "muon", "photon", "neutral hadron")

FROM_PRIMARY, FROM_B, FROM_C_OF_B, FROM_C, FROM_STRANGE, FROM_MATERIAL = range(6)
"""``origin``: what was the last to fly before a particle: nothing (fragmentation, and what decays at once), a
b hadron, a c hadron out of a b hadron, another c hadron, K_S or a hyperon; or it is a conversion."""

ORIGIN_NAMES = ("primary", "b", "c from b", "c", "K_S or hyperon", "material")
