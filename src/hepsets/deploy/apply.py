"""Apply a trained model to a user's file: its scores as further columns, everything else as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.record import checksum_of_file
from hepsets.core.run import versions
from hepsets.core.whole_file import is_special
from hepsets.formats.added_columns import copy_tables, copy_with_columns, is_parquet
from hepsets.formats.root_files import split_tree

Columns = Mapping[str, NDArray[np.generic]]
"""By what follows the prefix in their names; an empty text is the prefix alone."""


class Scoring(Protocol):
    """What a model says of the events of one file.

    One of the two gives columns, each of shape ``(n_events,)`` or ``(n_events, k)``.
    """

    @property
    def of_table(self) -> Callable[[pa.Table], Columns] | None:
        """Gives the columns of the rows of a parquet file, row group by row group."""

    def pieces(self) -> Iterable[Columns]:
        """Of all events in order, in pieces; asked for where ``of_table`` is ``None``."""

    def lines(self) -> list[str]:
        """What is to be said of the file once all of it is scored."""


class Scorer(Protocol):
    """A trained model that can score the events of files."""

    @property
    def path(self) -> Path:
        """Its file."""

    def record(self) -> dict[str, object]:
        """What the note beside the columns says of it."""

    def tree_of(self, path: Path, tree: str | None) -> str:
        """The tree of a ROOT file that is meant; ``tree`` is what a user calls it."""

    def scoring(self, path: Path, tree: str | None) -> Scoring:
        """The scores of a file; ``tree`` is ``None`` for parquet."""


@dataclass(frozen=True)
class Applied:
    """What was done to a file.

    Parameters
    ----------
    out
        The new file.
    columns
        What it has more than the old one.
    told
        What is to be said of the events.
    """

    out: Path
    columns: tuple[str, ...]
    told: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For people."""
        return [f"{self.out}: columns {', '.join(self.columns)}", *self.told]


def places_of(inputs: Sequence[Path], out: Path) -> list[Path]:
    """Where the copies of files stand: at ``out``, or in that folder under their own names.

    Raises
    ------
    InputError
        For several files without a folder, or of the same name.
    """
    if len(inputs) == 1 and not out.is_dir():
        return [out]
    if not out.is_dir():
        raise InputError(f"--out {out} for {len(inputs)} files", "an existing folder", "create it first")
    places = [out / split_tree(path)[0].name for path in inputs]
    if len(set(places)) < len(places):
        raise InputError("inputs of the same name", "files of different names", "take them one by one")
    return places


def apply_file(scorer: Scorer, source: Path, out: Path, *, prefix: str = "score") -> Applied:
    """Add a model's scores to a file, whole or not at all, in flat memory; the file itself is not touched.

    Parameters
    ----------
    scorer
        See :func:`hepsets.deploy.scorers.find_scorer`.
    source
        ``FILE.root``, ``FILE.root:TREE`` or parquet.
    out
        A file of the same format.
    prefix
        What the names of the columns begin with, an identifier.

    Raises
    ------
    InputError
        For what the model cannot score, what
        :func:`hepsets.formats.added_columns.copy_with_columns` refuses, and an ``out`` that is no file or of
        another format.
    """
    path, tree = split_tree(source)
    parquet = is_parquet(path)
    _check_out(path, out, prefix, parquet=parquet)
    tree = None if parquet else scorer.tree_of(path, tree)
    scoring = scorer.scoring(path, tree)
    note = {**scorer.record(), "sha256": checksum_of_file(scorer.path), "hepsets": versions().get("hepsets")}
    names: dict[str, None] = {}

    def named(columns: Columns) -> Columns:
        found = {f"{prefix}_{name}" if name else prefix: column for name, column in columns.items()}
        names.update(dict.fromkeys(found))
        return found

    of_table = scoring.of_table
    if of_table is not None:
        copy_tables(path, out, lambda table: named(of_table(table)), json.dumps(note))
    else:
        copy_with_columns(path, tree, out, map(named, scoring.pieces()), json.dumps(note))
    return Applied(out, tuple(names), tuple(scoring.lines()))


def _check_out(path: Path, out: Path, prefix: str, *, parquet: bool) -> None:
    """Refuse what cannot be written before anything is read."""
    if not prefix.isidentifier():
        raise InputError(f"the prefix {prefix!r}", "letters, digits and _, no digit first")
    if is_special(out):
        raise InputError(f"--out {out} is a device or a pipe", "the name of a file to write")
    if parquet != (out.suffix == ".parquet"):
        raise InputError(
            f"--out {out} for {path}, {'parquet' if parquet else 'ROOT'}", "a file of the same format"
        )
