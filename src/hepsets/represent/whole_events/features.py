"""What models see of each track and cluster of an event, out of the columns that a detector gives.

All of :data:`EVEN` stays as it is if every particle is exchanged with its antiparticle and the event is
mirrored in the plane of the beams; :data:`STRUCTURE` holds the charge, which turns over, and the direction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.kernel import kernel
from hepsets.core.particle_sets import ParticleSets
from hepsets.select.variables.event_shape import thrust

Array = NDArray[np.float64]

B_ENERGY = 5.29
"""Energy of a B in the Υ(4S)'s frame [GeV], where it is nearly at rest."""

LEAST_MOMENTUM = 1e-2
LEAST_PROBABILITY = 1e-5
"""Smaller probabilities of a species count as this."""

LENGTH = 2e-3
"""Impact parameters are seen as asinh(d / 20 µm) [cm]."""


class Seen:
    """What is derived of an event's tracks and clusters, each quantity worked out once.

    Parameters
    ----------
    sets
        With the particle columns of :data:`~hepsets.select.whole_events.particles.COLUMNS`.
    """

    def __init__(self, sets: ParticleSets) -> None:
        self.sets = sets
        self.own = sets.event_of_particle

    def __getitem__(self, name: str) -> Array:
        """A particle column, float64, shape ``(n_particles,)``.

        Raises
        ------
        InputError
            If there is none.
        """
        if name not in self.sets.particles:
            raise InputError(
                f"no particle column {name!r} in {list(self.sets.particles)}", "the columns of whole events"
            )
        return np.asarray(self.sets.particles[name], dtype=np.float64)

    @cached_property
    def momenta(self) -> Array:
        """Momenta [GeV], shape ``(n_particles, 3)``."""
        return np.stack([self["px"], self["py"], self["pz"]], axis=1)

    @cached_property
    def momentum(self) -> Array:
        """Sizes of the momenta [GeV], shape ``(n_particles,)``."""
        return np.asarray(np.linalg.norm(self.momenta, axis=1))

    @cached_property
    def directions(self) -> Array:
        """Unit vectors, shape ``(n_particles, 3)``; the null vector for a particle at rest."""
        length = self.momentum[:, None]
        return np.divide(self.momenta, length, out=np.zeros_like(self.momenta), where=length > 0)

    def total(self, values: Array) -> Array:
        """Sum over the event of each particle, of the shape of ``values``, ``(n_particles,)`` or
        ``(n_particles, k)``.
        """
        columns = values.T if values.ndim == 2 else values[None]
        sums = [np.bincount(self.own, column, minlength=len(self.sets))[self.own] for column in columns]
        return np.asarray(np.stack(sums, axis=1) if values.ndim == 2 else sums[0])

    @cached_property
    def seen_momentum(self) -> Array:
        """Sum of the momenta in the event of each particle [GeV], shape ``(n_particles, 3)``."""
        return self.total(self.momenta)

    @cached_property
    def seen_energy(self) -> Array:
        """Sum of the energies in the event of each particle [GeV], shape ``(n_particles,)``."""
        return self.total(self["energy"])

    @cached_property
    def thrust_axis(self) -> Array:
        """Thrust axis of the event of each particle, shape ``(n_particles, 3)``."""
        return np.asarray(thrust(self.momenta, self.sets.offsets).axis[self.own])

    @property
    def missing_mass2(self) -> Array:
        """Squared missing mass of a B at rest [GeV²], shape ``(n_particles,)``."""
        return np.asarray((B_ENERGY - self.seen_energy) ** 2 - (self.seen_momentum**2).sum(axis=1))

    @property
    def mass_of_others(self) -> Array:
        """Invariant mass of all other particles of the event [GeV], shape ``(n_particles,)``."""
        momentum = self.seen_momentum - self.momenta
        mass2 = (self.seen_energy - self["energy"]) ** 2 - (momentum**2).sum(axis=1)
        return np.asarray(np.sqrt(np.maximum(mass2, 0)))

    @property
    def cos_missing(self) -> Array:
        """Cosine of the angle between a particle and the missing momentum, shape ``(n_particles,)``."""
        length = np.linalg.norm(self.seen_momentum, axis=1)
        along = -(self.directions * self.seen_momentum).sum(axis=1)
        return np.asarray(np.divide(along, length, out=np.zeros_like(along), where=length > 1e-9))

    @property
    def energy_beside(self) -> Array:
        """Energy of the other particles on the side of particle and missing momentum together, where a
        virtual W would be if the particle were its lepton [GeV], shape ``(n_particles,)``.
        """
        found = np.zeros(len(self.own))
        towards = self.momenta - self.seen_momentum
        _energy_beside(self.momenta, self["energy"], towards, self.sets.offsets, found)
        return found

    def log_ratio(self, species: str) -> Array:
        """Ln of the probability of a species over that of a pion; 0 for clusters."""
        own, pion = (np.maximum(self[name], LEAST_PROBABILITY) for name in (species, "pion"))
        return np.where(self["charge"] != 0, np.log(own / pion), 0.0)

    def impact(self, name: str) -> Array:
        """An impact parameter as asinh(d / 20 µm), shape ``(n_particles,)``."""
        return np.asarray(np.arcsinh(self[name] / LENGTH))


@kernel
def _energy_beside(
    momenta: NDArray[np.float64],
    energy: NDArray[np.float64],
    towards: NDArray[np.float64],
    offsets: NDArray[np.int64],
    found: NDArray[np.float64],
) -> None:
    for event in range(len(offsets) - 1):
        for i in range(offsets[event], offsets[event + 1]):
            for j in range(offsets[event], offsets[event + 1]):
                along = (
                    momenta[j, 0] * towards[i, 0]
                    + momenta[j, 1] * towards[i, 1]
                    + momenta[j, 2] * towards[i, 2]
                )
                if j != i and along > 0:
                    found[i] += energy[j]


EVEN: Mapping[str, Callable[[Seen], Array]] = {
    "is_track": lambda e: np.abs(e["charge"]),
    "log_momentum": lambda e: np.log(np.maximum(e.momentum, LEAST_MOMENTUM)),
    "momentum": lambda e: e.momentum,
    "log_pt": lambda e: np.log(np.maximum(e["pt"], LEAST_MOMENTUM)),
    "cos_theta": lambda e: e["cos_theta"],
    "electron": lambda e: e["electron"],
    "muon": lambda e: e["muon"],
    "pion": lambda e: e["pion"],
    "kaon": lambda e: e["kaon"],
    "proton": lambda e: e["proton"],
    "log_electron": lambda e: e.log_ratio("electron"),
    "log_muon": lambda e: e.log_ratio("muon"),
    "log_kaon": lambda e: e.log_ratio("kaon"),
    "log_proton": lambda e: e.log_ratio("proton"),
    "log_d0": lambda e: np.abs(e.impact("d0")),
    "log_z0": lambda e: e.impact("z0"),
    "log_d0_error": lambda e: e.impact("d0_error"),
    "shape": lambda e: e["shape"],
    "forward": lambda e: (e["region"] == 1).astype(np.float64),
    "backward": lambda e: (e["region"] == 3).astype(np.float64),
    "cos_thrust": lambda e: np.abs((e.directions * e.thrust_axis).sum(axis=1)),
    "cos_missing": lambda e: e.cos_missing,
    "missing_momentum": lambda e: np.linalg.norm(e.seen_momentum, axis=1),
    "missing_mass2": lambda e: e.missing_mass2,
    "seen_energy": lambda e: e.seen_energy,
    "mass_of_others": lambda e: e.mass_of_others,
    "energy_beside": lambda e: e.energy_beside,
}
"""Features that no exchange of particles and antiparticles changes.

Momenta are of the Υ(4S)'s frame, ``log_pt`` and ``cos_theta`` of the laboratory. ``cos_thrust`` is the
angle to the thrust axis of the set, ``cos_missing`` that to the missing momentum; ``missing_mass2``,
``mass_of_others`` and ``energy_beside`` take the set for what is seen of a B at rest, as categories of
leptons do. ``log_d0``, ``log_z0`` are asinh(d / 20 µm)."""

STRUCTURE: Mapping[str, Callable[[Seen], Array]] = {
    "charge": lambda e: e["charge"],
    "direction_x": lambda e: e.directions[:, 0],
    "direction_y": lambda e: e.directions[:, 1],
    "direction_z": lambda e: e.directions[:, 2],
}
"""The charge, and the direction in the Υ(4S)'s frame."""

FEATURES = (*EVEN, *STRUCTURE)
"""Names of all features, in the order of the columns of :func:`particle_features`."""


def particle_features(sets: ParticleSets) -> NDArray[np.float32]:
    """The features of all particles, float32, shape ``(n_particles, len(FEATURES))``.

    Raises
    ------
    InputError
        For a particle column that is missing.
    """
    seen = Seen(sets)
    made = {**EVEN, **STRUCTURE}
    return np.stack([made[name](seen) for name in FEATURES], axis=1).astype(np.float32)


def conjugated(sets: ParticleSets) -> ParticleSets:
    """The same events with every particle as its antiparticle, mirrored in the beams' plane (y → −y).

    The solenoid's field turns over in the mirror, so tracks of the opposite charge bend as they did. It is
    an exact symmetry of collisions and detector but for CP violation and matter that is no antimatter.
    """
    p = sets.particles
    changed = {"charge": -p["charge"], "py": -p["py"], "d0": -p["d0"]}
    return ParticleSets({**p, **changed}, sets.offsets, sets.columns, sets.purpose)
