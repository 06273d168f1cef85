r"""Working points of taggers: the share of a flavour kept where a given share of another is mistaken for it.

The score for A against B is the probability of A given that it is one of both,

.. math:: s = \frac{p_A}{p_A + p_B},

whatever other classes the tagger knows. A working point is a point of the ROC curve of s between the test
events of A and of B, so its threshold was set on test events of B. It says what the tagger can do, not how
well a threshold was chosen beforehand; to use it, set the threshold on other events.

The r-th highest of n scores of B is exceeded, on average over samples, by the share r / (n + 1) of B
(Weibull, 1939), so the efficiency at a mis-identification m is taken between the two scores next to the
place m (n + 1). Curves are concave, so with six events of B above the threshold it is on average a sixth
of its error too small, with more events less. Its error has two parts: that of counting A (Clopper and
Pearson, Biometrika 26 (1934) 404), and that of the threshold, whose true mis-identification is known only
as the ranks of B allow: it follows a Beta distribution, whose central interval is carried over to the
efficiency along the measured curve.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose, demand
from hepsets.evaluate.scores.many_classes import ClassScores
from hepsets.evaluate.scores.paired import Influenced
from hepsets.evaluate.scores.sample import Array, mean_influence

CONFIDENCE = 0.6827
"""Of all intervals here."""

LEAST_EVENTS = 1.0
"""Background events that must be expected above a threshold, or there is no working point."""

WORKING_POINTS: tuple[tuple[str, str, float], ...] = (
    ("b", "c", 0.001),
    ("b", "c", 0.01),
    ("b", "c", 0.1),
    ("b", "ud", 0.001),
    ("b", "ud", 0.01),
    ("b", "ud", 0.1),
    ("c", "b", 0.001),
    ("c", "b", 0.01),
    ("c", "b", 0.1),
    ("c", "ud", 0.001),
    ("c", "ud", 0.01),
    ("c", "ud", 0.1),
    ("s", "c", 0.001),
    ("s", "c", 0.01),
    ("s", "c", 0.1),
    ("s", "ud", 0.001),
    ("s", "ud", 0.01),
    ("s", "ud", 0.1),
)
"""Flavour, against which, at which mis-identification: those that taggers at FCC-ee are compared by."""


@dataclass(frozen=True)
class WorkingPoint:
    """Efficiency of one flavour at a mis-identification of another.

    Parameters
    ----------
    flavour, against
        Names of the classes.
    mistag
        Share of ``against`` with scores of at least the threshold.
    efficiency
        Share of ``flavour`` with scores of at least the threshold.
    low, high
        Its central interval of 68.27 %: counting and choice of threshold.
    choice_low, choice_high
        The part that the choice of threshold has in it.
    threshold
        In p_A / (p_A + p_B); a point of the ROC curve of the test events, not chosen beforehand.
    """

    flavour: str
    against: str
    mistag: float
    efficiency: float
    low: float
    high: float
    choice_low: float
    choice_high: float
    threshold: float

    @property
    def pair(self) -> tuple[str, str, float]:
        """Flavour, against which, at which mis-identification, as in :data:`WORKING_POINTS`."""
        return self.flavour, self.against, self.mistag

    @property
    def se(self) -> float:
        """Half the interval."""
        return (self.high - self.low) / 2

    @property
    def measured(self) -> Measured:
        """The efficiency with :attr:`se`."""
        return Measured(self.efficiency, self.se)


@dataclass(frozen=True)
class PairCurve:
    """Efficiency of one flavour against the mis-identification of another; all of shape ``(n_points,)``."""

    flavour: str
    against: str
    mistag: Array
    efficiency: Array
    low: Array
    high: Array


def pair_scores(probabilities: ArrayLike, flavour: int, against: int) -> Array:
    """The logarithm of p_A / p_B, which orders as p_A / (p_A + p_B) and does not round to one.

    Parameters
    ----------
    probabilities
        Shape ``(n, n_classes)``.
    flavour, against
        Places of A and B.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    tiny = np.finfo(np.float32).smallest_subnormal
    return np.asarray(np.log(np.maximum(p[:, flavour], tiny)) - np.log(np.maximum(p[:, against], tiny)))


def working_point(sample: ClassScores, flavour: str, against: str, mistag: float) -> WorkingPoint:
    """Efficiency of ``flavour`` where the share ``mistag`` of ``against`` is mistaken for it.

    Raises
    ------
    InputError
        For training or validation events, names that are no classes, a mis-identification outside (0, 1), or
        too few events of ``against`` to tell: not one expected above the threshold.
    """
    return _Pair.of(sample, flavour, against).at(mistag)


def efficiency_of(sample: ClassScores, flavour: str, against: str, mistag: float) -> Influenced:
    """The efficiency of a working point with what each event adds to it, to tell taggers apart.

    To first order an event of ``flavour`` adds whether it is kept. One of ``against`` moves the threshold:
    it takes away whether it is mistaken, times the slope of the ROC curve, which is that between the ends
    of the interval of the true mis-identification.

    Raises
    ------
    InputError
        As :func:`working_point`.
    """
    pair = _Pair.of(sample, flavour, against)
    point = pair.at(mistag)
    a, b = (sample.truth == sample.classes.index(name) for name in (flavour, against))
    scores = pair_scores(sample.probabilities, sample.classes.index(flavour), sample.classes.index(against))
    taken = (scores >= pair.cut(mistag)).astype(np.float64)
    low, high = pair.true_mistag(mistag)
    slope = (point.choice_low + point.choice_high) / (high - low)
    influence = np.zeros(len(scores))
    influence[a] = mean_influence(taken[a], np.ones(int(a.sum())))
    influence[b] = -slope * mean_influence(taken[b], np.ones(int(b.sum())))
    return Influenced(point.efficiency, influence)


def working_points(
    sample: ClassScores, points: Iterable[tuple[str, str, float]] = WORKING_POINTS
) -> list[WorkingPoint]:
    """All working points of ``points`` that the sample has classes and events for, in their order.

    Raises
    ------
    InputError
        For training or validation events.
    """
    found = []
    for flavour, against, mistag in points:
        if {flavour, against} <= set(sample.classes):
            pair = _Pair.of(sample, flavour, against)
            if pair.resolves(mistag):
                found.append(pair.at(mistag))
    return found


def pair_curve(
    sample: ClassScores, flavour: str, against: str, mistags: Sequence[float] | Array | None = None
) -> PairCurve:
    """The efficiency of ``flavour`` against the mis-identification of ``against``, with errors.

    Parameters
    ----------
    sample
        The scored test events.
    flavour, against
        Names of the classes.
    mistags
        Where; by default 61 points from 10⁻⁴ to 1, as far as the sample has events for them.

    Raises
    ------
    InputError
        As :func:`working_point`.
    """
    pair = _Pair.of(sample, flavour, against)
    if mistags is None:
        mistags = [m for m in np.logspace(-4, 0, 61)[:-1] if pair.resolves(m)]
    points = [pair.at(float(m)) for m in mistags]
    return PairCurve(
        flavour,
        against,
        *(np.array([getattr(p, name) for p in points]) for name in ("mistag", "efficiency", "low", "high")),
    )


def counting_interval(passed: float, total: int) -> tuple[float, float]:
    """Central interval of 68.27 % for a share, after Clopper and Pearson (Biometrika 26 (1934) 404).

    Examples
    --------
    >>> low, high = counting_interval(0, 100)
    >>> low, round(high, 4)
    (0.0, 0.0182)
    """
    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, passed, total - passed + 1)) if passed > 0 else 0.0
    high = float(beta.ppf(1 - tail, passed + 1, total - passed)) if passed < total else 1.0
    return low, high


# -- inside ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pair:
    """The two flavours of a sample, with the points of their ROC curve at the scores of the second."""

    flavour: str
    against: str
    kept: int  # events of the flavour
    falling: Array  # (n_against,), scores of ``against``
    efficiency: Array  # (n_against + 2,), at the ranks 0 … n_against + 1

    @staticmethod
    def of(sample: ClassScores, flavour: str, against: str) -> _Pair:
        demand(sample.purpose, Purpose.TEST, "efficiencies are measured")
        for name in (flavour, against):
            if name not in sample.classes:
                raise InputError(f"a flavour {name!r}", f"one of {', '.join(sample.classes)}")
        a, b = sample.classes.index(flavour), sample.classes.index(against)
        score = pair_scores(sample.probabilities, a, b)
        rising = np.sort(score[sample.truth == a])
        falling = -np.sort(-score[sample.truth == b])
        below = np.searchsorted(rising, falling, "left") + np.searchsorted(rising, falling, "right")
        share = 1 - 0.5 * below / len(rising)  # of equal scores half are kept
        return _Pair(flavour, against, len(rising), falling, np.concatenate([[0.0], share, [1.0]]))

    def resolves(self, mistag: float) -> bool:
        return mistag * len(self.falling) >= LEAST_EVENTS

    def at_mistag(self, mistag: float) -> float:
        ranks = len(self.falling) + 1
        return float(np.interp(mistag * ranks, np.arange(ranks + 1), self.efficiency))

    def true_mistag(self, mistag: float) -> tuple[float, float]:
        """Central interval of the true mis-identification at the threshold."""
        n, tail = len(self.falling), (1 - CONFIDENCE) / 2
        rank = mistag * (n + 1)
        low, high = beta.ppf([tail, 1 - tail], rank, n + 1 - rank)
        return float(low), float(high)

    def cut(self, mistag: float) -> float:
        """The threshold in the logarithm of p_A / p_B."""
        n = len(self.falling)
        return float(np.interp(mistag * (n + 1), np.arange(1, n + 1), self.falling))

    def at(self, mistag: float) -> WorkingPoint:
        n = len(self.falling)
        if not 0 < mistag < 1 or not self.resolves(mistag):
            raise InputError(
                f"a mis-identification of {mistag:g} with {n} events of {self.against}",
                f"one between {LEAST_EVENTS / n:.2g} and 1",
                "use more events",
            )
        efficiency = self.at_mistag(mistag)
        choice_low, choice_high = (abs(self.at_mistag(m) - efficiency) for m in self.true_mistag(mistag))
        low, high = counting_interval(efficiency * self.kept, self.kept)
        return WorkingPoint(
            self.flavour,
            self.against,
            mistag,
            efficiency,
            efficiency - float(np.hypot(efficiency - low, choice_low)),
            efficiency + float(np.hypot(high - efficiency, choice_high)),
            choice_low,
            choice_high,
            float(1 / (1 + np.exp(-self.cut(mistag)))),
        )
