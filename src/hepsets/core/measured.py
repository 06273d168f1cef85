"""A measured number with its standard error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Measured:
    """A value and its standard error, in the same unit."""

    value: float
    se: float

    def __str__(self) -> str:
        """``value ± se`` with two significant digits of the error, four decimals at most."""
        if not self.se > 0:
            return f"{self.value:.4g}"
        digits = min(max(0, 1 - math.floor(math.log10(self.se))), 4)
        return f"{self.value:.{digits}f} ± {self.se:.{digits}f}"

    @classmethod
    def proportion(cls, passed: int, total: int) -> Self:
        """Share ``passed / total`` with the Wilson interval's half width as its error.

        The Wilson half width (Wilson 1927, 68.3 % level) does not vanish for 0 or ``total``.

        Examples
        --------
        >>> print(Measured.proportion(41, 1000))
        0.0410 ± 0.0063
        """
        share = passed / total
        half = math.sqrt(share * (1 - share) / total + 1 / (4 * total**2)) / (1 + 1 / total)
        return cls(share, half)


def per_cent(value: Measured | None, digits: int) -> str:
    """A share and its error in per cent, without the sign; nothing of ``None``.

    Examples
    --------
    >>> per_cent(Measured(0.1234, 0.0056), 1)
    '12.3 ± 0.6'
    """
    return "" if value is None else f"{100 * value.value:.{digits}f} ± {100 * value.se:.{digits}f}"


def spread_of(values: Sequence[float]) -> float | None:
    """Standard deviation between values, such as those of several trainings; ``None`` of a single one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
