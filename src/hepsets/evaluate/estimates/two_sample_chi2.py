"""Whether two histograms of counts can stem from one density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2 as chi2_distribution

from hepsets.core.errors import InputError


@dataclass(frozen=True)
class TwoSampleChi2:
    """χ², its degrees of freedom, and the chance of a larger one if both have one density."""

    chi2: float
    ndof: int
    p_value: float


def two_sample_chi2(first: ArrayLike, second: ArrayLike) -> TwoSampleChi2:
    """χ² test of one density behind two histograms of unweighted events, whatever their sizes.

    Gagunashvili, arXiv:physics/0605123. Bins that are empty in both do not count; the
    test holds for some five events in a bin or more.

    Parameters
    ----------
    first, second
        Counts in the same bins, shape ``(n_bins,)``.

    Raises
    ------
    InputError
        If the bins differ or a histogram is empty.

    Examples
    --------
    >>> two_sample_chi2([10, 20, 0], [20, 40, 0])
    TwoSampleChi2(chi2=0.0, ndof=1, p_value=1.0)
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or not (a.sum() > 0 and b.sum() > 0):
        raise InputError(
            f"histograms of shapes {a.shape} and {b.shape} with {a.sum():g} and {b.sum():g} events",
            "the same bins, with events in both",
        )
    filled = a + b > 0
    n, m = a.sum(), b.sum()
    a, b = a[filled], b[filled]
    value = float(((m * a - n * b) ** 2 / (a + b)).sum() / (n * m))
    ndof = len(a) - 1
    return TwoSampleChi2(value, ndof, float(chi2_distribution.sf(value, ndof)) if ndof else 1.0)
