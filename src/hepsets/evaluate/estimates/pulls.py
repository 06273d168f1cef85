"""Pulls of many estimates of one number: mean, width, and the share of intervals that hold the truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured


@dataclass(frozen=True, eq=False)
class Pulls:
    """(estimate − truth)/error, the error being that of the interval on the side of the truth.

    Demortier and Lyons, CDF/ANAL/PUBLIC/5776.

    Parameters
    ----------
    mean, width
        Of the pulls; 0 and 1 if estimates are unbiased and their errors right.
    coverage
        Share of the intervals that hold the truth; 0.683 if they are right.
    values
        Shape ``(n_estimates,)``.
    """

    mean: Measured
    width: Measured
    coverage: Measured
    values: NDArray[np.float64] = field(repr=False)

    @classmethod
    def of(cls, estimates: ArrayLike, truth: float, below: ArrayLike, above: ArrayLike) -> Pulls:
        """Judge estimates with their intervals.

        Parameters
        ----------
        estimates
            Shape ``(n_estimates,)``.
        truth
            Of all of them.
        below, above
            Distances to the ends of the interval of each, shape ``(n_estimates,)``, in the estimates' unit.

        Raises
        ------
        InputError
            For fewer than two estimates.

        Examples
        --------
        >>> Pulls.of([1.0, -1.0, 3.0], 0.0, [2.0, 1.0, 1.0], [1.0, 2.0, 1.0]).values
        array([ 0.5, -0.5,  3. ])
        """
        value = np.asarray(estimates, dtype=np.float64)
        n = len(value)
        if n < 2:
            raise InputError(f"{n} estimates", "two at least, to judge their pulls")
        down, up = np.asarray(below, dtype=np.float64), np.asarray(above, dtype=np.float64)
        off = value - truth
        pull = off / np.where(off > 0, down, up)
        width = float(pull.std(ddof=1))
        held = int(((truth >= value - down) & (truth <= value + up)).sum())
        return cls(
            Measured(float(pull.mean()), float(width / np.sqrt(n))),
            Measured(width, float(width / np.sqrt(2 * (n - 1)))),
            Measured.proportion(held, n),
            pull,
        )
