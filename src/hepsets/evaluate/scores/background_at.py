r"""How much background a cut leaves that keeps a given share of the signal, and two models compared.

A cut at signal efficiency :math:`\varepsilon` keeps the background share

.. math:: B(\varepsilon) = G_b(t), \quad G_s(t) = \varepsilon,

with :math:`G_s` and :math:`G_b` the weighted shares of signal and background with scores of at least t.
Both are measured on the same sample, so t fluctuates with the signal events. To first order

.. math:: \delta B = \delta G_b(t) - B'(\varepsilon)\, \delta G_s(t),

a sum over events: each has an influence on B. Two models on the same events differ by the difference of
their influences, which is why their ratio is known better than either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.sample import Array, Scored, effective_count, mean, scored

EFFICIENCIES: Array = np.arange(30, 100) / 100
"""Signal efficiencies of a curve."""


@dataclass(frozen=True)
class BackgroundLeft:
    r"""Background left by a cut at a given signal efficiency.

    Parameters
    ----------
    signal_efficiency
        Weighted share of the signal that the cut keeps.
    threshold
        Events with higher scores are kept; of those with this very score, the share that makes the
        efficiency exact.
    background
        Weighted share of the background that is kept.
    influence
        Shape ``(n,)``: what each event of the sample contributes to the fluctuation of ``background``,
        so that its variance is the sum of squares.
    """

    signal_efficiency: float
    threshold: float
    background: Measured
    influence: Array


@dataclass(frozen=True)
class BackgroundCurve:
    """Background left against signal efficiency; all of shape ``(n_points,)``."""

    signal_efficiency: Array
    background: Array
    background_se: Array


@dataclass(frozen=True)
class RatioCurve:
    """Background left by a model over that of a reference; all of shape ``(n_points,)``.

    NaN where the reference leaves nothing.
    """

    signal_efficiency: Array
    ratio: Array
    ratio_se: Array


def background_at(
    labels: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None = None,
    signal_efficiency: float = 0.9,
) -> BackgroundLeft:
    """Background left by the cut that keeps the share ``signal_efficiency`` of the signal.

    Parameters
    ----------
    labels
        Shape ``(n,)``, bool: the event is signal.
    scores
        Shape ``(n,)``, in [0, 1], higher for signal.
    weights
        Shape ``(n,)``, event weights, of either sign; all one if ``None``. Only their ratios within a class
        count. With negative ones the share is not monotonic: the threshold is the highest that keeps enough.
    signal_efficiency
        Within (0, 1).

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.sample.scored`; for an efficiency outside (0, 1).
    """
    return _Ordered.of(scored(labels, scores, weights, signed=True)).at(signal_efficiency)


def background_curve(
    labels: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None = None,
    efficiencies: ArrayLike = EFFICIENCIES,
) -> BackgroundCurve:
    """Background left against signal efficiency; see :func:`background_at`."""
    ordered = _Ordered.of(scored(labels, scores, weights, signed=True))
    points = np.asarray(efficiencies, dtype=np.float64)
    left = [ordered.at(float(point)) for point in points]
    return BackgroundCurve(
        points, np.array([p.background.value for p in left]), np.array([p.background.se for p in left])
    )


def background_ratio(model: BackgroundLeft, reference: BackgroundLeft) -> Measured:
    """Background left by ``model`` over that left by ``reference``, on the same events.

    Raises
    ------
    InputError
        For other events or another efficiency, or if the reference leaves nothing.
    """
    if len(model.influence) != len(reference.influence):
        raise InputError(
            f"{len(model.influence)} and {len(reference.influence)} events", "the same events for both"
        )
    if model.signal_efficiency != reference.signal_efficiency:
        raise InputError(
            f"signal efficiencies {model.signal_efficiency:g} and {reference.signal_efficiency:g}",
            "the same for both",
        )
    if reference.background.value <= 0:
        raise InputError("a reference that leaves no background", "some", "use more events")
    ratio = model.background.value / reference.background.value
    paired = model.influence - ratio * reference.influence
    # a model that leaves nothing has no influences, but the error of half an event
    nothing = model.background.se if model.background.value == 0 else 0.0
    se = np.hypot(np.sqrt(paired @ paired), nothing) / reference.background.value
    return Measured(ratio, float(se))


def background_gain(model: BackgroundLeft, reference: BackgroundLeft) -> Measured:
    """Share of the reference's background that ``model`` removes in addition: 1 − ratio.

    Negative if ``model`` leaves more. Raises as :func:`background_ratio`.
    """
    ratio = background_ratio(model, reference)
    return Measured(1 - ratio.value, ratio.se)


def background_ratio_curve(
    labels: ArrayLike,
    scores: ArrayLike,
    reference: ArrayLike,
    weights: ArrayLike | None = None,
    efficiencies: ArrayLike = EFFICIENCIES,
) -> RatioCurve:
    """Background left with ``scores`` over that left with ``reference``, against signal efficiency."""
    model = _Ordered.of(scored(labels, scores, weights, signed=True))
    other = _Ordered.of(scored(labels, reference, weights, signed=True))
    points = np.asarray(efficiencies, dtype=np.float64)
    ratios = []
    for point in points:
        base = other.at(float(point))
        ratios.append(
            background_ratio(model.at(float(point)), base)
            if base.background.value > 0
            else Measured(np.nan, np.nan)
        )
    return RatioCurve(points, np.array([r.value for r in ratios]), np.array([r.se for r in ratios]))


def efficiency_at(scores: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> Measured:
    """Weighted share of events with scores of at least a threshold that other events have fixed.

    For one class of events, or one decay mode. As in Wilson's interval, the error does not vanish when
    all or no events are kept.

    Raises
    ------
    InputError
        For no events, weights that do not fit, or scores that are not finite.
    """
    score = np.asarray(scores, dtype=np.float64)
    weight = np.ones(len(score)) if weights is None else np.asarray(weights, dtype=np.float64)
    if score.ndim != 1 or not len(score) or weight.shape != score.shape:
        raise InputError(
            f"scores and weights of shapes {score.shape} and {weight.shape}", "one-dimensional, of one length"
        )
    if not np.isfinite(score).all():  # NaN would count as not kept
        raise InputError(f"{int((~np.isfinite(score)).sum())} scores that are not finite", "numbers")
    kept = mean((score >= threshold).astype(np.float64), weight)
    return Measured(kept.value, _wilson(kept.se, weight))


def _wilson(se: float, weights: Array) -> float:
    """The error of a share with the term of Wilson's interval that stays where the share is 0 or 1."""
    return float(np.hypot(se, 0.5 / effective_count(weights)))


@dataclass(frozen=True)
class _Side:
    """Scores of one class in falling order, with their cumulative shares from 0 to 1."""

    scores: Array  # (n,), negative of the scores, rising
    cumulative: Array  # (n + 1,)

    @staticmethod
    def of(scores: Array, weights: Array) -> _Side:
        order = np.argsort(-scores, kind="stable")
        cumulative = np.concatenate([[0.0], np.cumsum(weights[order])])
        return _Side(-scores[order], cumulative / cumulative[-1])

    def above(self, threshold: float) -> float:
        return float(self.cumulative[np.searchsorted(self.scores, -threshold, side="left")])

    def at_least(self, threshold: float) -> float:
        return float(self.cumulative[np.searchsorted(self.scores, -threshold, side="right")])

    def threshold(self, share: float) -> tuple[float, float]:
        """The score at which ``share`` is kept, and the share kept of the events with this very score."""
        reached = np.maximum.accumulate(self.cumulative)  # negative weights take some of it back
        first = int(np.searchsorted(reached, share * (1 - 1e-12), side="left"))
        value = -float(self.scores[min(max(first, 1), len(self.scores)) - 1])
        above, at_least = self.above(value), self.at_least(value)
        if at_least <= above:  # weights of one score that cancel
            return value, 1.0
        return value, min(max((share - above) / (at_least - above), 0.0), 1.0)


@dataclass(frozen=True)
class _Ordered:
    """A sample sorted once, for many efficiencies."""

    sample: Scored
    signal: _Side
    background: _Side
    signal_count: float
    background_count: float

    @staticmethod
    def of(sample: Scored) -> _Ordered:
        label, score, weight, _ = sample
        return _Ordered(
            sample,
            _Side.of(score[label], weight[label]),
            _Side.of(score[~label], weight[~label]),
            effective_count(weight[label]),
            effective_count(weight[~label]),
        )

    def left(self, efficiency: float) -> float:
        threshold, tied = self.signal.threshold(efficiency)
        above = self.background.above(threshold)
        return above + tied * (self.background.at_least(threshold) - above)

    def slope(self, efficiency: float) -> float:
        """B'(ε) over a window, on axes of normal quantiles, where ROC curves are nearly straight."""
        left = self.left(efficiency)
        if left <= 0 or left >= 1:
            return 0.0
        half = 0.5 * min(efficiency, 1 - efficiency) * min(1.0, (2000 / self.signal_count) ** 0.2)
        ends = np.array([efficiency - half, efficiency + half])
        least = 0.5 / self.background_count
        rates = np.clip([self.left(end) for end in ends], least, 1 - least)
        along, across = np.diff(norm.ppf(ends))[0], np.diff(norm.ppf(rates))[0]
        return float(across / along * norm.pdf(norm.ppf(left)) / norm.pdf(norm.ppf(efficiency)))

    def at(self, efficiency: float) -> BackgroundLeft:
        if not 0 < efficiency < 1:
            raise InputError(f"a signal efficiency of {efficiency:g}", "one between 0 and 1")
        label, score, weight, _ = self.sample
        threshold, tied = self.signal.threshold(efficiency)
        left = self.left(efficiency)
        kept = np.where(score == threshold, tied, score > threshold)
        influence = np.where(label, -self.slope(efficiency) * (kept - efficiency), kept - left) * weight
        for events in (label, ~label):
            n = int(events.sum())
            influence[events] *= np.sqrt(n / max(n - 1, 1)) / weight[events].sum()
        se = _wilson(float(np.sqrt(influence @ influence)), weight[~label])
        return BackgroundLeft(efficiency, threshold, Measured(left, se), influence)
