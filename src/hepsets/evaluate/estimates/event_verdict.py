r"""Do the events look like those a model was made for: yes, no, or they cannot tell; and what is the matter.

No, if the tests of :mod:`hepsets.evaluate.estimates.agreement` say so, or if a mistake that leaves every
event possible (a sign, swapped columns) makes the numbers of events in cells far more likely. With a
likelihood ratio above k that happens to good events with a probability of at most 1/k for each value of ΔC9.
They cannot tell if such a mistake suits them about as well. A share of background that is flat in the angles
(:mod:`hepsets.evaluate.estimates.flat_background`) is judged in the same way: no if it makes them that much
likelier, cannot tell if it suits them significantly better; a yes says how much the events do not exclude.
If the verdict is no, all of :mod:`hepsets.evaluate.estimates.event_mistakes` are tried, and that background.
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
from hepsets.evaluate.estimates.flat_background import (
    TOLERATED,
    FlatShare,
    fit_flat_share,
    mixed_with_flat,
)
from hepsets.evaluate.estimates.goodness_of_fit import CellModel
from hepsets.evaluate.estimates.reference_events import ReferenceEvents, with_folded_chi
from hepsets.generate.kstmumu.density import WINDOWS

Answer = Literal["yes", "no", "cannot tell"]

FALSE_ALARM = 1e-3
"""Share of good data sets that the tests may call bad."""

TOLD = 0.05
"""p-value below which good events are told to be rare ones."""

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
    flat
        What is known of background that is flat in the angles; ``None`` where it was not looked for: the
        events are unlike the model already, or the model has a background of its own.
    """

    answer: Answer
    p_value: float
    reasons: tuple[str, ...]
    causes: tuple[Cause, ...] = ()
    tried: int = 0
    flat: FlatShare | None = None

    def lines(self) -> list[str]:
        """The verdict in a few lines."""
        but = self.not_excluded
        if self.answer == "yes":
            return [
                f"The events look like the model: yes{', but' if but else ''} (p = {self.p_value:.2g})"
                + (f": {but}" if but else "")
            ]
        if self.answer == "cannot tell":
            lines = [f"Do the events look like the model: cannot tell ({'; '.join(self.reasons)})"]
            return [*lines, *([f"besides, {but}"] if but else [])]
        lines = [f"The events do NOT look like the model: {'; '.join(self.reasons)}"]
        if not self.causes:
            lines.append(f"cause: not known; none of {self.tried} mistakes that were tried explains them")
        for cause in self.causes[:_SHOWN]:
            lines.append(f"likely cause: {cause.name} (p = {cause.p_value:.2g}): {cause.remedy}")
        if len(self.causes) > 1:
            lines.append(f"({self.tried} causes were tried; {len(self.causes)} explain the events)")
        return lines

    @property
    def not_excluded(self) -> str | None:
        """How much flat background the events do not exclude, and what it does; ``None`` if little."""
        if self.answer == "no" or self.flat is None or self.flat.upper95 < TOLERATED:
            return None
        shift = f"{self.flat.delta_c9_shift:+.2g}".replace("-", "−")
        return (
            f"up to {100 * self.flat.upper95:.0f} % of background that is flat in the angles cannot be "
            f"excluded (95 %); it would move ΔC9 by up to {shift}; if the sample is not free of it, "
            "subtract it or take a model among background (--level background)"
        )

    def warnings(self) -> list[str]:
        """What to mind about events that look like the model, or may, in whole sentences."""
        found = []
        if self.answer != "no" and self.p_value < TOLD:
            found.append(
                f"One good data set in {1 / self.p_value:.0f} looks as unlike the model as these events do "
                f"(p = {self.p_value:.2g})."
            )
        if self.answer != "no" and self.flat is not None and self.flat.p_value < TOLD:
            delta_c9 = f"{self.flat.delta_c9:.2f}".replace("-", "−")
            found.append(
                f"{100 * self.flat.share:.0f} % of background that is flat in the angles fits better than "
                f"none (p = {self.flat.p_value:.2g}); ΔC9 would be about {delta_c9} then."
            )
        return found


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
        alike = agreement.p_value >= FALSE_ALARM and not likelier
        flat = self._flat(frame, agreement) if alike else None
        if alike and (flat is None or flat.log_gain <= LIKELIER):
            open_still = [name for name, gain in gains.items() if gain > -EXCLUDED]
            if not open_still and len(frame) < LEAST_FOR_YES:
                open_still = ["a part of the variables is left out"]
            if flat is not None and flat.p_value < FALSE_ALARM:
                open_still.append(f"{flat.words} (that makes them e^{flat.log_gain:.0f} times as likely)")
            if open_still:
                return Verdict(
                    "cannot tell",
                    agreement.p_value,
                    (f"{len(frame)} events do not exclude that " + "; or that ".join(open_still),),
                    flat=flat,
                )
            return Verdict("yes", agreement.p_value, (), flat=flat)
        if agreement.p_value < FALSE_ALARM:
            striking = [test for test in agreement.tests if test.p_value * len(agreement.tests) < FALSE_ALARM]
            # the first sees most; the longest empty range tells most
            empty = [test for test in striking if test.empty is not None][:1]
            words = tuple(dict.fromkeys(test.what for test in [*empty, striking[0]]))
            reasons: tuple[str, ...] = (f"p {_small(agreement.p_value)}", *words)
        elif flat is not None:
            reasons = (f"they are e^{flat.log_gain:.0f} times as likely if {flat.words}",)
        else:
            best = max(likelier, key=lambda name: gains[name])
            reasons = (f"they are e^{gains[best]:.0f} times as likely if {best}",)
        found, tried = self._causes(frame, agreement) if causes else ((), 0)
        return Verdict("no", agreement.p_value, reasons, found, tried, flat)

    def _flat(self, frame: EventFrame, agreement: Agreement) -> FlatShare | None:
        """How much flat background there may be, where the model has no background of its own."""
        if self.reference.has_background:
            return None
        return fit_flat_share(frame, self.reference, agreement.fit.delta_c9, self.limits)

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
        if not self.reference.has_background:
            single += mixed_with_flat(frame["q_squared"], WINDOWS[self.window])
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
