"""Which estimators of ΔC9 files can hold, and reading one without knowing which it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hepsets.core.errors import InputError
from hepsets.learn.data_sets.deep_sets import EventDeepSets
from hepsets.learn.data_sets.estimator import FORMAT, NetworkEstimator
from hepsets.learn.data_sets.event_posterior import EventPosterior
from hepsets.learn.data_sets.image_cnn import ImageCnn
from hepsets.learn.tensor_file import read_tensors

PUBLISHED: Mapping[str, type[ImageCnn] | type[EventDeepSets] | type[EventPosterior]] = {
    "cnn": ImageCnn,
    "deep_sets": EventDeepSets,
    "event_by_event": EventPosterior,
    "event_by_event_normalised": EventPosterior,
}
"""The models of the study by their names."""


def load_published(path: str | Path) -> NetworkEstimator:
    """Read a model of the study that its ``save`` wrote. Reading never executes code from the file.

    Raises
    ------
    InputError
        If the file is missing, broken, or holds something else.
    """
    record, _ = read_tensors(path, FORMAT)
    kind = PUBLISHED.get(str(record.get("name")))
    if kind is None:
        raise InputError(f"{path} holds a model {record.get('name')!r}", f"one of {', '.join(PUBLISHED)}")
    return kind.load(path)
