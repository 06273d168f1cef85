"""Sets of objects by event with any columns: what a detector saw, ready to be learnt from.

Like :class:`~hepsets.core.events.Events`, but neither a decay tree nor a fixed list of columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.parquet import TableWriter, arrow_table, event_columns, iter_row_groups, particle_lists
from hepsets.core.purpose import common
from hepsets.core.ragged import RaggedTable, checked_offsets


@dataclass(frozen=True, eq=False, repr=False)
class ParticleSets(RaggedTable):
    """One set of objects per event: flat particle columns, event offsets, event columns.

    Parameters
    ----------
    particles
        At least one column of numbers or truth values, each of shape ``(n_particles,)``; their types
        are kept.
    offsets
        int64, shape ``(n_events + 1,)``: event ``i`` owns particles ``offsets[i]:offsets[i + 1]``.
        An event may be empty.
    columns
        Event columns, each with first dimension ``n_events`` (``label``, ``weight``, …).
    purpose
        What the events are for, if that is settled.

    Raises
    ------
    InputError
        If a column has the wrong length or holds something else than numbers.

    Examples
    --------
    >>> import numpy as np
    >>> sets = ParticleSets({"px": np.array([1.0, 2.0, 3.0])}, [0, 2, 3], {"label": np.array([1, 0])})
    >>> len(sets), sets.n_particles, sets[1:].particles["px"].tolist()
    (2, 3, [3.0])
    """

    def __post_init__(self) -> None:
        if not self.particles:
            raise InputError("no particle columns", "at least one, such as px")
        offsets = checked_offsets(self.offsets)
        particles = {name: np.ascontiguousarray(column) for name, column in self.particles.items()}
        columns = {name: np.asarray(column) for name, column in self.columns.items()}
        if "particles" in columns:
            raise InputError("an event column called 'particles'", "another name: files keep the sets there")
        for kind, table in (("particle", particles), ("event", columns)):
            for name, column in table.items():
                if column.dtype.kind not in "biuf":
                    raise InputError(f"{kind} column {name!r} of type {column.dtype}", "numbers or booleans")
        for name, column in particles.items():
            if column.shape != (offsets[-1],):
                raise InputError(
                    f"particle column {name!r} of shape {column.shape}", f"({offsets[-1]},), the last offset"
                )
        for name, column in columns.items():
            if column.shape[:1] != (len(offsets) - 1,):
                raise InputError(
                    f"event column {name!r} of shape {column.shape}", f"{len(offsets) - 1}, one per event"
                )
        object.__setattr__(self, "particles", particles)
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "columns", columns)

    # -- checks --------------------------------------------------------------------------------

    def validate(self, kind: str = "") -> Self:
        """Check the content once, at the door, and return the table itself.

        Parameters
        ----------
        kind
            What messages call a column.

        Raises
        ------
        InputError
            For no events, and for NaN or infinite values.
        """
        if len(self) == 0:
            raise InputError("no events", "at least one event", "check how the file was made")
        for name, column in {**self.columns, **self.particles}.items():
            good = np.isfinite(column)
            if not good.all():
                first = int(np.flatnonzero(~good.reshape(len(column), -1).all(axis=1))[0])
                event = self.event_of_particle[first] if name in self.particles else first
                raise InputError(
                    f"{kind} {name} = {column[first]} in event {event}".lstrip(),
                    "finite numbers",
                    "drop or mend such events",
                )
        return self

    # -- selection -----------------------------------------------------------------------------

    def select_particles(self, keep: NDArray[np.bool_]) -> ParticleSets:
        """The same events with only some of their objects.

        Parameters
        ----------
        keep
            Which objects stay, shape ``(n_particles,)``; events may become empty.
        """
        kept = np.concatenate([[0], np.cumsum(keep)])
        return ParticleSets(
            {name: column[keep] for name, column in self.particles.items()},
            kept[self.offsets],
            self.columns,
            self.purpose,
        )

    @staticmethod
    def concatenate(parts: Sequence[ParticleSets]) -> ParticleSets:
        """Join tables end to end.

        Raises
        ------
        InputError
            For no table, or unless all have the same columns and one purpose.
        """
        if not parts:
            raise InputError("nothing to concatenate", "at least one table")
        first = parts[0]
        for part in parts:
            for kind, here, there in (
                ("particle", part.particles, first.particles),
                ("event", part.columns, first.columns),
            ):
                if set(here) != set(there):
                    raise InputError(
                        f"{kind} columns {sorted(here)} beside {sorted(there)}",
                        f"the same {kind} columns in every part",
                    )
        counts = np.concatenate([part.multiplicity for part in parts])
        return ParticleSets(
            {name: np.concatenate([part.particles[name] for part in parts]) for name in first.particles},
            np.concatenate([[0], np.cumsum(counts)]),
            {name: np.concatenate([part.columns[name] for part in parts]) for name in first.columns},
            common(part.purpose for part in parts),
        )

    # -- other layouts -------------------------------------------------------------------------

    def to_arrow(self) -> pa.Table:
        """An Arrow table with a list of structs ``particles`` and the event columns."""
        return arrow_table(self.particles, self.offsets, self.columns)

    @staticmethod
    def from_arrow(table: pa.Table, *, source: str = "table") -> ParticleSets:
        """Sets from an Arrow table as :meth:`to_arrow` makes it.

        Raises
        ------
        InputError
            For missing columns, fields that are no numbers, and nulls; ``source`` names the file.
        """
        struct, offsets = particle_lists(table, source)
        particles = {}
        for entry in struct.type:
            array = struct.field(entry.name)
            if array.null_count:
                raise InputError(f"{source}: field {entry.name} has {array.null_count} nulls", "none")
            particles[entry.name] = array.to_numpy(zero_copy_only=False)
        try:
            return ParticleSets(particles, offsets, event_columns(table, source))
        except InputError as error:
            raise error.within(source) from error


# -- parquet ---------------------------------------------------------------------------------------


def read_particle_sets(path: str | Path, *, row_groups: Sequence[int] | None = None) -> ParticleSets:
    """Read and validate a file of particle sets, or some of its row groups.

    Raises
    ------
    InputError
        For anything that is not a readable, valid file of particle sets.
    """
    return ParticleSets.concatenate(list(iter_particle_sets(path, row_groups=row_groups)))


def iter_particle_sets(
    path: str | Path, *, row_groups: Sequence[int] | None = None
) -> Iterator[ParticleSets]:
    """Yield validated sets, one table per row group; memory does not grow with the file.

    Raises
    ------
    InputError
        As :func:`read_particle_sets`.
    """
    for table in iter_row_groups(path, row_groups=row_groups):
        sets = ParticleSets.from_arrow(table, source=str(path))
        try:
            yield sets.validate()
        except InputError as error:
            raise error.within(path) from error


def write_particle_sets(
    sets: ParticleSets, path: str | Path, *, metadata: Mapping[str, str] | None = None
) -> None:
    """Write sets as parquet, whole or not at all; ``metadata`` (provenance) goes into its schema."""
    with TableWriter(path, metadata=metadata) as writer:
        writer.write_table(sets.to_arrow())
