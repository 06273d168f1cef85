"""Write events as trees of FCC-ee courses, ROOT or parquet; :mod:`hepsets.formats.fcc_tree` reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.masses import M_E, M_KS, M_MU, M_PI
from hepsets.core.parquet import TableWriter, required_columns
from hepsets.core.particle_kinds import ParticleKind, VertexKind
from hepsets.core.vertexed_events import NO_VERTEX, VertexedEvents
from hepsets.core.whole_file import whole_file
from hepsets.formats.fcc_tree import AXIS, ERRORS, MM, NOWHERE, degrees_of_freedom

TREE = "events"
"""The tree's name."""

Columns = Mapping[str, NDArray[Any]]

_PDG = {
    ParticleKind.CHARGED_HADRON: (211, M_PI),
    ParticleKind.ELECTRON: (-11, M_E),
    ParticleKind.MUON: (-13, M_MU),
    ParticleKind.PHOTON: (22, 0.0),
    ParticleKind.NEUTRAL_HADRON: (130, M_KS),
}
"""PDG id of a positive particle of each kind, and the mass that a detector takes it for."""

_AT_THE_POLE = 1e10
"""``Particle_eta`` of a particle along the z axis, as ROOT has it."""

_NEEDED = {
    "particle": ("px", "py", "pz", "energy", "charge"),
    "vertex": ("x", "y", "z", "cov_x_x", "cov_y_y", "cov_z_z", "chi2", "n_tracks", "mass", "kind"),
    "event": ("thrust_x", "thrust_y", "thrust_z"),
}


def write_fcc_tree(
    parts: VertexedEvents | Iterator[VertexedEvents],
    path: str | Path,
    *,
    identification: Literal["truth", "none"] = "truth",
) -> None:
    """Write events as such a tree, whole or not at all: parquet if the name ends so, ROOT otherwise.

    Lengths become mm, χ² becomes χ² / (2 N − 3), and particles without a vertex get the index -999. Thrust
    errors that the events do not have are NaN, and so is the χ² of vertices that are marked as not valid.

    Parameters
    ----------
    parts
        The events, at once or table by table.
    path
        Where they shall stand.
    identification
        Whether ``Particle_ID`` is the true identity (``true_pdg``), as in the files of courses, or what a
        detector without further identification says (``kind``: every charged hadron a pion). Masses and
        energies of tracks go with it, unless the events have a column ``mass``, which is then written.

    Raises
    ------
    InputError
        If columns are missing, there are no events, or nothing can be written there.
    """
    tables = (
        _columns(part, identification) for part in ([parts] if isinstance(parts, VertexedEvents) else parts)
    )
    if Path(path).suffix == ".parquet":
        with TableWriter(path) as writer:
            for table in tables:
                writer.write_table(_arrow(table))
        return
    with whole_file(path) as partial:
        _write_root(tables, partial)


class _Table(NamedTuple):
    """Event columns, the lists of each group end to end, and their lengths."""

    columns: Columns
    lists: Mapping[str, Columns]
    counts: Mapping[str, NDArray[np.int64]]


def _write_root(tables: Iterable[_Table], path: Path) -> None:
    import awkward as ak
    import uproot

    with path.open("r+b") as raw, uproot.recreate(raw) as file:
        for columns, lists, counts in tables:
            groups = {
                group: ak.unflatten(ak.zip(dict(members)), counts[group]) for group, members in lists.items()
            }
            if TREE not in file:
                types = {group: records.type.content for group, records in groups.items()}
                file.mktree(
                    TREE, {**{name: c.dtype for name, c in columns.items()}, **types},
                    counter_name=lambda name: f"n{name}",
                )  # fmt: skip
            file[TREE].extend({**columns, **groups})
        if TREE not in file:
            raise InputError("no events", "at least one table of events")


def _arrow(events: _Table) -> pa.Table:
    columns, lists, counts = events
    table = required_columns(columns)
    for group, members in lists.items():
        table = table.append_column(
            pa.field(f"n{group}", pa.int32(), nullable=False), pa.array(counts[group].astype(np.int32))
        )
        edges = pa.array(np.concatenate([[0], np.cumsum(counts[group])]).astype(np.int32))
        for name, column in members.items():
            values = pa.array(column)
            kind = pa.list_(pa.field("element", values.type, nullable=False))
            array = pa.ListArray.from_arrays(edges, values, type=kind)
            table = table.append_column(pa.field(f"{group}_{name}", kind, nullable=False), array)
    return table


def _columns(events: VertexedEvents, identification: str) -> _Table:
    has = {
        "particle": events.particles.particles,
        "vertex": events.vertices.particles,
        "event": events.columns,
    }
    needed = {
        **_NEEDED,
        "particle": (*_NEEDED["particle"], "true_pdg" if identification == "truth" else "kind"),
    }
    for group, names in needed.items():
        missing = [name for name in names if name not in has[group]]
        if missing:
            raise InputError(
                f"no {group} columns {', '.join(missing)}", "reconstructed events with vertices and thrust"
            )
    columns: dict[str, NDArray[Any]] = {
        name: events.columns[f"thrust_{name[-1]}"].astype(np.float64) for name in AXIS
    }
    good = events.columns.get("has_thrust_errors", np.ones(len(events), dtype=bool))
    for name, axis in zip(ERRORS, "xyz", strict=True):
        errors = events.columns.get(f"thrust_{axis}_err", np.full(len(events), np.nan))
        columns[name] = np.where(good, errors, np.nan)
    lists = {"Particle": _particles(has["particle"], identification), "Vertex": _vertices(has["vertex"])}
    counts = {"Particle": events.particles.multiplicity, "Vertex": events.vertices.multiplicity}
    return _Table(columns, lists, counts)


def _particles(seen: Columns, identification: str) -> Columns:
    px, py, pz = (seen[name].astype(np.float64) for name in ("px", "py", "pz"))
    energy, charge = seen["energy"].astype(np.float64), seen["charge"]
    pt = np.hypot(px, py)
    p = np.hypot(pt, pz)
    pdg, mass = _identity(seen, identification)
    if "mass" in seen:
        mass = seen["mass"].astype(np.float64)
    else:
        energy = np.where(charge != 0, np.hypot(p, mass), energy)
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = np.where(pt > 0, np.arcsinh(pz / pt), np.sign(pz) * _AT_THE_POLE)
    vertex = seen["vertex"].astype(np.int32)
    table: dict[str, NDArray[Any]] = {
        "ID": pdg.astype(np.int32),
        "m": mass,
        "e": energy,
        "q": charge.astype(np.int32),
    }
    table |= {"p": p, "pt": pt, "px": px, "py": py, "pz": pz, "eta": eta, "phi": np.arctan2(py, px)}
    return {**table, "orivtx_ind": np.where(vertex == NO_VERTEX, np.int32(NOWHERE), vertex)}


def _identity(table: Columns, identification: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """PDG ids and masses [GeV] of particles, each of shape ``(n_particles,)``."""
    charge = table["charge"].astype(np.int64)
    if identification == "truth":
        ids, place = np.unique(table["true_pdg"].astype(np.int64), return_inverse=True)
        masses = np.array([_mass(int(one)) for one in ids])
        return ids[place], masses[place]
    pdg, mass = (np.array(column)[table["kind"]] for column in zip(*_PDG.values(), strict=True))
    return np.where(charge < 0, -pdg, pdg), mass.astype(np.float64)


def _mass(pdg: int) -> float:
    """The mass of a particle [GeV]; 0 for what nobody knows."""
    from particle import InvalidParticle, Particle, ParticleNotFound

    try:
        return (Particle.from_pdgid(pdg).mass or 0.0) / 1e3
    except (ParticleNotFound, InvalidParticle):
        return 0.0


def _vertices(table: Columns) -> Columns:
    tracks = table["n_tracks"].astype(np.int32)
    ndf = degrees_of_freedom(tracks)
    valid = table.get("is_valid", np.ones(len(tracks), dtype=bool)) & (ndf > 0)
    return {
        "ntracks": tracks,
        "chi2": np.where(valid, table["chi2"].astype(np.float64) / np.maximum(ndf, 1), np.nan),
        "isPV": (table["kind"] == VertexKind.PRIMARY).astype(np.int32),
        "m": table["mass"].astype(np.float64),
        **{name: table[name].astype(np.float64) / MM for name in "xyz"},
        **{f"{name}err": np.sqrt(table[f"cov_{name}_{name}"].astype(np.float64)) / MM for name in "xyz"},
    }
