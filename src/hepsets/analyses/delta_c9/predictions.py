"""What the models of a cell estimated from each of its sets, and the file that keeps it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from hepsets.core.parquet import TableWriter, open_parquet, required_columns
from hepsets.learn.data_sets.estimator import SetEstimates


@dataclass(frozen=True)
class Key:
    """What a set of predictions is of.

    Parameters
    ----------
    kind
        ``toys``; ``linearity``; ``calibration`` (values are posterior probabilities below the truth);
        ``pooled`` (sets drawn from one pool); ``shifted`` and ``unshifted`` (q² moved by ``shift``).
    model
        The model.
    delta_c9
        The truth; 0 for ``calibration``, where each set has its own.
    events
        Signal events per set.
    shift
        Of q² [GeV²].
    """

    kind: str
    model: str
    delta_c9: float
    events: int
    shift: float = 0.0


Predictions = dict[Key, SetEstimates]


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions to parquet, a row for each set."""
    counts = [len(of.value) for of in predictions.values()]
    keys = list(predictions)
    table = required_columns(
        {
            field.name: np.repeat([getattr(key, field.name) for key in keys], counts)
            for field in dataclasses.fields(Key)
        }
        | {
            name: np.concatenate([getattr(of, name) for of in predictions.values()])
            for name in ("value", "low", "high")
        }
    )
    with TableWriter(path) as writer:
        writer.write_table(table)


def read_predictions(path: Path) -> Predictions:
    """What :func:`write_predictions` wrote."""
    with open_parquet(path) as file:
        table = file.read()
    names = [field.name for field in dataclasses.fields(Key)]
    columns = [table[name].to_pylist() for name in names]
    values = {name: table[name].to_numpy() for name in ("value", "low", "high")}
    rows = list(zip(*columns, strict=True))
    edges = [0, *(i for i in range(1, len(rows)) if rows[i] != rows[i - 1]), len(rows)]
    return {
        Key(*rows[begin]): SetEstimates(**{name: of[begin:end] for name, of in values.items()})
        for begin, end in pairwise(edges)
    }
