"""What a classifier of several classes loses when one of its inputs no longer belongs to the event.

As :mod:`hepsets.evaluate.scores.importance`, which tells what an exchange of inputs is and what its result
means, but for several classes: the importance is the loss of accuracy, and of mean log-probability.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.importance import Events, Exchange
from hepsets.evaluate.scores.many_classes import class_scores, is_right
from hepsets.evaluate.scores.sample import Array


@dataclass(frozen=True)
class AccuracyImportance:
    """Importance of one input of a classifier of several classes.

    Parameters
    ----------
    name
        Of the input.
    accuracy_loss
        Accuracy with all inputs less that without this one; mean over repetitions, with the paired error.
    loss_growth
        Growth of the cross entropy, which moves where the most probable class does not.
    """

    name: str
    accuracy_loss: Measured
    loss_growth: Measured


def accuracy_importance(
    score: Callable[[Events], ArrayLike],
    events: Events,
    truth: ArrayLike,
    classes: Sequence[str],
    exchanges: Mapping[str, Exchange[Events]],
    *,
    repeats: int = 3,
    seed: int = 0,
) -> list[AccuracyImportance]:
    """Importance of each input of a classifier, in the order of ``exchanges``.

    Parameters
    ----------
    score
        Takes events, gives probabilities of shape ``(n_events, n_classes)``.
    events
        The sample, of any type that ``score`` and the exchanges know.
    truth
        Shape ``(n_events,)``, places of the true classes in ``classes``.
    classes
        Their names.
    exchanges
        By the name of the input.
    repeats
        Exchanges per input.
    seed
        Of the exchanges; each input and repetition has random numbers of its own.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.many_classes.class_scores`; for fewer than one repetition.
    """
    if repeats < 1:
        raise InputError(f"{repeats} repetitions", "at least one")

    def judged(these: Events) -> Array:
        """Right or wrong, and surprise, of each event; shape ``(2, n_events)``."""
        sample = class_scores(truth, score(these), classes)
        of_truth = sample.probabilities[np.arange(len(sample.truth)), sample.truth]
        return np.stack([is_right(sample), -np.log(np.clip(of_truth, 1e-7, 1))])

    true = judged(events)
    found = []
    for place, (name, exchange) in enumerate(exchanges.items()):
        without = [
            judged(exchange(events, np.random.default_rng([seed, place, repeat])))
            for repeat in range(repeats)
        ]
        change = true - np.mean(without, axis=0)
        se = change.std(axis=1) / np.sqrt(max(change.shape[1] - 1, 1))
        accuracy_loss, loss_growth = change.mean(axis=1) * [1, -1]
        found.append(
            AccuracyImportance(
                name,
                Measured(float(accuracy_loss), float(se[0])),
                Measured(float(loss_growth), float(se[1])),
            )
        )
    return found
