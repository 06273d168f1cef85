"""The ragged event table that every stage of the house passes on.

Particles of all events lie in flat columns; ``offsets`` says where each event begins and ends.
Nothing is padded and nothing is inferred from zeros: an event is exactly its slice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_units import refuse_mev
from hepsets.core.parquet import TableWriter, arrow_table, event_columns, iter_row_groups, particle_lists
from hepsets.core.purpose import common
from hepsets.core.ragged import RaggedTable, checked_offsets

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


@dataclass(frozen=True, eq=False, repr=False)
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
        """Join tables end to end.

        Raises
        ------
        InputError
            For no table, or unless all have the same event columns and one purpose.
        """
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
        """Events from an awkward array with a field ``particles`` (``prod_time`` or ``prodTime``).

        Raises
        ------
        InputError
            For a missing field, and where the particles are no lists of numbers.
        """
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


# -- parquet ---------------------------------------------------------------------------------------


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
        For anything that is not a readable, valid event file, and for one in MeV.
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
            valid = events.validate()
            refuse_mev(valid.particles)
        except InputError as error:
            raise error.within(path) from error
        yield valid


def write_parquet(events: Events, path: str | Path) -> None:
    """Write a table in the study's schema, whole or not at all."""
    with EventWriter(path) as writer:
        writer.write(events)


class EventWriter(TableWriter):
    """A :class:`TableWriter` for event tables in the study's schema."""

    def write(self, events: Events) -> None:
        """Append events."""
        self.write_table(events.to_arrow())


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
