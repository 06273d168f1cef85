"""What a cut is worth: S/√(S+B), Punzi's figure and S/√B of expected yields; the cut with the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.parameters import Array
from hepsets.evaluate.scores.families import family_shares

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
class CutSample:
    """Candidates of one kind: how many of them data hold, and a sample that says which share a cut keeps.

    Parameters
    ----------
    expected
        Under the peak in the data, before any cut.
    scores
        Of the sample, shape ``(n,)``; of models that did not see the candidates.
    passing
        Which of them pass what else is demanded, such as vetoes; all if ``None``. The others are kept by no
        cut and stay in the denominator: the share is that of all requirements together.
    weights
        Shape ``(n,)``; all one if ``None``.
    groups
        Families, of which each is one observation, shape ``(n,)``; each candidate its own if ``None``.

    Raises
    ------
    InputError
        For an empty sample, and scores that are not finite.
    """

    expected: Measured
    scores: Array
    passing: NDArray[np.bool_] | None = None
    weights: Array | None = None
    groups: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if not len(self.scores):
            raise InputError("an empty sample", "scores of signal and of background")
        if not np.isfinite(self.scores).all():
            raise InputError("scores that are not finite", "numbers")

    def kept(self, threshold: float) -> NDArray[np.bool_]:
        """Which a cut keeps, shape ``(n,)``."""
        above = np.asarray(self.scores >= threshold)
        return above if self.passing is None else above & self.passing

    def shares(self, thresholds: Iterable[float]) -> list[Measured]:
        """Shares that cuts keep; errors count families.

        Parameters
        ----------
        thresholds
            Of the cuts.
        """
        groups = np.arange(len(self.scores)) if self.groups is None else self.groups
        return family_shares((self.kept(cut) for cut in thresholds), groups, self.weights)


@dataclass(frozen=True, eq=False)
class CutScan:
    """A figure of merit along cuts.

    Parameters
    ----------
    figure
        Which.
    thresholds
        Candidates of this score or above are kept; rising, shape ``(n_cuts,)``.
    efficiency
        Of the signal, shape ``(n_cuts,)``.
    signal, background
        Expected events, of all kinds of background together; shape ``(n_cuts,)``.
    false_rate
        Of the first kind of background, shape ``(n_cuts,)``.
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
    false_rate: Array
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
    signal: CutSample,
    backgrounds: Sequence[CutSample],
    *,
    figure: Figure = "significance",
    thresholds: Array | None = None,
    fewest_background: float = 10.0,
) -> CutScan:
    """A figure of merit of expected yields, along cuts.

    Samples say which share of each kind a cut keeps, the expected yields how many these are in the data:
    never the sizes of the samples. Use candidates that neither training nor the final fit sees; with
    k-folds, scores of models that did not see the candidate.

    Parameters
    ----------
    signal
        The signal.
    backgrounds
        Of each kind, such as combinations and misidentified decays, which a cut keeps other shares of.
    figure
        One of :data:`FIGURES`.
    thresholds
        Cuts to try, shape ``(n_cuts,)``; by default 200 quantiles of the signal that passes all else.
    fewest_background
        Cuts that keep fewer candidates of the first background's sample are not tried: nothing is known of
        them.

    Raises
    ------
    InputError
        For an unknown figure, no background, if no cut is left to try, and as
        :func:`~hepsets.evaluate.scores.families.family_shares`.
    """
    if figure not in FIGURES:
        raise InputError(f"a figure of merit {figure!r}", f"one of {', '.join(FIGURES)}")
    if not backgrounds:
        raise InputError("no background", "one kind or more")
    first = backgrounds[0]
    if thresholds is None:
        passing = signal.scores if signal.passing is None else signal.scores[signal.passing]
        if not len(passing):
            raise InputError("an empty sample of signal", "some that passes all else")
        thresholds = np.unique(np.quantile(passing, np.linspace(0, 0.995, 200)))
    kept = np.array([first.kept(cut).sum() for cut in thresholds])
    thresholds = thresholds[kept >= fewest_background]
    if not len(thresholds):
        raise InputError(
            f"no cut keeps {fewest_background:g} of {len(first.scores)} candidates of background",
            "a larger sample",
        )
    shares = [one.shares(thresholds) for one in (signal, *backgrounds)]
    expected = [one.expected for one in (signal, *backgrounds)]
    found = np.array([_at(expected, at_cut, figure) for at_cut in zip(*shares, strict=True)])
    efficiency, s, b, false_rate, merit, merit_se = found.T
    best = int(np.argmax(merit))
    near = thresholds[merit >= merit[best] - merit_se[best]]
    plateau = float(near.min()), float(near.max())
    return CutScan(figure, thresholds, efficiency, s, b, false_rate, merit, merit_se, best, plateau)


def _at(
    expected: Sequence[Measured], shares: Sequence[Measured], figure: Figure
) -> tuple[float, float, float, float, float, float]:
    """Efficiency, signal, background, share of the first background, figure and its error at one cut, of
    which the signal comes first.
    """
    efficiency = shares[0]
    s, *each = (_product(count, share) for count, share in zip(expected, shares, strict=True))
    b = Measured(sum(one.value for one in each), float(np.linalg.norm([one.se for one in each])))
    made = punzi(efficiency, b) if figure == "punzi" else {
        "significance": significance, "s_over_sqrt_b": s_over_sqrt_b
    }[figure](s, b)  # fmt: skip
    return efficiency.value, s.value, b.value, shares[1].value, made.value, made.se


def _product(count: Measured, share: Measured) -> Measured:
    return Measured(
        count.value * share.value, float(np.hypot(count.se * share.value, count.value * share.se))
    )
