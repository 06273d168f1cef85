"""The thrust axis of each event with its errors, and the two hemispheres that it makes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, PositiveFloat
from pydantic.dataclasses import dataclass

from hepsets.core.particle_kinds import ParticleKind
from hepsets.core.particle_sets import ParticleSets
from hepsets.select.variables.event_shape import Thrust, thrust

Array = NDArray[np.float64]

BATCH = 5000
"""Events are worked on by so many: what is worked with is larger than the columns that it comes from."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class AxisConfig:
    """How well energies of neutral particles are known: relative errors at 1 GeV, falling as 1/√E."""

    photon_resolution: PositiveFloat = 0.03
    hadron_resolution: PositiveFloat = 0.30


def momenta(sets: ParticleSets) -> Array:
    """Momenta [GeV] of all particles, shape ``(n_particles, 3)``."""
    return np.stack([sets.particles[name] for name in ("px", "py", "pz")], axis=1).astype(np.float64)


def with_thrust(seen: ParticleSets, config: AxisConfig) -> ParticleSets:
    """The events with columns ``thrust``, ``thrust_x thrust_y thrust_z`` and ``thrust_x_err …``.

    Where the direction ``quark_x quark_y quark_z`` of the true quark is known, ``quark_cos`` is the cosine
    between it and the axis.

    The axis points along z ≥ 0. Its errors are what the errors of the measured momenta do to it; that the
    axis is not the direction of a quark is no part of them.

    Raises
    ------
    InputError
        If momenta are missing or not finite.
    """
    places = range(0, max(len(seen), 1), BATCH)
    parts = [_thrust_columns(seen[begin : begin + BATCH], config) for begin in places]
    return seen.with_columns(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _thrust_columns(seen: ParticleSets, config: AxisConfig) -> dict[str, Array]:
    found = thrust(momenta(seen), seen.offsets)
    errors = axis_errors(seen, found, config)
    columns = {"thrust": found.value}
    for place, name in enumerate("xyz"):
        columns[f"thrust_{name}"] = found.axis[:, place]
        columns[f"thrust_{name}_err"] = errors[:, place]
    if "quark_x" in seen.columns:
        quark = np.stack([seen.columns[f"quark_{name}"] for name in "xyz"], axis=1)
        columns["quark_cos"] = np.einsum("ij,ij->i", quark, found.axis)
    return columns


def axis_errors(seen: ParticleSets, found: Thrust, config: AxisConfig) -> Array:
    """Standard deviations of the components of the thrust axis, shape ``(n_events, 3)``.

    The axis is the direction of S = Σ ± p, so its covariance is P Σ cov(p) P / S², where P projects across
    it.
    """
    p = momenta(seen)
    event = seen.event_of_particle
    axis = found.axis
    side = np.sign(np.einsum("ij,ij->i", p, axis[event]))
    total = np.zeros((len(seen), 3))
    np.add.at(total, event, side[:, None] * p)
    along, across, upward = _momentum_errors(seen, p, config)
    size, pt = np.linalg.norm(p, axis=1), np.hypot(p[:, 0], p[:, 1])
    size, pt = np.maximum(size, 1e-12), np.maximum(pt, 1e-12)
    zero = np.zeros(len(p))
    ways = (
        p / size[:, None],
        np.stack([-p[:, 1] / pt, p[:, 0] / pt, zero], axis=1),
        np.stack([-p[:, 0] * p[:, 2] / pt, -p[:, 1] * p[:, 2] / pt, pt], axis=1) / size[:, None],
    )
    variance = np.zeros((len(seen), 3))
    for way, sigma in zip(ways, (along, across, upward), strict=True):
        own = axis[event]
        moved = sigma[:, None] * (way - own * np.einsum("ij,ij->i", way, own)[:, None])
        np.add.at(variance, event, moved**2)
    length = np.maximum(np.linalg.norm(total, axis=1), 1e-12)
    errors: Array = np.sqrt(variance) / length[:, None]
    return errors


def _momentum_errors(seen: ParticleSets, p: Array, config: AxisConfig) -> tuple[Array, Array, Array]:
    """Errors [GeV] of each momentum along itself, in azimuth, in polar angle."""
    columns = seen.particles
    pt2 = p[:, 0] ** 2 + p[:, 1] ** 2
    p2 = np.maximum(pt2 + p[:, 2] ** 2, 1e-24)
    track = columns["is_track"]
    omega2 = np.where(track, np.maximum(columns["omega"].astype(np.float64) ** 2, 1e-24), 1.0)
    of_track = p2 * columns["cov_omega_omega"] / omega2
    share = np.where(
        columns["kind"] == ParticleKind.PHOTON, config.photon_resolution, config.hadron_resolution
    )
    along2 = np.where(track, of_track, share**2 * np.sqrt(p2))  # (share/√E E)² = share² E
    across2 = np.where(track, pt2 * columns["cov_phi_phi"], 0.0)
    upward2 = np.where(track, pt2**2 / p2 * columns["cov_tan_lambda_tan_lambda"], 0.0)
    return np.sqrt(along2), np.sqrt(across2), np.sqrt(upward2)


def hemisphere(sets: ParticleSets) -> NDArray[np.int8]:
    """Hemisphere of each particle, shape ``(n_particles,)``: 1 along the thrust axis, else -1."""
    axis = np.stack([sets.columns[f"thrust_{name}"] for name in "xyz"], axis=1)
    along = np.einsum("ij,ij->i", momenta(sets), axis[sets.event_of_particle])
    return np.where(along >= 0.0, 1, -1).astype(np.int8)
