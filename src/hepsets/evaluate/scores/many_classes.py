"""How well several classes are told apart: accuracy, confusion, one against the rest, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose
from hepsets.evaluate.scores.calibration import Calibration, calibrate
from hepsets.evaluate.scores.classification import Roc, roc
from hepsets.evaluate.scores.paired import Influenced, auc_of
from hepsets.evaluate.scores.sample import Array, mean_influence

ROUNDING = 1e-3
"""How far the probabilities of an event may miss a sum of one."""


class ClassScores(NamedTuple):
    """Probabilities of several classes, checked.

    ``truth`` has shape ``(n,)``, places in ``classes``; ``probabilities`` shape ``(n, n_classes)``;
    ``purpose`` is what the events are for, if that is settled.
    """

    truth: NDArray[np.int64]
    probabilities: Array
    classes: tuple[str, ...]
    purpose: Purpose | None = None


@dataclass(frozen=True)
class Confusion:
    """Shares of each true class by the class that is most probable; rows sum to one.

    Parameters
    ----------
    share, share_se
        Shape ``(n_classes, n_classes)``: true class, chosen class. Errors are binomial.
    events
        Shape ``(n_classes,)``: events of each true class.
    """

    share: Array
    share_se: Array
    events: NDArray[np.int64]


@dataclass(frozen=True)
class ManyClassQuality:
    """Quality of one classifier of several classes on one sample.

    Parameters
    ----------
    classes
        Their names, in the order of all that follows.
    accuracy
        Share of events whose most probable class is the true one, of the sample as it stands: with as many
        events in each class that of the published tables.
    loss
        Mean negative logarithm of the probability of the true class.
    confusion
        The confusion matrix.
    auc
        By class, area under the ROC curve of that class against all others of the sample.
    mean_auc
        Their unweighted mean; its error knows that all come from the same events.
    rest
        By class, the ROC curve against the rest.
    calibration
        By class, the share of that class against its probability.
    """

    classes: tuple[str, ...]
    accuracy: Measured
    loss: Measured
    confusion: Confusion
    auc: Mapping[str, Measured]
    mean_auc: Measured
    rest: Mapping[str, Roc]
    calibration: Mapping[str, Calibration]


def class_scores(
    truth: ArrayLike, probabilities: ArrayLike, classes: Sequence[str], purpose: Purpose | None = None
) -> ClassScores:
    """Check the truth and probabilities of several classes.

    Parameters
    ----------
    truth
        Shape ``(n,)``, places of the true classes in ``classes``.
    probabilities
        Shape ``(n, n_classes)``, not negative, each row with a sum of one.
    classes
        Their names.
    purpose
        What the events are for.

    Raises
    ------
    InputError
        For shapes that do not fit, places that no class has, probabilities that are not, or a class without
        events.
    """
    names, raw = tuple(classes), np.asarray(truth)
    probability = np.asarray(probabilities, dtype=np.float64)
    if raw.ndim != 1 or raw.dtype.kind not in "iu" or probability.shape != (len(raw), len(names)):
        raise InputError(
            f"truth and probabilities of shapes {raw.shape} and {probability.shape} for {len(names)} classes",
            f"integers (n,) and probabilities (n, {len(names)})",
        )
    off = ~(np.abs(probability.sum(axis=1) - 1) < ROUNDING) | (probability < 0).any(axis=1)
    if off.any():
        raise InputError(
            f"probabilities {np.array2string(probability[int(np.argmax(off))], precision=3)} of an event",
            "none negative, with a sum of one",
            "apply the softmax to logits first",
        )
    if ((raw < 0) | (raw >= len(names))).any():
        raise InputError(f"classes {sorted(set(raw.tolist()))}", f"places in {', '.join(names)}")
    counts = np.bincount(raw, minlength=len(names))
    if len(names) < 2 or not counts.all():
        raise InputError(
            f"events per class {dict(zip(names, counts.tolist(), strict=True))}",
            "events of two classes or more",
        )
    return ClassScores(raw.astype(np.int64), probability, names, purpose)


def judge_classes(truth: ArrayLike, probabilities: ArrayLike, classes: Sequence[str]) -> ManyClassQuality:
    """Judge the probabilities of several classes against the true ones.

    Parameters
    ----------
    truth, probabilities, classes
        As :func:`class_scores`.

    Raises
    ------
    InputError
        As :func:`class_scores`.
    """
    sample = class_scores(truth, probabilities, classes)
    n = len(sample.truth)
    of_truth = np.clip(sample.probabilities[np.arange(n), sample.truth], 1e-7, 1.0)
    surprise = -np.log(of_truth)
    areas, influences, rest, calibration = {}, [], {}, {}
    for place, name in enumerate(sample.classes):
        label, score = sample.truth == place, np.minimum(sample.probabilities[:, place], 1.0)
        area = auc_of(label, score)
        areas[name] = Measured(area.value, area.se)
        influences.append(area.influence)
        rest[name] = roc(label, score)
        calibration[name] = calibrate(label, score)
    return ManyClassQuality(
        sample.classes,
        accuracy(sample),
        Measured(float(surprise.mean()), float(surprise.std() / np.sqrt(max(n - 1, 1)))),
        confusion(sample),
        areas,
        Measured(
            float(np.mean([area.value for area in areas.values()])),
            float(np.linalg.norm(np.mean(influences, axis=0))),
        ),
        rest,
        calibration,
    )


def accuracy(sample: ClassScores) -> Measured:
    """Share of events whose most probable class is the true one, with Wilson's error."""
    return Measured.proportion(int(is_right(sample).sum()), len(sample.truth))


def accuracy_of(sample: ClassScores) -> Influenced:
    """The accuracy with what each event adds to it, to tell models apart on the same events."""
    right = is_right(sample).astype(np.float64)
    return Influenced(float(right.mean()), mean_influence(right, np.ones(len(right))))


def accuracy_difference(sample: ClassScores, other: ClassScores) -> Measured:
    """Accuracy of ``sample`` less that of ``other`` on the same events, with the paired error.

    Raises
    ------
    InputError
        For other events.
    """
    if not np.array_equal(sample.truth, other.truth):
        raise InputError("two samples of different events", "scores of the same events in the same order")
    gained = is_right(sample).astype(np.float64) - is_right(other)
    return Measured(float(gained.mean()), float(gained.std() / np.sqrt(max(len(gained) - 1, 1))))


def is_right(sample: ClassScores) -> NDArray[np.bool_]:
    """Whether the most probable class is the true one; shape ``(n,)``. Of equal ones the first counts."""
    return np.asarray(sample.probabilities.argmax(axis=1) == sample.truth)


def confusion(sample: ClassScores) -> Confusion:
    """The confusion matrix."""
    size = len(sample.classes)
    counts: NDArray[Any] = np.zeros((size, size))
    np.add.at(counts, (sample.truth, sample.probabilities.argmax(axis=1)), 1)
    events = counts.sum(axis=1)
    share = counts / events[:, None]
    # Wilson's term keeps the error of an empty field from vanishing
    se = np.sqrt(share * (1 - share) / events[:, None] + 0.25 / events[:, None] ** 2) / (
        1 + 1 / events[:, None]
    )
    return Confusion(share, se, events.astype(np.int64))
