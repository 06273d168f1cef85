"""What a filter did to a stream of events: counts, weights, effective size, what was strange."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hepsets.core.measured import Measured

Array = NDArray[np.float64]
Key = TypeVar("Key", int, str)

BINS = 20
"""Bins of the score and of the keep probability, over [0, 1]."""


@dataclass
class SkimSummary:
    """One skim's share of a filter's work.

    ``kept`` events have a weight, ``sum_weights`` and ``sum_weights2`` are over these; ``sum_before``
    is the sum of the weights with which all events came, their number if no filter saw them before,
    and ``chance`` the part of the variance of ``sum_weights`` that this filter adds; ``expected`` is
    the sum of the keep probabilities over all events; the histograms count all events.
    """

    name: str
    kept: int = 0
    sum_weights: float = 0.0
    sum_weights2: float = 0.0
    sum_before: float = 0.0
    chance: float = 0.0
    expected: float = 0.0
    scores: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    probabilities: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))

    @property
    def effective(self) -> float:
        """Kish's effective number of kept events, (Σw)²/Σw²."""
        return self.sum_weights**2 / self.sum_weights2 if self.sum_weights2 else 0.0

    @property
    def mean_weight(self) -> Measured:
        """Sum of the weights over that with which the events came; without bias it is 1 but for chance.

        An event kept with probability p and now of weight w adds w² (1 - p) to the estimate of the
        sum's variance (Horvitz and Thompson, J. Am. Stat. Assoc. 47 (1952) 663).
        """
        if not self.sum_before:
            return Measured(0.0, 0.0)
        return Measured(self.sum_weights / self.sum_before, self.chance_error / self.sum_before)

    @property
    def chance_error(self) -> float:
        """Standard error of the sum of weights from which events this filter happened to keep."""
        return float(np.sqrt(max(self.chance, 0.0)))


@dataclass
class FilterSummary:
    """A filter's work on all events so far.

    Parameters
    ----------
    skims
        One entry per skim.
    unbiased
        Whether the weights undo what was left out.
    weighted
        Whether events get weights; scores leave those that are there as they are.
    read, kept
        Events that came, and that went on.
    outside
        Events outside the training domain; they went on with weight one.
    reasons
        How many events were outside for which reason; one event may have several.
    unknown_ids
        How many events hold a PDG id that training never saw, by id.
    doubled
        Events that were found to be equal to an earlier one, in number and content.
    earlier
        Names of the weights of filters that saw events before this one.
    independent
        Events that would be kept on average if every skim had a random number of its own.
    saves_nothing
        Why every event is kept, if the filter's rule says so.
    """

    skims: list[SkimSummary]
    unbiased: bool = True
    weighted: bool = True
    read: int = 0
    kept: int = 0
    outside: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unknown_ids: Counter[int] = field(default_factory=Counter)
    doubled: int = 0
    earlier: dict[str, None] = field(default_factory=dict)
    independent: float = 0.0
    saves_nothing: str = ""

    @classmethod
    def of(cls, names: Sequence[str], *, unbiased: bool = True, weighted: bool = True) -> FilterSummary:
        """An empty summary for skims of these names."""
        return cls([SkimSummary(name) for name in names], unbiased, weighted)

    def add(
        self,
        scores: Array,
        probabilities: Array,
        weights: Array,
        kept: NDArray[np.bool_],
        before: Array | None = None,
    ) -> None:
        """Count events; arrays have shape ``(n_events, n_skims)``, ``kept`` ``(n_events,)``.

        ``before`` are the weights with which the events came, one by default.
        """
        before = np.ones_like(weights) if before is None else before
        self.read += len(scores)
        self.kept += int(kept.sum())
        self.independent += float((1 - (1 - probabilities).prod(axis=1)).sum())
        for skim, score, probability, weight, came in zip(
            self.skims, scores.T, probabilities.T, weights.T, before.T, strict=True
        ):
            skim.kept += int((weight > 0).sum())
            skim.sum_weights += float(weight.sum())
            skim.sum_weights2 += float((weight**2).sum())
            skim.sum_before += float(came.sum())
            skim.chance += float((weight * (weight - came)).sum())
            skim.expected += float(probability.sum())
            skim.scores += _histogram(score)
            skim.probabilities += _histogram(probability)

    def lines(self) -> list[str]:
        """What a shift wants to know, one sentence per line, warnings last."""
        share = self.kept / self.read if self.read else 0.0
        lines = [f"{self.kept} of {self.read} events kept ({100 * share:.2f} %)"]
        lines += [
            f"{skim.name}: {skim.kept} kept, sum of weights {skim.sum_weights:.1f}"
            + (f" ± {skim.chance_error:.1f}" if skim.chance_error else "")
            + (f" ({skim.sum_before:.1f} before)" if self.earlier else "")
            + f", effective size {skim.effective:.1f}"
            for skim in self.skims
        ]
        if self.earlier:
            what = "multiplied in" if self.weighted else "left as they are"
            lines.append(f"weights of earlier filters are {what}: {', '.join(self.earlier)}")
        if self.saves_nothing:
            lines.append(f"warning: {self.saves_nothing}")
        elif not self.unbiased:
            lines.append("warning: the events that were left out cannot be weighted for: the rest is biased")
        if self.outside:
            lines.append(
                f"warning: {self.outside} events lie outside the training domain and are all kept: "
                + "; ".join(f"{reason} ({count})" for reason, count in _ranked(self.reasons))
            )
        if self.unknown_ids:
            few = ", ".join(f"{pdg} ({count})" for pdg, count in _ranked(self.unknown_ids)[:8])
            lines.append(f"warning: PDG ids that training never saw: {few}")
        if self.doubled:
            lines.append(
                f"warning: {self.doubled} events are equal to earlier ones, in number and content: they "
                "share their random numbers and are no further data; was a file given twice?"
            )
        return lines


def _ranked(counts: Counter[Key]) -> list[tuple[Key, int]]:
    """The most frequent first, equal ones in the order of their keys."""
    return sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))


def _histogram(values: NDArray[Any]) -> NDArray[np.int64]:
    return np.histogram(values, BINS, (0.0, 1.0))[0]
