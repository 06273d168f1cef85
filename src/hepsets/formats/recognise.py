"""What a file is, told by its content: its name and suffix may say anything."""

from __future__ import annotations

import csv
from collections.abc import Sequence, Set
from enum import StrEnum
from pathlib import Path

import pyarrow as pa

from hepsets.core.compression import COMPRESSIONS, decompressed
from hepsets.core.errors import InputError
from hepsets.core.parquet import open_parquet
from hepsets.formats.edm4hep_layout import is_edm4hep
from hepsets.formats.fcc_tree import is_fcc_tree
from hepsets.formats.jets import is_jet_tree
from hepsets.formats.root_files import opened, trees_of


class Format(StrEnum):
    """The formats that can be read; each value says in words what it is."""

    EVENT_TABLE = "a parquet event table"
    """Particles by event: a column ``particles`` of lists of records."""
    PARQUET_FRAME = "a parquet table of one row per event"
    CSV_FRAME = "a CSV table of one row per event"
    ROOT_NTUPLE = "a ROOT file"
    """Read as an ntuple of Belle II: trees with one row per candidate."""
    VERTEXED_EVENTS = "a parquet table of particles and vertices"
    """Columns ``particles`` and ``vertices`` of lists of records, as hepsets writes them."""
    FCC_TREE = "a tree of Thrust_*, Particle_* and Vertex_* columns"
    """ROOT or parquet, see :mod:`hepsets.formats.fcc_tree`."""
    JETS = "a tree of jets with pfcand_* lists"
    """ROOT or parquet, see :mod:`hepsets.formats.jets`."""
    EDM4HEP = "a ROOT file of EDM4hep collections"
    """See :mod:`hepsets.formats.edm4hep`."""
    HEPMC3 = "HepMC3 ASCII"
    """Plain or compressed, see :data:`~hepsets.core.compression.COMPRESSIONS`."""


_PARQUET, _ROOT, _HEPMC3, _HEPMC = b"PAR1", b"root", b"HepMC::Version", b"HepMC::"
_HEAD = 1 << 16
"""How much of a file is looked at [bytes], after decompression."""

_READABLE = "parquet, CSV with a header, a ROOT tree, or HepMC3 ASCII (plain or compressed)"


def recognise(path: str | Path) -> Format:
    """What a file is.

    Parameters
    ----------
    path
        The file, whatever its name is.

    Raises
    ------
    InputError
        If there is no such file, it is empty or damaged, or its content is none of :class:`Format`.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no file {path}", "an existing file", "check the path")
    with path.open("rb") as raw:
        packed = raw.peek(8).startswith(tuple(entry.magic for entry in COMPRESSIONS.values()))
        with decompressed(raw, str(path)) as file:
            head: bytes = file.read(_HEAD)
    if not head:
        raise InputError(f"{path} is empty", _READABLE, "check how it was made")
    text = head.lstrip(b"\r\n")
    if text.startswith(_HEPMC3):
        return Format.HEPMC3
    if text.startswith(_HEPMC):
        raise InputError(f"{path} is HepMC2 ASCII", "HepMC3", "convert it with HepMC3's convert_example")
    if not packed:  # what these readers open themselves
        if head.startswith(_PARQUET):
            return _kind_of_parquet(path)
        if head.startswith(_ROOT):
            return _kind_of_root(path)
        if _is_csv(head):
            return Format.CSV_FRAME
    raise InputError(f"{path} begins with {head[:24]!r}", _READABLE)


def _kind_of_parquet(path: Path) -> Format:
    with open_parquet(path) as file:
        schema = file.schema_arrow
    known = _by_names([set(schema.names)])
    if known is not None:
        return known
    if "particles" not in schema.names:
        return Format.PARQUET_FRAME
    kind = schema.field("particles").type
    by_event = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not by_event:
        return Format.PARQUET_FRAME
    return Format.VERTEXED_EVENTS if "vertices" in schema.names else Format.EVENT_TABLE


def _kind_of_root(path: Path) -> Format:
    with opened(path) as file:
        trees = [set(tree.keys()) for tree in trees_of(file).values()]
    return _by_names(trees) or Format.ROOT_NTUPLE


def _by_names(tables: Sequence[Set[str]]) -> Format | None:
    """What tables are whose columns have names of their own."""
    kinds = ((is_fcc_tree, Format.FCC_TREE), (is_jet_tree, Format.JETS), (is_edm4hep, Format.EDM4HEP))
    for is_it, kind in kinds:
        if any(map(is_it, tables)):
            return kind
    return None


def _is_csv(head: bytes) -> bool:
    """Whether a text has a line of names and, below it, as many numbers."""
    try:
        lines = head.decode("utf-8", "strict" if len(head) < _HEAD else "ignore").splitlines()
    except UnicodeDecodeError:
        return False
    rows = [row for row in csv.reader(lines[:2]) if row]
    if len(rows) < 2:
        return False
    names, values = rows
    return len(names) == len(values) and not any(map(_is_number, names)) and any(map(_is_number, values))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
