"""Run skims over a file of generated events, row group by row group, and write the labels."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from hepsets.core.errors import InputError
from hepsets.core.events import Events, EventWriter, iter_parquet, required
from hepsets.core.measured import Measured
from hepsets.core.parallel import map_in_order
from hepsets.core.parquet import TableWriter, open_parquet
from hepsets.core.progress import progress_bar
from hepsets.core.whole_file import together
from hepsets.select.skims.registry import SKIMS, find_candidates, run_skims
from hepsets.simulate.registry import DEFAULT_DETECTOR, skimmed_detector


@dataclass(frozen=True)
class _RowGroup:
    path: Path
    number: int
    first_event: int
    skims: tuple[str, ...]
    with_candidates: bool
    seed: int
    detector: str


def label_file(
    path: Path,
    out: Path,
    *,
    skims: Sequence[str],
    candidates: Path | None = None,
    seed: int = 1,
    workers: int = 1,
    detector: str = DEFAULT_DETECTOR,
) -> dict[str, Measured]:
    """Simulate the detector for every event of a file and write the events with their labels.

    Parameters
    ----------
    path
        Generated events in the study's schema.
    out
        The same events with an event column ``label_<skim>`` (bool) for each skim, and ``label``
        for the first of them, so that the file is one of the study's.
    skims
        Names from :data:`hepsets.select.skims.registry.SKIMS`.
    candidates
        Where to write the candidates of all skims, if wanted; numbers that a skim does not measure
        (Mbc of a J/psi) are null.
    seed
        Seed of the detector; the labels depend on it and on each event's number in the file only.
    workers
        Processes.
    detector
        One of :data:`hepsets.simulate.registry.DETECTORS`.

    Returns
    -------
    dict
        Retention of each skim.

    Raises
    ------
    InputError
        For an unknown skim or detector, a detector without skims, an unreadable file, or an output that is
        the input.
    """
    for name in skims:
        SKIMS.find(name)
    skimmed_detector(detector)
    skims = tuple(dict.fromkeys(skims))
    if len({file.resolve() for file in (path, out, candidates) if file}) < (3 if candidates else 2):
        raise InputError("one path for input and output", "different files", "choose another --out")
    with open_parquet(path) as file:
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    if sum(sizes) == 0:
        raise InputError(f"{path} has no events", "at least one event", "check how it was made")
    first = np.cumsum([0, *sizes])
    tasks = (
        _RowGroup(path, i, int(first[i]), skims, candidates is not None, seed, detector)
        for i, size in enumerate(sizes)
        if size
    )
    passed = dict.fromkeys(skims, 0)
    provenance = {
        "hepsets.skims": ",".join(skims),
        "hepsets.detector": detector,
        "hepsets.detector_seed": str(seed),
    }
    with (
        together(),  # labels and candidates of two runs would not fit
        EventWriter(out, metadata=provenance) as writer,
        TableWriter(candidates) if candidates else nullcontext() as candidate_writer,
        progress_bar("simulating", sum(sizes)) as advance,
    ):
        for events, table in map_in_order(_label_row_group, tasks, workers):
            writer.write(events)
            if candidate_writer is not None:
                candidate_writer.write_table(table)
            for name in skims:
                passed[name] += int(events.columns[f"label_{name}"].sum())
            advance(len(events))
    return {name: Measured.proportion(count, sum(sizes)) for name, count in passed.items()}


def _label_row_group(task: _RowGroup) -> tuple[Events, pa.Table | None]:
    (events,) = iter_parquet(task.path, row_groups=[task.number])
    numbers = task.first_event + np.arange(len(events))
    detector = skimmed_detector(task.detector)
    labels = run_skims(events, task.skims, seed=task.seed, event_numbers=numbers, detector=detector)
    columns = {f"label_{name}": labels[name] for name in task.skims}
    events = events.with_columns(**columns, label=labels[task.skims[0]])
    if not task.with_candidates:
        return events, None
    tables = []
    for name in task.skims:
        found = find_candidates(events, name, seed=task.seed, event_numbers=numbers, detector=detector)
        table = found.to_arrow()
        tables.append(table.add_column(0, "skim", pa.array([name] * table.num_rows, pa.string())))
    joined = pa.concat_tables(tables, promote_options="default")
    # what some skim does not measure is null in its rows; everything else is always there
    always = [
        name
        for name in joined.column_names
        if name != "charm_mode" and all(name in t.column_names for t in tables)
    ]
    return events, required(joined, always)
