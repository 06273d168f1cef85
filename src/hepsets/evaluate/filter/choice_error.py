"""What it adds to an error that thresholds and keep rules are chosen on a validation sample that fluctuates.

The choice is repeated on bootstrap samples of the validation events, and every one is judged on the same
test events: the spread of what they reach there is the error from the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hepsets.evaluate.scores.sample import Scored

Choice = TypeVar("Choice")

SAMPLES = 50
"""Bootstrap samples: the error is then known to a tenth of itself."""

RULE_CHOICES = 10
"""The same for keep rules, whose choice takes long and hardly matters."""


def choice_error(
    choose: Callable[[Scored], Choice],
    judge: Callable[[Choice], float],
    sample: Scored,
    *,
    seed: int,
    samples: int = SAMPLES,
) -> float:
    """Standard error of what a choice reaches, from the fluctuation of the events that it was made on.

    Parameters
    ----------
    choose
        From a sample of validation events to a choice.
    judge
        What the choice reaches on test events, which stay the same.
    sample
        The validation events that the choice was made on.
    seed
        Of the bootstrap.
    samples
        How often the choice is repeated.

    Notes
    -----
    Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 6. Passing and failing
    events are drawn separately, as their numbers are not left to chance when samples are made.
    """
    reached = [judge(choose(drawn)) for drawn in resampled(sample, seed, samples)]
    return float(np.std(reached, ddof=1))


def resampled(sample: Scored, seed: int, samples: int) -> Iterator[Scored]:
    """Bootstrap samples, as many passing and failing events in each as in ``sample``."""
    for drawn in draws(sample, seed, samples):
        yield Scored(sample.labels[drawn], sample.scores[drawn], sample.weights[drawn], sample.purpose)


def draws(sample: Scored, seed: int, samples: int) -> Iterator[NDArray[np.int64]]:
    """Which events are in each of the bootstrap samples, for choices that need more than their scores.

    Yields
    ------
    NDArray[np.int64]
        Numbers of events, shape ``(n,)`` as those of ``sample``, drawn with replacement.
    """
    random = np.random.default_rng(seed)
    classes = [np.flatnonzero(sample.labels), np.flatnonzero(~sample.labels)]
    for _ in range(samples):
        yield np.concatenate([random.choice(each, len(each)) for each in classes])
