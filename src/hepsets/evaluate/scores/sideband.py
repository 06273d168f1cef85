r"""Whether background in a sideband stands for the background under the peak, in the eyes of a score.

A classifier learns background from a sideband, and a cut's background is often scaled from there. Both hold
if background has the same scores in both places. Whoever knows the truth, as in simulation, can test it.
Candidates that share tracks or a parton event are one family, and families lie in both places: with
:math:`u_f` the sum of the influences of a family on the differences :math:`d` of the shares in bins of the
score,

.. math:: C = \frac{F}{F - 1} \sum_f u_f u_f^T, \quad T^2 = d^T C^{-1} d,

which follows Hotelling's distribution for :math:`F` families.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as f_distribution

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.families import checked_weights, family_share, family_sums
from hepsets.evaluate.scores.sample import Array
from hepsets.evaluate.scores.sculpting import equally_filled_edges

FAMILIES_PER_BIN = 6
"""At least so many families for each bin of the test: its covariance is measured from them."""


@dataclass(frozen=True, eq=False)
class SidebandTest:
    """Scores of background under the peak against those in the sideband.

    Parameters
    ----------
    edges
        Of bins of the score, shape ``(n_bins + 1,)``.
    peak, sideband
        Weighted shares of the candidates in each bin, shape ``(n_bins,)``.
    peak_se, sideband_se
        Their errors, which count families.
    families
        How many there are in both places together.
    p_value
        Chance of shares that differ as much if scores are distributed alike.
    peak_efficiency, sideband_efficiency
        Shares that the cut keeps.
    ratio
        The first over the second: what background scaled from the sideband is to be multiplied by. The error
        knows which families are in both; ``None`` if the cut keeps nothing in the sideband.
    """

    edges: Array
    peak: Array
    sideband: Array
    peak_se: Array
    sideband_se: Array
    families: int
    p_value: float
    peak_efficiency: Measured
    sideband_efficiency: Measured
    ratio: Measured | None


def compare_sideband(
    scores: ArrayLike,
    groups: ArrayLike,
    peak: ArrayLike,
    sideband: ArrayLike,
    threshold: float,
    weights: ArrayLike | None = None,
) -> SidebandTest:
    """Compare the scores of background candidates under the peak with those in the sideband.

    Parameters
    ----------
    scores
        Of background candidates, none of them by a model that was trained on its family; shape ``(n,)``.
    groups
        Family of each, shape ``(n,)``.
    peak, sideband
        Which lie under the peak and which in the sideband, shape ``(n,)``; others are left out.
    threshold
        A candidate is kept if its score is at least this.
    weights
        Shape ``(n,)``; all one if ``None``.

    Raises
    ------
    InputError
        For arrays that do not fit, a place without candidates, one that is peak and sideband, or fewer than
        three families.
    """
    score, weight = np.asarray(scores, dtype=np.float64), np.ones(np.shape(scores))
    weight = checked_weights(score, groups, weight if weights is None else weights)
    places = [np.asarray(place, dtype=bool) for place in (peak, sideband)]
    if any(place.shape != score.shape for place in places) or (places[0] & places[1]).any():
        raise InputError("peak and sideband that overlap or do not fit", f"two masks of shape {score.shape}")
    either = places[0] | places[1]
    score, weight, group = score[either], weight[either], np.asarray(groups)[either]
    masks = [place[either] for place in places]
    families = len(np.unique(group))
    if families < 3 or not all(weight[mask].sum() > 0 for mask in masks):
        raise InputError(
            f"{families} families, {masks[0].sum()} candidates under the peak, {masks[1].sum()} aside",
            "three families, and candidates in both",
            "generate more background",
        )
    edges = equally_filled_edges(score, weight, bins=int(np.clip(families // FAMILIES_PER_BIN, 2, 10)))
    inside = np.searchsorted(edges[1:-1], score, side="right")[:, None] == np.arange(len(edges) - 1)
    of_peak, of_sideband = (_shares(inside, mask, weight, group) for mask in masks)
    kept = score >= threshold
    kept_in_peak, kept_aside = (_shares(kept[:, None], mask, weight, group) for mask in masks)
    return SidebandTest(
        edges=edges,
        peak=of_peak.values,
        sideband=of_sideband.values,
        peak_se=of_peak.errors,
        sideband_se=of_sideband.errors,
        families=families,
        p_value=_hotelling(of_peak.values - of_sideband.values, of_peak.sums - of_sideband.sums),
        peak_efficiency=family_share(kept[masks[0]], group[masks[0]], weight[masks[0]]),
        sideband_efficiency=family_share(kept[masks[1]], group[masks[1]], weight[masks[1]]),
        ratio=_ratio(kept_in_peak, kept_aside),
    )


@dataclass(frozen=True, eq=False)
class _Shares:
    """Shares of one place's candidates, ``(n_shares,)``, and the influence of each family, both places'
    alike.
    """

    values: Array
    sums: Array

    @property
    def errors(self) -> Array:
        return np.asarray(np.sqrt((self.sums**2).sum(axis=0) * _few(self.sums)))


def _shares(chosen: NDArray[np.bool_], mask: NDArray[np.bool_], weight: Array, groups: Array) -> _Shares:
    share_of_weight = np.where(mask, weight, 0.0) / weight[mask].sum()
    values = share_of_weight @ chosen
    return _Shares(values, family_sums(share_of_weight[:, None] * (chosen - values), groups))


def _few(sums: Array) -> float:
    return len(sums) / (len(sums) - 1)


def _hotelling(differences: Array, sums: Array) -> float:
    """p-value of differences of shares that add to zero, the last of which the others tell."""
    d, u = differences[:-1], sums[:, :-1]
    covariance = _few(sums) * u.T @ u
    families, degrees = len(sums), int(np.linalg.matrix_rank(covariance, hermitian=True))
    if degrees == 0 or families <= degrees:
        return 1.0
    t2 = float(d @ np.linalg.pinv(covariance, hermitian=True) @ d)
    return float(
        f_distribution.sf(t2 * (families - degrees) / (degrees * (families - 1)), degrees, families - degrees)
    )


def _ratio(peak: _Shares, sideband: _Shares) -> Measured | None:
    if sideband.values[0] <= 0:
        return None
    ratio = float(peak.values[0] / sideband.values[0])
    sums = (peak.sums - ratio * sideband.sums)[:, 0] / sideband.values[0]
    return Measured(ratio, float(np.linalg.norm(sums) * np.sqrt(_few(sums))))
