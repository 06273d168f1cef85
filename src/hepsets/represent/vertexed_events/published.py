"""Columns of the coursework's files as its networks saw them: those of the event in every row."""

from __future__ import annotations

import numpy as np

from hepsets.represent.vertexed_events.geometry import Array, Geometry

PUBLISHED_EVENT = (
    "thrust_x",
    "thrust_y",
    "thrust_z",
    "thrust_x_err",
    "thrust_y_err",
    "thrust_z_err",
    "n_particles",
    "n_vertices",
)
"""Columns of the event."""

PUBLISHED_PARTICLE = ("id", "m", "e", "q", "p", "pt", "px", "py", "pz", "eta", "phi")
"""Columns of a particle: PDG id, GeV, charge, pseudorapidity and azimuth towards the beam."""

PUBLISHED_VERTEX = ("ntracks", "chi2", "is_pv", "vertex_m", "x", "y", "z", "x_err", "y_err", "z_err")
"""Columns of a vertex: χ² over its degrees of freedom, positions and errors in mm."""

REPEATED_PARTICLE = (*PUBLISHED_PARTICLE, *(f"{name}_of_event" for name in PUBLISHED_EVENT))
"""What a particle's row holds: its columns, and those of its event."""

REPEATED_VERTEX = (*PUBLISHED_VERTEX, *(f"{name}_of_event_at_vertex" for name in PUBLISHED_EVENT))
"""What a vertex's row holds: its columns, and those of its event."""

MM = 10.0
"""Files of the coursework count lengths in mm."""


def published_events(seen: Geometry) -> dict[str, Array]:
    """:data:`PUBLISHED_EVENT` of each event, each of shape ``(n_events,)``; unknown numbers are 0."""
    counts = (
        (seen.event_of_particle, "n_particles"),
        (seen.event_of_vertex, "n_vertices"),
    )
    found = dict(zip(PUBLISHED_EVENT[:3], seen.axis.T, strict=True))
    found |= {name: seen.event(name) for name in PUBLISHED_EVENT[3:6]}
    found |= {name: np.bincount(of, minlength=seen.n_events).astype(float) for of, name in counts}
    return found


def published_particles(seen: Geometry) -> dict[str, Array]:
    """:data:`REPEATED_PARTICLE` of each particle, each of shape ``(n_particles,)``."""
    px, py, pz = seen.momenta.T
    energy = seen.particle("energy")
    pt = np.hypot(px, py)
    values = {
        "id": seen.particle("true_pdg"),
        "m": np.sqrt(np.maximum(energy**2 - seen.momentum**2, 0.0)),
        "e": energy,
        "q": seen.particle("charge"),
        "p": seen.momentum,
        "pt": pt,
        "px": px,
        "py": py,
        "pz": pz,
        "eta": np.arcsinh(pz / np.maximum(pt, 1e-6)),
        "phi": np.arctan2(py, px),
    }
    of_event = published_events(seen)
    return values | {f"{name}_of_event": of_event[name][seen.event_of_particle] for name in PUBLISHED_EVENT}


def published_vertices(seen: Geometry) -> dict[str, Array]:
    """:data:`REPEATED_VERTEX` of each vertex, each of shape ``(n_vertices,)``."""
    values = {
        "ntracks": seen.vertex("n_tracks"),
        "chi2": seen.vertex("chi2") / np.maximum(seen.vertex("ndf", 1.0), 1.0),
        "is_pv": seen.is_primary.astype(np.float64),
        "vertex_m": seen.vertex("mass"),
    }
    for place, name in enumerate("xyz"):
        values[name] = MM * seen.positions[:, place]
        values[f"{name}_err"] = MM * np.sqrt(np.maximum(seen.covariances[:, place, place], 0.0))
    of_event = published_events(seen)
    repeated = {
        f"{name}_of_event_at_vertex": of_event[name][seen.event_of_vertex] for name in PUBLISHED_EVENT
    }
    return values | repeated
