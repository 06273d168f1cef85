r"""Candidate and rest of event, each in a frame of its own, where nothing tells how fast the candidate is.

At the Υ(4S) the beam-constrained mass of a B candidate is the size of its momentum,
:math:`M_\mathrm{bc}^2 = s / 4 - p_B^2`. In the collision's frame the directions of its daughters and the
ratios of their momenta tell it (:math:`|\sum \vec p| / \sum |\vec p|`), and so does the rest of event, which
recoils. In the candidate's rest frame :math:`\sum \vec p^* = 0` whatever :math:`p_B` is; the rest of event
is boosted by the opposite velocity, that of a recoil as heavy as the candidate.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.lorentz import boost_to_rest
from hepsets.core.particle_sets import ParticleSets
from hepsets.select.variables.continuum import VARIABLES, continuum_variables
from hepsets.select.variables.fox_wolfram import checked_momenta

Array = NDArray[np.float64]

OWN_VARIABLES: tuple[str, ...] = tuple(f"own_{name}" for name in VARIABLES)
"""Names of the thirty event-shape variables in these frames."""

_SLOWEST_LIGHT = 1e-6
"""How far below that of light the velocity of a frame stays: a candidate of one photon has no rest frame."""

_DUST = 1e-9
"""Momenta below this part of the energy are rounding: a candidate of one daughter has it at rest."""


def own_frame_momenta(
    momenta: ArrayLike, energies: ArrayLike, from_candidate: ArrayLike, offsets: ArrayLike
) -> Array:
    """Four-momenta of all particles in their own frames.

    Parameters
    ----------
    momenta
        Shape ``(n_particles, 3)``, in the centre-of-mass frame [GeV].
    energies
        Shape ``(n_particles,)`` [GeV].
    from_candidate
        Shape ``(n_particles,)``, bool.
    offsets
        Shape ``(n_events + 1,)``.

    Returns
    -------
    Array
        Shape ``(n_particles, 4)``: px, py, pz, energy [GeV]. The candidate's velocity is that of the sum of
        its daughters. Events without daughters stay in the centre-of-mass frame.
    """
    p, edge = checked_momenta(momenta, offsets)
    energy, own = np.asarray(energies, dtype=np.float64), np.asarray(from_candidate, dtype=bool)
    event = np.repeat(np.arange(len(edge) - 1), np.diff(edge))
    frame = np.empty((len(edge) - 1, 4))
    for component, column in enumerate((*p.T, energy)):
        frame[:, component] = np.bincount(event[own], column[own], minlength=len(frame))
    fastest = np.linalg.norm(frame[:, :3], axis=1) * (1 + _SLOWEST_LIGHT)
    frame[:, 3] = np.maximum(frame[:, 3], fastest)
    frame[frame[:, 3] <= 0] = (0.0, 0.0, 0.0, 1.0)
    velocity = frame[event]
    velocity[~own, :3] *= -1
    moved, boosted_energy = boost_to_rest(p, energy, velocity)
    moved[np.linalg.norm(moved, axis=1) < _DUST * energy] = 0.0
    return np.column_stack([moved, boosted_energy])


def own_frame_variables(sets: ParticleSets, sqrt_s: float) -> dict[str, Array]:
    r"""The thirty event-shape variables of each event as its own frames show it.

    They are those of :func:`~hepsets.select.variables.continuum.continuum_variables` with all momenta in
    their own frames, the daughters' in units that make :math:`\sum |\vec p^*| = \sqrt s / 2`, which is taken
    for the candidate's energy. So they tell nothing that directions and relative momenta in these frames do
    not: the usual ones, beside those, give the candidate's momentum and energy away.

    Parameters
    ----------
    sets
        Columns as for ``continuum_variables``; ``candidate_energy`` is not used.
    sqrt_s
        Energy of the collision in its centre-of-mass frame [GeV].

    Returns
    -------
    dict[str, Array]
        One array of shape ``(n_events,)`` for every name in :data:`OWN_VARIABLES`.
    """
    particles = sets.particles
    own = particles["from_candidate"].astype(bool)
    moved = own_frame_momenta(_momenta(particles), particles["energy"], own, sets.offsets)
    size = np.linalg.norm(moved[:, :3], axis=1)
    total = np.bincount(sets.event_of_particle[own], size[own], minlength=len(sets))
    unit = np.divide(sqrt_s / 2, total, out=np.zeros(len(sets)), where=total > 0)[sets.event_of_particle[own]]
    moved[own, :3] *= unit[:, None]
    moved[own, 3] = size[own] * unit
    changed = dict(zip(("px", "py", "pz", "energy"), moved.T, strict=True))
    columns = {"candidate_energy": np.full(len(sets), sqrt_s / 2)}
    found = continuum_variables(ParticleSets({**particles, **changed}, sets.offsets, columns), sqrt_s)
    return {f"own_{name}": values for name, values in found.items()}


def _momenta(particles: Mapping[str, NDArray[np.generic]]) -> Array:
    return np.stack([np.asarray(particles[name], dtype=np.float64) for name in ("px", "py", "pz")], axis=1)
