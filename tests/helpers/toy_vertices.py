"""Whole toy events of helices: a primary vertex, decay chains and V0s at known points, as a detector sees."""

from __future__ import annotations

import numpy as np

from hepsets.core.masses import M_P, M_PI
from hepsets.core.particle_kinds import ParticleKind
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.reconstructed import (
    COVARIANCE,
    FROM_B,
    FROM_C_OF_B,
    FROM_PRIMARY,
    FROM_STRANGE,
    TRACK_PARAMETERS,
)
from hepsets.select.vertices.tracks import PT

from .toy_helices import isotropic, vertex_rows

SPOT = np.array([4.5e-4, 2e-6, 0.03])
M_K0, M_LAMBDA = 0.497611, 1.115683


def two_body(rng, mass, m_1, m_2, momentum):
    """Momenta of two daughters, shape ``(2, 3)``, of a particle that decays isotropically."""
    momentum = np.asarray(momentum, dtype=float)
    energy = np.sqrt(mass**2 + momentum @ momentum)
    way = rng.normal(size=3)
    way /= np.linalg.norm(way)
    p = np.sqrt((mass**2 - (m_1 + m_2) ** 2) * (mass**2 - (m_1 - m_2) ** 2)) / (2 * mass)
    made = []
    for sign, m in ((1, m_1), (-1, m_2)):
        q, e = sign * p * way, np.sqrt(m**2 + p**2)
        along = momentum @ q / mass / (energy + mass) + e / mass
        made.append(q + momentum * along)
    return np.array(made)


def seen_from_groups(events):
    """What a detector saw of events, each a list of ``(point, rows, origin)``; only tracks."""
    groups = [group for event in events for group in event]
    rows = np.concatenate([rows for _, rows, _ in groups] or [np.empty((0, PT + 1))])
    counts = [sum(len(rows) for _, rows, _ in event) for event in events]
    points = np.concatenate([np.broadcast_to(p, (len(r), 3)) for p, r, _ in groups] or [np.empty((0, 3))])
    columns = {name: rows[:, k].astype(np.float32) for k, name in enumerate((*TRACK_PARAMETERS, *COVARIANCE))}
    columns |= {
        "px": (rows[:, PT] * np.cos(rows[:, 1])).astype(np.float32),
        "py": (rows[:, PT] * np.sin(rows[:, 1])).astype(np.float32),
        "pz": (rows[:, PT] * rows[:, 4]).astype(np.float32),
        "charge": np.sign(rows[:, 2]).astype(np.int8),
        "is_track": np.ones(len(rows), dtype=bool),
        "kind": np.full(len(rows), ParticleKind.CHARGED_HADRON, dtype=np.int8),
        "origin": np.concatenate([np.full(len(r), o) for _, r, o in groups] or [[]]).astype(np.int8),
    }
    columns |= {f"true_{name}": points[:, k] for k, name in enumerate("xyz")}
    return ParticleSets(columns, np.concatenate([[0], np.cumsum(counts)]))


def primary_group(rng, n=10):
    """Fragmentation: tracks from somewhere in the beam spot."""
    point = SPOT * rng.normal(size=3)
    return point, vertex_rows(rng, point, isotropic(rng, n)), FROM_PRIMARY


def k_short_group(rng, primary, distance):
    """A K_S of 3 GeV from the primary vertex that decays at a distance [cm]."""
    way = isotropic(rng, 1, 1, 1)[0]
    point = primary + distance * way
    return point, vertex_rows(rng, point, two_body(rng, M_K0, M_PI, M_PI, 3 * way)), FROM_STRANGE


def lambda_group(rng, primary, distance):
    """A Λ of 3 GeV from the primary vertex that decays at a distance [cm]."""
    way = isotropic(rng, 1, 1, 1)[0]
    point = primary + distance * way
    return point, vertex_rows(rng, point, two_body(rng, M_LAMBDA, M_P, M_PI, 3 * way)), FROM_STRANGE


def b_event(rng, b_flight=0.3, c_flight=0.15):
    """A primary vertex and two b hadrons back to back, each with three tracks, and a c hadron with three."""
    primary = primary_group(rng)
    way = isotropic(rng, 1, 1, 1)[0]
    groups = [primary]
    for sign in (1, -1):
        b = primary[0] + sign * way * b_flight
        c = b + sign * way * c_flight
        groups.append((b, vertex_rows(rng, b, isotropic(rng, 3, 1, 6, sign * way)), FROM_B))
        groups.append((c, vertex_rows(rng, c, isotropic(rng, 3, 1, 6, sign * way)), FROM_C_OF_B))
    return groups
