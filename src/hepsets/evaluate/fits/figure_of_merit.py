"""What a cut is worth: S/√(S+B), Punzi's figure and S/√B of expected yields; the cut with the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.parameters import Array

Figure = Literal["significance", "punzi", "s_over_sqrt_b"]
FIGURES: tuple[Figure, ...] = ("significance", "punzi", "s_over_sqrt_b")


def significance(signal: Measured, background: Measured) -> Measured:
    """S/√(S+B), for a signal that is there; errors of S and B are taken to be independent.

    Parameters
    ----------
    signal, background
        Expected events. No events at all give 0.

    Examples
    --------
    >>> print(significance(Measured(100, 10), Measured(300, 20)))
    5.00 ± 0.46
    """
    s, b = max(signal.value, 0.0), max(background.value, 0.0)
    if not s + b:
        return Measured(0.0, 0.0)
    root = np.sqrt(s + b)
    slopes = (s + 2 * b) / (2 * root**3), s / (2 * root**3)
    return Measured(float(s / root), float(np.hypot(slopes[0] * signal.se, slopes[1] * background.se)))


def punzi(efficiency: Measured, background: Measured, n_sigma: float = 5.0) -> Measured:
    """ε/(a/2 + √B), for a signal that is looked for [Punzi, arXiv:physics/0308063, equation 7].

    It needs no assumption about the signal's size.

    Parameters
    ----------
    efficiency
        Of the signal.
    background
        Expected events.
    n_sigma
        a, the significance that is aimed at.

    Examples
    --------
    >>> print(punzi(Measured(0.5, 0.01), Measured(100, 10)))
    0.0400 ± 0.0018
    """
    b = max(background.value, 0.0)
    below = n_sigma / 2 + np.sqrt(b)
    value = efficiency.value / below
    by_background = value / below / (2 * np.sqrt(b)) if b else 0.0
    return Measured(float(value), float(np.hypot(efficiency.se / below, by_background * background.se)))


def s_over_sqrt_b(signal: Measured, background: Measured) -> Measured:
    """S/√B: how far the signal stands above fluctuations of the background alone.

    Parameters
    ----------
    signal, background
        Expected events.

    Raises
    ------
    InputError
        If no background is expected: the figure then has no value.
    """
    s, b = signal.value, background.value
    if not b > 0:
        raise InputError(f"an expected background of {b:g}", "more than none for S/√B", "use another figure")
    value = s / np.sqrt(b)
    return Measured(float(value), float(np.hypot(signal.se / np.sqrt(b), value * background.se / (2 * b))))


@dataclass(frozen=True, eq=False)
class CutScan:
    """A figure of merit along cuts on a score.

    Parameters
    ----------
    figure
        Which.
    thresholds
        Candidates of this score or above are kept; rising, shape ``(n_cuts,)``.
    efficiency
        Of the signal, shape ``(n_cuts,)``.
    signal, background
        Expected events, shape ``(n_cuts,)``.
    merit, merit_se
        The figure and its error, shape ``(n_cuts,)``.
    best
        Where it is greatest.
    plateau
        First and last threshold whose figure is within one error of the best: what choosing it can tell.
    """

    figure: Figure
    thresholds: Array
    efficiency: Array
    signal: Array
    background: Array
    merit: Array
    merit_se: Array
    best: int
    plateau: tuple[float, float]

    @property
    def threshold(self) -> float:
        """Of the best cut."""
        return float(self.thresholds[self.best])

    @property
    def best_merit(self) -> Measured:
        """The figure at the best cut; being the greatest of many it is a little too good."""
        return Measured(float(self.merit[self.best]), float(self.merit_se[self.best]))


def scan_cuts(
    signal_scores: Array,
    background_scores: Array,
    expected_signal: Measured,
    expected_background: Measured,
    *,
    figure: Figure = "significance",
    thresholds: Array | None = None,
    signal_weights: Array | None = None,
    fewest_background: float = 10.0,
) -> CutScan:
    """A figure of merit of expected yields, along cuts.

    Scores say which share of signal and background a cut keeps, the expected yields how many these are in the
    data: never the sizes of the samples. Use candidates that neither training nor the final fit sees; with
    k-folds, scores of models that did not see the candidate.

    Parameters
    ----------
    signal_scores, background_scores
        Of a sample of each, of shape ``(n_signal,)`` and ``(n_background,)``.
    expected_signal, expected_background
        Events under the peak in the data before the cut.
    figure
        One of :data:`FIGURES`.
    thresholds
        Cuts to try, shape ``(n_cuts,)``; by default 200 quantiles of the signal.
    signal_weights
        Of the signal's sample, shape ``(n_signal,)``.
    fewest_background
        Cuts that keep fewer candidates of the background's sample are not tried: nothing is known of them.

    Raises
    ------
    InputError
        For empty samples, scores that are not finite, an unknown figure, and if no cut is left to try.
    """
    if figure not in FIGURES:
        raise InputError(f"a figure of merit {figure!r}", f"one of {', '.join(FIGURES)}")
    signal_scores, background_scores = (np.asarray(s, np.float64) for s in (signal_scores, background_scores))
    if not len(signal_scores) or not len(background_scores):
        raise InputError("an empty sample", "scores of signal and of background")
    if not (np.isfinite(signal_scores).all() and np.isfinite(background_scores).all()):
        raise InputError("scores that are not finite", "numbers")
    if thresholds is None:
        thresholds = np.unique(np.quantile(signal_scores, np.linspace(0, 0.995, 200)))
    weights = np.ones(len(signal_scores)) if signal_weights is None else np.asarray(signal_weights)
    kept = np.array([(background_scores >= cut).sum() for cut in thresholds])
    thresholds, kept = thresholds[kept >= fewest_background], kept[kept >= fewest_background]
    if not len(thresholds):
        raise InputError(
            f"no cut keeps {fewest_background:g} of {len(background_scores)} candidates of background",
            "a larger sample",
        )
    found = [
        _at(
            cut,
            int(n),
            signal_scores,
            weights,
            len(background_scores),
            expected_signal,
            expected_background,
            figure,
        )
        for cut, n in zip(thresholds, kept, strict=True)
    ]
    efficiency, signal, background, merit, merit_se = np.array(found).T
    best = int(np.argmax(merit))
    near = thresholds[merit >= merit[best] - merit_se[best]]
    plateau = float(near.min()), float(near.max())
    return CutScan(figure, thresholds, efficiency, signal, background, merit, merit_se, best, plateau)


def _at(
    cut: float,
    kept: int,
    signal_scores: Array,
    weights: Array,
    n_background: int,
    expected_signal: Measured,
    expected_background: Measured,
    figure: Figure,
) -> tuple[float, float, float, float, float]:
    """Efficiency, signal, background, figure and its error at one cut."""
    passing = signal_scores >= cut
    share = float(weights[passing].sum() / weights.sum())
    spread = (1 - share) ** 2 * (weights[passing] ** 2).sum() + share**2 * (weights[~passing] ** 2).sum()
    efficiency = Measured(share, float(np.sqrt(spread) / weights.sum()))
    false = kept / n_background
    passed = Measured(false, float(np.sqrt(max(kept, 1) * (1 - false)) / n_background))
    s, b = _product(expected_signal, efficiency), _product(expected_background, passed)
    made = punzi(efficiency, b) if figure == "punzi" else {
        "significance": significance, "s_over_sqrt_b": s_over_sqrt_b
    }[figure](s, b)  # fmt: skip
    return share, s.value, b.value, made.value, made.se


def _product(count: Measured, share: Measured) -> Measured:
    return Measured(
        count.value * share.value, float(np.hypot(count.se * share.value, count.value * share.se))
    )
