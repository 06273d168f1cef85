"""Events of a few numbers each, as named columns: decays with their angles, candidates."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.extras import telling_extras
from hepsets.core.parquet import TableWriter, open_parquet, required_columns
from hepsets.core.purpose import Purpose, common, demand
from hepsets.core.screen import column_lines, on_screen

GROUP_ROWS = 500_000
"""Events per row group of a file; a few numbers per event, so many events."""

SUFFIXES = (".parquet", ".csv", ".pkl")
"""What :func:`read_frame` reads."""


@dataclass(frozen=True, eq=False)
class EventFrame:
    """Many events: one number or truth value per event in each named column.

    Parameters
    ----------
    columns
        At least one array of numbers or booleans, all of shape ``(n_events,)``; their types are kept,
        NaN and infinities too (a stage that cannot use them says so).
    purpose
        What the events are for, if that is settled; every choice of them serves the same.

    Raises
    ------
    InputError
        If a column is not one-dimensional, has another length, or holds something else than numbers.

    Examples
    --------
    >>> frame = EventFrame({"chi": np.array([0.1, 0.2, 0.3]), "flavour": np.array([1, -1, 1])})
    >>> len(frame), frame["chi"].tolist(), frame[frame["flavour"] > 0]["chi"].tolist()
    (3, [0.1, 0.2, 0.3], [0.1, 0.3])
    """

    columns: Mapping[str, NDArray[Any]]
    purpose: Purpose | None = None

    def __post_init__(self) -> None:
        if not self.columns:
            raise InputError("a table without columns", "at least one column")
        columns = {str(name): np.ascontiguousarray(column) for name, column in self.columns.items()}
        length = len(next(iter(columns.values())))
        for name, column in columns.items():
            if column.dtype.kind not in "biuf":
                raise InputError(f"column {name!r} of type {column.dtype}", "numbers or booleans")
            if column.shape != (length,):
                raise InputError(f"column {name!r} of shape {column.shape}", f"({length},), as the first")
        object.__setattr__(self, "columns", columns)

    def __repr__(self) -> str:
        """The number of events, and what each column holds."""
        wanted = f", for {self.purpose.value}" if self.purpose else ""
        return on_screen((f"EventFrame: {len(self):,} events{wanted}", *column_lines(self.columns)))

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __getitem__(self, which: Any) -> Any:
        """A column by its name; else the events of a number, slice, mask or array of numbers, as a frame."""
        if isinstance(which, str):
            if which not in self.columns:
                raise InputError(
                    f"no column {which!r} among {', '.join(self.columns)}", "a column of the table"
                )
            return self.columns[which]
        if isinstance(which, int | np.integer):
            which = np.array([which])
        return EventFrame({name: column[which] for name, column in self.columns.items()}, self.purpose)

    def with_columns(self, **columns: NDArray[Any]) -> EventFrame:
        """The same events with columns added or replaced, each of shape ``(n_events,)``."""
        return EventFrame({**self.columns, **columns}, self.purpose)

    def used_for(self, purpose: Purpose) -> EventFrame:
        """The same events, for a purpose.

        Raises
        ------
        InputError
            If they serve another one already: what was trained on or chosen with cannot judge.
        """
        demand(self.purpose, purpose, f"{purpose} events are needed")
        return EventFrame(self.columns, purpose)

    def select_columns(self, names: Sequence[str]) -> EventFrame:
        """The same events with only the named columns, in that order."""
        return EventFrame({name: self[name] for name in names}, self.purpose)

    def select_present(self, names: Sequence[str]) -> EventFrame:
        """The same events with those of the named columns that there are, in that order."""
        return self.select_columns([name for name in names if name in self])

    @staticmethod
    def concatenate(parts: Sequence[EventFrame]) -> EventFrame:
        """Join tables end to end; all must have the same columns and one purpose.

        Raises
        ------
        InputError
            For no tables, or tables of unlike columns.
        """
        if not parts:
            raise InputError("nothing to concatenate", "at least one table")
        names = list(parts[0].columns)
        for part in parts:
            if set(part.columns) != set(names):
                raise InputError(f"columns {sorted(part.columns)}", f"{sorted(names)}, as in the first table")
        return EventFrame(
            {name: np.concatenate([part[name] for part in parts]) for name in names},
            common(part.purpose for part in parts),
        )

    def to_arrow(self) -> pa.Table:
        """An Arrow table of the same columns."""
        return required_columns(self.columns)

    def write_parquet(self, path: str | Path, *, metadata: Mapping[str, str] | None = None) -> None:
        """Write a parquet file, whole or not at all; ``metadata`` (provenance) goes into its schema."""
        with TableWriter(path, metadata=metadata, group_rows=GROUP_ROWS) as writer:
            writer.write_table(self.to_arrow())


def read_frame(
    path: str | Path,
    columns: Sequence[str] | None = None,
    *,
    optional: Sequence[str] = (),
    trust_pickle: bool = False,
    remedy: str = "rename the columns of the file",
    suffix: str | None = None,
    nulls_as_nan: bool = False,
) -> EventFrame:
    """Read a table of events from parquet, CSV (with a header) or a pickled pandas data frame.

    Parameters
    ----------
    path
        The file; its suffix says what it is.
    columns
        The columns to read; all by default. What else the file holds is not looked at.
    optional
        Columns to read besides ``columns``, where the file has them.
    trust_pickle
        Read a pickle, which may run any code while it is read.
    remedy
        What errors about missing columns advise.
    suffix
        One of :data:`SUFFIXES`, in place of the file's own.
    nulls_as_nan
        Take nulls and empty cells for NaN, as tables of candidates have them; refused by default.

    Raises
    ------
    InputError
        For a file that is missing, damaged, empty, of another kind or without the columns, for columns
        that hold nulls or no numbers, and for a pickle that nobody vouches for.
    """
    path = Path(path)
    suffix = suffix or path.suffix
    if suffix not in SUFFIXES:
        raise InputError(f"{path} ends in {suffix!r}", f"one of {', '.join(SUFFIXES)}", "convert the file")
    if not path.is_file():
        raise InputError(f"no file {path}", "an existing file", "check the path")

    def choose(names: Sequence[str]) -> list[str]:
        return _chosen(path, names, columns, optional, remedy)

    if suffix == ".pkl":
        table = _from_pickle(path, choose, trust_pickle)
    else:
        table = (_from_parquet if suffix == ".parquet" else _from_csv)(path, choose, nulls_as_nan)
    if not any(len(column) for column in table.values()):
        raise InputError(f"{path} has no events", "at least one event", "check how it was made")
    try:
        return EventFrame(table)
    except InputError as error:
        raise error.within(path) from error


_Choose = Callable[[Sequence[str]], list[str]]
"""From the names of all columns of a file to those that are read."""


def _chosen(
    path: Path, names: Sequence[str], columns: Sequence[str] | None, optional: Sequence[str], remedy: str
) -> list[str]:
    absent = [name for name in columns or () if name not in names]
    if absent:
        raise InputError(
            f"{path} has no column {', '.join(absent)} (it has {', '.join(names)})",
            f"the columns {', '.join(columns or ())}",
            remedy,
        )
    wanted = names if columns is None else [*columns, *optional]
    chosen = [name for name in dict.fromkeys(wanted) if name in names]
    twice = [name for name in chosen if names.count(name) > 1]
    if twice:
        raise InputError(
            f"{path} has several columns {', '.join(map(repr, twice))}",
            "one of each",
            "rename or drop the others",
        )
    return chosen


def refuse_other_text(path: Path) -> None:
    """Refuse a CSV file whose header is no UTF-8, or parted by semicolons or tabs.

    Raises
    ------
    InputError
        That names what it is.
    """
    try:
        with path.open("rb") as file:
            header = file.readline(1 << 20).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} cannot be read (its header is no UTF-8)", "UTF-8 text", "convert it: iconv -t UTF-8"
        ) from error
    except OSError as error:
        raise _damaged(path, error) from error
    for sign, name in ((",", ""), (";", "semicolons"), ("\t", "tabs")):
        if sign in header:
            if name:
                raise InputError(
                    f"{path} has {name} between its columns",
                    "commas",
                    "write it with sep=',' and decimal='.'",
                )
            return


def _from_parquet(path: Path, choose: _Choose, nulls_as_nan: bool) -> dict[str, NDArray[Any]]:
    with open_parquet(path) as file:
        names = choose(file.schema_arrow.names)
        try:
            return _arrays(file.read(columns=names).select(names), path, nulls_as_nan)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error


def _from_csv(path: Path, choose: _Choose, nulls_as_nan: bool) -> dict[str, NDArray[Any]]:
    refuse_other_text(path)
    # "nan" stays a number; an empty cell is no value, or makes a column of text, which is refused
    options = pa.csv.ConvertOptions(null_values=[""] if nulls_as_nan else [])
    try:
        table = pa.csv.read_csv(path, convert_options=options)
        names = table.column_names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last one of its names
        raise _damaged(path, error) from error
    chosen = table.select(choose(names))
    for name, column in zip(chosen.column_names, chosen.columns, strict=True):
        if pa.types.is_string(column.type):
            raise _no_number(path, name, column, nulls_as_nan)
    return _arrays(chosen, path, nulls_as_nan)


def _no_number(path: Path, name: str, column: pa.ChunkedArray, nulls_as_nan: bool) -> InputError:
    """Which cell makes a column text."""
    cells = column.to_pylist()
    fine = [_is_number(cell) or (nulls_as_nan and not cell) for cell in cells]
    row = fine.index(False) if False in fine else 0
    return InputError(
        f"{path}: column {name!r} holds {cells[row]!r} in row {row + 1}",
        "numbers or booleans",
        "write nan for no value",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _from_pickle(path: Path, choose: _Choose, trust: bool) -> dict[str, NDArray[Any]]:
    if not trust:
        raise InputError(
            f"{path} is a pickle, which may run any code when it is read",
            "parquet or CSV",
            "if you trust whoever wrote it, add --trust-pickle",
        )
    with telling_extras(f"{path}, a pickle,"):
        pandas = importlib.import_module("pandas")  # no part of the package
    try:
        table = pandas.read_pickle(path)
    except Exception as error:  # a pickle may raise anything
        raise _damaged(path, error) from error
    if not isinstance(table, pandas.DataFrame):
        raise InputError(f"{path} holds a {type(table).__name__}", "a pandas data frame")
    names = [str(name) for name in table.columns]
    return {name: table.iloc[:, names.index(name)].to_numpy() for name in choose(names)}


def _arrays(table: pa.Table, path: Path, nulls_as_nan: bool) -> dict[str, NDArray[Any]]:
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count and not nulls_as_nan:
            raise InputError(
                f"{path}: column {name!r} has {column.null_count} nulls", "none", "drop such rows"
            )
    return {name: _array(table.column(name)) for name in table.column_names}


def _array(column: pa.ChunkedArray) -> NDArray[Any]:
    """As numpy has it; with nulls as NaN, all of them too."""
    if pa.types.is_null(column.type) or (column.null_count and pa.types.is_boolean(column.type)):
        column = column.cast(pa.float64()) if pa.types.is_null(column.type) else column.cast(pa.int8())
    return np.asarray(column.to_numpy())


def _damaged(path: Path, error: Exception) -> InputError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(f"{path} cannot be read ({reason})", "a whole file", "check that the copy was complete")
