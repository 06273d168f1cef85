"""The ragged event table that every stage of the house passes on.

Particles of all events lie in flat columns; ``offsets`` says where each event begins and ends.
Nothing is padded and nothing is inferred from zeros: an event is exactly its slice.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hepsets.core.block_checksums import ChecksumReader, ChecksumWriter, checksums
from hepsets.core.errors import InputError
from hepsets.core.purpose import common
from hepsets.core.ragged import RaggedTable, checked_offsets
from hepsets.core.whole_file import Partial

if TYPE_CHECKING:
    import awkward as ak

PARTICLE_COLUMNS: Mapping[str, np.dtype[Any]] = {
    "pdg": np.dtype(np.int32),
    "index": np.dtype(np.int32),
    "mother_index": np.dtype(np.int32),
    "prod_time": np.dtype(np.float32),
    "x": np.dtype(np.float32),
    "y": np.dtype(np.float32),
    "z": np.dtype(np.float32),
    "px": np.dtype(np.float32),
    "py": np.dtype(np.float32),
    "pz": np.dtype(np.float32),
    "energy": np.dtype(np.float32),
}
"""Particle columns in memory: integers without unit, ``prod_time`` [ns], ``x y z`` [cm],
``px py pz energy`` [GeV], all in the laboratory frame."""

_FILE_NAMES = {"prod_time": "prodTime"}
"""Where the study's parquet schema spells a column otherwise."""

_UNREADABLE = (pa.ArrowException, OSError, ValueError)
"""What pyarrow raises for a file that is cut, foreign or damaged."""

ROW_GROUP_EVENTS = 20_000
"""Events per row group that the writers of the house make; it bounds their memory."""


@dataclass(frozen=True, eq=False)
class Events(RaggedTable):
    """Many events: flat particle columns, event offsets, event columns.

    Parameters
    ----------
    particles
        One array of shape ``(n_particles,)`` for every name in :data:`PARTICLE_COLUMNS`.
        ``mother_index`` holds the ``index`` of the mother in the same event; a root is its own
        mother.
    offsets
        int64, shape ``(n_events + 1,)``: event ``i`` owns particles ``offsets[i]:offsets[i + 1]``.
    columns
        Event columns, each with first dimension ``n_events`` (``label``, ``weight``, …).
    purpose
        What the events are for, if that is settled.

    Raises
    ------
    InputError
        If a column is missing or its length does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> one = {name: np.zeros(2, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    >>> one["index"] = np.array([0, 1], dtype=np.int32)
    >>> events = Events(one, np.array([0, 2]), {"label": np.array([1])})
    >>> len(events), events.n_particles
    (1, 2)
    """

    def __post_init__(self) -> None:
        missing = [name for name in PARTICLE_COLUMNS if name not in self.particles]
        if missing:
            raise InputError(
                f"particle columns {missing} are missing",
                f"all of {list(PARTICLE_COLUMNS)}",
                "add them to the table",
            )
        with np.errstate(over="ignore"):  # what single precision cannot hold becomes infinite: see validate
            particles = {
                name: np.ascontiguousarray(_fitting(name, self.particles[name], dtype), dtype=dtype)
                for name, dtype in PARTICLE_COLUMNS.items()
            }
        offsets = checked_offsets(self.offsets)
        for name, column in particles.items():
            if column.shape != (offsets[-1],):
                raise InputError(
                    f"particle column {name!r} of shape {column.shape}",
                    f"({offsets[-1]},), the last offset",
                )
        columns = {name: np.asarray(column) for name, column in self.columns.items()}
        for name, column in columns.items():
            if len(column) != len(offsets) - 1:
                raise InputError(
                    f"event column {name!r} of length {len(column)}", f"{len(offsets) - 1}, one per event"
                )
        object.__setattr__(self, "particles", particles)
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "columns", columns)

    @cached_property
    def mothers(self) -> NDArray[np.int64]:
        """Flat position of each particle's mother, shape ``(n_particles,)``; a root points at itself.

        Raises
        ------
        InputError
            If an ``index`` occurs twice in an event or a ``mother_index`` points nowhere.
        """
        index = self.particles["index"]
        mother_index = self.particles["mother_index"]
        event = self.event_of_particle
        start = self.offsets[:-1][event]
        if np.array_equal(index, np.arange(self.n_particles) - start):  # indices are positions
            lost = (mother_index < 0) | (mother_index >= self.multiplicity[event])
            position: NDArray[np.int64] = start + mother_index
        else:
            low = min(int(index.min(initial=0)), int(mother_index.min(initial=0)))
            span = max(int(index.max(initial=0)), int(mother_index.max(initial=0))) - low + 1
            key = event * span + (index.astype(np.int64) - low)
            order = np.argsort(key, kind="stable")
            ordered = key[order]
            twice = np.flatnonzero(ordered[1:] == ordered[:-1])
            if len(twice):
                particle = order[twice[0] + 1]
                raise InputError(
                    f"index {index[particle]} stands twice in event {event[particle]}",
                    "an index that is unique within its event",
                    "renumber the particles of each event",
                )
            wanted = event * span + (mother_index.astype(np.int64) - low)
            found = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
            lost = ordered[found] != wanted
            position = order[found]
        if lost.any():
            particle = int(np.argmax(lost))
            raise InputError(
                f"mother_index {mother_index[particle]} of particle {index[particle]} in event "
                f"{event[particle]} points nowhere",
                "the index of a particle in the same event",
                "make each root its own mother and keep mothers in the table",
            )
        return position

    # -- checks --------------------------------------------------------------------------------

    def validate(self, *, allow_empty: bool = False) -> Self:
        """Check the content once, at the door, and return the table itself.

        Raises
        ------
        InputError
            For no events, an event without particles (unless ``allow_empty``), NaN or infinite
            values, doubled indices, lost mothers and mother cycles.
        """
        if len(self) == 0:
            raise InputError("no events", "at least one event", "check how the file was made")
        if not allow_empty and (self.multiplicity == 0).any():
            raise InputError(
                f"event {int(np.argmin(self.multiplicity))} has no particles",
                "at least one particle in every event",
                "drop empty events",
            )
        for name, dtype in PARTICLE_COLUMNS.items():
            if dtype.kind != "f":
                continue
            bad = ~np.isfinite(self.particles[name])
            if bad.any():
                particle = int(np.argmax(bad))
                raise InputError(
                    f"{name} = {self.particles[name][particle]} in event {self.event_of_particle[particle]}",
                    "finite numbers",
                    "drop or mend such events",
                )
        ancestor = self.mothers
        for _ in range(int(self.multiplicity.max(initial=1)).bit_length()):
            ancestor = ancestor[ancestor]
        # after at least as many steps as an event has particles every chain rests on a root,
        # unless it runs in a circle
        cyclic = self.mothers[ancestor] != ancestor
        if cyclic.any():
            raise InputError(
                f"the mothers in event {self.event_of_particle[int(np.argmax(cyclic))]} form a cycle",
                "a tree (every chain of mothers ends at a particle that is its own mother)",
                "mend mother_index",
            )
        return self

    # -- selection -----------------------------------------------------------------------------

    @staticmethod
    def concatenate(parts: Sequence[Events]) -> Events:
        """Join tables end to end; all must have the same event columns and one purpose."""
        if not parts:
            raise InputError("nothing to concatenate", "at least one event table")
        names = list(parts[0].columns)  # in this order, so that files do not depend on the process
        for part in parts:
            if set(part.columns) != set(names):
                raise InputError(
                    f"event columns {sorted(part.columns)} beside {sorted(names)}",
                    "the same event columns in every part",
                )
        counts = np.concatenate([part.multiplicity for part in parts])
        return Events(
            {name: np.concatenate([part.particles[name] for part in parts]) for name in PARTICLE_COLUMNS},
            np.concatenate([[0], np.cumsum(counts)]),
            {name: np.concatenate([part.columns[name] for part in parts]) for name in names},
            common(part.purpose for part in parts),
        )

    # -- other layouts -------------------------------------------------------------------------

    def to_arrow(self) -> pa.Table:
        """An Arrow table in the study's schema (particle columns are shared, not copied)."""
        particles = {_FILE_NAMES.get(name, name): self.particles[name] for name in PARTICLE_COLUMNS}
        return arrow_table(particles, self.offsets, self.columns)

    @staticmethod
    def from_arrow(table: pa.Table, *, source: str = "table") -> Events:
        """Events from an Arrow table in the study's schema.

        Raises
        ------
        InputError
            For missing columns, wrong types or nulls; ``source`` names the file in the message.
        """
        struct, offsets = particle_lists(table, source)
        present = [struct.type.field(i).name for i in range(struct.type.num_fields)]
        wanted = {name: _FILE_NAMES.get(name, name) for name in PARTICLE_COLUMNS}
        missing = [name for name in wanted.values() if name not in present]
        if missing:
            raise InputError(
                f"{source}: particles lack {', '.join(missing)}",
                f"the fields {', '.join(wanted.values())}",
                "add them, or rename the fields that hold them",
            )
        particles = {}
        for name, in_file in wanted.items():
            array = struct.field(in_file)
            integer = PARTICLE_COLUMNS[name].kind == "i"
            fits = pa.types.is_integer(array.type) or (not integer and pa.types.is_floating(array.type))
            if not fits:
                raise InputError(
                    f"{source}: field {in_file} has type {array.type}",
                    "integers" if integer else "numbers",
                    "convert the field before writing it",
                )
            if array.null_count:
                raise InputError(f"{source}: field {in_file} has {array.null_count} nulls", "none")
            particles[name] = array.to_numpy(zero_copy_only=False)
        try:
            return Events(particles, offsets, event_columns(table, source))
        except InputError as error:
            raise error.within(source) from error

    def to_awkward(self) -> ak.Array:
        """An awkward array of records with field ``particles`` and the event columns (no copies)."""
        import awkward as ak  # takes longer to load than a filter may take to start

        particles = ak.contents.RecordArray(
            [ak.contents.NumpyArray(self.particles[name]) for name in PARTICLE_COLUMNS],
            list(PARTICLE_COLUMNS),
        )
        lists = ak.contents.ListOffsetArray(ak.index.Index64(self.offsets), particles)
        return ak.Array(
            ak.contents.RecordArray(
                [lists, *(ak.contents.NumpyArray(column) for column in self.columns.values())],
                ["particles", *self.columns],
            )
        )

    @staticmethod
    def from_awkward(array: ak.Array) -> Events:
        """Events from an awkward array with a field ``particles`` (``prod_time`` or ``prodTime``)."""
        import awkward as ak

        if "particles" not in ak.fields(array):
            raise InputError(f"an awkward array with fields {ak.fields(array)}", "a field 'particles'")
        lists = array["particles"]
        fields = set(ak.fields(lists))
        particles = {}
        for name in PARTICLE_COLUMNS:
            source = name if name in fields else _FILE_NAMES.get(name, name)
            if source not in fields:
                raise InputError(f"particles lack {source}", f"the fields {list(PARTICLE_COLUMNS)}")
            particles[name] = ak.to_numpy(ak.flatten(lists[source]))
        offsets = np.concatenate([[0], np.cumsum(ak.to_numpy(ak.num(lists)))])
        columns = {name: ak.to_numpy(array[name]) for name in ak.fields(array) if name != "particles"}
        return Events(particles, offsets, columns)


def _fitting(name: str, values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Values, if an integer column can hold them as they are; floats of any size go through."""
    values = np.asarray(values)
    if dtype.kind == "f" or values.dtype == dtype or not values.size:
        return values
    limits = np.iinfo(dtype.type)
    fits = (values >= limits.min) & (values <= limits.max)
    if values.dtype.kind == "f":
        fits &= values == np.rint(values)
    if not fits.all():
        raise InputError(
            f"{name} = {values[np.argmin(fits)]}",
            f"whole numbers of {8 * dtype.itemsize} bits",
            "renumber them",
        )
    return values


# -- arrow, for every table that holds particles by event ------------------------------------------


def arrow_table(
    particles: Mapping[str, NDArray[Any]], offsets: NDArray[np.int64], columns: Mapping[str, NDArray[Any]]
) -> pa.Table:
    """A table with a list of particles per event and the event columns; no field of it may be null."""
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
    """Arrays as the columns of a table, none of which may be null."""
    arrays = {name: _required_array(column) for name, column in columns.items()}
    fields = [pa.field(name, array.type, nullable=False) for name, array in arrays.items()]
    return pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields))


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


def particle_lists(table: pa.Table, source: str) -> tuple[pa.StructArray, NDArray[np.int64]]:
    """The particles of all events of a table, as one flat struct array, and the event offsets.

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


def required(table: pa.Table, names: Collection[str]) -> pa.Table:
    """The same table, whose named flat columns and the study's fields of particles may not be null.

    Raises
    ------
    InputError
        If one of them holds nulls.
    """
    for name in names:
        place = table.column_names.index(name)
        field = table.schema.field(place)
        if name == "particles":
            lists = table.column(name).type
            ours = {_FILE_NAMES.get(own, own) for own in PARTICLE_COLUMNS}
            fields = [
                part.with_nullable(part.nullable and part.name not in ours) for part in lists.value_type
            ]
            element = pa.field("element", pa.struct(fields), nullable=False)
            kind = pa.large_list(element) if pa.types.is_large_list(lists) else pa.list_(element)
        else:
            kind = field.type
        if table.column(place).null_count:
            raise InputError(f"column {name!r} has {table.column(place).null_count} nulls", "none")
        table = table.set_column(
            place,
            pa.field(name, kind, nullable=False, metadata=field.metadata),
            table.column(place).cast(kind),
        )
    return table


def event_columns(table: pa.Table, source: str) -> dict[str, NDArray[Any]]:
    """All columns of a table but the particles.

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


# -- parquet ---------------------------------------------------------------------------------------


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


def read_parquet(
    path: str | Path,
    *,
    row_groups: Sequence[int] | None = None,
    columns: Sequence[str] | None = None,
) -> Events:
    """Read and validate a file in the study's schema.

    Parameters
    ----------
    path
        The file.
    row_groups
        Numbers of the row groups to read; all by default.
    columns
        Event columns to read; all by default.

    Raises
    ------
    InputError
        For anything that is not a readable, valid event file.
    """
    return Events.concatenate(list(iter_parquet(path, row_groups=row_groups, columns=columns)))


def iter_parquet(
    path: str | Path,
    *,
    row_groups: Sequence[int] | None = None,
    columns: Sequence[str] | None = None,
) -> Iterator[Events]:
    """Yield one validated :class:`Events` per row group; memory does not grow with the file.

    Raises
    ------
    InputError
        As :func:`read_parquet`.
    """
    for table in iter_row_groups(path, row_groups=row_groups, columns=columns):
        events = Events.from_arrow(table, source=str(path))
        try:
            yield events.validate()
        except InputError as error:
            raise error.within(path) from error


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


def write_parquet(events: Events, path: str | Path) -> None:
    """Write a table in the study's schema, whole or not at all."""
    with EventWriter(path) as writer:
        writer.write(events)


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
        metadata: Mapping[str, str] | None = None,
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
            self._file = self._partial.path.open("wb")
            self._sink = ChecksumWriter(self._file)
            self._writer = pq.ParquetWriter(
                self._sink, schema, compression="zstd", compression_level=1, write_page_checksum=True
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
                self._give_up(self._writer)
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


class EventWriter(TableWriter):
    """A :class:`TableWriter` for event tables in the study's schema."""

    def write(self, events: Events) -> None:
        """Append events."""
        self.write_table(events.to_arrow())
