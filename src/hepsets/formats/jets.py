"""Jets with their constituents, one row a jet: the trees that FCCAnalyses writes and weaver trains on.

Hemispheres of events become jets. Names and definitions: :mod:`hepsets.formats.jet_variables`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.particle_kinds import VertexKind
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.units import MM_PER_CM
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.core.whole_file import whole_file
from hepsets.formats.event_lists import Column, Piece, iter_pieces
from hepsets.formats.flavoured_files import FlavouredFile, flavoured_files
from hepsets.formats.jet_variables import (
    COVARIANCES,
    FLAVOUR_LABELS,
    IMPACT,
    KINDS,
    covariance_scale,
    covariance_variables,
    impact_variables,
    ionisation,
    kind_variables,
    momenta,
    relative_variables,
    time_of_flight_mass,
    vector_variables,
)

Array = NDArray[np.float64]

TREE, COUNTER = "tree", "jet_npfcand"
"""The tree's name, and the branch that says how many constituents a jet has."""

WHAT = "a tree of jets with pfcand_* lists"

_TRACK = ("d0", "phi", "omega", "z0", "tan_lambda", "is_track")
_COVARIANCE = tuple(f"cov_{first}_{second}" for first, second in COVARIANCES.values())
_CLUSTERS = ("n_clusters", "track_length")
_TIME = ("flight_time", "flight_length", "has_flight_time")
_KINEMATICS = ("px", "py", "pz", "energy", "charge", "kind")


class _Jets(NamedTuple):
    """Momenta ``(n_jets, 3)`` and energies ``(n_jets,)`` of jets [GeV], and numbers of constituents."""

    momentum: Array
    energy: Array
    counts: NDArray[np.int64]


def write_jets(parts: VertexedEvents | Iterator[VertexedEvents], path: str | Path) -> None:
    """Write both hemispheres of each event as jets to a ROOT tree, whole or not at all.

    The first of an event's two jets is the one that the thrust axis points to; constituents stand by falling
    energy. Impact parameters are those to the event's primary vertex, or to the origin where there is none.
    Variables of tracks, clusters and times are written as far as the events have the columns that they need;
    what is marked as not valid is left out. Branches beside the convention's: ``event_number``,
    ``jet_hemisphere`` (1 or -1) and, where it is known, ``jet_quark_cos``, positive for a quark's jet.

    Parameters
    ----------
    parts
        Events with ``thrust_x thrust_y thrust_z``, at once or table by table.
    path
        The file.

    Raises
    ------
    InputError
        If the events lack the thrust axis or momenta, there are no events, or nothing can be written there.
    """
    with whole_file(path) as partial:
        _write(iter([parts]) if isinstance(parts, VertexedEvents) else parts, partial)


def _write(parts: Iterator[VertexedEvents], path: Path) -> None:
    import awkward as ak
    import uproot

    with path.open("r+b") as raw, uproot.recreate(raw) as file:
        for part in parts:
            jets, columns, lists = _hemisphere_jets(part)
            members = ak.unflatten(
                ak.zip({name.removeprefix("pfcand_"): values for name, values in lists.items()}), jets.counts
            )
            if TREE not in file:
                types = {name: column.dtype for name, column in columns.items()}
                file.mktree(
                    TREE, {**types, "pfcand": members.type.content}, counter_name=lambda _: COUNTER
                )  # fmt: skip
            file[TREE].extend({**columns, "pfcand": members})
        if TREE not in file:
            raise InputError("no events", "at least one table of events")


def _hemisphere_jets(
    events: VertexedEvents,
) -> tuple[_Jets, dict[str, NDArray[Any]], dict[str, NDArray[np.float32]]]:
    """Jets, branches of numbers, and branches of lists end to end."""
    events = events.valid()
    seen = dict(events.particles.particles)
    missing = [name for name in _KINEMATICS if name not in seen]
    missing += [name for name in ("thrust_x", "thrust_y", "thrust_z") if name not in events.columns]
    if missing:
        raise InputError(f"no columns {', '.join(missing)}", "reconstructed events with a thrust axis")
    axis = np.stack([events.columns[f"thrust_{name}"] for name in "xyz"], axis=1)
    of_event = events.particles.event_of_particle
    behind = (momenta(seen) * axis[of_event]).sum(1) < 0
    jet = 2 * of_event + behind
    order = np.lexsort([-seen["energy"], jet])
    seen = {name: column[order] for name, column in seen.items()}
    jet, of_event = jet[order], of_event[order]
    number = 2 * len(events)
    momentum = [np.bincount(jet, part, minlength=number) for part in momenta(seen).T]
    energy = np.bincount(jet, seen["energy"], minlength=number).astype(np.float64)
    jets = _Jets(np.stack(momentum, axis=1), energy, np.bincount(jet, minlength=number))
    lists = _constituents(seen, jets, jet, _primaries(events)[of_event])
    return jets, _jet_columns(events, jets, jet, lists), lists


def _primaries(events: VertexedEvents) -> Array:
    """The first primary vertex of each event [cm], shape ``(n_events, 3)``; the origin without one."""
    found = np.zeros((len(events), 3))
    vertices = events.vertices.particles
    if {"kind", "x", "y", "z"} <= set(vertices):
        rows = np.flatnonzero(vertices["kind"] == VertexKind.PRIMARY)[::-1]
        found[events.vertices.event_of_particle[rows]] = np.stack(
            [vertices[name][rows] for name in "xyz"], axis=1
        )
    return found


def _constituents(
    seen: dict[str, NDArray[Any]], jets: _Jets, jet: NDArray[np.int64], primary: Array
) -> dict[str, NDArray[np.float32]]:
    values: dict[str, Array] = {
        **relative_variables(seen, jets.momentum[jet], jets.energy[jet]),
        **vector_variables(seen),
        "pfcand_charge": seen["charge"],
        **kind_variables(seen),
    }
    there = set(seen)
    if {*_TRACK, *_COVARIANCE} <= there:
        values |= impact_variables(seen, primary, jets.momentum[jet]) | covariance_variables(seen)
    if set(_CLUSTERS) <= there:
        values["pfcand_dndx"] = ionisation(seen)
    if set(_TIME) <= there:
        values["pfcand_mtof"] = time_of_flight_mass(seen)
    return {name: np.asarray(column, dtype=np.float32) for name, column in values.items()}


def _jet_columns(
    events: VertexedEvents, jets: _Jets, jet: NDArray[np.int64], lists: dict[str, NDArray[np.float32]]
) -> dict[str, NDArray[Any]]:
    pt = np.hypot(jets.momentum[:, 0], jets.momentum[:, 1])
    size = np.hypot(pt, jets.momentum[:, 2])
    side = np.tile([1, -1], len(events))
    floats = {
        "jet_p": size,
        "jet_e": jets.energy,
        "jet_mass": np.sqrt(np.maximum(jets.energy**2 - size**2, 0.0)),
        "jet_phi": np.arctan2(jets.momentum[:, 1], jets.momentum[:, 0]),
        "jet_theta": np.arctan2(pt, jets.momentum[:, 2]),
        "jet_nconst": jets.counts,
        **{
            f"jet_n{short}": np.bincount(jet, lists[name], minlength=len(side))
            for short, name in zip(("mu", "el", "chad", "gamma", "nhad"), KINDS, strict=True)
        },
    }
    if "quark_cos" in events.columns:
        floats["jet_quark_cos"] = np.repeat(events.columns["quark_cos"], 2) * side
    columns: dict[str, NDArray[Any]] = {name: value.astype(np.float32) for name, value in floats.items()}
    if "flavour" in events.columns:
        flavour = np.repeat(events.columns["flavour"], 2)
        columns |= {name: (flavour == code).astype(np.int32) for name, code in FLAVOUR_LABELS.items()}
    numbers = events.columns.get("event_number", np.arange(len(events)))
    columns["event_number"] = np.repeat(numbers, 2).astype(np.int64)
    columns["jet_hemisphere"] = side.astype(np.int32)
    return columns


# -- reading ---------------------------------------------------------------------------------------


_NEEDED = {
    **dict.fromkeys(("pfcand_e", "pfcand_p", "pfcand_theta", "pfcand_phi"), "momenta"),
    **dict.fromkeys((*KINDS, "pfcand_charge"), "kinds of particles"),
    **dict.fromkeys(("jet_p", "jet_e", "jet_phi", "jet_theta"), "jets"),
}
_WHOLE = ("event_number", "jet_hemisphere", *FLAVOUR_LABELS, "recojet_isU", "recojet_isD", "recojet_isG")

COLUMNS = {
    name: Column(_NEEDED.get(name, ""), whole=name in _WHOLE, lists=name.startswith("pfcand_"))
    for name in (
        *_NEEDED,
        *COVARIANCES,
        *IMPACT,
        *("pfcand_dndx", "pfcand_mtof", "jet_quark_cos"),
        *_WHOLE,
    )
}
"""What is read of such a file."""


def is_jet_tree(names: Collection[str]) -> bool:
    """Whether columns of these names are such a tree."""
    return {"pfcand_e", "pfcand_charge", "jet_p"} <= set(names)


def read_jets(names: str | Path | Sequence[str | Path]) -> ParticleSets:
    """Read such files, ROOT or parquet; :func:`iter_jets` does it in flat memory.

    Parameters
    ----------
    names
        ``FILE``, ``FILE.root:TREE``, ``b=FILE``, or patterns, which together make the sample.

    Returns
    -------
    ParticleSets
        A set is a jet. Particle columns ``px py pz energy`` [GeV], ``charge``, ``kind``; if there ``d0 z0``
        [cm] to the primary vertex with ``is_track`` and covariances in powers of cm, ``impact_2d``,
        ``impact_3d``, ``jet_distance`` [cm] with ``…_significance``, ``dndx`` [clusters per cm], and
        ``time_of_flight_mass`` [GeV]. What particles without a track lack is 0 there. Event columns
        ``jet_px jet_py jet_pz jet_energy`` and, if there, ``flavour``, ``event_number``, ``hemisphere`` and
        ``quark_cos``.

    Raises
    ------
    InputError
        As :func:`hepsets.formats.fcc_tree.read_fcc_trees`, and for numbers that are not finite.
    """
    return ParticleSets.concatenate(list(iter_jets(names)))


def iter_jets(names: str | Path | Sequence[str | Path]) -> Iterator[ParticleSets]:
    """Read such files a piece at a time, as :func:`read_jets` does.

    Raises
    ------
    InputError
        As :func:`read_jets`.
    """
    for file in flavoured_files(names):
        for piece in iter_pieces(file.path, file.tree, COLUMNS, what=WHAT, known_by=is_jet_tree):
            try:
                yield _jets(piece, file).validate()
            except InputError as error:
                raise error.within(piece.where) from error


_OURS = {
    "pfcand_dxy": ("d0", 1 / MM_PER_CM),
    "pfcand_dz": ("z0", 1 / MM_PER_CM),
    "pfcand_btagSip2dVal": ("impact_2d", 1 / MM_PER_CM),
    "pfcand_btagSip2dSig": ("impact_2d_significance", 1.0),
    "pfcand_btagSip3dVal": ("impact_3d", 1 / MM_PER_CM),
    "pfcand_btagSip3dSig": ("impact_3d_significance", 1.0),
    "pfcand_btagJetDistVal": ("jet_distance", 1 / MM_PER_CM),
    "pfcand_btagJetDistSig": ("jet_distance_significance", 1.0),
    **{
        name: (f"cov_{first}_{second}", 1 / covariance_scale(name))
        for name, (first, second) in COVARIANCES.items()
    },
}
"""Our name of each variable of tracks, and what turns it into ours."""


def _jets(piece: Piece, file: FlavouredFile) -> ParticleSets:
    get = piece.values
    offsets = piece.offsets([name for name in COLUMNS if name.startswith("pfcand_")])
    particles: dict[str, NDArray[Any]] = {
        **_vector(get["pfcand_p"], get["pfcand_theta"], get["pfcand_phi"], "p"),
        "energy": get["pfcand_e"].astype(np.float32),
        "charge": np.sign(get["pfcand_charge"]).astype(np.int8),
    }
    flags = np.stack([get[name] for name in KINDS], axis=1)
    kind = np.array([int(kind) for kind in KINDS.values()])[np.argmax(flags, axis=1)]
    unknown = np.where(particles["charge"] != 0, KINDS["pfcand_isChargedHad"], KINDS["pfcand_isNeutralHad"])
    particles["kind"] = np.where(flags.any(1), kind, unknown).astype(np.int8)
    if "pfcand_dxydxy" in get:
        particles["is_track"] = get["pfcand_dxydxy"] > 0
        for name in (name for name in _OURS if name in get):
            ours, scale = _OURS[name]
            particles[ours] = np.where(particles["is_track"], get[name] * scale, 0.0).astype(np.float32)
    if "pfcand_dndx" in get:
        particles["dndx"] = (get["pfcand_dndx"] * MM_PER_CM).astype(np.float32)
    if "pfcand_mtof" in get:
        particles["time_of_flight_mass"] = get["pfcand_mtof"].astype(np.float32)
    return ParticleSets(particles, offsets, _read_jet_columns(piece, file))


def _read_jet_columns(piece: Piece, file: FlavouredFile) -> dict[str, NDArray[Any]]:
    get = piece.values
    columns = _vector(get["jet_p"], get["jet_theta"], get["jet_phi"], "jet_p")
    columns["jet_energy"] = get["jet_e"].astype(np.float32)
    for name, ours in (("jet_hemisphere", "hemisphere"), ("jet_quark_cos", "quark_cos")):
        if name in get:
            columns[ours] = get[name].astype(np.int8 if ours == "hemisphere" else np.float32)
    if "event_number" in get:
        columns["event_number"] = get["event_number"]
    labels = {**FLAVOUR_LABELS, "recojet_isU": 1, "recojet_isD": 1}
    told = [name for name in labels if name in get]
    if told:
        flavour = np.zeros(piece.events, dtype=np.int8)
        for name in told:
            flavour[get[name] == 1] = labels[name]
        columns["flavour"] = flavour
    elif file.flavour is not None:
        columns["flavour"] = np.full(piece.events, file.flavour, dtype=np.int8)
    return columns


def _vector(size: Array, theta: Array, phi: Array, name: str) -> dict[str, NDArray[Any]]:
    parts = (np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta))
    return {
        f"{name}{axis}": (size * part).astype(np.float32) for axis, part in zip("xyz", parts, strict=True)
    }
