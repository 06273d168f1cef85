"""A user's sets of tracks and clusters with flavour labels: parquet or ROOT, through a map of columns.

Two layouts are read. Our own, as ``write_particle_sets`` writes it: ``particles``, a list of records, and
event columns. And lists side by side, as flat ntuples have them: one list per event in each of ``px``,
``py`` … of the tracks, and, where there are clusters, in ``cluster_px`` …; event columns beside them. The
map says what the file calls ours: ``{"px": "Track_px", "cluster_energy": "ECL_E", "q": "isB0"}``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.lorentz import Frame as MovingFrame
from hepsets.core.lorentz import boosted
from hepsets.core.particle_sets import ParticleSets
from hepsets.formats.root_files import opened, split_tree, trees_of
from hepsets.formats.track_distances import refuse_other_lengths, unusual

Frame = Literal["centre_of_mass", "laboratory"]
"""Where a file's momenta are."""

NEEDED = ("px", "py", "pz", "charge")
"""Particle columns without which there is nothing to learn from."""

MAY_BE_MISSING = (
    *("energy", "pt", "cos_theta", "electron", "muon", "pion", "kaon", "proton"),
    *("d0", "z0", "d0_error", "z0_error", "shape", "region"),
)
"""Particle columns that are worked out where momenta tell them, and else 0 for all particles; it is
counted."""

CLUSTER = "cluster_"
"""Columns of clusters that stand in lists of their own begin with this."""

_DISTANCES = ("d0", "z0", "d0_error", "z0_error")

LARGEST = 1e3
"""No momentum [GeV] and no impact parameter [cm] is larger; what claims so is masked."""

_B0 = 511
_PION_MASS = 0.13957


@dataclass(frozen=True)
class SetCounts:
    """What was read, and what of it was masked: set to 0, or left out.

    Parameters
    ----------
    events, particles
        How many were read.
    masked
        By its description, how many entries.
    warnings
        What may be in another unit, in sentences.
    """

    events: int = 0
    particles: int = 0
    masked: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __add__(self, other: SetCounts) -> SetCounts:
        return SetCounts(
            self.events + other.events,
            self.particles + other.particles,
            dict(Counter(self.masked) + Counter(other.masked)),
            (*self.warnings, *other.warnings),
        )

    def lines(self) -> list[str]:
        """In words, a line for each."""
        masked = (f"masked: {count} {what}" for what, count in self.masked.items() if count)
        return [f"{self.events} sets with {self.particles} tracks and clusters", *masked, *self.warnings]


def read_whole_events(
    paths: Iterable[str | Path],
    velocity: tuple[float, float],
    columns: Mapping[str, str] | None = None,
    frame: Frame = "centre_of_mass",
) -> tuple[ParticleSets, SetCounts]:
    """All sets of some files, in the Υ(4S)'s frame, with the label ``q``, and what was masked.

    Parameters
    ----------
    paths
        Parquet or ROOT files; ``FILE.root:TREE`` where a file has several trees.
    velocity
        (x, z) of the Υ(4S) in the laboratory, c = 1.
    columns
        The files' names by ours, where they differ.
    frame
        Where the momenta are; from the laboratory they are boosted away.

    Raises
    ------
    InputError
        For files that cannot be read, columns that are missing or no numbers, lists of different lengths in
        an event, labels that are no flavours, impact parameters that cannot be in cm.
    """
    names = dict(columns or {})
    parts = [_read(str(path), names, frame, velocity) for path in paths]
    if not parts:
        raise InputError("no files", "at least one")
    both = set.intersection(*(set(sets.columns) for sets, _ in parts))
    sets = ParticleSets.concatenate(
        [
            ParticleSets(one.particles, one.offsets, {name: one.columns[name] for name in sorted(both)})
            for one, _ in parts
        ]
    )
    return sets, sum((counts for _, counts in parts), SetCounts())


def _read(
    path: str, names: Mapping[str, str], frame: Frame, velocity: tuple[float, float]
) -> tuple[ParticleSets, SetCounts]:
    file, tree = split_tree(path)
    is_root = tree is not None or file.suffix == ".root"
    found = _root_columns(file, tree) if is_root else _parquet_columns(file)
    inverse = {theirs: ours for ours, theirs in names.items()}
    missing = [theirs for theirs in inverse if theirs not in found]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}", f"those of the file: {', '.join(found)}",
            "correct data.columns",
        )  # fmt: skip
    named = {inverse.get(name, name): column for name, column in found.items()}
    lists = {name: column for name, column in named.items() if isinstance(column, _Lists)}
    events = {name: column for name, column in named.items() if not isinstance(column, _Lists)}
    masked: Counter[str] = Counter()
    particles, offsets = _particles(path, lists, masked)
    warning = _check_distances(path, particles)
    q = _labels(path, events)
    sets = ParticleSets(_completed(particles, frame, velocity, masked), offsets, {"q": q, **_kept(events)})
    warnings = (warning,) if warning else ()
    return sets, SetCounts(len(sets), sets.n_particles, dict(masked), warnings)


def _check_distances(path: str, particles: Mapping[str, NDArray[np.float64]]) -> str:
    """Refuse impact parameters that cannot be in cm; what is to be told of those that may not be."""
    tracks = particles["charge"] != 0
    for name in _DISTANCES:
        if name in particles:
            refuse_other_lengths(particles[name][tracks], f"{path}: {name}")
    return unusual(particles["d0"][tracks], f"{path}: d0") if "d0" in particles else ""


@dataclass(frozen=True, eq=False)
class _Lists:
    """A list per event, end to end."""

    values: NDArray[np.float64]
    offsets: NDArray[np.int64]


def _parquet_columns(path: Path) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputError(f"{path}: no such file", "a parquet or ROOT file", "check the path")
    try:
        table = pq.read_table(path).combine_chunks()
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"{path} cannot be read ({str(error).splitlines()[0][:90]})", "a parquet file"
        ) from error
    found: dict[str, Any] = {}
    for name in table.column_names:
        column = table.column(name)
        array = column.chunk(0) if column.num_chunks else pa.array([], column.type)
        if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
            offsets = np.concatenate([[0], np.cumsum(array.value_lengths().fill_null(0).to_numpy())])
            flat = array.flatten()
            if pa.types.is_struct(flat.type):
                for entry in flat.type:
                    found[entry.name] = _Lists(_numbers(path, entry.name, flat.field(entry.name)), offsets)
            else:
                found[name] = _Lists(_numbers(path, name, flat), offsets)
        elif (
            pa.types.is_boolean(array.type)
            or pa.types.is_integer(array.type)
            or pa.types.is_floating(array.type)
        ):
            found[name] = _numbers(path, name, array)
    return found


def _numbers(path: Path, name: str, array: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    if not (
        pa.types.is_boolean(array.type) or pa.types.is_integer(array.type) or pa.types.is_floating(array.type)
    ):
        raise InputError(f"{path}: {name} of type {array.type}", "numbers")
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)


def _root_columns(path: Path, tree: str | None) -> dict[str, Any]:
    import awkward as ak

    with opened(path) as file:
        trees = trees_of(file)
        if tree is None and len(trees) != 1:
            raise InputError(
                f"{path} with the trees {', '.join(trees) or 'none'}", "one tree", "name it: FILE:TREE"
            )
        if tree is not None and tree not in trees:
            raise InputError(f"{path} without the tree {tree}", f"one of {', '.join(trees)}")
        arrays = trees[tree or next(iter(trees))].arrays()
        found: dict[str, Any] = {}
        for name in arrays.fields:
            column = arrays[name]
            try:
                if column.ndim == 1:
                    found[name] = np.asarray(ak.to_numpy(column), dtype=np.float64)
                elif column.ndim == 2:
                    offsets = np.concatenate([[0], np.cumsum(ak.to_numpy(ak.num(column)))])
                    found[name] = _Lists(
                        np.asarray(ak.to_numpy(ak.flatten(column)), dtype=np.float64), offsets
                    )
            except (ValueError, TypeError):
                continue  # text and the like
    return found


def _particles(
    path: str, lists: Mapping[str, _Lists], masked: Counter[str]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """Columns of tracks, and of clusters where they have lists of their own, tracks first in each event."""
    tracks = {name: one for name, one in lists.items() if not name.startswith(CLUSTER)}
    clusters = {name.removeprefix(CLUSTER): one for name, one in lists.items() if name.startswith(CLUSTER)}
    lacking = [name for name in NEEDED if name not in tracks]
    if lacking:
        raise InputError(
            f"{path} has no lists {', '.join(lacking)} in {', '.join(lists) or 'no lists'}",
            f"{', '.join(NEEDED)} of each particle", "say what they are called: data.columns",
        )  # fmt: skip
    known = (*NEEDED, *MAY_BE_MISSING)
    own = {name: one for name, one in tracks.items() if name in known}
    theirs = {name: one for name, one in clusters.items() if name in known}
    for part, what in ((own, "tracks"), (theirs, "clusters")):
        first = next(iter(part.values()), None)
        for name, one in part.items():
            if first is not None and not np.array_equal(one.offsets, first.offsets):
                raise InputError(
                    f"{path}: lists of {what} of different lengths, such as {name}", "one length in an event"
                )
    offsets = own["px"].offsets
    values = {name: one.values.copy() for name, one in own.items()}
    if theirs:
        needed = [name for name in ("px", "py", "pz") if name not in theirs]
        if needed:
            raise InputError(
                f"{path}: clusters without {', '.join(needed)}", "cluster_px, cluster_py, cluster_pz"
            )
        values, offsets = _joined(values, offsets, theirs)
    for name, column in values.items():
        bad = ~np.isfinite(column) | (np.abs(column) > LARGEST)
        if bad.any():
            masked[f"entries of {name} that are no numbers or larger than {LARGEST:g}"] += int(bad.sum())
            column[bad] = 0.0
    odd = ~np.isin(values["charge"], (-1, 0, 1))
    if odd.any():
        masked["particles of a charge beyond one, taken as without"] += int(odd.sum())
        values["charge"][odd] = 0.0
    return values, offsets


def _joined(
    tracks: Mapping[str, NDArray[np.float64]], offsets: NDArray[np.int64], clusters: Mapping[str, _Lists]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    of_clusters = clusters["px"].offsets
    if len(of_clusters) != len(offsets):
        raise InputError("clusters of another number of events than tracks", "the same events")
    event = np.concatenate(
        [np.repeat(np.arange(len(edges) - 1), np.diff(edges)) for edges in (offsets, of_clusters)]
    )
    order = np.argsort(event, kind="stable")
    n_tracks, n_clusters = int(offsets[-1]), int(of_clusters[-1])
    names = dict.fromkeys((*tracks, *clusters))
    joined = {}
    for name in names:
        one = tracks.get(name, np.zeros(n_tracks))
        other = clusters[name].values if name in clusters else np.zeros(n_clusters)
        joined[name] = np.concatenate([one, other])[order]
    return joined, offsets + of_clusters


def _labels(path: str, events: Mapping[str, NDArray[np.float64]]) -> NDArray[np.int8]:
    """1 for B⁰, −1 for B̄⁰, from ±1, 0 and 1, or PDG ids."""
    if "q" not in events:
        raise InputError(
            f"{path} has no label q", "1 for B0 and -1 (or 0) for its antiparticle, or 511 and -511",
            "say what it is called: data.columns",
        )  # fmt: skip
    q = events["q"]
    for positive, negative in ((1, -1), (1, 0), (_B0, -_B0)):
        if np.isin(q, (positive, negative)).all():
            return np.where(q == positive, 1, -1).astype(np.int8)
    raise InputError(
        f"{path}: labels such as {q[~np.isin(q, (1, -1))][0]:g}", "1 and -1, 1 and 0, or 511 and -511"
    )


def _kept(events: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[Any]]:
    """Event columns that a run uses."""
    return {
        name: column.astype(np.int64)
        for name, column in events.items()
        if (name == "event_number" or name.startswith("true_")) and np.isfinite(column).all()
    }


def _completed(
    given: Mapping[str, NDArray[np.float64]],
    frame: Frame,
    velocity: tuple[float, float],
    masked: Counter[str],
) -> dict[str, NDArray[Any]]:
    """All columns of whole events, in the Υ(4S)'s frame."""
    p = dict(given)
    momentum2 = p["px"] ** 2 + p["py"] ** 2 + p["pz"] ** 2
    if "energy" not in p:
        p["energy"] = np.sqrt(momentum2 + np.where(p["charge"] != 0, _PION_MASS**2, 0.0))
    vectors = np.stack([p["px"], p["py"], p["pz"], p["energy"]], axis=1)
    moving = MovingFrame.moving(*velocity)
    away = moving.gamma * np.array([[-moving.bx, 0.0, -moving.bz, 1.0]])
    back = away * [-1, -1, -1, 1]
    centre, laboratory = (vectors, None) if frame == "centre_of_mass" else (boosted(vectors, away), vectors)
    if "pt" not in p or "cos_theta" not in p:
        lab = boosted(vectors, back) if laboratory is None else laboratory
        p["pt"] = np.hypot(lab[:, 0], lab[:, 1])
        size = np.hypot(p["pt"], lab[:, 2])
        p["cos_theta"] = np.divide(lab[:, 2], size, out=np.zeros_like(size), where=size > 0)
    p |= dict(zip(("px", "py", "pz", "energy"), centre.T, strict=True))
    for name in MAY_BE_MISSING:
        if name not in p:
            masked[f"particles without {name}, which the file does not have"] += len(p["px"])
            p[name] = np.zeros(len(p["px"]))
    return {
        name: column.astype(np.int8 if name in ("charge", "region") else np.float32)
        for name, column in p.items()
        if name in (*NEEDED, *MAY_BE_MISSING)
    }
