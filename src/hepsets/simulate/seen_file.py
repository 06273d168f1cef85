"""What a detector that has no skims sees of a file of generated events, row group by row group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events, iter_parquet
from hepsets.core.parallel import map_in_order
from hepsets.core.parquet import TableWriter, open_parquet
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.progress import progress_bar
from hepsets.simulate.forward import ForwardConfig, see_lhc_events
from hepsets.simulate.layered import LayeredConfig, see_z_events

BATCH_EVENTS = 5000
"""Events that are seen, and written, at once."""


@dataclass(frozen=True)
class _RowGroup:
    path: Path
    number: int
    first_event: int
    seed: int
    detector: LayeredConfig | ForwardConfig


def see_particles(
    events: Events,
    *,
    seed: int,
    event_numbers: NDArray[np.int64],
    trial: int = 0,
    detector: LayeredConfig | ForwardConfig,
) -> ParticleSets:
    """What a detector sees once, by the engine that its numbers are for.

    Parameters
    ----------
    events
        Generated events.
    seed, event_numbers, trial
        They alone fix the random numbers of an event; ``event_numbers`` has shape ``(n_events,)``.
    detector
        The numbers.

    Returns
    -------
    ParticleSets
        See :func:`~hepsets.simulate.layered.see_z_events` and
        :func:`~hepsets.simulate.forward.see_lhc_events`.

    Raises
    ------
    InputError
        As these.
    """
    if isinstance(detector, ForwardConfig):
        return see_lhc_events(events, seed=seed, event_numbers=event_numbers, trial=trial, detector=detector)
    return see_z_events(events, seed=seed, event_numbers=event_numbers, trial=trial, detector=detector)


def see_file(
    path: Path, out: Path, *, detector: LayeredConfig | ForwardConfig, seed: int = 1, workers: int = 1
) -> int:
    """Write the reconstructed particles of every event of a file; memory does not grow with it.

    Parameters
    ----------
    path
        Generated events.
    out
        Parquet file of particle sets, as :func:`see_particles` makes them.
    detector
        The detector.
    seed
        Of the detector; what it sees depends on it and on each event's number in the file only.
    workers
        Processes.

    Returns
    -------
    int
        Number of events.

    Raises
    ------
    InputError
        For an unreadable file, one without events, or an output that is the input.
    """
    if path.resolve() == out.resolve():
        raise InputError("one path for input and output", "different files", "choose another --out")
    with open_parquet(path) as file:
        sizes = [int(file.metadata.row_group(i).num_rows) for i in range(file.num_row_groups)]
    total = sum(sizes)
    if total == 0:
        raise InputError(f"{path} has no events", "at least one event", "check how it was made")
    first = np.cumsum([0, *sizes])
    tasks = (_RowGroup(path, i, int(first[i]), seed, detector) for i, size in enumerate(sizes) if size)
    provenance = {"hepsets.detector_seed": str(seed)}
    with (
        TableWriter(out, metadata=provenance) as writer,
        progress_bar("simulating", total) as advance,
    ):
        for tables in map_in_order(_see_row_group, tasks, workers):
            for table in tables:
                writer.write_table(table)
                advance(table.num_rows)
    return total


def _see_row_group(task: _RowGroup) -> list[pa.Table]:
    (events,) = iter_parquet(task.path, row_groups=[task.number])
    tables = []
    for begin in range(0, len(events), BATCH_EVENTS):
        part = events[begin : begin + BATCH_EVENTS]
        numbers = task.first_event + begin + np.arange(len(part))
        seen = see_particles(part, seed=task.seed, event_numbers=numbers, detector=task.detector)
        tables.append(seen.to_arrow())
    return tables
