"""Toy Z decays with vertices, every column filled: heavy quarks fly, strange ones have kaons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents

FLAVOURS = (5, 4, 3, 1)
FLIGHT = {5: 0.3, 4: 0.1, 3: 0.0, 1: 0.0}
"""Mean flight [cm] of what decays at the displaced vertices."""

TRACK = ("d0", "phi", "omega", "z0", "tan_lambda")


def z_events(
    number: int, *, seed: int = 0, flavours: Sequence[int] = FLAVOURS, mean: float = 16.0
) -> VertexedEvents:
    """So many events, flavour after flavour."""
    rng = np.random.default_rng(seed)
    return events_of_sizes(rng.poisson(mean, number) + 2, seed=seed, flavours=flavours)


def events_of_sizes(
    sizes: Sequence[int], seed: int = 0, flavours: Sequence[int] = FLAVOURS
) -> VertexedEvents:
    """Events of so many particles each, flavour after flavour."""
    rng = np.random.default_rng([seed, 1])
    sizes = np.asarray(sizes, dtype=np.int64)
    flavour = np.asarray(flavours, dtype=np.int8)[np.arange(len(sizes)) % len(flavours)]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    event = np.repeat(np.arange(len(sizes)), sizes)
    axis = rng.normal(size=(len(sizes), 3))
    axis /= np.linalg.norm(axis, axis=1)[:, None]
    side = rng.choice([-1.0, 1.0], len(event))
    momenta = side[:, None] * axis[event] * rng.exponential(3.0, len(event))[:, None]
    momenta += rng.normal(0, 0.4, momenta.shape)
    n_vertices = np.where(sizes > 0, 1, 0) + 2 * np.where(sizes > 3, 1, 0)
    vertices, vertex = _vertices(rng, flavour, axis, n_vertices, side, event)
    columns = _particles(rng, momenta, flavour[event], vertex, vertices, event)
    quark = np.sign(rng.normal(size=len(sizes))) * 0.99
    of_event = {
        "flavour": flavour,
        "event_number": np.arange(len(sizes)),
        **{f"thrust_{name}": axis[:, i].astype(np.float32) for i, name in enumerate("xyz")},
        "thrust": np.full(len(sizes), 0.93, np.float32),
        "quark_cos": quark.astype(np.float32),
    }
    return VertexedEvents(
        ParticleSets(columns, offsets, of_event),
        ParticleSets(
            {name: column for name, column in vertices.items() if name != "event"},
            np.concatenate([[0], np.cumsum(n_vertices)]),
        ),
    )


def shuffled(events: VertexedEvents, seed: int) -> VertexedEvents:
    """The same events with their particles in another order."""
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(events.particles.n_particles), events.particles.event_of_particle))
    columns = {name: column[order] for name, column in events.particles.particles.items()}
    return VertexedEvents(ParticleSets(columns, events.particles.offsets, events.columns), events.vertices)


def turned(events: VertexedEvents, angle: float) -> VertexedEvents:
    """The same events turned around the beam."""
    cos, sin = np.cos(angle), np.sin(angle)
    particles, vertices, columns = (
        dict(table) for table in (events.particles.particles, events.vertices.particles, events.columns)
    )
    for table, x, y in ((particles, "px", "py"), (vertices, "x", "y"), (columns, "thrust_x", "thrust_y")):
        table[x], table[y] = (
            (cos * table[x] - sin * table[y]).astype(table[x].dtype),
            (sin * table[x] + cos * table[y]).astype(table[y].dtype),
        )
    particles["phi"] = (particles["phi"] + angle).astype(np.float32)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
    names = [f"cov_{name}" for name in ("x_x", "x_y", "y_y", "x_z", "y_z", "z_z")]
    xx, xy, yy, xz, yz, zz = (vertices[name] for name in names)
    matrices = np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=1).reshape(-1, 3, 3)
    new = np.einsum("ij,njk,lk->nil", turn, matrices, turn)
    for name, (i, j) in zip(names, ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2)), strict=True):
        vertices[name] = new[:, i, j].astype(np.float32)
    return VertexedEvents(
        ParticleSets(particles, events.particles.offsets, columns),
        ParticleSets(vertices, events.vertices.offsets),
    )


def mirrored(events: VertexedEvents) -> VertexedEvents:
    """The same events seen in a mirror that holds the beam: y becomes −y."""
    particles, vertices, columns = (
        dict(table) for table in (events.particles.particles, events.vertices.particles, events.columns)
    )
    for table, names in (
        (particles, ("py", "phi", "d0", "omega", "cov_d0_z0", "cov_d0_tan_lambda")),
        (vertices, ("y", "cov_x_y", "cov_y_z")),
        (columns, ("thrust_y",)),
    ):
        for name in names:
            table[name] = -table[name]
    return VertexedEvents(
        ParticleSets(particles, events.particles.offsets, columns),
        ParticleSets(vertices, events.vertices.offsets),
    )


def without(events: VertexedEvents, *names: str) -> VertexedEvents:
    """The same events, as a file that lacks some columns has them."""
    return VertexedEvents(
        ParticleSets(
            {name: column for name, column in events.particles.particles.items() if name not in names},
            events.particles.offsets,
            {name: column for name, column in events.columns.items() if name not in names},
        ),
        ParticleSets(
            {name: column for name, column in events.vertices.particles.items() if name not in names},
            events.vertices.offsets,
        ),
    )


def _vertices(rng, flavour, axis, n_vertices, side, event):
    """One primary and two displaced vertices, one per hemisphere; and which particle is of which."""
    owner = np.repeat(np.arange(len(flavour)), n_vertices)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(n_vertices) - n_vertices, n_vertices)
    flight = rng.exponential(1.0, len(owner)) * np.array([FLIGHT[int(one)] for one in flavour])[owner] + 0.005
    sign = np.where(place == 1, 1.0, -1.0)
    beam = rng.normal(0, [4.5e-4, 2e-6, 3e-2], (len(flavour), 3))[owner]
    at = beam + np.where(place > 0, flight * sign, 0.0)[:, None] * axis[owner]
    error = np.where(place == 0, 3e-4, 1e-3)
    at = at + rng.normal(0, 1, at.shape) * error[:, None]
    heavy = np.array([{5: 2.5, 4: 1.2, 3: 0.5, 1: 0.5}[int(one)] for one in flavour])[owner]
    columns = {
        **{name: at[:, i].astype(np.float32) for i, name in enumerate("xyz")},
        **{f"cov_{a}_{b}": np.zeros(len(owner), np.float32) for a, b in ("xy", "xz", "yz")},
        **{f"cov_{a}_{a}": (error**2).astype(np.float32) for a in "xyz"},
        "chi2": rng.chisquare(3, len(owner)).astype(np.float32),
        "ndf": np.full(len(owner), 3, np.int16),
        "n_tracks": np.full(len(owner), 3, np.int16),
        "mass": (heavy * rng.uniform(0.5, 1.0, len(owner))).astype(np.float32),
        "kind": np.where(place == 0, 0, 1).astype(np.int8),
        "origin": np.where(place == 0, 0, -1).astype(np.int8),
        "event": owner,
    }
    vertex = np.where(rng.random(len(event)) < 0.4, np.where(side > 0, 1, 2), 0)
    vertex = np.where(vertex < n_vertices[event], vertex, np.where(n_vertices[event] > 0, 0, -1))
    return columns, vertex.astype(np.int16)


def _particles(rng, momenta, flavour, vertex, vertices, event):
    """Tracks from their vertices, photons, neutral hadrons; kaons where quarks are strange."""
    n = len(momenta)
    kind = rng.choice([0, 0, 0, 0, 1, 2, 3, 3, 4], n).astype(np.int8)
    track = kind < 3
    charge = np.where(track, rng.choice([-1, 1], n), 0).astype(np.int8)
    vertex = np.where(track, vertex, -1).astype(np.int16)
    start = np.searchsorted(vertices["event"], event)
    row = np.minimum(start + np.maximum(vertex, 0), max(len(vertices["x"]) - 1, 0))
    point = np.stack([vertices[a][row] if len(vertices["x"]) else np.zeros(n) for a in "xyz"], axis=1)
    size, pt = np.linalg.norm(momenta, axis=1), np.hypot(momenta[:, 0], momenta[:, 1])
    phi, tan = np.arctan2(momenta[:, 1], momenta[:, 0]), momenta[:, 2] / np.maximum(pt, 1e-6)
    sigma = 2.2e-4 + 14e-4 / np.maximum(size, 0.1)
    d0 = -point[:, 0] * np.sin(phi) + point[:, 1] * np.cos(phi) + rng.normal(0, sigma)
    z0 = point[:, 2] - tan * (point[:, 0] * np.cos(phi) + point[:, 1] * np.sin(phi)) + rng.normal(0, sigma)
    kaon = track & (rng.random(n) < np.where(flavour == 3, 0.4, 0.1))
    pdg = np.select([kaon, kind == 1, kind == 2, kind == 3, kind == 4], [321, 11, 13, 22, 2112], 211)
    mass = np.where(kaon, 0.494, 0.1396)
    time = 205 / 29.979 * np.sqrt(1 + (mass / np.maximum(size, 1e-3)) ** 2) + rng.normal(0, 0.03, n)
    columns = {
        **{name: momenta[:, i].astype(np.float32) for i, name in enumerate(("px", "py", "pz"))},
        "energy": np.hypot(size, 0.1396).astype(np.float32),
        "charge": charge,
        "is_track": track,
        "kind": kind,
        "d0": np.where(track, d0, 0).astype(np.float32),
        "phi": np.where(track, phi, 0).astype(np.float32),
        "omega": np.where(track, charge * 6e-3 / np.maximum(pt, 0.1), 0).astype(np.float32),
        "z0": np.where(track, z0, 0).astype(np.float32),
        "tan_lambda": np.where(track, tan, 0).astype(np.float32),
    }
    for place, first in enumerate(TRACK):
        for second in TRACK[: place + 1]:
            own = first == second and first in ("d0", "z0")
            columns[f"cov_{second}_{first}"] = np.where(track & own, sigma**2, 0).astype(np.float32)
    return columns | {
        "n_clusters": np.where(track, rng.poisson(2000 - 250 * kaon), 0).astype(np.float32),
        "track_length": np.where(track, 160.0, 0).astype(np.float32),
        "has_clusters": track,
        "flight_time": np.where(track, time, 0).astype(np.float32),
        "flight_length": np.where(track, 205.0, 0).astype(np.float32),
        "has_flight_time": track,
        "vertex": vertex,
        "true_pdg": (pdg * np.where(charge == 0, 1, charge)).astype(np.int32),
        "origin": np.where(vertex > 0, 1, 0).astype(np.int8),
    }
