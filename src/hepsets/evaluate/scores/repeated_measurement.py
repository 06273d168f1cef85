r"""How much of a tagger's mistakes are the detector's: the same decays, simulated again and again.

The flavour of a generated event is certain; what a detector sees of it is not. So the same events go through
the detector K times, with the same decays and other resolutions, conversions and losses, and one scorer,
trained before, scores each. From the K scores of an event follow

- **single**: the accuracy with one measurement, as always;
- **flipped back**: of the measurements that were misjudged, the share that a fresh measurement of the same
  decay judges rightly. It needs no model and no extrapolation;
- **averaged**: the accuracy of the mean of K scores, and its extrapolation to infinitely many, linear in
  1/K. It is what this scorer would reach with a detector that measures every decay many times.

What the last number is: a reference for a detector of perfect resolution and the same acceptance, as far as
this scorer can use it. For scores that are true posteriors and decays that are ordered by their mean it is
the best anybody could do with such a detector. What it is not: it is no bound on other taggers that see one
measurement, since this scorer may err where another would not (its own mistakes do not average out), and it
is not what a better detector would give, on which one would train anew. The limit of any tagger with this
detector lies above **single** of the best tagger; how far above, events that were simulated again do not
tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.many_classes import ROUNDING
from hepsets.evaluate.scores.sample import Array


@dataclass(frozen=True)
class RepeatedMeasurement:
    """Accuracy of one scorer with one, several and infinitely many measurements of the same decays.

    Parameters
    ----------
    events, trials
        Generated events, and how often each was simulated.
    single
        Accuracy with one measurement, mean over trials.
    averaged
        Accuracy of the mean of all K scores.
    limit
        ``averaged`` carried on to infinitely many measurements: 2 ⟨K⟩ - ⟨K/2⟩.
    gain
        ``limit`` less ``single``, with the paired error.
    flipped_back
        Share of misjudged measurements that a fresh one of the same decay judges rightly.
    measurements, accuracy, accuracy_se
        Shape ``(n_points,)``: the accuracy of the mean of so many scores.
    """

    events: int
    trials: int
    single: Measured
    averaged: Measured
    limit: Measured
    gain: Measured
    flipped_back: Measured
    measurements: Array
    accuracy: Array
    accuracy_se: Array


def judge_repeated(truth: ArrayLike, probabilities: ArrayLike | Sequence[ArrayLike]) -> RepeatedMeasurement:
    """Judge the scores of events that were simulated several times.

    Parameters
    ----------
    truth
        Shape ``(n_events,)``, places of the true classes.
    probabilities
        Shape ``(n_trials, n_events, n_classes)``, an even number of trials; the mean over several trainings,
        if what is wanted is free of one training's chance.

    Raises
    ------
    InputError
        For shapes that do not fit, an odd number of trials, or probabilities without a sum of one.
    """
    p, classes = np.asarray(probabilities, dtype=np.float64), np.asarray(truth)
    if p.ndim != 3 or classes.shape != p.shape[1:2] or len(p) < 2 or len(p) % 2 or len(classes) < 2:
        raise InputError(
            f"probabilities of shape {p.shape} and truth of shape {classes.shape}",
            "(n_trials, n_events, n_classes) and (n_events,), trials in an even number",
        )
    if not (np.abs(p.sum(axis=2) - 1) < ROUNDING).all():
        raise InputError("probabilities without a sum of one", "those of all classes, of each trial")
    sizes = [1]
    while sizes[-1] * 2 <= len(p) and len(p) % (sizes[-1] * 2) == 0:
        sizes.append(sizes[-1] * 2)
    sizes = sorted({*sizes, len(p) // 2, len(p)})
    right = {size: _right_in_groups(p, classes, size) for size in sizes}
    whole, half, one = right[len(p)], right[len(p) // 2], right[1]
    means = [_mean(right[size]) for size in sizes]
    return RepeatedMeasurement(
        len(classes),
        len(p),
        _mean(one),
        _mean(whole),
        _mean(2 * whole - half),
        _mean(2 * whole - half - one),
        _flipped_back(1 - one, len(p)),
        np.array(sizes, dtype=np.float64),
        np.array([mean.value for mean in means]),
        np.array([mean.se for mean in means]),
    )


def _right_in_groups(p: Array, truth: Array, size: int) -> Array:
    """Of each event the share of groups of ``size`` trials whose mean is right; shape ``(n_events,)``."""
    trials, events, classes = p.shape
    groups = p.reshape(trials // size, size, events, classes).mean(axis=1)
    return np.asarray((groups.argmax(axis=2) == truth).mean(axis=0))


def _mean(values: Array) -> Measured:
    return Measured(float(values.mean()), float(values.std() / np.sqrt(len(values) - 1)))


def _flipped_back(wrong: Array, trials: int) -> Measured:
    """Of pairs of trials of an event whose first is wrong, the share whose second is right.

    ``wrong`` is the share of wrong trials of each event. With w of K wrong, w (K - w) of w (K - 1) pairs are
    flipped back. The error is that of a ratio of means over events.
    """
    w = wrong * trials
    flips, pairs = w * (trials - w), w * (trials - 1)
    if pairs.sum() == 0:
        return Measured(0.0, 0.0)
    ratio = float(flips.sum() / pairs.sum())
    se = float(np.linalg.norm(flips - ratio * pairs) / pairs.sum())
    return Measured(ratio, se)
