"""Tables of what the IDEA detector measures, from single particles, as docs/z_pole_detector.md shows them.

python tools/idea_resolutions.py
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.core.masses import M_K, M_PI
from hepsets.core.reconstructed import TRACK_PARAMETERS
from hepsets.simulate.idea import IDEA, IdeaConfig
from hepsets.simulate.layered import LayeredConfig, see_z_events
from hepsets.simulate.vertexing import CURVATURE, closest_approach

N = 20_000
"""Particles per number."""

_K_SHORT = 310


def single_particles(pdg: int, mass: float, momentum: float, theta: float, radius: float = 0.0) -> Events:
    """:data:`N` events of one particle of a momentum [GeV] and angle [deg] that flies along φ = 0.3, out of a
    K_S that decays at a radius [cm] along x.
    """
    particles = {name: np.zeros(2 * N, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    angle = math.radians(theta)
    own = slice(1, None, 2)
    particles["pdg"][::2], particles["pdg"][own] = _K_SHORT, pdg
    particles["index"][own] = 1
    particles["px"][own] = momentum * math.sin(angle) * math.cos(0.3)
    particles["py"][own] = momentum * math.sin(angle) * math.sin(0.3)
    particles["pz"][own] = momentum * math.cos(angle)
    particles["energy"][own] = math.hypot(momentum, mass)
    particles["x"][own] = radius
    return Events(particles, 2 * np.arange(N + 1))


def seen(
    pdg: int, mass: float, momentum: float, theta: float, radius: float = 0.0, detector: LayeredConfig = IDEA
) -> dict[str, NDArray[np.generic]]:
    """Columns of what is seen of such particles, each of shape ``(n_tracks,)``."""
    events = single_particles(pdg, mass, momentum, theta, radius)
    return dict(see_z_events(events, seed=1, event_numbers=np.arange(N), detector=detector).particles)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table in Markdown."""
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(f"{x:.3g}" if isinstance(x, float) else str(x) for x in row) + " |")
    print()


def resolutions(momentum: float, theta: float, detector: LayeredConfig = IDEA) -> list[float]:
    """Spread of d0 [µm], z0 sin θ [µm], φ [mrad], θ [mrad] and pT [%] of pions."""
    tracks = seen(211, M_PI, momentum, theta, detector=detector)
    sine = math.sin(math.radians(theta))
    return [
        1e4 * float(tracks["d0"].std()),
        1e4 * float(tracks["z0"].std()) * sine,
        1e3 * float(tracks["phi"].std()),
        1e3 * float(tracks["tan_lambda"].std()) * sine**2,
        100 * float(tracks["omega"].std()) / (CURVATURE * detector.tracker.field / (momentum * sine)),
    ]


def print_resolutions() -> None:
    """Tracks from the collision, displaced tracks, and other settings of the detector."""
    head = ("p [GeV]", "θ", "σ(d0) [µm]", "σ(z0) sin θ [µm]", "σ(φ) [mrad]", "σ(θ) [mrad]", "σ(pT)/pT [%]")
    rows = [(p, theta, *resolutions(p, theta)) for theta in (90, 45, 20) for p in (0.5, 1, 2, 5, 10, 20, 45)]
    table(head, rows)
    rows = []
    for radius in (0.0, 1.2, 2.0, 5.0, 20.0, 40.0, 100.0):
        tracks = seen(211, M_PI, 2.0, 90.0, radius)
        rows.append((radius, 1e4 * float(tracks["d0"].std()), 1e4 * float(tracks["z0"].std())))
    table(("begins at [cm]", "σ(d0) [µm]", "σ(z0) [µm]"), rows)
    settings = {
        "baseline": IdeaConfig(),
        "first layer at 1.2 cm": IdeaConfig(first_layer_radius=1.2),
        "first layer at 1.7 cm": IdeaConfig(first_layer_radius=1.7),
        "first layer with 10 µm": IdeaConfig(first_layer_resolution=1e-3),
        "1.5 T": IdeaConfig(field=1.5),
    }
    rows = []
    for name, config in settings.items():
        low, high = (resolutions(p, 90, config.detector()) for p in (1, 20))
        rows.append((name, low[0], high[0], low[4], high[4]))
    head = ("detector", "σ(d0) [µm] at 1 GeV", "at 20 GeV", "σ(pT)/pT [%] at 1 GeV", "at 20 GeV")
    table(head, rows)


def print_pulls() -> None:
    """Width of (measured − true)/σ of each track parameter."""
    rows = []
    for p, theta, radius in ((0.5, 90, 0.0), (5, 60, 0.0), (45, 25, 0.0), (3, 75, 1.2), (8, 60, 20.0)):
        tracks = seen(211, M_PI, p, theta, radius)
        pt, tan_lambda = p * math.sin(math.radians(theta)), 1 / math.tan(math.radians(theta))
        phi, d0, z0 = closest_approach(float(np.float32(radius)), 0, 0, pt, 0.3, tan_lambda, 1, 2.0)
        true = (d0, phi, CURVATURE * 2.0 / pt, z0, tan_lambda)
        widths = [
            float(((tracks[name] - value) / np.sqrt(tracks[f"cov_{name}_{name}"])).std())
            for name, value in zip(TRACK_PARAMETERS, true, strict=True)
        ]
        rows.append((p, theta, radius, *widths))
    table(("p [GeV]", "θ", "begins at [cm]", *TRACK_PARAMETERS), rows)


def print_separations() -> None:
    """How many standard deviations part pions from kaons."""
    rows = []
    for p in (0.7, 1, 1.5, 2, 3, 5, 10, 20, 30, 45):
        pions, kaons = seen(211, M_PI, p, 90), seen(321, M_K, p, 90)
        row: list[float] = [p]
        for name in ("n_clusters", "flight_time"):
            a, b = (tracks[name].astype(float) for tracks in (pions, kaons))
            row.append(abs(float(a.mean() - b.mean())) / math.sqrt(0.5 * float(a.var() + b.var())))
        rows.append(row)
    table(("p [GeV]", "clusters [σ]", "time of flight [σ]"), rows)


if __name__ == "__main__":
    print_resolutions()
    print_pulls()
    print_separations()
