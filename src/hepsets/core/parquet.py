"""Tables of particle lists in parquet files: written whole, read by row group, verified as they are read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hepsets.core.block_checksums import ChecksumReader, ChecksumWriter, checksums
from hepsets.core.errors import InputError
from hepsets.core.whole_file import Partial

_UNREADABLE = (pa.ArrowException, OSError, ValueError)
"""What pyarrow raises for a file that is cut, foreign or damaged."""

_AWKWARD_TYPES = b"awkward_array_metadata"
"""Key of a schema's metadata under which Awkward Array says of each column what it was."""


ROW_GROUP_EVENTS = 20_000
"""Events per row group that the writers of the house make; it bounds their memory."""


def arrow_table(
    particles: Mapping[str, NDArray[Any]], offsets: NDArray[np.int64], columns: Mapping[str, NDArray[Any]]
) -> pa.Table:
    """A table with a list of particles per event and the event columns; no field of it may be null.

    Columns of particles have shape ``(n_particles,)``, offsets ``(n_events + 1,)``, event columns
    ``(n_events,)`` or ``(n_events, n)``.
    """
    struct = required_columns(particles)
    element = pa.field("element", pa.struct(list(struct.schema)), nullable=False)
    long = struct.num_rows >= np.iinfo(np.int32).max
    kind, array = (pa.large_list, pa.LargeListArray) if long else (pa.list_, pa.ListArray)
    lists = array.from_arrays(
        pa.array(offsets if long else offsets.astype(np.int32)),
        pa.StructArray.from_arrays(
            [column.chunk(0) for column in struct.columns], fields=list(struct.schema)
        ),
        type=kind(element),
    )
    by_event = required_columns(columns)
    schema = pa.schema([pa.field("particles", lists.type, nullable=False), *by_event.schema])
    return pa.Table.from_arrays([lists, *by_event.columns], schema=schema)


def required_columns(columns: Mapping[str, NDArray[Any]]) -> pa.Table:
    """Arrays of shape ``(n_rows,)`` or ``(n_rows, n)`` as columns of a table, none of which may be null."""
    arrays = {name: _required_array(column) for name, column in columns.items()}
    fields = [pa.field(name, array.type, nullable=False) for name, array in arrays.items()]
    return pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields))


def particle_lists(table: pa.Table, source: str) -> tuple[pa.StructArray, NDArray[np.int64]]:
    """The particles of all events of a table, as one flat struct array, and offsets ``(n_events + 1,)``.

    Raises
    ------
    InputError
        For doubled names, a missing column ``particles``, another type, or null events.
    """
    _distinct(table.column_names, f"{source}: column")
    if "particles" not in table.column_names:
        raise InputError(
            f"{source} has columns {table.column_names}",
            "a column 'particles' with a list of particles per event",
            "write the study's schema (see docs/files.md)",
        )
    chunked = table.column("particles")
    lists = (
        chunked.chunk(0)
        if chunked.num_chunks == 1
        else pa.concat_arrays(chunked.chunks or [pa.array([], chunked.type)])
    )
    if not (pa.types.is_list(lists.type) or pa.types.is_large_list(lists.type)) or not (
        pa.types.is_struct(lists.type.value_type)
    ):
        raise InputError(
            f"{source}: 'particles' has type {_short(lists.type)}", "list<struct<pdg, index, …>>"
        )
    if lists.null_count:
        raise InputError(f"{source}: {lists.null_count} events are null", "a list in every event")
    raw = lists.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    offsets = raw - raw[0] if len(raw) else np.zeros(1, np.int64)
    struct = lists.values.slice(int(raw[0]) if len(raw) else 0, int(offsets[-1]))
    if struct.null_count:
        raise InputError(f"{source}: {struct.null_count} particles are null", "numbers in every particle")
    names = [struct.type.field(i).name for i in range(struct.type.num_fields)]
    _distinct(names, f"{source}: field")
    return struct, offsets


def event_columns(table: pa.Table, source: str) -> dict[str, NDArray[Any]]:
    """All columns of a table but the particles, each of shape ``(n_events,)`` or ``(n_events, n)``.

    Raises
    ------
    InputError
        For nulls and lists of unlike lengths.
    """
    return {
        name: _event_column(table.column(name), name, source)
        for name in table.column_names
        if name != "particles"
    }


def _short(type_: pa.DataType) -> str:
    text = " ".join(str(type_).split())
    return text if len(text) < 60 else f"{text[:57]}…"


def _distinct(names: Sequence[str], what: str) -> None:
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise InputError(f"{what} {twice[0]!r} stands twice", "distinct names", "rename or drop one")


def _event_column(column: pa.ChunkedArray, name: str, source: str) -> NDArray[Any]:
    if column.null_count:
        raise InputError(
            f"{source}: event column {name!r} has {column.null_count} nulls",
            "none",
            "fill them or leave the column out",
        )
    if pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type):
        try:
            return np.asarray(column.to_pylist())
        except ValueError as error:
            raise InputError(
                f"{source}: event column {name!r} has lists of unlike lengths",
                "as many numbers in every event",
                "leave the column out",
            ) from error
    values: NDArray[Any] = column.to_numpy()
    return values


def open_parquet(path: str | Path) -> pq.ParquetFile:
    """Open a parquet file, with an error that helps if it is not one.

    What :class:`TableWriter` wrote is verified byte for byte as it is read
    (:mod:`hepsets.core.block_checksums`), other files as far as their pages carry checksums.

    Raises
    ------
    InputError
        If the file does not exist, is truncated, damaged or not parquet.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no file {path}", "an existing parquet file", "check the path")
    try:
        known = checksums(path)
        # pyarrow's own paths are UTF-8
        source = pa.OSFile(os.fsencode(path)) if known is None else ChecksumReader(path, *known)
        return pq.ParquetFile(source, page_checksum_verification=True)
    except _UNREADABLE as error:
        raise InputError(
            f"{path} cannot be read as parquet ({str(error).splitlines()[0]})",
            "a whole parquet file",
            "check that the copy or download was complete",
        ) from error


def iter_row_groups(
    path: str | Path,
    *,
    row_groups: Sequence[int] | None = None,
    columns: Sequence[str] | None = None,
) -> Iterator[pa.Table]:
    """Yield the row groups of a file of events that are not empty, as Arrow tables.

    Raises
    ------
    InputError
        For anything that is not a readable file with events and the columns asked for.
    """
    with open_parquet(path) as file:
        chosen = range(file.num_row_groups) if row_groups is None else row_groups
        bad = [group for group in chosen if not 0 <= group < file.num_row_groups]
        if bad:
            raise InputError(
                f"row groups {bad} of {path}",
                f"numbers from 0 to {file.num_row_groups - 1}",
            )
        if file.metadata.num_rows == 0 or not len(chosen):
            raise InputError(f"{path} has no events", "at least one event", "check how it was made")
        names = file.schema_arrow.names
        if columns is not None:
            absent = [name for name in columns if name not in names]
            if absent:
                raise InputError(
                    f"{path} has no event column {', '.join(absent)} (it has {', '.join(names)})",
                    "the columns asked for",
                )
            names = ["particles", *columns]
        for group in chosen:
            try:
                table = file.read_row_group(group, columns=names)
            except _UNREADABLE as error:
                raise InputError(
                    f"row group {group} of {path} cannot be read ({str(error).splitlines()[0]})",
                    "a whole parquet file",
                    "check that the copy or download was complete",
                ) from error
            if table.num_rows:
                yield table


def _without_stale_types(schema: pa.Schema) -> pa.Schema:
    """The schema, without Awkward Array's account of columns if it lacks one: it would refuse the file."""
    metadata = dict(schema.metadata or {})
    try:
        told = set(json.loads(metadata.get(_AWKWARD_TYPES, b"")))
    except (ValueError, TypeError):
        told = set()
    if not told.issuperset(schema.names):
        metadata.pop(_AWKWARD_TYPES, None)
    return schema.with_metadata(metadata or None)


class TableWriter:
    """Stream Arrow tables to a parquet file that appears only when it is complete.

    The file is written beside its final place and renamed on a clean exit; after an error or a
    kill nothing stands under the final name.

    Parameters
    ----------
    path
        Where the finished file shall stand.
    metadata
        Key–value pairs (provenance) stored in the parquet schema.
    group_rows
        Rows per row group, :data:`ROW_GROUP_EVENTS` by default; they are in memory until it is written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        metadata: Mapping[str, str] | Mapping[bytes, bytes] | None = None,
        group_rows: int | None = None,
    ) -> None:
        self.path = Path(path)
        self._group_rows = group_rows or ROW_GROUP_EVENTS
        self._metadata = dict(metadata or {})
        self._writer: pq.ParquetWriter | None = None
        self._pending: list[pa.Table] = []
        self._grouped = False

    def __enter__(self) -> Self:
        self._partial = Partial(self.path)
        return self

    def write_table(self, table: pa.Table) -> None:
        """Append a table; every ``group_rows`` rows make a row group."""
        if self._writer is None:
            schema = table.schema.with_metadata(self._metadata) if self._metadata else table.schema
            schema = _without_stale_types(schema)
            self._file = self._partial.path.open("wb")
            self._sink = ChecksumWriter(self._file)
            self._writer = pq.ParquetWriter(
                self._sink,
                schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=_repeating(schema),
                write_page_checksum=True,
            )
        self._pending.append(table.cast(self._writer.schema))
        rows = sum(part.num_rows for part in self._pending)
        if rows >= self._group_rows:
            whole = rows - rows % self._group_rows
            joined = pa.concat_tables(self._pending)
            self._pending = [joined.slice(whole)]
            self._writer.write_table(joined.slice(0, whole), row_group_size=self._group_rows)
            self._grouped = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._writer is None:
                return
            if kind is None:
                self._finish(self._writer)
                self._partial.keep()
            else:
                self._partial.name_in(error)
                self._give_up(self._writer)
        except OSError as full:
            self._partial.name_in(full)
            raise
        finally:
            self._partial.drop()

    def _finish(self, writer: pq.ParquetWriter) -> None:
        try:
            # a row group even without rows: awkward does not open files that have none
            if not self._grouped or any(part.num_rows for part in self._pending):
                writer.write_table(pa.concat_tables(self._pending))
            self._sink.begin_footer()
            writer.close()
            self._sink.end()
            self._file.close()
        except BaseException:
            self._give_up(writer)
            raise

    def _give_up(self, writer: pq.ParquetWriter) -> None:
        writer.is_open = False  # it would write the end of the file when it is collected
        with suppress(OSError):  # a full disk is full for what is left in the buffer, too
            self._file.close()


def _repeating(schema: pa.Schema) -> list[str]:
    """Paths of the columns that may repeat themselves, as ids and texts do: a dictionary shortens these.

    One of momenta holds every number once, and takes longer to make than all else that writing does.
    """

    def paths(field: pa.Field, above: str) -> Iterator[str]:
        kind, path = field.type, f"{above}{field.name}"
        if pa.types.is_struct(kind):
            for inner in kind:
                yield from paths(inner, f"{path}.")
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            yield from paths(kind.value_field.with_name("element"), f"{path}.list.")
        elif not pa.types.is_floating(kind):
            yield path

    return [path for field in schema for path in paths(field, "")]


def _required_array(column: NDArray[Any]) -> pa.Array:
    """One entry per event, lists for further dimensions."""
    array = pa.array(column.reshape(-1))
    for axis in range(column.ndim - 1, 0, -1):
        edges = (
            np.arange(np.prod(column.shape[:axis], dtype=np.int64) + 1, dtype=np.int32) * column.shape[axis]
        )
        kind = pa.list_(pa.field("element", array.type, nullable=False))
        array = pa.ListArray.from_arrays(pa.array(edges, pa.int32()), array, type=kind)
    return array
