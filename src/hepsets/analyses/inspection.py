"""What a user's file is, which analysis it fits, what it lacks, and which names would make it fit."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
import tomli_w

from hepsets.analyses.contract import ANALYSES
from hepsets.core.compression import decompressed
from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, iter_parquet
from hepsets.core.parquet import open_parquet
from hepsets.core.record import checksum_of_file
from hepsets.formats.candidate_map import CandidateMap
from hepsets.formats.candidate_names import proposed_map, skeleton
from hepsets.formats.column_names import find_columns, find_layout
from hepsets.formats.event_lists import present_columns
from hepsets.formats.fcc_tree import COLUMNS, WHAT, is_fcc_tree
from hepsets.formats.lhcb_columns import PARTICLES, PRESETS, branches_of, find_branches
from hepsets.formats.recognise import Format, recognise
from hepsets.formats.root_files import opened, split_tree, trees_of
from hepsets.formats.tensor_header import TRUNK, tensor_header

SPELLINGS = {
    "q_squared": ("q2", "qsq", "qsquared", "qsqr", "dimuonmasssquared"),
    "costheta_mu": ("costhetal", "costhetamu", "costhl", "ctl", "costl", "costhetaell"),
    "costheta_K": ("costhetak", "costhk", "ctk", "costk"),
    "chi": ("chi", "phi"),
}
"""What the variables of decays (VARIABLES of :mod:`hepsets.generate.kstmumu.density`, which takes numba to
import) are called elsewhere, in lower case without underscores."""

SHOWN = 12
"""So many columns are listed."""


@dataclass(frozen=True)
class Table:
    """A table of a file: its name (empty where a file is one), its number of events, its columns, and those
    of them that hold a list of numbers for each event.
    """

    name: str
    events: int
    columns: tuple[str, ...]
    lists: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What an analysis can do with a file.

    Parameters
    ----------
    analysis
        Its name.
    lacks
        What is missing; nothing for a file that fits.
    how
        What to type, or to do about it; several lines where it is a map.
    """

    analysis: str
    lacks: str
    how: str


@dataclass(frozen=True)
class Inspection:
    """What a file is: its path, its kind in words, its tables, and verdicts on analyses it is meant for."""

    path: Path
    kind: str
    tables: tuple[Table, ...]
    verdicts: tuple[Verdict, ...]

    def lines(self) -> list[str]:
        """For people."""
        told = [f"{self.path}: {self.kind}"]
        for table in self.tables:
            more = f" … {len(table.columns)} in all" if len(table.columns) > SHOWN else ""
            where = f"tree {table.name}, " if table.name else ""
            told.append(f"  {where}{table.events} events: {', '.join(table.columns[:SHOWN])}{more}")
            if table.lists:
                told.append(f"  lists of numbers: {', '.join(table.lists)}")
        for verdict in self.verdicts:
            told.append(f"{verdict.analysis}: {'lacks ' + verdict.lacks if verdict.lacks else 'fits'}")
            told += [f"  {line}" for line in verdict.how.splitlines()]
        return told if self.verdicts else [*told, "no analysis reads such a file"]


def inspect_file(source: Path) -> Inspection:
    """Look at a file, at its names and numbers of rows; of labelled events the first ones are read.

    Parameters
    ----------
    source
        A file of any kind that hepsets reads; ``FILE.root:TREE`` names one tree.

    Raises
    ------
    InputError
        For a file that is missing, damaged or of no kind that is known.
    """
    path, tree = split_tree(source)
    header = tensor_header(path) if path.is_file() else None
    if header is not None and header["format"] == TRUNK:
        return _of_trunk(path, header)
    kind = recognise(path)
    tables = tuple(table for table in _tables(path, kind) if tree in (None, table.name))
    if tree is not None and not tables:
        raise InputError(f"{path} holds no tree {tree!r}", "one of its trees")
    verdicts = {verdict for table in tables for judge in _JUDGES for verdict in judge(path, kind, table)}
    if not verdicts and kind in (Format.ROOT_NTUPLE, Format.PARQUET_FRAME):
        verdicts = {verdict for table in tables if table.lists for verdict in _unknown_lists(path, table)}
    return Inspection(path, kind.value, tables, tuple(sorted(verdicts, key=lambda one: one.analysis)))


def _of_trunk(path: Path, header: Mapping[str, Any]) -> Inspection:
    """A pre-trained trunk: what its card says, and who starts from it."""
    try:
        sizes, card = header["config"], header["card"]
        parts = [name for name in ("masked", "contrastive", "supervised") if card["objective"][name]]
        kind = (
            f"a pre-trained trunk, {' and '.join(parts)}: {card['weights']} weights ({sizes['units']} units, "
            f"{sizes['layers']} layers), {card['events_trained']} events shown of "
            f"{', '.join(card['samples'])}; SHA-256 {checksum_of_file(path)}"
        )
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path} is a trunk whose card lacks {error}", "a trunk of hepsets pretrain", "make it once more"
        ) from error
    able = [name for name in ANALYSES if hasattr(ANALYSES.find(name), "TRUNK_MODEL")]
    return Inspection(
        path, kind, (), tuple(Verdict(name, "", f"hepsets run {name} --trunk {path}") for name in able)
    )


# -- tables ----------------------------------------------------------------------------------------


def _tables(path: Path, kind: Format) -> list[Table]:
    with path.open("rb") as raw:
        start = raw.read(4)
    if start == b"PAR1":
        with open_parquet(path) as file:
            schema = file.schema_arrow
            lists = tuple(field.name for field in schema if _holds_lists(field.type))
            return [Table("", file.metadata.num_rows, tuple(schema.names), lists)]
    if start == b"root":
        with opened(path) as file:
            return [
                Table(name, int(tree.num_entries), tuple(tree.keys()), tuple(_lists_of(tree)))
                for name, tree in trees_of(file).items()
            ]
    with path.open("rb") as raw, decompressed(raw, str(path)) as text:
        if kind is Format.CSV_FRAME:
            header = text.readline().decode("utf-8", "replace").strip()
            names = tuple(next(csv.reader([header]), []))  # names may stand in quotes
            return [Table("", sum(1 for line in text if line.strip()), names)]
        return [Table("", sum(line.startswith(b"E ") for line in text), ("particles and vertices",))]


def _holds_lists(kind: pa.DataType) -> bool:
    """Whether a column of a parquet file is a list of numbers for each event."""
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    inner = kind.value_type
    return bool(pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_boolean(inner))


def _lists_of(tree: Any) -> list[str]:
    """Branches that are a list of numbers for each event, by what ROOT calls their type."""
    return [name for name, kind in tree.typenames().items() if _LISTS.fullmatch(kind)]


_LISTS = re.compile(r"\w+\[\]|(std::)?(vector|ROOT::VecOps::RVec)<[\w: ]+>")


# -- analyses --------------------------------------------------------------------------------------


def _smart_background(path: Path, kind: Format, table: Table) -> list[Verdict]:
    if kind is Format.HEPMC3:
        out = "kept.hepmc" if path.name != "kept.hepmc" else "kept_again.hepmc"
        return [Verdict("smart-background", "", f"hepsets filter {path} --out {out} (its filters)")]
    if _is_decay_tree(kind, table):
        how = f"lists of a decay tree become that column by the lines of docs/files.md: {_LAYOUT}"
        return [Verdict("smart-background", "a column particles, lists of records", how)]
    if kind is not Format.EVENT_TABLE:
        return []
    with open_parquet(path) as file:
        struct = file.schema_arrow.field("particles").type.value_type
    there = {"prod_time" if field.name == "prodTime" else field.name for field in struct}
    fields = [name for name in PARTICLE_COLUMNS if name not in there]
    if fields:
        if "charge" in there or "kind" in there:
            return []  # what a detector saw
        return [Verdict("smart-background", f"fields {', '.join(fields)} of particles", "see docs/files.md")]
    if "label" not in table.columns:
        labels = [name for name in table.columns if name.lower().startswith(("label", "pass", "skim"))]
        how = f"hepsets simulate {path} --skim hadronic_b0 --out labelled.parquet"
        how = f"call {labels[0]} so" if labels else how
        return [Verdict("smart-background", "a column label, 0 or 1", how)]
    try:
        next(iter_parquet(path, row_groups=[0], columns=["label"]), None)
    except InputError as error:
        return [Verdict("smart-background", error.expected, f"{error.came}; {error.remedy}")]
    return [Verdict("smart-background", "", f"hepsets run smart-background --data {path}")]


_LAYOUT = "files-of-another-layout"
_DECAY_LISTS = frozenset(("pdg", "mother"))


def _kinds_of(lists: Sequence[str]) -> set[str]:
    """Which of :data:`_DECAY_LISTS` names of lists say that they are."""
    return {kind for kind in _DECAY_LISTS for name in lists if kind in name.lower()}


def _is_decay_tree(kind: Format, table: Table) -> bool:
    """Whether lists, of parquet or ROOT, hold generated particles and their mothers."""
    return kind in (Format.PARQUET_FRAME, Format.ROOT_NTUPLE) and _kinds_of(table.lists) >= _DECAY_LISTS


def _continuum(path: Path, kind: Format, table: Table) -> list[Verdict]:
    of_map = proposed_map(table.columns) if kind in (Format.ROOT_NTUPLE, Format.PARQUET_FRAME) else None
    if of_map is not None:
        return [_own_sets(path, table, of_map)]
    if kind is Format.EVENT_TABLE and _are_candidates(path, table):
        how = (
            f"hepsets run continuum-suppression --off-resonance {path} (of data), or hepsets apply RUN {path}"
        )
        return [Verdict("continuum-suppression", "", how)]
    if kind is not Format.ROOT_NTUPLE:
        return []
    where = f"{path}:{table.name}"
    try:
        layout = find_layout(list(table.columns), where)
    except InputError as error:
        known = sum(name.lower().startswith(("ksfw", "cleocone", "r2", "thrust")) for name in table.columns)
        lacks = error.came.partition(" lacks ")[2]
        return [Verdict("continuum-suppression", lacks or error.came, error.remedy)] if known else []
    if not {"is_signal", "is_continuum", "is_not_continuum"} & set(layout.columns):
        how = "write one of them from simulated events; of data hepsets apply gives the scores"
        return [Verdict("continuum-suppression", "isSignal or isContinuumEvent", how)]
    return [Verdict("continuum-suppression", "", f"hepsets run continuum-suppression --data {where}")]


def _are_candidates(path: Path, table: Table) -> bool:
    """Whether particles are marked as a candidate's or the rest of its event's, as hepsets writes them."""
    with open_parquet(path) as file:
        struct = file.schema_arrow.field("particles").type.value_type
    return "from_candidate" in {field.name for field in struct} and "mbc" in table.columns


def _own_sets(path: Path, table: Table, of_map: CandidateMap) -> Verdict:
    """Candidates with lists of particles, and the map that their names suggest."""
    usual = {"is_signal", "is_continuum", "is_not_continuum"} & set(find_columns(table.columns))
    where = f"{path}:{table.name}" if table.name else str(path)
    how = [
        f"hepsets run continuum-suppression --config map.toml --data {where}, where map.toml holds",
        *tomli_w.dumps({"sets": of_map.record()["sets"]}).splitlines(),
        "[data]",
        'frame = "laboratory"  # or "centre_of_mass"',
        *(f"# {line}" for line in of_map.missing),
    ]
    used = {name for one in of_map.sets.values() for name in one.values()}
    if unused := [name for name in table.lists if name not in used]:
        how.append(f"# lists that no name says what they are: {', '.join(unused)}")
    label = "" if usual else "a label (data.columns.label, or signal=FILE and continuum=FILE)"
    return Verdict("continuum-suppression", label, "\n".join(how))


def _unknown_lists(path: Path, table: Table) -> list[Verdict]:
    """What reads lists of particles, where their names do not say what they are."""
    where = f"{path}:{table.name}" if table.name else str(path)
    how = [
        f"hepsets run continuum-suppression --config map.toml --data {where}, where map.toml holds",
        skeleton(table.lists),
        "[data]",
        'frame = "laboratory"  # or "centre_of_mass"',
    ]
    needed = ("px", "py", "pz", "charge")
    lacking = [name for name in needed if name not in table.lists]
    lacking += [] if "q" in table.columns else ["q"]
    map_ = "".join(f" --set data.columns.{name}=NAME" for name in lacking)
    return [
        Verdict("continuum-suppression", "names that say what its lists are", "\n".join(how)),
        Verdict("flavour-tagging", ", ".join(lacking), f"hepsets run flavour-tagging --data {where}{map_}"),
    ]


def _z_flavour(path: Path, kind: Format, table: Table) -> list[Verdict]:
    if kind is Format.VERTEXED_EVENTS:
        return [Verdict("z-flavour", "", f"hepsets apply RUN {path} --out tagged.parquet")]
    if kind is not Format.FCC_TREE or not is_fcc_tree(table.columns):
        return []
    try:
        present_columns(table.columns, COLUMNS, str(path), WHAT)
    except InputError as error:
        return [Verdict("z-flavour", error.came.partition(" lacks ")[2], error.remedy or "see docs/files.md")]
    return [Verdict("z-flavour", "", f"hepsets run z-flavour --data {path} and a file of each other flavour")]


def _delta_c9(path: Path, kind: Format, table: Table) -> list[Verdict]:
    if kind not in (Format.PARQUET_FRAME, Format.CSV_FRAME, Format.ROOT_NTUPLE):
        return []
    single = [name for name in table.columns if name not in table.lists]
    plain = {name.lower().replace("_", ""): name for name in single}
    yours: dict[str, str] = {}
    for name, spelled in SPELLINGS.items():
        own = name if name in single else None
        found = own or next((plain[each] for each in spelled if each in plain), None)
        if found:
            yours[name] = found
    if len(yours) < (3 if kind is Format.ROOT_NTUPLE else 2):
        return []
    lacks = ", ".join(name for name in SPELLINGS if name not in yours)
    where = f"{path}:{table.name}" if table.name else str(path)
    map_ = "".join(f" --column {name}={own}" for name, own in yours.items() if own != name)
    return [Verdict("delta-c9", lacks, f"hepsets infer delta-c9 {where}{map_}")]


def _bs_dspi(_: Path, kind: Format, table: Table) -> list[Verdict]:
    if kind not in (Format.ROOT_NTUPLE, Format.PARQUET_FRAME, Format.CSV_FRAME):
        return []
    tried = []
    for preset in PRESETS:
        own = _heads(table.columns, preset)
        found = find_branches(table.columns, branches_of(preset, own))
        tried.append((len(found), preset, own, found))
    number, preset, own, found = max(tried, key=lambda one: one[0])
    if number < 8:
        return []
    lacking = [name for name in PARTICLES if not any(key.startswith(f"{name}_") for key in found)]
    map_ = "".join(f" --set data.columns.{name}={head}" for name, head in own.items())
    lacks = ", ".join(lacking if "bs_mass" in found else ["bs_mass", *lacking])
    how = f"hepsets run bs-dspi --data signal=FILE data=FILE --set data.preset={preset}{map_}"
    return [Verdict("bs-dspi", lacks, f"{how} ({number} columns known)")]


def _heads(names: Sequence[str], preset: str) -> dict[str, str]:
    """What a file may call particles whose branches begin otherwise than usual."""
    heads = {name.partition("_")[0] for name in names if "_" in name}
    usual = {head for every in PARTICLES.values() for head in every}
    there = find_branches(names, branches_of(preset))
    own: dict[str, str] = {}
    for particle, spelled in PARTICLES.items():
        if any(key.startswith(f"{particle}_") for key in there):
            continue
        lower = {head.lower(): head for head in heads - usual - set(own.values())}
        close = [
            lower[match]
            for each in spelled
            for match in get_close_matches(each.lower(), lower, n=1, cutoff=0.5)
        ]
        for head in close:
            found = find_branches(names, branches_of(preset, {particle: head}))
            if any(key.startswith(f"{particle}_") for key in found):
                own[particle] = head
                break
    return own


_JUDGES: tuple[Callable[[Path, Format, Table], list[Verdict]], ...] = (
    *(_smart_background, _continuum, _z_flavour, _delta_c9, _bs_dspi),
)
