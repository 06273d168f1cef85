"""The test images of a sample, and the class that each training saw in them, as a run keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.c4_images.samples import TEST, Sample
from hepsets.analyses.c4_images.training import Trained

Columns = dict[str, NDArray[np.generic]]


def predictions(trained: Sequence[Trained], sample: Sample) -> Iterator[tuple[str, Columns, Columns]]:
    """Columns of each part that judges, and of what the trainings on its sample chose.

    Parameters
    ----------
    trained
        All trainings.
    sample
        The images.

    Yields
    ------
    tuple
        Name of the part, ``SAMPLE`` or ``SAMPLE_quarter``, …; ``event_number``, the image's in its source,
        and ``label``; and ``MODEL-seed_N``, the class that is most probable. All have shape ``(n_images,)``.
    """
    mine = [one for one in trained if one.training.variant.sample == sample.name]
    for part in sample.tests:
        images = sample.load(part)
        name = sample.name + part.removeprefix(TEST)
        truth: Columns = {"event_number": images.ids, "label": images.labels.astype(np.int16)}
        yield name, truth, {one.training.stem: one.chosen[part].astype(np.int16) for one in mine}
