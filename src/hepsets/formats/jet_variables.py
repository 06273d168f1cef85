"""Variables of jets and their constituents, ``pfcand_*``, by the names and definitions of FCCAnalyses.

The definitions are those of its ``JetConstituentsUtils``; lengths in mm, momenta in GeV.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.masses import M_E, M_MU, M_PI
from hepsets.core.particle_kinds import ParticleKind
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT

Array = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

NO_TRACK = -9.0
"""What stands in the place of a track's variables for particles that have none."""

KINDS = {
    "pfcand_isMu": ParticleKind.MUON,
    "pfcand_isEl": ParticleKind.ELECTRON,
    "pfcand_isChargedHad": ParticleKind.CHARGED_HADRON,
    "pfcand_isGamma": ParticleKind.PHOTON,
    "pfcand_isNeutralHad": ParticleKind.NEUTRAL_HADRON,
}
"""One of these is 1."""

COVARIANCES = {
    "pfcand_dptdpt": ("omega", "omega"),
    "pfcand_dxydxy": ("d0", "d0"),
    "pfcand_dzdz": ("z0", "z0"),
    "pfcand_dphidphi": ("phi", "phi"),
    "pfcand_detadeta": ("tan_lambda", "tan_lambda"),
    "pfcand_dxydz": ("d0", "z0"),
    "pfcand_dphidxy": ("d0", "phi"),
    "pfcand_phidz": ("phi", "z0"),
    "pfcand_phictgtheta": ("phi", "tan_lambda"),
    "pfcand_dxyctgtheta": ("d0", "tan_lambda"),
    "pfcand_dlambdadz": ("z0", "tan_lambda"),
    "pfcand_cctgtheta": ("omega", "tan_lambda"),
    "pfcand_phic": ("phi", "omega"),
    "pfcand_dxyc": ("d0", "omega"),
    "pfcand_cdz": ("omega", "z0"),
}
"""Elements of the track's covariance by their names there; the names say less than they should:
``dptdpt`` is the variance of the curvature, ``detadeta`` that of tan λ."""

POWERS_OF_MM = {"d0": 1, "z0": 1, "phi": 0, "tan_lambda": 0, "omega": -1}
"""How many millimetres each track parameter has."""

IMPACT = tuple(
    f"pfcand_{name}"
    for name in (
        *("dxy", "dz", "btagSip2dVal", "btagSip2dSig", "btagSip3dVal", "btagSip3dSig"),
        *("btagJetDistVal", "btagJetDistSig"),
    )
)

FLAVOUR_LABELS = {"recojet_isB": 5, "recojet_isC": 4, "recojet_isS": 3, "recojet_isQ": 1}
"""Labels of jets and the event column ``flavour`` that they stand for."""

_MOST_STRAIGHT = 1e-9
"""Tracks of a smaller curvature [1/cm], 10 km in radius, count as that."""

_NO_MASS = 9.0
"""``pfcand_mtof`` of a neutral hadron faster than light."""


def vector_variables(particles: Columns) -> dict[str, Array]:
    """Energy, momentum [GeV] and direction [rad] of each particle, all of shape ``(n_particles,)``."""
    momentum = momenta(particles)
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    return {
        "pfcand_e": particles["energy"],
        "pfcand_p": np.hypot(pt, momentum[:, 2]),
        "pfcand_theta": np.arctan2(pt, momentum[:, 2]),
        "pfcand_phi": np.arctan2(momentum[:, 1], momentum[:, 0]),
    }


def kind_variables(particles: Columns) -> dict[str, Array]:
    """:data:`KINDS` of each particle by its ``kind``, 0 or 1, all of shape ``(n_particles,)``."""
    return {name: (particles["kind"] == kind).astype(np.float64) for name, kind in KINDS.items()}


def covariance_variables(particles: Columns) -> dict[str, Array]:
    """:data:`COVARIANCES` of each particle in powers of mm, :data:`NO_TRACK` without a track; all of shape
    ``(n_particles,)``.
    """
    return {
        name: np.where(
            particles["is_track"],
            particles[f"cov_{first}_{second}"].astype(np.float64) * covariance_scale(name),
            NO_TRACK,
        )
        for name, (first, second) in COVARIANCES.items()
    }


def covariance_scale(name: str) -> float:
    """What turns an element of the covariance in powers of cm into powers of mm.

    Examples
    --------
    >>> covariance_scale("pfcand_dxydz"), covariance_scale("pfcand_dxyc")
    (100.0, 1.0)
    """
    first, second = COVARIANCES[name]
    return float(MM_PER_CM ** (POWERS_OF_MM[first] + POWERS_OF_MM[second]))


def closest_to(seen: Columns, point: Array) -> tuple[Array, Array, Array]:
    """Helices where they are closest to a line along z, exactly.

    Parameters
    ----------
    seen
        ``d0 phi omega z0 tan_lambda`` of each particle, towards the z axis [cm, 1/cm].
    point
        A point of each line [cm], shape ``(n_particles, 3)``.

    Returns
    -------
    d0, z0, phi
        Signed distance, height above the point [cm], and azimuth there, each of shape ``(n_particles,)``.
    """
    d0, phi, omega, z0, slope = (
        seen[name].astype(np.float64) for name in ("d0", "phi", "omega", "z0", "tan_lambda")
    )
    radius = 1 / np.where(
        np.abs(omega) < _MOST_STRAIGHT, np.where(omega < 0, -_MOST_STRAIGHT, _MOST_STRAIGHT), omega
    )
    sign = np.sign(radius)
    x = (radius - d0) * np.sin(phi) - point[:, 0]
    y = -(radius - d0) * np.cos(phi) - point[:, 1]
    there = np.arctan2(sign * x, -sign * y)
    turn = np.remainder(phi - there + np.pi, 2 * np.pi) - np.pi
    return radius - sign * np.hypot(x, y), z0 - point[:, 2] + radius * turn * slope, there


def impact_variables(seen: Columns, primary: Array, jet: Array) -> dict[str, Array]:
    """:data:`IMPACT` of each particle [mm], :data:`NO_TRACK` for those without a track.

    Parameters
    ----------
    seen
        Track parameters and covariances, see :func:`closest_to`; ``is_track``; ``px py pz``. Errors are those
        of the track alone, as in FCCAnalyses.
    primary
        The primary vertex of each particle's event [cm], shape ``(n_particles, 3)``.
    jet
        The momentum of each particle's jet, shape ``(n_particles, 3)``.
    """
    d0, z0, phi = closest_to(seen, primary)
    at = np.stack([-d0 * np.sin(phi), d0 * np.cos(phi), z0], axis=1) * MM_PER_CM
    dxy, dz = d0 * MM_PER_CM, z0 * MM_PER_CM
    variance = seen["cov_d0_d0"].astype(np.float64) * MM_PER_CM**2
    both = variance + seen["cov_z0_z0"].astype(np.float64) * MM_PER_CM**2
    sip_2d = np.where((at[:, :2] * jet[:, :2]).sum(1) >= 0, 1.0, -1.0) * np.abs(dxy)
    sip_3d = np.where((at * jet).sum(1) >= 0, 1.0, -1.0) * np.hypot(dxy, dz)
    normal = np.cross(momenta(seen), jet)
    size = np.sqrt((normal**2).sum(1))
    distance = (at * normal).sum(1) / np.where(size > 0, size, 1.0)
    known = variance > 0
    error_2d, error_3d = np.sqrt(np.where(known, variance, 1.0)), np.sqrt(np.where(known, both, 1.0))
    values = {
        "pfcand_dxy": dxy,
        "pfcand_dz": dz,
        "pfcand_btagSip2dVal": sip_2d,
        "pfcand_btagSip2dSig": np.where(known, sip_2d / error_2d, NO_TRACK),
        "pfcand_btagSip3dVal": sip_3d,
        "pfcand_btagSip3dSig": np.where(known, sip_3d / error_3d, NO_TRACK),
        "pfcand_btagJetDistVal": distance,
        "pfcand_btagJetDistSig": np.where(known, distance / error_3d, NO_TRACK),
    }
    return {name: np.where(seen["is_track"], value, NO_TRACK) for name, value in values.items()}


def relative_variables(seen: Columns, jet: Array, jet_energy: Array) -> dict[str, Array]:
    """Kinematics of each particle in its jet, ``pfcand_erel`` (a share) to ``pfcand_phirel`` [rad].

    ``jet`` has shape ``(n_particles, 3)``, the results ``(n_particles,)``. Polar angle and azimuth are those
    in the frame whose z axis is the jet.
    """
    x, y, z = momenta(seen).T
    pt = np.hypot(jet[:, 0], jet[:, 1])
    size = np.hypot(pt, jet[:, 2])
    theta, phi = np.arctan2(pt, jet[:, 2]), np.arctan2(jet[:, 1], jet[:, 0])
    along = np.cos(phi) * x + np.sin(phi) * y
    across = -np.sin(phi) * x + np.cos(phi) * y
    x, z = np.cos(theta) * along - np.sin(theta) * z, np.sin(theta) * along + np.cos(theta) * z
    energy = seen["energy"].astype(np.float64)
    share = np.where(jet_energy > 0, energy / np.where(jet_energy > 0, jet_energy, 1.0), 1.0)
    return {
        "pfcand_erel": share,
        "pfcand_erel_log": np.log10(np.maximum(share, np.finfo(np.float32).tiny)),
        "pfcand_thetarel": np.where(size > 0, np.arctan2(np.hypot(x, across), z), 0.0),
        "pfcand_phirel": np.arctan2(across, x),
    }


def ionisation(seen: Columns) -> Array:
    """``pfcand_dndx``, clusters per mm of charged hadrons, 0 of others; shape ``(n_particles,)``."""
    counted = seen["has_clusters"] if "has_clusters" in seen else seen["n_clusters"] > 0
    length = seen["track_length"].astype(np.float64) * MM_PER_CM
    good = counted & (length > 0) & (seen["kind"] == ParticleKind.CHARGED_HADRON)
    return np.where(good, seen["n_clusters"] / np.where(good, length, 1.0), 0.0)


def time_of_flight_mass(seen: Columns) -> Array:
    """``pfcand_mtof`` [GeV] of each particle, shape ``(n_particles,)``.

    Of charged hadrons p √(1/β² − 1), or the pion's mass where that is no number; leptons and photons have
    their own; of neutral hadrons E √(1 − β²), or 9.
    """
    timed = seen["has_flight_time"] & (seen["flight_time"] > 0)
    time = np.where(timed, seen["flight_time"], 1.0).astype(np.float64)
    beta = np.where(timed, seen["flight_length"] / (SPEED_OF_LIGHT * time), 2.0)
    slower = (beta > 0) & (beta < 1)
    beta = np.where(slower, beta, 0.5)
    momentum = np.sqrt((momenta(seen) ** 2).sum(1))
    charged = np.where(slower, momentum * np.sqrt(1 / beta**2 - 1), M_PI)
    neutral = np.where(slower, seen["energy"] * np.sqrt(1 - beta**2), _NO_MASS)
    masses = {
        ParticleKind.CHARGED_HADRON: charged,
        ParticleKind.ELECTRON: np.full(len(beta), M_E),
        ParticleKind.MUON: np.full(len(beta), M_MU),
        ParticleKind.PHOTON: np.zeros(len(beta)),
        ParticleKind.NEUTRAL_HADRON: neutral,
    }
    return np.choose(seen["kind"], list(masses.values()))


def momenta(seen: Columns) -> Array:
    """Momenta [GeV], shape ``(n_particles, 3)``."""
    return np.stack([seen[name].astype(np.float64) for name in ("px", "py", "pz")], axis=1)
