"""Hide the signal's yield and mean behind offsets that follow from a word, until the analysis is settled."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.evaluate.fits.peaks import MEAN
from hepsets.evaluate.fits.result import HELD, FitResult, FittedParameter


@dataclass(frozen=True)
class Blinding:
    """What is hidden, and how far.

    Of two fits that are blinded by one word the differences are right: one can compare selections and models
    without knowing the result. As the yields of an extended fit add up to the number of events, those of the
    backgrounds are moved the other way.

    Parameters
    ----------
    word
        Any text; offsets follow from it alone.
    region
        Where no events and no curves are drawn [GeV].
    mean_offset
        Largest offset of the mean [GeV].
    yield_offset
        Largest offset of the signal's yield, in events of a category.

    Raises
    ------
    InputError
        For an empty word, and offsets that hide nothing.
    """

    word: str
    region: MassRange
    mean_offset: float
    yield_offset: float

    def __post_init__(self) -> None:
        if not self.word:
            raise InputError("an empty word to blind with", "some text")
        if not (self.mean_offset > 0 and self.yield_offset > 0):
            raise InputError(
                f"offsets of {self.mean_offset:g} GeV and {self.yield_offset:g} events", "numbers above 0"
            )

    def _drawn(self, name: str) -> float:
        """A number from −1 to 1."""
        digest = hashlib.sha256(f"{self.word}:{name}".encode()).digest()
        return 2 * int.from_bytes(digest[:8], "big") / 2**64 - 1

    def parameters(self, fit: FitResult) -> tuple[FittedParameter, ...]:
        """The parameters of a fit with hidden yields and mean; errors as they are.

        A mean that is held is told as it is: it is no result, who holds it knows it, and moved it would give
        the offset away.

        Parameters
        ----------
        fit
            The fit.
        """
        moves: dict[str, float] = {}
        for c, row in enumerate(fit.model.places):
            names = [fit.model.names[place.count] for place in row]
            offset = self.yield_offset * self._drawn(f"yield {fit.model.categories[c]}")
            moves[names[0]] = offset
            for name in names[1:]:
                moves[name] = -offset / (len(names) - 1)
        mean = self.mean_offset * self._drawn("mean")
        for one in fit.parameters:
            if one.name.partition("[")[0] == MEAN and one.state != HELD:
                moves[one.name] = mean
        return tuple(
            replace(one, value=Measured(one.value.value + moves.get(one.name, 0.0), one.value.se))
            for one in fit.parameters
        )
