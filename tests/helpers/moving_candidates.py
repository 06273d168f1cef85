"""The same events with the candidate at another speed, and the rest of event recoiling from it."""

from __future__ import annotations

import numpy as np

from hepsets.core.lorentz import boost_to_rest
from hepsets.core.particle_sets import ParticleSets
from hepsets.select.variables.own_frames import own_frame_momenta

FASTEST = 0.1
"""Velocity of a B candidate at the lowest Mbc of a skim: 0.55 GeV of 5.28."""


def moved(events: ParticleSets, speed: float, seed: int = 0) -> ParticleSets:
    """Candidate and rest of event boosted from their own frames, in opposite directions, float64.

    Directions are random, one per event and the same for all speeds of a seed; so are then those of the
    candidates' momenta, which a candidate at rest keeps.
    """
    particles = events.particles
    momenta = np.stack([particles[name] for name in ("px", "py", "pz")], axis=1)
    own = particles["from_candidate"].astype(bool)
    four = own_frame_momenta(momenta, particles["energy"], own, events.offsets)
    direction = np.random.default_rng([seed, 3]).normal(size=(len(events), 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    frame = np.column_stack([-speed * direction, np.ones(len(events))])[events.event_of_particle]
    frame[~own, :3] *= -1
    p, energy = boost_to_rest(four[:, :3], four[:, 3], frame)
    changed = {**dict(zip(("px", "py", "pz"), p.T, strict=True)), "energy": energy}
    candidate = dict(zip(("candidate_px", "candidate_py", "candidate_pz"), direction.T, strict=True))
    return ParticleSets({**particles, **changed}, events.offsets, {**events.columns, **candidate})
