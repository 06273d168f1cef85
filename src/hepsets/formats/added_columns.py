"""Copy a user's ROOT or parquet file with further columns per event; all else in it stays as it is.

A ROOT tree cannot be lengthened in place without ROOT, so it is written anew, branch by branch, and whatever
else the file holds is copied: other trees in the same way, objects of any other class byte for byte. What was
a ``std::vector`` in a branch is a list with a counter branch then, which ROOT, RDataFrame and uproot read
alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError, reason
from hepsets.core.parquet import TableWriter, iter_row_groups, open_parquet, required_columns
from hepsets.core.whole_file import whole_file
from hepsets.formats.event_lists import STEP
from hepsets.formats.root_files import opened, trees_of

Columns = Mapping[str, NDArray[Any]]

_NAMELESS = ";1"
"""A folder without a name, which uproot 5.7 makes when it copies objects that are in no folder."""


def is_parquet(path: Path) -> bool:
    """Whether a file begins as parquet does.

    Raises
    ------
    InputError
        If there is no such file.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file", "a ROOT or parquet file", "check the path")
    with path.open("rb") as raw:
        return raw.read(4) == b"PAR1"


def copy_with_columns(path: Path, tree: str | None, out: Path, columns: Columns, note: str = "") -> None:
    """Copy a file with columns added to its events, whole or not at all, in flat memory.

    Parameters
    ----------
    path
        A ROOT or parquet file.
    tree
        The tree that the columns belong to; ``None`` for parquet.
    out
        Where the copy shall stand; of the same format.
    columns
        By name, shape ``(n_events,)`` or ``(n_events, k)``.
    note
        Where the columns come from: the object ``NAME_note`` of a ROOT file, with the name of the first
        column, or that key of the schema's metadata of a parquet file.

    Raises
    ------
    InputError
        If the file cannot be read or written, has another number of events, has columns of these names, or
        has branches that hold something else than numbers, lists of numbers and texts.
    """
    if is_parquet(path):
        _copy_parquet(path, out, columns, note)
    else:
        assert tree is not None
        with opened(path) as file, whole_file(out) as partial:
            _copy_root(file, path, tree, partial, columns, note)


def _note_name(columns: Columns) -> str:
    return f"{next(iter(columns))}_note"


def _refuse_known(columns: Columns, there: list[str], where: str) -> None:
    known = [name for name in columns if name in there]
    if known:
        raise InputError(
            f"{where} has a column {known[0]} already", "columns of new names", "choose another prefix"
        )


def _refuse_other_length(columns: Columns, events: int, where: str) -> None:
    for name, column in columns.items():
        if len(column) != events:
            raise InputError(f"{len(column)} entries of {name} for {events} events of {where}", "one each")


# -- parquet -----------------------------------------------------------------------------------------


def _copy_parquet(path: Path, out: Path, columns: Columns, note: str) -> None:
    with open_parquet(path) as file:
        there, metadata = file.schema_arrow.names, dict(file.schema_arrow.metadata or {})
        events, rows = file.metadata.num_rows, file.metadata.row_group(0).num_rows
    _refuse_known(columns, there, str(path))
    _refuse_other_length(columns, events, str(path))
    text = {key.decode(): value.decode() for key, value in metadata.items() if key != b"ARROW:schema"}
    text |= {_note_name(columns): note} if note else {}
    done = 0
    with TableWriter(out, metadata=text, group_rows=rows) as writer:
        for table in iter_row_groups(path):
            part = {name: column[done : done + table.num_rows] for name, column in columns.items()}
            added = required_columns(part)
            for field in added.schema:
                table = table.append_column(field, added.column(field.name))
            writer.write_table(table)
            done += table.num_rows


# -- ROOT --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Lists:
    """Branches that are lists with one counter."""

    counter: str
    members: tuple[str, ...]


def _copy_root(file: Any, path: Path, name: str, partial: Path, columns: Columns, note: str) -> None:
    import uproot

    trees = trees_of(file)
    where = f"{path}: tree {name!r}"
    if name not in trees:
        raise InputError(f"{path} holds no tree {name!r}", f"one of {', '.join(trees)}")
    _refuse_known(columns, list(trees[name].keys()), where)
    _refuse_other_length(columns, trees[name].num_entries, where)
    kinds = file.classnames(cycle=False)
    others = [key for key, kind in kinds.items() if key not in trees and not kind.startswith("TDirectory")]
    with partial.open("r+b") as raw, uproot.recreate(raw, compression=file.file.compression) as new:
        if others:
            try:
                new.copy_from(file, filter_name=others)
                if _NAMELESS in new.keys():  # noqa: SIM118 (no mapping)
                    del new[_NAMELESS]
            except (NotImplementedError, ValueError, KeyError) as error:
                raise InputError(
                    f"{path} holds something that cannot be copied ({reason(error)})", "trees and objects"
                ) from error
        if note:
            new[_note_name(columns)] = note
        for key, tree in trees.items():
            copy = _copy_tree if hasattr(tree, "branches") else _copy_ntuple
            try:
                copy(tree, f"{path}: tree {key!r}", new, key, columns if key == name else {})
            except (TypeError, ValueError, NotImplementedError) as error:
                if isinstance(error, InputError):
                    raise
                raise InputError(
                    f"{path}: tree {key!r} cannot be written anew ({reason(error)})",
                    "numbers, lists of numbers and texts",
                    "make a file without what holds something else",
                ) from error


def _copy_ntuple(tree: Any, where: str, new: Any, key: str, columns: Columns) -> None:  # noqa: ARG001
    """Write an RNTuple anew, with columns added."""
    import awkward as ak

    def longer(array: Any, begin: int) -> Any:
        for name, column in columns.items():
            array = ak.with_field(
                array, ak.from_numpy(column[begin : begin + len(array)], regulararray=True), name
            )
        return array

    made = new.mkrntuple(key, longer(tree.arrays(entry_stop=0), 0), tree.description)
    done = 0
    for array in tree.iterate(step_size=STEP) if tree.num_entries else ():
        made.extend(longer(array, done))
        done += len(array)


def _copy_tree(tree: Any, where: str, new: Any, key: str, columns: Columns) -> None:
    """Write a tree anew, with columns added."""
    single, lists = _layout(tree, where)
    counters = {f"lists{number}": group.counter for number, group in enumerate(lists)}
    empty = _entries(tree.arrays(entry_stop=0, library="ak"), single, lists, where)
    types = {name: _type(array) for name, array in empty.items()}
    types |= {name: np.dtype((column.dtype, column.shape[1:])) for name, column in columns.items()}
    made = new.mktree(
        key, types, title=tree.title,
        counter_name=lambda counted: counters[counted],
        field_name=lambda _, inner: inner,
    )  # fmt: skip
    done = 0
    for array in tree.iterate(step_size=STEP, library="ak") if tree.num_entries else ():
        part = {name: column[done : done + len(array)] for name, column in columns.items()}
        made.extend({**_entries(array, single, lists, where), **part})
        done += len(array)


def _layout(tree: Any, where: str) -> tuple[list[str], list[_Lists]]:
    """Branches with one entry per event, and groups of lists with their counters."""
    counted: dict[str, list[str]] = {}
    single: list[str] = []
    names = list(tree.keys())
    for name in names:
        branch = tree[name]
        leaf = branch.member("fLeaves")[0] if len(branch.member("fLeaves")) else None
        if len(branch.branches) or leaf is None:
            raise InputError(
                f"{where}: branch {name} holds objects", "numbers, lists of numbers and texts",
                "make a file without such branches",
            )  # fmt: skip
        counter = leaf.member("fLeafCount")
        if counter is not None:
            counted.setdefault(counter.member("fName"), []).append(name)
        elif "AsJagged" in type(branch.interpretation).__name__:
            counted.setdefault(_counter_of(name, names), []).append(name)
        else:
            single.append(name)
    single = [name for name in single if name not in counted]  # counters are written with their lists
    return single, [_Lists(counter, tuple(members)) for counter, members in counted.items()]


def _counter_of(name: str, names: list[str]) -> str:
    """The branch that tells the lengths of a vector: ``nParticle`` of ``Particle_px``; else a new one."""
    usual = f"n{name.split('_')[0]}"
    return usual if usual in names else f"n_{name}"


def _entries(array: Any, single: list[str], lists: list[_Lists], where: str) -> dict[str, Any]:
    import awkward as ak

    found = {name: array[name] for name in single}
    for number, group in enumerate(lists):
        first = np.asarray(ak.num(array[group.members[0]]))
        for name in group.members[1:]:
            if not np.array_equal(np.asarray(ak.num(array[name])), first):
                raise InputError(
                    f"{where}: lists {group.members[0]} and {name} of unlike lengths", "one length"
                )
        if group.counter in array.fields and not np.array_equal(np.asarray(array[group.counter]), first):
            raise InputError(f"{where}: {group.counter} is not the length of {group.members[0]}", "that")
        found[f"lists{number}"] = ak.zip({name: array[name] for name in group.members})
    return found


def _type(array: Any) -> Any:
    """What uproot is told that a branch holds."""
    content = array.type.content
    shape = getattr(content, "size", None)
    return f"{shape} * {content.content}" if shape is not None else content
