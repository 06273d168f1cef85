"""Numbers and lists of numbers by event, read a piece at a time from a ROOT tree or a parquet table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.parquet import open_parquet
from hepsets.formats.root_files import in_steps, opened, trees_of

BATCH_EVENTS = 10_000
"""How many rows of a parquet table are read at once."""

_PARQUET = b"PAR1"


class Column(NamedTuple):
    """What is known of a column before a file is opened.

    Parameters
    ----------
    needed_for
        What cannot be done without it, for the message; empty if it may be missing.
    whole
        Whether it holds whole numbers.
    lists
        Whether it holds a list in every event, not a number.
    """

    needed_for: str = ""
    whole: bool = False
    lists: bool = True


class Flat(NamedTuple):
    """A column: its numbers, or its lists end to end, of shape ``(n_entries,)``, or ``(n_entries, size)`` of
    arrays; and the lengths of the lists, if it holds any.
    """

    values: NDArray[Any]
    lengths: NDArray[np.int64] | None


@dataclass(frozen=True, eq=False)
class Piece:
    """Some events of a file.

    Parameters
    ----------
    where
        File and tree, for messages.
    events
        How many.
    values
        By column: numbers of shape ``(n_events,)``, or the lists end to end. Whole numbers are int64,
        others float64.
    lengths
        Of the lists of each column that has any, int64, shape ``(n_events,)``.
    """

    where: str
    events: int
    values: Mapping[str, NDArray[Any]]
    lengths: Mapping[str, NDArray[np.int64]]

    def offsets(self, names: Iterable[str], counter: str | None = None) -> NDArray[np.int64]:
        """Where the lists of each event begin, shape ``(n_events + 1,)``; one for all columns.

        Parameters
        ----------
        names
            Columns whose lists belong together; those that the file lacks are passed over.
        counter
            A column of numbers that says how long the lists are, if it is there.

        Raises
        ------
        InputError
            If the lists of an event have unlike lengths.
        """
        present = [name for name in names if name in self.lengths]
        first = self.lengths[present[0]]
        others = [(name, self.lengths[name]) for name in present[1:]]
        if counter is not None and counter in self.values:
            others.append((counter, self.values[counter]))
        for name, lengths in others:
            if (lengths != first).any():
                event = int(np.flatnonzero(lengths != first)[0])
                raise InputError(
                    f"{self.where}: {present[0]} has {first[event]} entries and {name} {lengths[event]} "
                    "in one event",
                    "lists of the same length",
                    "check how the file was made",
                )
        return np.concatenate([[0], np.cumsum(first)])


def iter_pieces(
    path: Path,
    tree: str | None,
    columns: Mapping[str, Column],
    *,
    what: str,
    known_by: Callable[[Collection[str]], bool],
    remedy: str = "",
) -> Iterator[Piece]:
    """Read columns of a file, whichever of the two formats it has; memory does not grow with the file.

    Parameters
    ----------
    path, tree
        The file; of a ROOT file also the tree, if several could be meant.
    columns
        What to read; columns that are there and not wanted cost nothing.
    what
        What such a file is called, for messages.
    known_by
        Tells from the names of its columns whether a tree is meant.
    remedy
        What to do about columns that are missing.

    Raises
    ------
    InputError
        For no such file, one that is empty or damaged, trees that are not there or not unique, missing
        columns (all are named at once, with what they are needed for), and columns of other types.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file", f"{what} (ROOT or parquet)", "check the path")
    with path.open("rb") as raw:
        parquet = raw.read(len(_PARQUET)) == _PARQUET
    if parquet:
        yield from _parquet_pieces(path, columns, what, remedy)
        return
    with opened(path) as file:
        trees = trees_of(file)
        name = choose_tree(path, trees, tree, what=what, known_by=known_by)
        chosen, where = trees[name], f"{path}: tree {name!r}"
        names = present_columns(chosen.keys(), columns, where, what, remedy)
        for array in in_steps(chosen, names, "ak"):
            found = {name: flat_of_awkward(array[name], f"{where}: branch {name}") for name in names}
            yield make_piece(where, found, columns)


def choose_tree(
    path: Path,
    trees: Mapping[str, Any],
    name: str | None,
    *,
    what: str,
    known_by: Callable[[Collection[str]], bool],
) -> str:
    """The one tree of a ROOT file that is meant, by its name with its folders; parameters as in
    :func:`iter_pieces`.

    Raises
    ------
    InputError
        If there is none or several, or it is empty.
    """
    if not trees:
        raise InputError(f"{path} holds no tree", what)
    if name is not None and name not in trees:
        raise InputError(f"{path} holds no tree {name!r}", f"one of {', '.join(trees)}")
    fitting = [name] if name else [key for key, tree in trees.items() if known_by(tree.keys())]
    if len(fitting) > 1:
        raise InputError(
            f"{path} holds several trees that could be meant: {', '.join(fitting)}",
            "the name of one",
            f"name it as {path}:{fitting[0]}",
        )
    if not fitting and len(trees) > 1:
        raise InputError(
            f"{path}: none of the trees {', '.join(trees)} is {what}", what,
            f"name one, as {path}:{next(iter(trees))}, to see what it lacks",
        )  # fmt: skip
    chosen = fitting[0] if fitting else next(iter(trees))
    if not trees[chosen].num_entries:
        raise InputError(f"{path}: tree {chosen!r} is empty", "at least one event")
    return chosen


def present_columns(
    there: Collection[str], columns: Mapping[str, Column], where: str, what: str, remedy: str = ""
) -> list[str]:
    """Those of the wanted columns that are there; ``remedy`` says what to do about others.

    Raises
    ------
    InputError
        If one is missing that is needed.
    """
    missing: dict[str, list[str]] = {}
    for name, column in columns.items():
        if column.needed_for and name not in there:
            missing.setdefault(column.needed_for, []).append(name)
    if missing:
        lacks = "; ".join(f"{', '.join(names)} (for {use})" for use, names in missing.items())
        first = next(iter(missing.values()))[0]
        similar = get_close_matches(first, list(there), 3)
        alike = [f"it has {', '.join(similar)}"] if similar else []
        raise InputError(f"{where} lacks {lacks}", what, "; ".join([*alike, *filter(None, [remedy])]))
    return [name for name in columns if name in there]


def make_piece(where: str, found: Mapping[str, Flat], columns: Mapping[str, Column]) -> Piece:
    """Numbers and lists end to end as the types that are wanted.

    Raises
    ------
    InputError
        For lists where numbers are wanted or the other way round, and for what are no numbers, or not whole
        where they have to be.
    """
    values, lengths = {}, {}
    for name, flat in found.items():
        place, wanted = f"{where}: {name}", columns[name]
        if (flat.lengths is not None) is not wanted.lists:
            raise InputError(
                f"{place} holds {'one entry per event' if wanted.lists else 'lists'}",
                "a list in every event" if wanted.lists else "one number per event",
            )
        if flat.lengths is not None:
            lengths[name] = flat.lengths
        values[name] = _numbers(flat.values, place, wanted.whole)
    first = next(iter(found.values()))
    return Piece(where, len(first.values if first.lengths is None else first.lengths), values, lengths)


def flat_of_awkward(array: Any, place: str) -> Flat:
    """A branch as awkward array: numbers, lists of numbers, or lists of fixed-size arrays of numbers.

    Raises
    ------
    InputError
        For anything else.
    """
    import awkward as ak

    try:
        if array.ndim == 1:
            return Flat(np.asarray(ak.to_numpy(array, allow_missing=False)), None)
        lengths = np.asarray(ak.num(array), dtype=np.int64)
        flat = ak.flatten(array, axis=1)
        if array.ndim > 3 or (array.ndim == 3 and flat.type.content.__class__.__name__ != "RegularType"):
            raise InputError(f"{place} holds lists of lists", "numbers, or lists of numbers")
        return Flat(np.asarray(ak.to_numpy(flat, allow_missing=False)), lengths)
    except InputError:
        raise
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InputError(f"{place} holds {array.type.content}", "numbers, or lists of numbers") from error


def _parquet_pieces(path: Path, columns: Mapping[str, Column], what: str, remedy: str) -> Iterator[Piece]:
    where = str(path)
    with open_parquet(path) as file:
        if not file.metadata.num_rows:
            raise InputError(f"{path} has no events", "at least one event", "check how it was made")
        there = file.schema_arrow.names
        twice = [name for name in columns if there.count(name) > 1]
        if twice:
            raise InputError(f"{where}: column {twice[0]!r} stands twice", "distinct names")
        names = present_columns(there, columns, where, what, remedy)
        try:
            for batch in file.iter_batches(BATCH_EVENTS, columns=names):
                found = zip(batch.schema.names, batch.columns, strict=True)
                flat = {name: _flat_of_arrow(array, f"{where}: {name}") for name, array in found}
                yield make_piece(where, flat, columns)
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{path} cannot be read ({(str(error).splitlines() or [''])[0]})",
                "a whole parquet file",
                "check that the copy or download was complete",
            ) from error


def _flat_of_arrow(array: pa.Array, place: str) -> Flat:
    kind, lengths = array.type, None
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        if array.null_count:
            raise InputError(f"{place} is null in {array.null_count} events", "a list in every event")
        fixed = pa.types.is_fixed_size_list(kind)
        counts = np.full(len(array), kind.list_size) if fixed else array.value_lengths().to_numpy()
        lengths = np.asarray(counts, dtype=np.int64)
        array = array.flatten()
    if array.null_count:
        raise InputError(f"{place} has {array.null_count} nulls", "numbers", "fill them")
    kind = array.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise InputError(f"{place} holds {kind}", "numbers")
    return Flat(np.asarray(array.to_numpy(zero_copy_only=False)), lengths)


def _numbers(values: NDArray[Any], place: str, whole: bool) -> NDArray[Any]:
    if values.dtype.kind not in "biuf":
        raise InputError(f"{place} holds {values.dtype}", "numbers")
    if not whole:
        return values.astype(np.float64)
    if values.dtype.kind == "f":
        good = (np.abs(values) < 2.0**62) & (values == np.rint(values))
        if not good.all():
            raise InputError(f"{place} holds {values[~good][0]}", "whole numbers")
    elif values.dtype.kind == "u" and (values > np.iinfo(np.int64).max).any():
        raise InputError(f"{place} holds {values.max()}", "numbers of at most 63 bits")
    return values.astype(np.int64)


def narrowed(column: NDArray[np.int64], kind: type[np.integer[Any]], name: str, where: str) -> NDArray[Any]:
    """Whole numbers of any shape as a smaller type.

    Raises
    ------
    InputError
        If one does not fit; ``name`` and ``where`` say what it is.
    """
    limits = np.iinfo(kind)
    bad = (column < limits.min) | (column > limits.max)
    if bad.any():
        raise InputError(
            f"{where}: {name} holds {column[bad][0]}", f"numbers from {limits.min} to {limits.max}"
        )
    return column.astype(kind)
