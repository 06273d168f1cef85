"""The test events of a comparison, and what each of its models says of them, as a run keeps it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.z_flavour.about import CellName
from hepsets.analyses.z_flavour.cells import CELLS, FLAVOUR_OF, SampleName
from hepsets.analyses.z_flavour.comparison import Scores
from hepsets.analyses.z_flavour.samples import Sample
from hepsets.analyses.z_flavour.training import Training
from hepsets.core.purpose import Purpose

Columns = dict[str, NDArray[np.generic]]


def predictions(
    samples: Mapping[SampleName, Sample], name: CellName, scores: Mapping[Training, Scores]
) -> tuple[Columns, Columns]:
    """Columns of the test examples of one comparison, and of the scores of its models.

    Parameters
    ----------
    samples
        Features, by the kind of events.
    name
        The comparison.
    scores
        What each model says of the test examples.

    Returns
    -------
    tuple
        ``event_number`` among the events of the sample, ``flavour`` and, of hemispheres, ``hemisphere`` (0
        is the one that the thrust axis points to); and ``MODEL_b``, … for each class, with ``MODEL_charge``
        where a model tells it. All have the shape ``(n_examples,)``.
    """
    cell, sample = CELLS[name], samples[CELLS[name].sample]
    ids = [FLAVOUR_OF[each] for each in cell.classes]
    events = sample.events[Purpose.TEST]
    events = events[np.isin(sample.flavour[events], ids)]
    numbers = np.repeat(events, sample.per_event)
    truth: Columns = {"event_number": numbers, "flavour": sample.flavour[numbers].astype(np.int8)}
    if sample.per_event == 2:
        truth["hemisphere"] = np.tile(np.arange(2, dtype=np.int8), len(events))
    outputs = (*cell.classes, "charge")
    found: Columns = {
        f"{training.name}_{output}": column
        for training, one in scores.items()
        if training.cell == name
        for output, column in zip(outputs, one.values.T, strict=False)
    }
    return truth, found
