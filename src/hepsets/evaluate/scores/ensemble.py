r"""What several trainings of one model say together: mean probability, its spread, and what that is worth.

The spread among trainings is what initial weights, the split of the events and the order of training leave
open. It is no error of the probability as a whole: trainings have the training events in common, and the
simulation that these come from. Whether it tells the error is measured: events of like spread are put
together, and in steps of the mean score their share of signal is compared with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.sample import Array, scored


@dataclass(frozen=True, eq=False)
class Together:
    """Scores of several trainings: their mean, and their standard deviation; both of shape ``(n,)``."""

    mean: Array
    spread: Array


@dataclass(frozen=True, eq=False)
class SpreadAgainstError:
    """Spread among trainings beside the error of their mean; one entry per step of the spread.

    Parameters
    ----------
    spread
        Root of the mean squared spread.
    error
        Root of the mean squared difference of mean score and share of signal, freed of what chance makes of
        it; 0 where there is no more than that.
    error_low, error_high
        Its interval of one standard error.
    events
        How many.
    """

    spread: Array
    error: Array
    error_low: Array
    error_high: Array
    events: Array


def together(scores: Sequence[ArrayLike]) -> Together:
    """Mean and spread of the scores of several trainings of one model.

    Parameters
    ----------
    scores
        Of each training, shape ``(n,)``.

    Raises
    ------
    InputError
        For fewer than two trainings, or other numbers of events.
    """
    if len(scores) < 2 or len({np.shape(one) for one in scores}) != 1:
        raise InputError(
            f"scores of {len(scores)} trainings, of shapes {sorted({np.shape(one) for one in scores})}",
            "those of two or more, of the same events",
        )
    all_scores = np.asarray(scores, dtype=np.float64)
    return Together(all_scores.mean(axis=0), all_scores.std(axis=0, ddof=1))


def spread_against_error(
    labels: ArrayLike,
    found: Together,
    weights: ArrayLike | None = None,
    *,
    steps: int = 5,
    bins: int = 8,
) -> SpreadAgainstError:
    """How far the mean score is from the share of signal, where trainings agree and where they do not.

    Parameters
    ----------
    labels
        Shape ``(n,)``, bool: the event is signal.
    found
        Of :func:`together`.
    weights
        Shape ``(n,)``, of either sign; all one if ``None``.
    steps, bins
        Steps of the spread, with as many events in each, and of the mean score in each of them.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.sample.scored`; for fewer than 20 events per bin.
    """
    label, score, weight, _ = scored(labels, found.mean, weights, signed=True)
    if len(score) < 20 * steps * bins:
        raise InputError(f"{len(score)} events in {steps} times {bins} bins", "20 or more in each")
    rows = []
    for chosen in np.array_split(np.argsort(found.spread, kind="stable"), steps):
        parts = np.array_split(chosen[np.argsort(score[chosen], kind="stable")], bins)
        total = np.array([weight[part].sum() for part in parts])
        gap = np.array([weight[part] @ (label[part] - score[part]) for part in parts]) / total
        miss = [label[part] - score[part] - own for part, own in zip(parts, gap, strict=True)]
        squares = [weight[part] ** 2 @ own**2 for part, own in zip(parts, miss, strict=True)]
        variance = np.array(squares) / total**2
        share = total / total.sum()
        square = float(share @ (gap**2 - variance))
        se = float(
            np.sqrt(np.sum(share**2 * (2 * variance**2 + 4 * np.maximum(gap**2 - variance, 0) * variance)))
        )
        spread = np.sqrt(np.average(found.spread[chosen] ** 2))
        limits = np.sqrt(np.maximum([square, square - se, square + se], 0.0))
        rows.append((spread, *limits, float(len(chosen))))
    return SpreadAgainstError(*np.array(rows).T)
