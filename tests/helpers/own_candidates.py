"""Our own candidates as a user has them: jagged branches under other names, in the laboratory or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import uproot
from numpy.typing import NDArray

from hepsets.core.lorentz import Frame, boosted
from hepsets.core.particle_sets import ParticleSets
from hepsets.formats.candidate_map import CANDIDATE, CandidateMap
from hepsets.simulate.belle2 import BELLE2

NAMES = {
    "roe_tracks": "rt",
    "roe_clusters": "rc",
    "candidate_tracks": "bt",
    "candidate_clusters": "bc",
}
MOMENTUM = ("px", "py", "pz", "energy")
OF_TRACKS = ("charge", "electron", "muon", "pion", "kaon", "proton", "dr", "dz")

MAP = CandidateMap(
    {
        name: {key: f"{short}_{key}" for key in (*MOMENTUM, *(OF_TRACKS if "tracks" in name else ()))}
        for name, short in NAMES.items()
    },
    {
        **{name: f"B_{name.removeprefix('candidate_')}" for name in CANDIDATE},
        "candidate_charge": "B_charge",
        "label": "truth",
        "mbc": "Mbc",
        "delta_e": "dE",
    },
)
"""The map of what :func:`branches` gives."""


def branches(events: ParticleSets, frame: str = "laboratory") -> dict[str, list[NDArray[Any]] | NDArray[Any]]:
    """Lists by candidate, and numbers, of candidates with a label; float64 momenta."""
    vectors = np.stack([events.particles[name] for name in MOMENTUM], axis=1).astype(np.float64)
    candidate = np.stack([events.columns[name] for name in CANDIDATE], axis=1).astype(np.float64)
    if frame == "laboratory":
        moving = Frame.moving(*BELLE2.beams.velocity)
        there = moving.gamma * np.array([[moving.bx, 0.0, moving.bz, 1.0]])
        vectors, candidate = boosted(vectors, there), boosted(candidate, there)
    columns = {**events.particles, **dict(zip(MOMENTUM, vectors.T, strict=True))}
    own, charged = events.particles["from_candidate"].astype(bool), events.particles["charge"] != 0
    found: dict[str, Any] = {}
    for name, short in NAMES.items():
        chosen = (own == name.startswith("candidate")) & (charged == name.endswith("tracks"))
        counts = np.bincount(events.event_of_particle[chosen], minlength=len(events))
        edges = np.cumsum(counts)[:-1]
        for key in (*MOMENTUM, *(OF_TRACKS if "tracks" in name else ())):
            found[f"{short}_{key}"] = np.split(columns[key][chosen], edges)
    found |= {f"B_{name}": column for name, column in zip(MOMENTUM, candidate.T, strict=True)}
    found |= {
        "B_charge": events.columns["candidate_charge"],
        "truth": events.columns["label"].astype(np.int32),
    }
    random = np.random.default_rng(len(events))
    found["Mbc"] = events.columns.get("mbc", random.uniform(5.24, 5.29, len(events)))
    found["dE"] = events.columns.get("delta_e", random.uniform(-0.2, 0.2, len(events)))
    return found


def write_root(path: Path, found: dict[str, Any], tree: str = "B0") -> Path:
    """The branches as a tree of jagged ones and flat ones."""
    import awkward as ak

    kinds: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    for name, column in found.items():
        if not isinstance(column, list):
            kinds[name], arrays[name] = column.dtype, column
        elif isinstance(column[0], str):
            kinds[name], arrays[name] = str, ak.Array(column)
        else:
            lengths = np.array([len(one) for one in column])
            kinds[name] = "var * float64"
            arrays[name] = ak.unflatten(np.concatenate(column).astype(np.float64), lengths)
    with uproot.recreate(path) as file:
        file.mktree(tree, kinds)
        file[tree].extend(arrays)
    return path


def write_parquet(path: Path, found: dict[str, Any]) -> Path:
    """The same as a table of lists and numbers."""
    pq.write_table(pa.table({name: pa.array(list(column)) for name, column in found.items()}), path)
    return path
