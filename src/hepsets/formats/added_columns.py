"""Copy a user's ROOT or parquet file with further columns per event; all else in it stays as it is.

A ROOT tree cannot be lengthened in place without ROOT, so it is written anew, branch by branch, and whatever
else the file holds is copied: other trees in the same way, objects of any other class byte for byte. What was
a ``std::vector`` in a branch is a list with a counter branch then, which ROOT, RDataFrame and uproot read
alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.errors import InputError, reason
from hepsets.core.parquet import TableWriter, iter_row_groups, open_parquet, required_columns
from hepsets.core.whole_file import together, whole_file
from hepsets.formats.root_files import in_steps, opened, trees_of

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


class Pieces:
    """Columns that come in pieces of any length, given out in pieces of the length that is asked for.

    Parameters
    ----------
    pieces
        Columns by name, each of shape ``(n,)`` or ``(n, k)``, in the order of the events; the same names in
        every piece. They are made as they are needed.

    Attributes
    ----------
    first
        The first piece, which says names and types.

    Raises
    ------
    InputError
        If there is no piece.
    """

    def __init__(self, pieces: Iterable[Columns]) -> None:
        rest = iter(pieces)
        first = next(rest, None)
        if first is None:
            raise InputError("no columns to add", "some for each event")
        self.first: Columns = first
        self._rest: Iterator[Columns] = chain([first], rest)
        self._held: dict[str, NDArray[Any]] = {name: column[:0] for name, column in first.items()}

    def take(self, events: int, where: str) -> dict[str, NDArray[Any]]:
        """The columns of the next ``events`` events, shape ``(events,)`` or ``(events, k)``.

        ``where`` names the file in messages.

        Raises
        ------
        InputError
            If there are fewer.
        """
        parts = [self._held]
        held = _length(self._held)
        while held < events:
            piece = next(self._rest, None)
            if piece is None:
                raise InputError(f"{held} entries for {events} events of {where}", "one each")
            parts.append(dict(piece))
            held += _length(piece)
        joined = {name: np.concatenate([part[name] for part in parts]) for name in self.first}
        self._held = {name: column[events:] for name, column in joined.items()}
        return {name: column[:events] for name, column in joined.items()}

    def finish(self, where: str) -> None:
        """Refuse what is left when all events have theirs.

        Raises
        ------
        InputError
            If there is any.
        """
        left = _length(self._held) + sum(map(_length, self._rest))
        if left:
            raise InputError(f"{left} entries more than {where} has events", "one each")


def copy_with_columns(
    path: Path, tree: str | None, out: Path, columns: Iterable[Columns], note: str = ""
) -> None:
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
        Pieces of columns by name, as in :class:`Pieces`.
    note
        Where the columns come from: the object ``NAME_note`` of a ROOT file, with the name of the first
        column, or that key of the schema's metadata of a parquet file.

    Raises
    ------
    InputError
        If the file cannot be read or written, has another number of events, has columns of these names, or
        has branches that hold something else than numbers, lists of numbers and texts.
    """
    pieces = Pieces(columns)
    if is_parquet(path):
        with together():
            copy_tables(path, out, lambda table: pieces.take(table.num_rows, str(path)), note)
            pieces.finish(str(path))
    else:
        assert tree is not None
        with opened(path) as file, whole_file(out) as partial:
            _copy_root(file, path, tree, partial, pieces, note)


def copy_tables(path: Path, out: Path, columns_of: Callable[[pa.Table], Columns], note: str = "") -> None:
    """Copy a parquet file with columns added, made of each row group; see :func:`copy_with_columns`.

    Parameters
    ----------
    path, out, note
        As there.
    columns_of
        Columns of the rows of a table, the same names for each.

    Raises
    ------
    InputError
        As there.
    """
    with open_parquet(path) as file:
        there, metadata = file.schema_arrow.names, dict(file.schema_arrow.metadata or {})
        rows = file.metadata.row_group(0).num_rows if file.num_row_groups else 0
    kept = {key: value for key, value in metadata.items() if key != b"ARROW:schema"}
    tables = iter_row_groups(path)
    table = next(tables)
    columns = columns_of(table)
    _refuse_known(columns, there, str(path))
    kept |= {_note_name(columns).encode(): note.encode()} if note else {}
    with TableWriter(out, metadata=kept, group_rows=rows) as writer:
        writer.write_table(_longer(table, columns, path))
        for table in tables:
            writer.write_table(_longer(table, columns_of(table), path))


def _longer(table: pa.Table, columns: Columns, path: Path) -> pa.Table:
    _refuse_other_length(columns, table.num_rows, str(path))
    added = required_columns(columns)
    for field in added.schema:
        table = table.append_column(field, added.column(field.name))
    return table


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values())))


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


# -- ROOT --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Lists:
    """Branches that are lists with one counter."""

    counter: str
    members: tuple[str, ...]


def _copy_root(file: Any, path: Path, name: str, partial: Path, pieces: Pieces, note: str) -> None:
    import uproot

    trees = trees_of(file)
    where = f"{path}: tree {name!r}"
    if name not in trees:
        raise InputError(f"{path} holds no tree {name!r}", f"one of {', '.join(trees)}")
    _refuse_known(pieces.first, list(trees[name].keys()), where)
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
            new[_note_name(pieces.first)] = note
        for key, tree in trees.items():
            copy = _copy_tree if hasattr(tree, "branches") else _copy_ntuple
            try:
                copy(tree, f"{path}: tree {key!r}", new, key, pieces if key == name else None)
            except (TypeError, ValueError, NotImplementedError) as error:
                if isinstance(error, InputError):
                    raise
                raise InputError(
                    f"{path}: tree {key!r} cannot be written anew ({reason(error)})",
                    "numbers, lists of numbers and texts",
                    "make a file without what holds something else",
                ) from error


def _copy_ntuple(tree: Any, where: str, new: Any, key: str, pieces: Pieces | None) -> None:
    """Write an RNTuple anew, with columns added."""
    import awkward as ak

    def longer(array: Any) -> Any:
        for name, column in pieces.take(len(array), where).items() if pieces else ():
            array = ak.with_field(array, ak.from_numpy(column, regulararray=True), name)
        return array

    made = new.mkrntuple(key, longer(tree.arrays(entry_stop=0)), tree.description)
    for array in in_steps(tree, None, "ak"):
        made.extend(longer(array))
    if pieces:
        pieces.finish(where)


def _copy_tree(tree: Any, where: str, new: Any, key: str, pieces: Pieces | None) -> None:
    """Write a tree anew, with columns added."""
    single, lists = _layout(tree, where)
    counters = {f"lists{number}": group.counter for number, group in enumerate(lists)}
    empty = _entries(tree.arrays(entry_stop=0, library="ak"), single, lists, where)
    types = {name: _type(array) for name, array in empty.items()}
    added = pieces.first if pieces else {}
    types |= {name: np.dtype((column.dtype, column.shape[1:])) for name, column in added.items()}
    made = new.mktree(
        key, types, title=tree.title,
        counter_name=lambda counted: counters[counted],
        field_name=lambda _, inner: inner,
    )  # fmt: skip
    for array in in_steps(tree, None, "ak"):
        part = pieces.take(len(array), where) if pieces else {}
        made.extend({**_entries(array, single, lists, where), **part})
    if pieces:
        pieces.finish(where)


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
