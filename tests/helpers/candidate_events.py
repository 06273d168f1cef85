"""Random collisions with a B candidate, as continuum suppression sees them: plausible, without physics."""

from __future__ import annotations

import numpy as np

from hepsets.core.particle_sets import ParticleSets

SQRT_S = 10.58
PION = 0.13957


def candidate_events(
    n_events: int, seed: int = 0, *, mean_signal: float = 5.0, mean_rest: float = 11.0
) -> ParticleSets:
    """Events with Poisson-distributed numbers of pions and photons; any part may be empty."""
    rng = np.random.default_rng([seed, 4])
    signal, rest = rng.poisson(mean_signal, n_events), rng.poisson(mean_rest, n_events)
    offsets = np.concatenate([[0], np.cumsum(signal + rest)])
    n = int(offsets[-1])
    direction = rng.normal(size=(n, 3))
    momenta = direction / np.linalg.norm(direction, axis=1)[:, None] * rng.exponential(0.4, size=(n, 1))
    charge = rng.choice(np.array([-1, 0, 0, 1], np.int8), n)
    position = np.arange(n) - np.repeat(offsets[:-1], signal + rest)
    from_candidate = position < np.repeat(signal, signal + rest)
    mass = np.where(charge != 0, PION, 0.0)
    return ParticleSets(
        {
            "px": momenta[:, 0],
            "py": momenta[:, 1],
            "pz": momenta[:, 2],
            "energy": np.sqrt(np.sum(momenta**2, axis=1) + mass**2),
            "charge": charge,
            "from_candidate": from_candidate,
        },
        offsets,
        {"candidate_energy": rng.normal(SQRT_S / 2, 0.08, n_events)},
    )
