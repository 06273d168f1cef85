"""What the models of a run say of each of its test events: parquet, one row per event."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.parquet import ROW_GROUP_EVENTS, TableWriter, required_columns

Columns = Mapping[str, NDArray[np.generic]]

FOLDER = "predictions"
"""Where they stand in the folder of a run."""


def keep_predictions(folder: Path, name: str, events: Columns, scores: Columns) -> Path:
    """Write ``predictions/NAME.parquet``, whole or not at all, in flat memory.

    Real numbers are kept in single precision, whole numbers and truth values as they are.

    Parameters
    ----------
    folder
        Of the run.
    name
        What the events were compared as.
    events
        What tells the events apart and what they are, such as ``event_number``, ``label`` and ``weight``,
        each of shape ``(n_events,)``.
    scores
        What each model says of them, by its name, of shape ``(n_events,)``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        For a model that is called as a column of the events, or arrays of unlike lengths.
    """
    columns = {**events, **scores}
    if twice := set(events) & set(scores):
        raise InputError(f"a model called {', '.join(sorted(twice))}", "another name than the columns have")
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise InputError(f"columns of {sorted(lengths)} events", "one length")
    path = folder / FOLDER / f"{name}.parquet"
    path.parent.mkdir(exist_ok=True)
    with TableWriter(path) as writer:
        for begin in range(0, max(1, lengths.pop()), ROW_GROUP_EVENTS):
            part = {key: column[begin : begin + ROW_GROUP_EVENTS] for key, column in columns.items()}
            writer.write_table(required_columns({key: _small(column) for key, column in part.items()}))
    return path


def _small(column: NDArray[np.generic]) -> NDArray[np.generic]:
    return column.astype(np.float32) if column.dtype.kind == "f" else column
