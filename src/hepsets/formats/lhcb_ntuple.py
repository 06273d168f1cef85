"""Candidates out of LHCb's ntuples: ROOT, parquet or CSV, one row each, in GeV, cm and ps by our names.

Units are not believed but seen: a B_s of 5367 is in MeV, one of 5.367 in GeV; decay times of 1.5 are in ps,
of 0.0015 in ns; and flight, momentum, mass and decay time of one candidate fit each other in one unit of
length alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.mixed_units import refuse_mixed_units
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT
from hepsets.formats.flat_table import read_columns, tables_of
from hepsets.formats.lhcb_columns import (
    PARTICLES,
    PRESETS,
    Branch,
    branches_of,
    find_branches,
    missing_columns,
)
from hepsets.formats.root_files import split_tree

Array = NDArray[np.float64]

ENERGY = {"MeV": 1e-3, "GeV": 1.0}
LENGTH = {"mm": 1 / MM_PER_CM, "cm": 1.0, "µm": 1e-4, "m": 100.0}
TIME = {"ps": 1.0, "ns": 1e3, "fs": 1e-3}
"""Units, in ours."""

_MASS = (2.0, 20.0)
_LIFE = (0.1, 20.0)
_PLAUSIBLE = {
    "mass": (1.0, 20.0),
    "p": (1.0, 2e3),
    "pt": (0.1, 300.0),
    "e": (1.0, 2e3),
    "mass_err": (5e-4, 0.5),
}
"""Where medians lie, in GeV and ps."""
_MORE = 3
"""Columns by which another preset must know more for a file to be refused."""
_TELLING = 4
"""Columns from which on equal rows are one candidate."""
_DOUBLED = 0.01
"""Share of candidates that may be there before."""
_LARGEST = float(np.finfo(np.float32).max)
"""What models, which see single precision, take for infinite."""
_FITS = 2.0
_CM_PER_PS = SPEED_OF_LIGHT / 1e3


@dataclass(frozen=True, eq=False)
class CandidateTable:
    """Candidates of the user's.

    Parameters
    ----------
    columns
        By our names (docs/lhcb_events.md), in GeV, cm and ps, all finite, each of shape ``(n_candidates,)``.
    found
        What the file calls each of them.
    rows
        In the files.
    not_finite
        By our names, how many values were NaN, infinite, or an identification beyond 0 and 1; one candidate
        may count under several.
    units
        Of the files: of ``energy``, ``length`` and ``time``, as far as there are such columns.
    unchecked
        Which of them the preset says and nothing could confirm.
    names
        Of all columns of the first file.
    """

    columns: dict[str, Array]
    found: dict[str, str]
    rows: int
    not_finite: dict[str, int]
    units: dict[str, str]
    unchecked: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def dropped(self) -> int:
        """Candidates left out, since a value is missing."""
        return self.rows - len(self)

    def notes(self) -> tuple[str, ...]:
        """What was left out, and what had to be believed, in words."""
        told = []
        if self.dropped:
            counts = ", ".join(f"{self.found[name]} {count}" for name, count in self.not_finite.items())
            told.append(f"{self.dropped} of {self.rows} candidates left out: missing values ({counts})")
        told += [
            f"{kind} taken to be in {self.units[kind]}: nothing in the file can confirm it"
            for kind in self.unchecked
        ]
        return tuple(told)


def read_candidates(
    paths: str | Path | Sequence[str | Path],
    *,
    preset: str,
    own: Mapping[str, str] | None = None,
    needed: Iterable[str] = ("bs_mass",),
    wanted: Iterable[str] | None = None,
) -> CandidateTable:
    """Read the columns that we know of one kind of candidates.

    Parameters
    ----------
    paths
        One file or several of the same columns; ``FILE.root:TREE`` names a tree.
    preset
        ``davinci`` or ``coursework``.
    own
        The user's names by ours, as :func:`~hepsets.formats.lhcb_columns.parse_own` gives them.
    needed
        Our columns without which there is no use.
    wanted
        Our columns to read besides, where they are; all by default.

    Raises
    ------
    InputError
        For files that cannot be read, columns that are needed and not there (with what is called alike),
        files that differ in columns or units, or that another preset knows more columns of, no complete
        candidate, candidates that are there twice, and units that cannot be or differ within a column.
    """
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    if not files:
        raise InputError("no files", "one file or more")
    branches, needed = branches_of(preset, own), tuple(needed)
    asked = tuple(name for name in own or {} if name in branches)
    wanted = None if wanted is None else tuple(wanted)
    needed = tuple(dict.fromkeys((*needed, *asked)))
    parts = [_one(file, branches, needed, wanted) for file in files]
    _refuse_other_preset(files[0], parts[0].names, preset, own or {})
    first = parts[0]
    for file, part in zip(files[1:], parts[1:], strict=True):
        if set(part.columns) != set(first.columns):
            differ = sorted(set(part.found.values()) ^ set(first.found.values()))
            raise InputError(
                f"{files[0]} and {file} differ in {', '.join(differ)}", "files of the same columns"
            )
        if part.units != first.units:
            one, other = (", ".join(units.values()) for units in (first.units, part.units))
            raise InputError(
                f"{files[0]} in {one}; {file} in {other}", "files of the same units", "convert one of them"
            )
    counts = {name: sum(part.not_finite.get(name, 0) for part in parts) for name in first.columns}
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in first.columns}
    _refuse_doubled(columns, files)
    return CandidateTable(
        columns,
        first.found,
        sum(part.rows for part in parts),
        {name: count for name, count in counts.items() if count},
        first.units,
        first.unchecked,
    )


def _refuse_other_preset(path: str | Path, names: Sequence[str], preset: str, own: Mapping[str, str]) -> None:
    """Refuse a file that another preset knows more columns of: most of it would go unread."""
    known = len(find_branches(names, branches_of(preset, own)))
    particles = {name: theirs for name, theirs in own.items() if name in PARTICLES}
    for other in (one for one in PRESETS if one != preset):
        found = len(find_branches(names, branches_of(other, particles)))
        if found >= known + _MORE:
            raise InputError(
                f"{path}: {known} columns of preset {preset}, {found} of {other}",
                "the preset that the file was written in",
                f"--set data.preset={other}",
            )


def _refuse_doubled(columns: Mapping[str, Array], files: Sequence[str | Path]) -> None:
    """Refuse rows that are equal in everything; a few columns of rounded numbers may be so by chance."""
    rows = len(next(iter(columns.values())))
    if len(columns) < _TELLING:
        return
    keys = list(columns.values())[:_TELLING]
    order = np.lexsort(keys)
    same = np.ones(max(rows - 1, 0), dtype=bool)
    for column in columns.values():
        same &= np.diff(column[order]) == 0
    if same.sum() > _DOUBLED * rows:
        raise InputError(
            f"{same.sum()} of {rows} candidates in {', '.join(map(str, files))} are there before, equal in "
            f"all {len(columns)} columns",
            "each candidate once",
            "see whether a file was merged with itself or given under two names",
        )


def _one(
    path: str | Path, branches: Mapping[str, Branch], needed: tuple[str, ...], wanted: tuple[str, ...] | None
) -> CandidateTable:
    table, found, names = _choose_table(path, branches, needed)
    if wanted is not None:
        found = {ours: theirs for ours, theirs in found.items() if ours in (*needed, *wanted)}
    frame = read_columns(table, list(dict.fromkeys(found.values())))
    raw = {ours: frame[theirs].astype(np.float64) for ours, theirs in found.items()}
    good, not_finite = np.ones(len(frame), dtype=bool), {}
    for ours, column in raw.items():
        fine = np.abs(column) < _LARGEST
        if "prob_nn" in ours:
            fine &= (column >= 0) & (column <= 1)
        if not fine.all():
            not_finite[ours] = int((~fine).sum())
        good &= fine
    if not good.any():
        counts = ", ".join(f"{found[name]} {count}" for name, count in not_finite.items())
        raise InputError(
            f"{path}: none of {len(frame)} candidates has all values (missing: {counts})",
            "numbers in all columns that are read",
            "leave such columns out, or write what is missing",
        )
    raw = {ours: column[good] for ours, column in raw.items()}
    try:
        for ours, column in raw.items():
            if branches[ours].kind == "energy" and ours.partition("_")[2] in _PLAUSIBLE:
                refuse_mixed_units(column, found[ours])
        units, unchecked = _units(raw, found, branches)
    except InputError as error:
        raise error.within(path) from error
    factors = {"energy": ENERGY, "length": LENGTH, "time": TIME}
    columns = {}
    for ours, column in raw.items():
        kind = branches[ours].kind
        columns[ours] = np.sign(column) if kind == "sign" else column
        if kind in factors:
            columns[ours] = column * factors[kind][units[kind]]
    return CandidateTable(columns, found, len(frame), not_finite, units, unchecked, names)


def _choose_table(
    path: str | Path, branches: Mapping[str, Branch], needed: tuple[str, ...]
) -> tuple[str | Path, dict[str, str], tuple[str, ...]]:
    """The tree of a file that holds what is needed, what it calls our columns, and all of its columns."""
    tables = tables_of(path)
    fitting = {}
    for name, columns in tables.items():
        found = find_branches(columns, branches)
        if all(ours in found for ours in needed):
            fitting[name] = found
    if not fitting:
        largest = max(tables.values(), key=lambda names: len(find_branches(names, branches)))
        missing = [ours for ours in needed if ours not in find_branches(largest, branches)]
        raise missing_columns(missing, branches, largest).within(path)
    if len(fitting) > 1:
        raise InputError(
            f"{path} holds candidates in several trees: {', '.join(fitting)}",
            "the name of one",
            f"name it as {path}:{next(iter(fitting))}",
        )
    ((name, found),) = fitting.items()
    return (f"{split_tree(path)[0]}:{name}" if name else path), found, tuple(tables[name])


def _units(
    raw: Mapping[str, Array], found: Mapping[str, str], branches: Mapping[str, Branch]
) -> tuple[dict[str, str], tuple[str, ...]]:
    units: dict[str, str] = {}
    unchecked: tuple[str, ...] = ()
    has = {branches[ours].kind for ours in raw}
    if "energy" in has:
        units["energy"] = _energy_unit(raw, found, branches)
    if "time" in has:
        name = "decay_time" if "decay_time" in raw else next(n for n in raw if branches[n].kind == "time")
        limits = _LIFE if name == "decay_time" else (0.002, 1.0)
        units["time"] = _unit_of(name, raw, found, TIME, limits, "decay times in ps, ns or fs")
    if "length" in has:
        unit = _length_unit(raw, found, units)
        units["length"] = unit or "mm"
        unchecked = () if unit else ("length",)
    return units, unchecked


def _energy_unit(raw: Mapping[str, Array], found: Mapping[str, str], branches: Mapping[str, Branch]) -> str:
    """That of the mass of the B_s, which all other momenta must be possible in."""
    leading = "bs_mass" if "bs_mass" in raw else next(n for n in raw if branches[n].kind == "energy")
    limits = _MASS if leading == "bs_mass" else _PLAUSIBLE.get(leading.split("_", 1)[1], (0.01, 2e3))
    unit = _unit_of(leading, raw, found, ENERGY, limits, "masses and momenta in MeV or GeV")
    for name, column in raw.items():
        quantity = name.split("_", 1)[1] if "_" in name else ""
        if branches[name].kind != "energy" or quantity not in _PLAUSIBLE:
            continue
        low, high = _PLAUSIBLE[quantity]
        middle = float(np.median(column)) * ENERGY[unit]
        if not low < middle < high:
            raise InputError(
                f"{found[name]} with a median of {np.median(column):g} beside {found[leading]} in {unit}",
                f"{low:g} to {high:g} GeV",
                "give all masses and momenta in one unit",
            )
    return unit


def _unit_of(
    name: str,
    raw: Mapping[str, Array],
    found: Mapping[str, str],
    units: Mapping[str, float],
    limits: tuple[float, float],
    expected: str,
) -> str:
    """The unit in which the median lies within limits."""
    middle = float(np.median(raw[name]))
    fitting = [unit for unit, factor in units.items() if limits[0] < middle * factor < limits[1]]
    if len(fitting) != 1:
        raise InputError(f"{found[name]} with a median of {middle:g}", expected, "convert the column")
    return fitting[0]


def _length_unit(raw: Mapping[str, Array], found: Mapping[str, str], units: Mapping[str, str]) -> str | None:
    """The unit in which a flight is momentum times decay time over mass; ``None`` without these."""
    if not {"bs_flight_distance", "bs_p", "bs_mass", "decay_time"} <= set(raw):
        return None
    expected = raw["bs_p"] / raw["bs_mass"] * raw["decay_time"] * TIME[units["time"]] * _CM_PER_PS
    ratio = float(np.nanmedian(raw["bs_flight_distance"] / np.where(expected > 0, expected, np.nan)))
    for unit, factor in LENGTH.items():
        if 1 / _FITS < ratio * factor < _FITS:
            return unit
    raise InputError(
        f"{found['bs_flight_distance']} is {ratio:.3g} times the centimetres that {found['bs_p']}, "
        f"{found['bs_mass']} and {found['decay_time']} make",
        "flights in mm or cm",
        "convert the column, or leave one of them out",
    )
