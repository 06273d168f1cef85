"""Trees of Z → q q̄ events as FCC-ee courses hand them out: thrust, particles, vertices.

A row is an event: ``Thrust_{x,y,z}`` and their errors, lists ``Particle_*`` and ``Vertex_*`` with their
lengths ``nParticle`` and ``nVertex``, in GeV and mm. Files are ROOT trees or parquet tables. Their vertices
are those of generated particles and their identification is the truth (:data:`VERTICES`,
:data:`IDENTIFICATION`). :mod:`hepsets.formats.fcc_tree_writer` writes them.

A column that such files cannot tell (impact parameters, covariances between coordinates, clusters, times, the
thrust's size) is absent from the table. What single entries lack is 0 and marked in a column of truth values:
``has_thrust_axis`` and ``has_thrust_errors`` of events, ``is_valid`` of particles and of vertices. All else
stays as it came, however odd, and is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.particle_kinds import VertexKind, kind_of
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import NO_VERTEX, VertexedEvents
from hepsets.formats.event_lists import Column, Piece, iter_pieces, narrowed
from hepsets.formats.flavoured_files import FlavouredFile, flavoured_files
from hepsets.formats.read_counts import LARGEST_CHARGE, CountedEvents, Tally, beyond, masked_numbers

VERTICES, IDENTIFICATION = "seeded", "truth"
"""The world of such files."""

WHAT = "a tree of Thrust_*, Particle_* and Vertex_* columns"
"""What such a file is called, for messages."""

MM = 0.1
"""One millimetre in cm."""

NOWHERE = -999
"""``Particle_orivtx_ind`` of a particle that belongs to no vertex."""

LARGEST_ENERGY = 91.2
"""Particles of more than the beams' energy [GeV] are counted as odd."""
LARGEST_DISTANCE = 100.0
"""Vertices further from the origin than that [cm] are counted as odd."""
LARGEST_CHI2 = 1000.0
"""Vertices of a greater χ² per degree of freedom are counted as odd."""

AXIS = ("Thrust_x", "Thrust_y", "Thrust_z")
ERRORS = ("Thrust_xerr", "Thrust_yerr", "Thrust_zerr")
PARTICLE = tuple(
    f"Particle_{name}"
    for name in ("ID", "m", "e", "q", "p", "pt", "px", "py", "pz", "eta", "phi", "orivtx_ind")
)
VERTEX = tuple(
    f"Vertex_{name}" for name in ("ntracks", "chi2", "isPV", "m", "x", "y", "z", "xerr", "yerr", "zerr")
)

_REDUNDANT = ("Particle_p", "Particle_pt", "Particle_eta", "Particle_phi")
_WHOLE = ("Particle_ID", "Particle_q", "Particle_orivtx_ind", "Vertex_ntracks", "Vertex_isPV")
_NEEDED_FOR = {"Thrust": "hemispheres and angles", "Particle": "particles", "Vertex": "vertices"}
_OPTIONAL = (*ERRORS, "Particle_m")

COLUMNS = {
    **{
        name: Column(
            "" if name in _OPTIONAL else _NEEDED_FOR[name.split("_")[0]],
            whole=name in _WHOLE,
            lists=not name.startswith("Thrust"),
        )
        for name in (*AXIS, *ERRORS, *PARTICLE, *VERTEX)
        if name not in _REDUNDANT
    },
    "nParticle": Column(whole=True, lists=False),
    "nVertex": Column(whole=True, lists=False),
}
"""What is read of such a file."""


def is_fcc_tree(names: Collection[str]) -> bool:
    """Whether columns of these names are such a tree."""
    return {"Particle_px", "Particle_orivtx_ind", "Vertex_isPV"} <= set(names)


def read_fcc_trees(
    names: str | Path | Sequence[str | Path], *, flavour_needed: bool = False
) -> CountedEvents:
    """Read such files whole; :func:`iter_fcc_trees` does it in flat memory.

    Parameters
    ----------
    names
        ``FILE``, ``FILE.root:TREE``, ``b=FILE``, or patterns, which together make the sample.
    flavour_needed
        Whether every file has to say what flavour its events are of, by its name or as ``b=FILE``.

    Returns
    -------
    CountedEvents
        Momenta and energies in GeV, lengths in cm. Particle columns ``px py pz energy mass charge is_track
        kind vertex true_pdg is_valid``; vertex columns ``x y z cov_x_x cov_y_y cov_z_z chi2 ndf n_tracks mass
        kind is_valid``, where ``chi2`` is χ² itself; event columns ``thrust_x thrust_y thrust_z``,
        ``thrust_x_err …`` if there, ``has_thrust_axis``, ``has_thrust_errors``, ``event_number`` (from 0
        through all files) and ``flavour`` if all files say it. ``mass`` is the file's own, if it has one.

    Raises
    ------
    InputError
        For files that are missing, damaged or without events, trees that are not there or not unique,
        missing columns, columns of other types, lists of unlike lengths, and files that disagree on their
        columns.
    """
    return CountedEvents.concatenate(iter_fcc_trees(names, flavour_needed=flavour_needed))


def iter_fcc_trees(
    names: str | Path | Sequence[str | Path], *, flavour_needed: bool = False
) -> Iterator[CountedEvents]:
    """Read such files a piece at a time, as :func:`read_fcc_trees` does.

    Raises
    ------
    InputError
        As :func:`read_fcc_trees`.
    """
    files = flavoured_files(names, needed=flavour_needed)
    told = all(file.flavour is not None for file in files)
    start = 0
    for file in files:
        for piece in iter_pieces(file.path, file.tree, COLUMNS, what=WHAT, known_by=is_fcc_tree):
            part = _vertexed(piece, file if told else FlavouredFile(file.path), start)
            start += piece.events
            yield part


@np.errstate(over="ignore", invalid="ignore")  # what no float32 holds is masked and counted
def _vertexed(piece: Piece, file: FlavouredFile, start: int) -> CountedEvents:
    of_particles = piece.offsets(PARTICLE, "nParticle")
    of_vertices = piece.offsets(VERTEX, "nVertex")
    tally = Tally()
    columns = {**_thrust(piece, tally), "event_number": np.arange(start, start + piece.events)}
    if file.flavour is not None:
        columns["flavour"] = np.full(piece.events, file.flavour, dtype=np.int8)
    vertices = _vertices(piece, tally)
    particles = _particles(piece, np.diff(of_particles), np.diff(of_vertices), tally)
    event = np.repeat(np.arange(piece.events), np.diff(of_vertices))
    displaced, primary = (
        np.bincount(event[vertices["kind"] == kind], minlength=piece.events)
        for kind in (VertexKind.DISPLACED, VertexKind.PRIMARY)
    )
    tally.keep("events without a vertex", np.diff(of_vertices) == 0)
    tally.keep("events without a displaced vertex", displaced == 0)
    tally.keep("events of vertices without a primary one", (np.diff(of_vertices) > 0) & (primary == 0))
    tally.keep("events of several primary vertices, of which the first counts", primary > 1)
    tally.keep("events without particles", np.diff(of_particles) == 0)
    events = VertexedEvents(
        ParticleSets(particles, of_particles, columns).validate(), ParticleSets(vertices, of_vertices)
    )
    return CountedEvents(events, tally.counts(events))


def _thrust(piece: Piece, tally: Tally) -> dict[str, NDArray[Any]]:
    """The thrust axis, of length one, with its errors."""
    axis = np.stack([piece.values[name] for name in AXIS], axis=1)
    size: NDArray[np.float64] = np.sqrt((axis**2).sum(axis=1))
    good: NDArray[np.bool_] = np.isfinite(size) & (size > 0)
    tally.mask("thrust axes that are no direction", ~good)
    other = good & (np.abs(size - 1) > 1e-3)
    tally.keep("thrust axes whose length was not 1 and is now", other)
    scale = np.where(other, size, 1.0)[:, None]
    axis = np.where(good[:, None], axis, 0.0) / scale
    columns: dict[str, NDArray[Any]] = {f"thrust_{c}": axis[:, i] for i, c in enumerate("xyz")}
    columns["has_thrust_axis"] = good
    if not all(name in piece.values for name in ERRORS):
        return columns
    errors = np.stack([piece.values[name] for name in ERRORS], axis=1) / scale
    finite = np.asarray(np.isfinite(errors).all(axis=1))
    tally.mask("thrust errors that are no numbers", ~finite)
    tally.keep("thrust errors above 1", finite & (errors > 1).any(1))
    errors = np.where(finite[:, None], errors, 0.0)
    columns |= {f"thrust_{c}_err": errors[:, i] for i, c in enumerate("xyz")}
    columns["has_thrust_errors"] = finite
    return columns


def _particles(
    piece: Piece, in_event: NDArray[np.int64], vertices_in_event: NDArray[np.int64], tally: Tally
) -> dict[str, NDArray[Any]]:
    get = {name.removeprefix("Particle_"): column for name, column in piece.values.items()}
    columns: dict[str, NDArray[Any]] = {
        **{name: get[name].astype(np.float32) for name in ("px", "py", "pz")},
        "energy": get["e"].astype(np.float32),
    }
    if "m" in get:
        columns["mass"] = get["m"].astype(np.float32)
    finite, huge = masked_numbers(columns), beyond(columns.values())
    much = np.abs(get["q"]) > LARGEST_CHARGE
    tally.mask("particles whose four-momentum is no numbers", ~finite)
    tally.mask("particles of momenta, energies or masses above 10⁶ GeV", huge)
    tally.mask(f"particles of more than {LARGEST_CHARGE} charges", much)
    columns["is_valid"] = finite & ~huge & ~much
    tally.keep(f"particles above {LARGEST_ENERGY:g} GeV", ~huge & (columns["energy"] > LARGEST_ENERGY))
    if "m" in get:
        tally.keep("particles of negative mass", columns["mass"] < 0)
    columns["charge"] = narrowed(get["q"], np.int8, "Particle_q", piece.where)
    columns["is_track"] = get["q"] != 0
    columns["kind"] = kind_of(get["ID"], get["q"])
    columns["true_pdg"] = narrowed(get["ID"], np.int32, "Particle_ID", piece.where)
    tally.keep("particles of unknown identity (0)", get["ID"] == 0)
    vertex, limit = get["orivtx_ind"], np.repeat(vertices_in_event, in_event)
    none, absent = vertex == NOWHERE, (vertex != NOWHERE) & ((vertex < 0) | (vertex >= limit))
    tally.keep("particles that belong to no vertex", none)
    tally.mask("particles whose vertex is not in their event", absent)
    columns["vertex"] = narrowed(
        np.where(none | absent, NO_VERTEX, vertex), np.int16, "Particle_orivtx_ind", piece.where
    )
    return columns


def _vertices(piece: Piece, tally: Tally) -> dict[str, NDArray[Any]]:
    get = {name.removeprefix("Vertex_"): column for name, column in piece.values.items()}
    tracks = narrowed(get["ntracks"], np.int16, "Vertex_ntracks", piece.where)
    ndf = degrees_of_freedom(tracks)
    columns: dict[str, NDArray[Any]] = {
        **{name: (MM * get[name]).astype(np.float32) for name in "xyz"},
        **{f"cov_{c}_{c}": ((MM * get[f"{c}err"]) ** 2).astype(np.float32) for c in "xyz"},
        "chi2": (get["chi2"] * ndf).astype(np.float32),
        "mass": get["m"].astype(np.float32),
    }
    fitted = masked_numbers(columns) & (ndf > 0)
    tally.mask("vertices of less than two tracks, or with position, errors, χ² or mass no numbers", ~fitted)
    impossible = {
        "vertices whose errors are not above 0": np.any(
            [(get[f"{c}err"] <= 0) | (columns[f"cov_{c}_{c}"] == 0) for c in "xyz"], axis=0
        ),
        "vertices of negative χ²": columns["chi2"] < 0,
        "vertices whose isPV is neither 0 nor 1": (get["isPV"] != 0) & (get["isPV"] != 1),
        "vertices beyond 10 km, or of masses above 10⁶ GeV": beyond(columns[n] for n in (*"xyz", "mass")),
    }
    columns["is_valid"] = fitted.copy()
    for what, which in impossible.items():
        tally.mask(what, fitted & which)
        columns["is_valid"] &= ~which
    distance = np.sqrt(sum(columns[name].astype(np.float64) ** 2 for name in "xyz"))
    kept = columns["is_valid"]
    tally.keep(f"vertices beyond {LARGEST_DISTANCE / 100:g} m", kept & (distance > LARGEST_DISTANCE))
    tally.keep(
        f"vertices of χ² per degree of freedom above {LARGEST_CHI2:g}",
        kept & (columns["chi2"] > LARGEST_CHI2 * ndf),
    )
    tally.keep("vertices of negative mass", kept & (columns["mass"] < 0))
    columns["ndf"] = ndf
    columns["n_tracks"] = tracks
    columns["kind"] = np.where(get["isPV"] != 0, VertexKind.PRIMARY, VertexKind.DISPLACED).astype(np.int8)
    return columns


def degrees_of_freedom(tracks: NDArray[Any]) -> NDArray[np.int16]:
    """Of fits to that many tracks without further constraints, 2 N − 3, or 0; shape ``(n_vertices,)``.

    ``Vertex_chi2`` is χ² divided by it (FCCAnalyses, ``VertexFitterSimple``).
    """
    return np.where(tracks > 1, 2 * tracks.astype(np.int64) - 3, 0).astype(np.int16)
