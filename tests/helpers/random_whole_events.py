"""Random tracks and clusters of whole events, for what must hold whatever they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepsets.core.particle_sets import ParticleSets
from hepsets.simulate.particle_id import SPECIES_NAMES


def whole_events_of_sizes(sizes: Sequence[int], seed: int = 0) -> ParticleSets:
    """Events of so many particles, with a flavour ``q`` that their leptons and kaons tell a little."""
    rng = np.random.default_rng(seed)
    n = int(np.sum(sizes))
    momenta = rng.normal(0, 0.5, (n, 3))
    track = rng.random(n) < 0.5
    charge = np.where(track, rng.choice([1, -1], n), 0)
    identity = rng.dirichlet(np.full(5, 0.4), n) * track[:, None]
    energy = np.sqrt((momenta**2).sum(1) + 0.02 * track)
    own = np.repeat(np.arange(len(sizes)), sizes)
    votes = np.bincount(own, charge * (identity[:, 0] + identity[:, 3]), minlength=len(sizes))
    columns = {
        "px": momenta[:, 0],
        "py": momenta[:, 1],
        "pz": momenta[:, 2],
        "energy": energy,
        "pt": np.hypot(momenta[:, 0], momenta[:, 1]),
        "cos_theta": rng.uniform(-0.9, 0.95, n),
        **dict(zip(SPECIES_NAMES, identity.T, strict=True)),
        "d0": 0.01 * rng.normal(size=n) * track,
        "z0": 0.02 * rng.normal(size=n) * track,
        "d0_error": 0.003 * track,
        "z0_error": 0.003 * track,
        "shape": rng.random(n) * ~track,
    }
    particles = {name: column.astype(np.float32) for name, column in columns.items()}
    particles["charge"] = charge.astype(np.int8)
    particles["region"] = np.where(track, 0, rng.integers(1, 4, n)).astype(np.int8)
    q = np.where(votes + rng.normal(0, 0.3, len(sizes)) > 0, 1, -1).astype(np.int8)
    return ParticleSets(particles, np.concatenate([[0], np.cumsum(sizes)]), {"q": q})


def random_whole_events(events: int, seed: int = 0) -> ParticleSets:
    """Events of about ten particles."""
    return whole_events_of_sizes(np.random.default_rng([seed, 1]).poisson(10, events).tolist(), seed)


def shuffled(events: ParticleSets, seed: int) -> ParticleSets:
    """The same events, the particles of each in another order."""
    order = np.lexsort([np.random.default_rng(seed).random(events.n_particles), events.event_of_particle])
    particles = {name: column[order] for name, column in events.particles.items()}
    return ParticleSets(particles, events.offsets, events.columns)
