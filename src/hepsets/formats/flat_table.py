"""Columns of flat tables, one row per candidate, from ROOT, parquet or CSV, by the user's names."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from hepsets.core.errors import InputError, reason
from hepsets.core.event_frame import EventFrame, read_frame, refuse_other_text
from hepsets.core.parquet import open_parquet
from hepsets.formats.root_files import opened, split_tree, trees_of


def read_columns(
    path: str | Path, columns: Sequence[str], *, optional: Sequence[str] = (), remedy: str = ""
) -> EventFrame:
    """Columns of a table; what else it holds is not looked at.

    Parameters
    ----------
    path
        ROOT (``FILE.root:TREE`` names one of several trees), parquet or CSV with a header.
    columns
        Their names. Nulls and empty cells are NaN.
    optional
        Columns to read besides, where the table has them.
    remedy
        What to do about a missing column; by default a close name is told.

    Raises
    ------
    InputError
        For a file that is missing, damaged, empty, of another kind, without a column (close names are told),
        with several trees that hold the columns, and for columns that hold no single numbers.
    """
    file, tree = split_tree(path)
    if file.suffix == ".root":
        return _from_root(file, tree, columns, optional, remedy)
    (names,) = tables_of(file).values()
    _refuse_missing(file, names, columns, remedy)
    return read_frame(file, list(dict.fromkeys(columns)), optional=optional, nulls_as_nan=True)


def tables_of(path: str | Path) -> dict[str, list[str]]:
    """Names of the columns of each tree in a ROOT file, by its name; of another file's one table, by ``""``.

    Parameters
    ----------
    path
        As :func:`read_columns` takes it; of ``FILE.root:TREE`` that tree alone.

    Raises
    ------
    InputError
        For a file that is missing, damaged or of another kind, without trees, or without the named one.
    """
    file, tree = split_tree(path)
    if file.suffix == ".root":
        with opened(file) as root:
            return {name: list(one.keys()) for name, one in _named_trees(file, tree, root).items()}
    if file.is_dir():
        raise InputError(
            f"{file} is a folder", "a file", f"name one, or all by a pattern such as {file}/*.root"
        )
    if not file.is_file():
        raise InputError(f"no file {file}", "an existing file", "check the path")
    if file.suffix == ".parquet":
        with open_parquet(file) as opened_file:
            return {"": list(opened_file.schema_arrow.names)}
    if file.suffix == ".csv":
        refuse_other_text(file)
        try:
            with pa.csv.open_csv(file) as reader:
                return {"": list(reader.schema.names)}
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last one of its names
            raise InputError(f"{file} cannot be read ({reason(error)})", "a table with a header") from error
    raise InputError(f"{file} ends in {file.suffix!r}", "one of .root, .parquet, .csv", "convert the file")


def _named_trees(path: Path, tree: str | None, file: Any) -> dict[str, Any]:
    trees = trees_of(file)
    if not trees:
        raise InputError(f"{path} holds no tree", "a tree with one row per candidate")
    if tree is None:
        return trees
    if tree not in trees:
        raise InputError(f"{path} holds no tree {tree!r}", f"one of {', '.join(trees)}")
    return {tree: trees[tree]}


def _from_root(
    path: Path, tree: str | None, columns: Sequence[str], optional: Sequence[str], remedy: str
) -> EventFrame:
    with opened(path) as file:
        trees = _named_trees(path, tree, file)
        fitting = {name: one for name, one in trees.items() if set(columns) <= set(one.keys())}
        if not fitting:
            names = [key for one in trees.values() for key in one.keys()]  # noqa: SIM118
            _refuse_missing(path, names, columns, remedy)
            raise InputError(f"{path}: no tree with all of {', '.join(columns)}", "one tree that has them")
        if len(fitting) > 1:
            raise InputError(
                f"{path} holds the columns in several trees: {', '.join(fitting)}",
                "the name of one",
                f"name it as {path}:{next(iter(fitting))}",
            )
        (chosen,) = fitting.values()
        if not chosen.num_entries:
            raise InputError(f"{path} has no events", "at least one event", "check how it was made")
        found = [*columns, *(name for name in optional if name in chosen)]
        return EventFrame({name: _numbers(path, name, chosen[name]) for name in dict.fromkeys(found)})


def _numbers(path: Path, name: str, branch: Any) -> np.ndarray:
    column = branch.array(library="np")
    if column.ndim != 1 or column.dtype.kind not in "biuf":
        raise InputError(
            f"{path}: branch {name} does not hold numbers one by one", "one number per candidate"
        )
    return np.asarray(column)


def _refuse_missing(path: Path, names: Sequence[str], columns: Sequence[str], remedy: str = "") -> None:
    """Refuse a table without a column, naming those that are called alike."""
    missing = [column for column in columns if column not in names]
    if not missing:
        return
    lower = {name.lower(): name for name in names}
    alike = [lower[name] for name in get_close_matches(missing[0].lower(), lower, n=3, cutoff=0.5)]
    close = [repr(name) if name != name.strip() else name for name in alike]
    few = list(names)[:20]
    raise InputError(
        f"{path} has no column {', '.join(missing)}",
        f"one of its {len(names)} columns, such as {', '.join(close or few)}",
        remedy or (f"did you mean {close[0]}?" if close else ""),
    )
