"""A few reconstructed events with all columns that jets can tell of."""

from __future__ import annotations

import numpy as np

from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.formats.jet_variables import COVARIANCES

FIELD = 2.0


def jet_events(n_events: int = 6, seed: int = 1, *, displaced: float = 0.0) -> VertexedEvents:
    """Back-to-back particles along random axes; tracks start ``displaced`` cm along their hemisphere's axis
    from a primary vertex that is off the origin.
    """
    rng = np.random.default_rng(seed)
    counts = rng.integers(4, 9, n_events)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    n, of_event = offsets[-1], np.repeat(np.arange(n_events), counts)
    axis = rng.normal(size=(n_events, 3))
    axis /= np.linalg.norm(axis, axis=1)[:, None]
    side = np.where(np.arange(n) % 2, 1.0, -1.0)
    along = axis[of_event] * side[:, None]
    momentum = along * rng.uniform(1, 10, n)[:, None] + rng.normal(0, 0.4, (n, 3))
    kind = rng.choice(5, n, p=[0.5, 0.1, 0.1, 0.2, 0.1]).astype(np.int8)
    charge = np.where(kind <= 2, rng.choice([-1, 1], n), 0).astype(np.int8)
    primary = rng.normal(0, [1e-3, 1e-3, 0.03], (n_events, 3))
    start = primary[of_event] + displaced * along
    track = _track(momentum, np.where(charge == 0, 1, charge), start)
    is_track = charge != 0
    spread = rng.uniform(0.5, 1.5, n) * 1e-3
    columns = {
        **{name: momentum[:, i] for i, name in enumerate(("px", "py", "pz"))},
        "energy": np.hypot(np.linalg.norm(momentum, axis=1), 0.13957),
        **{name: np.where(is_track, value, 0.0) for name, value in track.items()},
        **{
            f"cov_{a}_{b}": np.where(is_track, spread**2 if a == b else 0.1 * spread**2, 0.0)
            for a, b in COVARIANCES.values()
        },
        "n_clusters": np.where(is_track, 1600.0, 0.0),
        "track_length": np.where(is_track, 160.0, 0.0),
        "flight_time": np.full(n, 7.0),
        "flight_length": np.full(n, 206.0),
    }
    particles = {name: column.astype(np.float32) for name, column in columns.items()}
    particles |= {"charge": charge, "kind": kind, "is_track": is_track, "has_flight_time": is_track}
    particles["vertex"] = np.zeros(n, dtype=np.int16)
    events = {
        **{f"thrust_{name}": axis[:, i] for i, name in enumerate("xyz")},
        "flavour": np.array([5, 4, 3, 1] * n_events, dtype=np.int8)[:n_events],
        "event_number": np.arange(n_events) + 100,
        "quark_cos": rng.uniform(-1, 1, n_events).astype(np.float32),
    }
    vertices = {name: primary[:, i] for i, name in enumerate("xyz")}
    vertices["kind"] = np.zeros(n_events, dtype=np.int8)
    return VertexedEvents(
        ParticleSets(particles, offsets, events), ParticleSets(vertices, np.arange(n_events + 1))
    )


def _track(momentum: np.ndarray, charge: np.ndarray, start: np.ndarray) -> dict[str, np.ndarray]:
    """Helices through points, from the geometry of their circles."""
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    radius = charge * pt / (0.00299792458 * FIELD)
    centre = (
        start[:, :2] + radius[:, None] * np.stack([momentum[:, 1], -momentum[:, 0]], axis=1) / pt[:, None]
    )
    phi = np.arctan2(np.sign(radius) * centre[:, 0], -np.sign(radius) * centre[:, 1])
    turn = np.angle(np.exp(1j * (np.arctan2(momentum[:, 1], momentum[:, 0]) - phi)))
    slope = momentum[:, 2] / pt
    return {
        "d0": radius - np.sign(radius) * np.hypot(*centre.T),
        "phi": phi,
        "omega": 1 / radius,
        "z0": start[:, 2] + radius * turn * slope,
        "tan_lambda": slope,
    }
