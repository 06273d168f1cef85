"""How often chance gives a greater χ²: without scipy, which the base installation does without."""

from __future__ import annotations

import math


def chi2_tail(chi2: float, ndof: int) -> float:
    r"""Probability of a χ² of ``ndof`` degrees of freedom, one or more, above ``chi2``.

    Notes
    -----
    For a whole number ν of degrees of freedom the integral is a sum (Abramowitz and Stegun, *Handbook of
    Mathematical Functions*, 26.4.4 and 26.4.5); with :math:`h = χ^2/2`

    .. math:: Q = \left[\mathrm{erfc}\sqrt h\right]_{ν\,\text{odd}}
              + e^{-h} \sum_{s} \frac{h^s}{Γ(s+1)}, \qquad s = \frac ν2 - 1, \frac ν2 - 2, … \ge 0.

    Examples
    --------
    >>> round(chi2_tail(3.841, 1), 4), round(chi2_tail(18.307, 10), 4)
    (0.05, 0.05)
    """
    half = chi2 / 2
    if half <= 0:
        return 1.0
    powers = (ndof / 2 - 1 - step for step in range(ndof // 2))
    terms = [math.exp(s * math.log(half) - half - math.lgamma(s + 1)) for s in powers]
    return min(1.0, math.fsum([*terms, math.erfc(math.sqrt(half)) if ndof % 2 else 0.0]))
