"""Small files of Z decays with the columns and types of those of FCC-ee courses, plain and with odd values.

No real file can be had here: names, units, types and what real ones hold were noted from such files before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

WHOLE = {"Particle_ID", "Particle_q", "Particle_orivtx_ind", "Vertex_ntracks", "Vertex_isPV"}
PARTICLES = [3, 2, 4, 1]
VERTICES = [2, 1, 2, 1]


def plain_columns() -> dict[str, Any]:
    """Four events: pions, a kaon, leptons, photons; a primary vertex in each, and displaced ones in two."""
    rng = np.random.default_rng(5)
    n, v = sum(PARTICLES), sum(VERTICES)
    ids = np.array([211, -321, 22, 13, -13, 11, -211, 2212, 130, 22])
    charge = np.array([1, -1, 0, -1, 1, -1, -1, 1, 0, 0])
    mass = np.array([0.13957, 0.49368, 0, 0.10566, 0.10566, 0.000511, 0.13957, 0.93827, 0.49761, 0])
    p = rng.normal(0, 5, (n, 3))
    pt, size = np.hypot(p[:, 0], p[:, 1]), np.sqrt((p**2).sum(1))
    axis = rng.normal(size=(4, 3))
    axis /= np.sqrt((axis**2).sum(1))[:, None]
    particles = {
        "ID": ids,
        "m": mass,
        "e": np.hypot(size, mass),
        "q": charge,
        "p": size,
        "pt": pt,
        "px": p[:, 0],
        "py": p[:, 1],
        "pz": p[:, 2],
        "eta": np.arcsinh(p[:, 2] / pt),
        "phi": np.arctan2(p[:, 1], p[:, 0]),
        "orivtx_ind": np.array([0, 1, -999, 0, 0, 0, 1, 1, -999, -999]),
    }
    vertices = {
        "ntracks": np.array([2, 3, 2, 2, 4, 2]),
        "chi2": rng.random(v) * 3,
        "isPV": np.array([1, 0, 1, 1, 0, 1]),
        "m": rng.random(v) * 5,
        **{name: rng.normal(0, 0.5, v) for name in "xyz"},
        **{f"{name}err": np.full(v, 0.003) for name in "xyz"},
    }
    return {
        **{f"Thrust_{name}": axis[:, i].copy() for i, name in enumerate("xyz")},
        **{f"Thrust_{name}err": np.array([28.0, 0.5, 3.0, 40.0]) for name in "xyz"},
        **{f"Particle_{name}": ak.unflatten(column, PARTICLES) for name, column in particles.items()},
        **{f"Vertex_{name}": ak.unflatten(column, VERTICES) for name, column in vertices.items()},
    }


def odd_columns() -> dict[str, Any]:
    """The same with what real files hold."""
    columns = plain_columns()
    columns["Thrust_xerr"] = np.array([np.nan, 4.0e6, 3.0, 28.0])
    columns["Thrust_yerr"] = np.array([np.inf, 4.0e6, 3.0, 28.0])

    def change(name: str, place: int, value: float) -> None:
        flat = np.array(ak.flatten(columns[name]))
        flat[place] = value
        columns[name] = ak.unflatten(flat, ak.num(columns[name]))

    change("Vertex_z", 1, 449_000.0)  # 449 m
    change("Vertex_chi2", 1, 1.0e7)
    change("Vertex_xerr", 4, np.nan)
    change("Particle_ID", 0, 0)
    change("Particle_m", 2, -1.0e-5)
    for name in ("Particle_e", "Particle_p", "Particle_px"):
        change(name, 5, 3000.0)  # 3 TeV
    change("Particle_orivtx_ind", 7, 17)  # of which the event has none
    for name in [name for name in columns if name.startswith("Vertex")]:  # the last event has no vertex
        columns[name] = ak.Array([*ak.to_list(columns[name])[:3], []])
        columns[name] = ak.values_astype(columns[name], np.int64 if name in WHOLE else np.float64)
    change("Particle_orivtx_ind", 9, -999)
    return columns


def write_columns(path: Path, columns: dict[str, Any], tree: str = "events") -> Path:
    """A ROOT tree as uproot's convention and the courses have it, or a parquet table of the same columns."""
    typed = {
        name: ak.values_astype(column, np.int32) if name in WHOLE else column
        for name, column in columns.items()
    }
    if path.suffix == ".parquet":
        ak.to_parquet(ak.to_packed(ak.Array({**typed, **counters(columns)})), path)
        return path
    groups = {
        group: ak.zip({n.split("_", 1)[1]: c for n, c in typed.items() if n.startswith(f"{group}_")})
        for group in ("Particle", "Vertex")
    }
    by_event = {name: column for name, column in typed.items() if name.startswith("Thrust")}
    with uproot.recreate(path) as file:
        types = {
            **{name: column.dtype for name, column in by_event.items()},
            **{group: records.type.content for group, records in groups.items()},
        }
        file.mktree(tree, types, counter_name=lambda name: f"n{name}")
        file[tree].extend({**by_event, **groups})
    return path


def counters(columns: dict[str, Any]) -> dict[str, Any]:
    """How long the lists are."""
    return {
        f"n{group}": ak.values_astype(ak.num(columns[name]), np.int32)
        for group, name in (("Particle", "Particle_px"), ("Vertex", "Vertex_x"))
    }
