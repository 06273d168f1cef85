"""Whether a score is a probability: calibration curve, its expected error, and change of prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.filter.keep_rule import correct_prior as correct_prior
from hepsets.evaluate.scores.sample import Array, scored


@dataclass(frozen=True)
class Calibration:
    """A calibration curve; arrays have one entry per bin that holds events.

    ``observed`` is the weighted share of passing events, ``low`` and ``high`` its interval at the
    requested confidence level, ``events`` the number of events in the bin. Weights of either sign may
    carry the share out of [0, 1].
    """

    mean_score: Array
    observed: Array
    low: Array
    high: Array
    events: Array
    expected_error: Measured
    chance_error: float


def calibrate(
    labels: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    bins: int = 15,
    confidence: float = 0.6827,
) -> Calibration:
    r"""Compare mean score and share of passing events in ``bins`` equal steps of the score.

    The intervals are those of Wilson (J. Am. Stat. Assoc. 22 (1927) 209) with Kish's effective
    count, so they stay within [0, 1] and do not vanish in bins of one class; where weights are negative
    they are the share and its error from the sum of squared weights, and bins whose weights do not add to a
    positive number hold no share and are left out. The expected
    calibration error is the mean over events of \|observed - mean score\|; binomial fluctuation alone
    makes it ``chance_error`` in a sample of this size. Its standard error is right where it is well
    above that, and up to 1.7 times too large where it is not, since \|x\| scatters less than x.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.sample.scored`, or for fewer than one bin.
    """
    if bins < 1:
        raise InputError(f"{bins} calibration bins", "at least one")
    label, score, weight, _ = scored(labels, scores, weights, signed=True)
    which = np.minimum((score * bins).astype(np.int64), bins - 1)

    def per_bin(values: Array) -> Array:
        return np.asarray(np.bincount(which, values, minlength=bins), dtype=np.float64)

    events = per_bin(np.ones_like(score))
    filled = (events > 0) & (per_bin(weight) > 0)
    total = per_bin(weight)[filled]
    observed = per_bin(weight * label)[filled] / total
    mean_score = per_bin(weight * score)[filled] / total
    effective = total**2 / per_bin(weight**2)[filled]
    z = float(norm.ppf(0.5 + confidence / 2))
    centre = (observed + z**2 / (2 * effective)) / (1 + z**2 / effective)
    half = (
        z
        / (1 + z**2 / effective)
        * np.sqrt(np.maximum(observed * (1 - observed) / effective + (z / (2 * effective)) ** 2, 0.0))
    )

    if (weight < 0).any():
        position = np.cumsum(filled) - 1
        miss = np.where(filled[which], label - observed[position[which]], 0.0)
        centre, half = observed, z * np.sqrt(per_bin((weight * miss) ** 2)[filled]) / total

    share = total / total.sum()
    # under perfect calibration the observed share has the binomial variance of the mean score
    sigma = np.sqrt(np.maximum(mean_score * (1 - mean_score), 0.0) / effective)
    return Calibration(
        mean_score,
        observed,
        centre - half,
        centre + half,
        events[filled],
        Measured(float(share @ np.abs(observed - mean_score)), float(np.sqrt(np.sum((share * sigma) ** 2)))),
        float(share @ sigma * np.sqrt(2 / np.pi)),
    )
