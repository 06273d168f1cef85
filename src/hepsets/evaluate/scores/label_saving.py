"""How many labels pre-training saves: what scratch would need for the same area, with bands, and the cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured

Curve = Mapping[int, Measured]
"""Mean area under the ROC curve over label draws, with its error, by the number of labels."""


@dataclass(frozen=True)
class LabelSaving:
    """Labels with which training from scratch reaches the same area.

    Parameters
    ----------
    labels
        That the pre-trained network has.
    equivalent
        That scratch needs.
    low, high
        The same for the area one error lower and higher, errors of both curves taken together.
    beyond
        Whether scratch does not get there with its most labels, which then stand in place of the numbers:
        they are limits from below.
    below
        Whether scratch is better already with its fewest labels, which then stand in place of the numbers:
        they are limits from above.
    """

    labels: int
    equivalent: float
    low: float
    high: float
    beyond: bool
    below: bool = False

    @property
    def factor(self) -> float:
        """Equivalent labels per label."""
        return self.equivalent / self.labels


def mean_of_draws(areas: Sequence[float], errors: Sequence[float]) -> Measured:
    """The mean of areas of several disjoint label draws, judged on the same test events.

    The error is the standard error over draws and, since test events are shared, the mean of their errors, in
    quadrature.

    Raises
    ------
    InputError
        For no draw.

    Examples
    --------
    >>> print(mean_of_draws([0.7, 0.8], [0.01, 0.01]))
    0.750 ± 0.051
    """
    if not len(areas) or len(areas) != len(errors):
        raise InputError(f"{len(areas)} areas with {len(errors)} errors", "at least one, an error for each")
    draws = float(np.std(areas, ddof=1) / math.sqrt(len(areas))) if len(areas) > 1 else 0.0
    return Measured(float(np.mean(areas)), math.hypot(draws, float(np.mean(errors))))


def label_saving(scratch: Curve, tuned: Curve) -> list[LabelSaving]:
    """Labels saved at each number of labels that the pre-trained network was given.

    The scratch curve is made to rise and read between its points, straight in the logarithm of the number of
    labels. Below its first point it is read as that point: then the saving is a limit from above.

    Errors of both curves are added as if they had nothing in common. They share test events and, at the same
    number of labels, the labels, so the band is wider than it need be where the test events make most of the
    error: it then holds what is true more often than 68 %.

    Parameters
    ----------
    scratch, tuned
        The curves; the former with at least two points.

    Raises
    ------
    InputError
        For a scratch curve of one point.
    """
    if len(scratch) < 2:
        raise InputError(f"a scratch curve of {len(scratch)} points", "at least two numbers of labels")
    counts = np.array(sorted(scratch), dtype=np.float64)
    areas = np.maximum.accumulate([scratch[int(n)].value for n in counts])
    errors = np.array([scratch[int(n)].se for n in counts])

    def labels_for(area: float) -> float:
        above = np.flatnonzero(areas >= area)
        if not len(above):
            return float(counts[-1])
        at = int(above[0])
        if at == 0:
            return float(counts[0])
        share = (area - areas[at - 1]) / (areas[at] - areas[at - 1])
        logs = np.log(counts)
        return float(np.exp(logs[at - 1] + share * (logs[at] - logs[at - 1])))

    found = []
    for labels, reached in sorted(tuned.items()):
        equivalent = labels_for(reached.value)
        error = math.hypot(reached.se, float(np.interp(math.log(equivalent), np.log(counts), errors)))
        bounds = labels_for(reached.value - error), labels_for(reached.value + error)
        beyond, below = bool(reached.value > areas[-1]), bool(reached.value < areas[0])
        found.append(LabelSaving(labels, equivalent, *bounds, beyond, below))
    return found


def break_even_tasks(pretraining_seconds: float, saving: LabelSaving, seconds_per_label: float) -> int | None:
    """Number of tasks at which pre-training has cost less computing than the labels that it saves.

    Where scratch never gets there (``beyond``) that is a limit from above.

    Parameters
    ----------
    pretraining_seconds
        Of making the corpus and of training on it.
    saving
        At the number of labels of a task.
    seconds_per_label
        Computing time of one labelled event: to generate, simulate and reconstruct it, and to train on it.

    Returns
    -------
    int or None
        ``None`` if it saves no labels, or none beyond the band.

    Examples
    --------
    >>> break_even_tasks(3600.0, LabelSaving(100, 1000.0, 800.0, 1200.0, False), 1.0)
    4
    """
    if saving.below or saving.low <= saving.labels:
        return None
    saved = (saving.equivalent - saving.labels) * seconds_per_label
    return max(1, math.ceil(pretraining_seconds / saved))
