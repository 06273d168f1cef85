r"""Do the events look like those a model was made for: yes, no, or they cannot tell; and what is the matter.

No, if the tests of :mod:`hepsets.evaluate.estimates.agreement` say so, or if a mistake that leaves every
event possible (a sign, swapped columns) makes the numbers of events in cells far more likely. With a
likelihood ratio above k that happens to good events with a probability of at most 1/k for each value of ΔC9.
They cannot tell if such a mistake suits them about as well. If the verdict is no, all of
:mod:`hepsets.evaluate.estimates.event_mistakes` are tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates.agreement import Agreement, compare, fit_cells, shares_in_cells
from hepsets.evaluate.estimates.event_mistakes import (
    DISTORTIONS,
    MIRRORS,
    Mistake,
    only_between,
    parts_left_out,
    together,
    windows_within,
)
from hepsets.evaluate.estimates.goodness_of_fit import CellModel
from hepsets.evaluate.estimates.reference_events import ReferenceEvents, with_folded_chi
from hepsets.generate.kstmumu.density import WINDOWS

Answer = Literal["yes", "no", "cannot tell"]

FALSE_ALARM = 1e-3
"""Share of good data sets that the tests may call bad."""

MENDED = 0.01
"""p-value from which a mistake explains the events."""

LIKELIER = math.log(5e4)
"""Log-likelihood ratio from which a mistake is taken for made: one in a thousand good data sets, for five
mistakes and about ten distinct values of ΔC9 each."""

EXCLUDED = math.log(20)
"""Log-likelihood ratio at which a mistake is excluded."""

LEAST_EVENTS = 10
"""Fewer events are not even said to be unlike the model."""

LEAST_FOR_YES = 100
"""Fewer events cannot show that a part of the variables is left out."""

LEAST_REFERENCE, REFERENCE_OVER_EVENTS = 40_000, 10
"""Simulated events that mistakes are tried in: at least, and for each event of the data set."""

PER_FITTED = 3.0
"""What each number that a mistake takes from the events costs its log-likelihood; by chance it gains one."""

LEAST_SIMULATED = 100
"""Simulated signal events that a mistake must leave to be tried."""

_SHOWN = 3


@dataclass(frozen=True)
class Cause:
    """A mistake that explains the events.

    Parameters
    ----------
    name, remedy
        In words.
    p_value
        Of the comparison with simulated events in which it was made.
    delta_c9
        What ΔC9 would be about, from numbers of events in cells.
    """

    name: str
    remedy: str
    p_value: float
    delta_c9: float


@dataclass(frozen=True)
class Verdict:
    """Whether the events look like the model's.

    Parameters
    ----------
    answer
        ``yes``, ``no`` or ``cannot tell``.
    p_value
        Of all tests together.
    reasons
        What the answer rests on, in words.
    causes
        Mistakes that explain the events, the likeliest first.
    tried
        How many mistakes were tried.
    """

    answer: Answer
    p_value: float
    reasons: tuple[str, ...]
    causes: tuple[Cause, ...] = ()
    tried: int = 0

    def lines(self) -> list[str]:
        """The verdict in a few lines."""
        if self.answer == "yes":
            return [f"The events look like the model: yes (p = {self.p_value:.2g})"]
        if self.answer == "cannot tell":
            return [f"Do the events look like the model: cannot tell ({'; '.join(self.reasons)})"]
        lines = [f"The events do NOT look like the model: {'; '.join(self.reasons)}"]
        if not self.causes:
            lines.append(f"cause: not known; none of {self.tried} mistakes that were tried explains them")
        for cause in self.causes[:_SHOWN]:
            lines.append(f"likely cause: {cause.name} (p = {cause.p_value:.2g}): {cause.remedy}")
        if len(self.causes) > 1:
            lines.append(f"({self.tried} causes were tried; {len(self.causes)} explain the events)")
        return lines


@dataclass(frozen=True, eq=False)
class Judge:
    """What it takes to judge a data set.

    Parameters
    ----------
    reference
        Simulated events, with :data:`~hepsets.evaluate.estimates.reference_events.FOLDED_CHI`.
    cells
        Where the space is cut.
    variables
        Whose distributions are compared.
    window
        Name of the model's window.
    limits
        Least and greatest ΔC9.
    """

    reference: ReferenceEvents
    cells: CellModel
    variables: Sequence[str]
    window: str
    limits: tuple[float, float]

    def verdict(self, frame: EventFrame, *, causes: bool = True) -> Verdict:
        """Judge a data set, all of it within the model's window.

        To try ``causes`` takes much longer than all else.
        """
        frame = with_folded_chi(frame)
        agreement = self._compare(frame, self.reference)
        if len(frame) < LEAST_EVENTS:
            return Verdict("cannot tell", agreement.p_value, (f"{len(frame)} events are too few",))
        gains = self._gains(frame)
        likelier = [name for name, gain in gains.items() if gain > LIKELIER]
        if agreement.p_value >= FALSE_ALARM and not likelier:
            open_still = [name for name, gain in gains.items() if gain > -EXCLUDED]
            if not open_still and len(frame) < LEAST_FOR_YES:
                open_still = ["a part of the variables is left out"]
            if open_still:
                return Verdict(
                    "cannot tell",
                    agreement.p_value,
                    (f"{len(frame)} events do not exclude that " + "; or that ".join(open_still),),
                )
            return Verdict("yes", agreement.p_value, ())
        if agreement.p_value < FALSE_ALARM:
            striking = [test for test in agreement.tests if test.p_value * len(agreement.tests) < FALSE_ALARM]
            # the first sees most; the longest empty range tells most
            empty = [test for test in striking if test.empty is not None][:1]
            words = tuple(dict.fromkeys(test.what for test in [*empty, striking[0]]))
            reasons: tuple[str, ...] = (f"p {_small(agreement.p_value)}", *words)
        else:
            best = max(likelier, key=lambda name: gains[name])
            reasons = (f"they are e^{gains[best]:.0f} times as likely if {best}",)
        found, tried = self._causes(frame, agreement) if causes else ((), 0)
        return Verdict("no", agreement.p_value, reasons, found, tried)

    def _compare(self, frame: EventFrame, reference: ReferenceEvents) -> Agreement:
        return compare(frame, reference, self.cells, self.variables, self.limits)

    def _gains(self, frame: EventFrame) -> dict[str, float]:
        """By how much each of :data:`MIRRORS` makes the logarithm of the likelihood greater.

        A ratio of likelihoods needs no large numbers, so that all cells are used, however few the events.
        What simulation expects in a cell fluctuates, too: with n simulated events for each of the data set
        the variance of a count is 1 + 1/n times that of the data alone, and the logarithm is divided by that.
        """
        shrunk = 1 / (1 + len(frame) / len(self.reference))
        counts = np.bincount(self.cells.cell_of(frame), minlength=self.cells.n_cells)
        own = fit_cells(counts, shares_in_cells(self.reference, self.cells), self.limits).log_likelihood
        return {
            name: shrunk * (fit_cells(counts, shares, self.limits).log_likelihood - own)
            for name, shares in self._mirrored.items()
        }

    @cached_property
    def _mirrored(self) -> dict[str, NDArray[np.float64]]:
        """Shares in all cells with each of the mistakes that leave every event possible."""
        return {
            mistake.name: shares_in_cells(mistake.make(self.reference).with_folded_chi(), self.cells)
            for mistake in MIRRORS
        }

    def _causes(self, frame: EventFrame, agreement: Agreement) -> tuple[tuple[Cause, ...], int]:
        """Mistakes that explain the events, and how many were tried; two at once if no single one does."""
        parts = [
            *windows_within(self.window, WINDOWS, frame["q_squared"]),
            only_between(frame["q_squared"]),
            *parts_left_out(agreement.tests),
        ]
        single = [*MIRRORS, *DISTORTIONS, *parts]
        # the right one looks bad in one data set of a hundred, and of many pairs one always fits
        found = self._explaining(frame, single, FALSE_ALARM)
        if found:
            return found, len(single)
        pairs = [together(first, part) for first in (*MIRRORS, *DISTORTIONS) for part in parts]
        return self._explaining(frame, pairs), len(single) + len(pairs)

    def _explaining(
        self, frame: EventFrame, mistakes: Sequence[Mistake], least: float = MENDED
    ) -> tuple[Cause, ...]:
        """Mistakes with which the events look like the model, with p of ``least`` if none has MENDED."""
        reference = self.reference.first(max(LEAST_REFERENCE, REFERENCE_OVER_EVENTS * len(frame)))
        counts = np.bincount(self.cells.cell_of(frame), minlength=self.cells.n_cells)
        found = []
        for mistake in mistakes:
            made = mistake.make(reference).with_folded_chi()
            if np.count_nonzero(made.shares[0]) < LEAST_SIMULATED:
                continue
            agreement = self._compare(frame, made)
            if agreement.p_value >= least:
                fit = fit_cells(counts, shares_in_cells(made, self.cells), self.limits)
                cause = Cause(mistake.name, mistake.remedy, agreement.p_value, fit.delta_c9)
                found.append((fit.log_likelihood - PER_FITTED * mistake.fitted, cause))
        if any(cause.p_value >= MENDED for _, cause in found):
            found = [pair for pair in found if pair[1].p_value >= MENDED]
        found.sort(key=lambda pair: -pair[0])
        return tuple(cause for height, cause in found if height > found[0][0] - EXCLUDED)


def _small(p_value: float) -> str:
    return f"= {p_value:.1g}" if p_value > 1e-15 else "< 1e-15"
