"""What a D meson among a candidate's daughters tells, whose momenta are known but for their unit.

Each group of a kaon and one to three pions is taken for a D of its nominal mass. That sets the unit of the
momenta, and with it the candidate's energy in its rest frame.
"""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np

from hepsets.core.particle_sets import ParticleSets
from hepsets.select.variables.own_frames import own_frame_momenta

KAON, PION = 321, 211
MASSES = {KAON: 0.49368, PION: 0.13957, 22: 0.0}
CHARM = {2: (1.86484, 0), 3: (1.86966, 1), 4: (1.86484, 0)}
"""By number of daughters: mass of the D [GeV], and size of its charge."""
NEAREST = 4
B_MASS = 5.28


def energies_from_charm(events: ParticleSets) -> np.ndarray:
    """The candidate's energies [GeV] that groups of each size give, those next to a B's first, NaN for none.

    Shape ``(n_events, 3 · NEAREST + 3)``; last are numbers of kaons, pions and photons.
    """
    particles = events.particles
    momenta = np.stack([particles[name] for name in ("px", "py", "pz")], axis=1)
    own = particles["from_candidate"].astype(bool)
    p = own_frame_momenta(momenta, particles["energy"], own, events.offsets)[own, :3]
    offsets = events.select_particles(own).offsets
    species = np.abs(particles["species"][own])
    masses = np.array([MASSES[int(kind)] for kind in species])
    charge = particles["charge"][own].astype(int)
    found = np.full((len(events), 3 * NEAREST + 3), np.nan)
    for event, (begin, end) in enumerate(pairwise(offsets)):
        here = slice(begin, end)
        for size in CHARM:
            energies = [
                _energy(p[here], masses[here], np.array(group))
                for group in _groups(species[here], charge[here], size)
            ]
            nearest = sorted(energies, key=lambda energy: abs(energy - B_MASS))[:NEAREST]
            start = NEAREST * (size - 2)
            found[event, start : start + len(nearest)] = nearest
        found[event, -3:] = [(species[here] == kind).sum() for kind in MASSES]
    return found


def _groups(species: np.ndarray, charge: np.ndarray, size: int) -> list[tuple[int, ...]]:
    pions = np.flatnonzero(species == PION)
    groups = [(k, *some) for k in np.flatnonzero(species == KAON) for some in combinations(pions, size - 1)]
    # the pions' charge is that of the D less the kaon's, which is opposite to it
    return [g for g in groups if (charge[list(g)].sum() * charge[g[0]]) == -CHARM[size][1]]


def _energy(p: np.ndarray, masses: np.ndarray, group: np.ndarray) -> float:
    """Energy of all for the unit in which the group has the mass of a D; infinite if there is none."""
    squares = (p**2).sum(axis=1)
    total = (p[group].sum(axis=0) ** 2).sum()
    target = CHARM[len(group)][0] ** 2

    def above(unit: float) -> bool:
        energy = np.sqrt(unit**2 * squares[group] + masses[group] ** 2).sum()
        return bool(energy**2 - unit**2 * total > target)

    low, high = 0.5, 1.6
    if above(low) or not above(high):
        return np.inf
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (low, middle) if above(middle) else (middle, high)
    return float(np.sqrt(low**2 * squares + masses**2).sum())
