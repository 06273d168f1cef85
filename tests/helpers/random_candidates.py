"""Random events with a B candidate for tests: plausible particles, physics not included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.particle_sets import ParticleSets
from hepsets.select.variables.continuum import VARIABLES
from hepsets.select.variables.own_frames import OWN_VARIABLES

SPECIES = np.array([11, 13, 211, 321, 2212, 22])
MASSES = np.array([0.000511, 0.10566, 0.13957, 0.49368, 0.93827, 0.0])


def random_candidates(n_events: int, seed: int = 0, *, mean_particles: float = 25.0) -> ParticleSets:
    """Events with Poisson-distributed numbers of particles, at least two each."""
    rng = np.random.default_rng(seed)
    return candidates_of_sizes(np.maximum(rng.poisson(mean_particles, n_events), 2), seed)


def candidates_of_sizes(sizes: NDArray[np.integer] | list[int], seed: int = 0) -> ParticleSets:
    """Events with given numbers of particles, about a third of them from the candidate.

    The event columns include random numbers under the names of the thirty variables in either frame.
    """
    rng = np.random.default_rng([seed, 1])
    sizes = np.asarray(sizes, dtype=np.int64)
    n, n_events = int(sizes.sum()), len(sizes)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    kind = rng.integers(0, 6, n)
    charged = kind < 5
    momenta = rng.normal(scale=0.5, size=(3, n)) * rng.choice([0.4, 1.0, 1.6], n)
    identification = rng.dirichlet(np.ones(5), n).T * charged
    from_candidate = rng.random(n) < 0.35
    particles = {
        **dict(zip(("px", "py", "pz"), momenta.astype(np.float32), strict=True)),
        "energy": np.sqrt((momenta**2).sum(0) + MASSES[kind] ** 2).astype(np.float32),
        "charge": (rng.choice([-1, 1], n) * charged).astype(np.int8),
        "from_candidate": from_candidate,
        **dict(
            zip(
                ("electron", "muon", "pion", "kaon", "proton"), identification.astype(np.float32), strict=True
            )
        ),
        "dr": (rng.exponential(0.05, n) * charged).astype(np.float32),
        "dz": (rng.normal(scale=0.1, size=n) * charged).astype(np.float32),
        "species": SPECIES[kind].astype(np.int16),
    }
    event = np.repeat(np.arange(n_events), sizes)
    candidate = {
        f"candidate_{name}": np.bincount(event, particles[name] * from_candidate, minlength=n_events)
        for name in ("px", "py", "pz", "energy", "charge")
    }
    candidate["candidate_charge"] = np.sign(candidate["candidate_charge"]).astype(np.int8)
    variables = {name: rng.normal(loc=1.0, scale=2.0, size=n_events) for name in (*VARIABLES, *OWN_VARIABLES)}
    label = rng.random(n_events) < 0.5
    return ParticleSets(particles, offsets, {**candidate, **variables, "label": label})


def shuffled(events: ParticleSets, seed: int = 0) -> ParticleSets:
    """The same events, the particles of each in another order."""
    rng = np.random.default_rng([seed, 2])
    order = np.lexsort([rng.random(events.n_particles), events.event_of_particle])
    particles = {name: column[order] for name, column in events.particles.items()}
    return ParticleSets(particles, events.offsets, events.columns)


def turned(events: ParticleSets, rotation: NDArray[np.float64]) -> ParticleSets:
    """The same events, all momenta mapped by a matrix ``(3, 3)``."""

    def mapped(table, prefix=""):
        old = np.stack([table[f"{prefix}p{axis}"] for axis in "xyz"]).astype(np.float64)
        return {f"{prefix}p{axis}": row for axis, row in zip("xyz", rotation @ old, strict=True)}

    particles = {**events.particles, **mapped(events.particles)}
    return ParticleSets(particles, events.offsets, {**events.columns, **mapped(events.columns, "candidate_")})
