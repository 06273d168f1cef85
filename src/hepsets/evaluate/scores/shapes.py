"""Whether simulation has the shape of data in each variable, before and after it is reweighted: χ².

Histograms are normalised to one, so shares of bins fluctuate together; all errors are sums of squared
weights, which may be of either sign. That simulation was reweighted to these very data is not allowed for:
give data that made no weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.chi2 import chi2_tail
from hepsets.evaluate.scores.sample import Array
from hepsets.evaluate.scores.sculpting import equally_filled_edges


@dataclass(frozen=True, eq=False)
class ShapeClosure:
    """One variable in data and in simulation.

    Parameters
    ----------
    variable
        Its name.
    edges
        Shape ``(n_bins + 1,)``; the outer bins hold all that lies beyond them.
    data, data_se, before, before_se, after, after_se
        Shape ``(n_bins,)``: share of each bin in data, in simulation, and in reweighted simulation.
    chi2_before, chi2_after
        Of simulation against data, covariances included.
    ndof
        Of both.
    """

    variable: str
    edges: Array
    data: Array
    data_se: Array
    before: Array
    before_se: Array
    after: Array
    after_se: Array
    chi2_before: float
    chi2_after: float
    ndof: int

    @property
    def p_before(self) -> float:
        """Chance of a χ² as large as ``chi2_before`` if shapes are the same."""
        return chi2_tail(self.chi2_before, self.ndof)

    @property
    def p_after(self) -> float:
        """Likewise of ``chi2_after``."""
        return chi2_tail(self.chi2_after, self.ndof)


@dataclass(frozen=True, eq=False)
class _Shares:
    value: Array
    covariance: Array

    @staticmethod
    def of(values: Array, weights: Array, edges: Array) -> _Shares:
        bins = len(edges) - 1
        place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)
        sums, squares = (np.bincount(place, w, minlength=bins) for w in (weights, weights**2))
        total, share = sums.sum(), sums / sums.sum()
        covariance = np.diag(squares) - np.outer(squares, share) - np.outer(share, squares)
        covariance += squares.sum() * np.outer(share, share)
        return _Shares(share, covariance / total**2)

    @property
    def se(self) -> Array:
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))


def shape_closure(
    variable: str,
    data: tuple[ArrayLike, ArrayLike],
    simulation: ArrayLike,
    before: ArrayLike,
    after: ArrayLike,
    *,
    bins: int = 10,
) -> ShapeClosure:
    """Compare a variable in data with simulation, of one set of weights and of another.

    Parameters
    ----------
    variable
        Its name.
    data
        Values and weights of data, shape ``(n_data,)`` each.
    simulation
        Values, shape ``(n_simulated,)``.
    before, after
        Weights of simulation, shape ``(n_simulated,)`` each.
    bins
        As many bins, of equal weight in data, or fewer where values coincide.

    Raises
    ------
    InputError
        For no events, values that are not finite, or weights that do not add to a positive number.
    """
    values, weights = (np.asarray(one, dtype=np.float64) for one in data)
    simulated = np.asarray(simulation, dtype=np.float64)
    both = [np.asarray(one, dtype=np.float64) for one in (before, after)]
    if not len(values) or not len(simulated):
        raise InputError(
            f"{variable}: {len(values)} events of data, {len(simulated)} simulated", "some of both"
        )
    if not (np.isfinite(values).all() and np.isfinite(simulated).all()):
        raise InputError(f"{variable}: values that are not finite", "numbers")
    if not all(one.sum() > 0 for one in (weights, *both)):
        raise InputError(f"{variable}: weights that do not add to a positive number", "a positive sum")
    edges = equally_filled_edges(values, weights, bins=bins)
    true = _Shares.of(values, weights, edges)
    shares = [_Shares.of(simulated, one, edges) for one in both]
    chi2 = [_chi2(true, one) for one in shares]
    return ShapeClosure(
        variable, edges, true.value, true.se, shares[0].value, shares[0].se, shares[1].value, shares[1].se,
        chi2[0], chi2[1], len(edges) - 2,
    )  # fmt: skip


def _chi2(one: _Shares, other: _Shares) -> float:
    difference = one.value - other.value
    return float(difference @ np.linalg.pinv(one.covariance + other.covariance, hermitian=True) @ difference)
