"""Labels sharper than one coin toss: what repeated simulation says of an event's pass probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from hepsets.core.errors import InputError

QUADRATURE_POINTS = 200
"""Midpoints of equal posterior probability that the mean is taken over."""


def soft_labels(
    labels: NDArray[np.bool_],
    passes: NDArray[np.integer],
    trials: int,
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    r"""Expected probability that an event carries the label "passes" in its own prescaled sample.

    Passing is partly chance: event i passes with a probability :math:`p_i`. In a sample whose
    failing events are prescaled by κ, the best output of a network is
    :math:`p / (p + (1 - p)\,\kappa)`. Its posterior mean, given one label and ``passes`` of
    ``trials`` further simulations, is a target with less noise than the label alone. The prior of
    p is the Beta distribution with the sample's own retention and rate of passing again
    (empirical Bayes).

    Parameters
    ----------
    labels
        Shape ``(n,)``: the event passed in the simulation that chose it for the sample.
    passes
        Shape ``(n,)``: how often it passed in ``trials`` further ones.
    trials
        Number of further simulations, the same for all.
    weights
        Shape ``(n,)``: 1 for passing events, 1/κ for failing ones.

    Returns
    -------
    ndarray
        Shape ``(n,)``, in (0, 1).

    Raises
    ------
    InputError
        If the counts do not fit, or do not look like repeated trials of the same events.
    """
    if trials < 1 or passes.min(initial=0) < 0 or passes.max(initial=0) > trials:
        raise InputError(f"pass counts up to {passes.max(initial=0)} in {trials} trials", "counts that fit")
    if labels.all() or not labels.any():
        raise InputError("labels of one class", "passing and failing events")
    kappa = float(weights[labels].mean() / weights[~labels].mean())
    retention = float(np.average(labels, weights=weights))
    again = float(np.average(passes[labels], weights=weights[labels]) / trials)
    if not retention < again < 1:
        raise InputError(
            f"events that pass again with probability {again:.3f} at a retention of {retention:.3f}",
            "a probability above the retention",
            "check that labels and counts belong to the same events and the same skim",
        )
    # mean a / (a + b) and E[p²] / E[p] = (a + 1) / (a + b + 1) of the Beta distribution
    concentration = (1 - again) / (again - retention)
    a, b = retention * concentration, (1 - retention) * concentration
    points = (np.arange(QUADRATURE_POINTS) + 0.5) / QUADRATURE_POINTS
    kinds, which = np.unique(2 * passes + labels, return_inverse=True)
    means = []
    for kind in kinds:
        passed = kind // 2 + kind % 2
        p = beta.ppf(points, a + passed, b + trials + 1 - passed)
        means.append(np.mean(p / (p + (1 - p) * kappa)))
    return np.asarray(means)[which]


def balanced_targets(
    labels: NDArray[np.bool_],
    passes: NDArray[np.integer],
    trials: int,
    weights: NDArray[np.float64],
    retention: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Targets and weights that teach the classes in balance, whatever way the events were chosen.

    With event weights w that stand for the population, a cross entropy in which passing events count
    :math:`\rho = (1 - r)/r` times as much, r the retention, balances the classes. It is linear in
    whether an event passes, so the share :math:`\hat p` of its simulations in which it did, the first
    one and ``trials`` further ones, can stand in without bias:

    .. math:: -w\,[\hat p \rho \ln q + (1 - \hat p) \ln(1 - q)]

    is the cross entropy with the target :math:`\hat p \rho / (\hat p \rho + 1 - \hat p)` and the weight
    :math:`w\,(\hat p \rho + 1 - \hat p)`. Where many skims choose events together no prescale belongs to
    one of them alone, which :func:`soft_labels` would need.

    Parameters
    ----------
    labels
        Shape ``(n,)``: the event passed in the simulation that chose it for the sample.
    passes
        Shape ``(n,)``: how often it passed in ``trials`` further ones.
    trials
        Number of further simulations, the same for all; may be zero.
    weights
        Shape ``(n,)``: inverse of the probability with which each event was kept.
    retention
        Share of passing events in the population.

    Returns
    -------
    tuple
        Targets in [0, 1] and weights, each of shape ``(n,)``.

    Raises
    ------
    InputError
        For a retention that is no share, or counts that do not fit.
    """
    if not 0 < retention < 1:
        raise InputError(f"a retention of {retention}", "a share between 0 and 1")
    if trials < 0 or passes.min(initial=0) < 0 or passes.max(initial=0) > trials:
        raise InputError(f"pass counts up to {passes.max(initial=0)} in {trials} trials", "counts that fit")
    share = (labels + passes) / (trials + 1)
    passing = share * (1 - retention) / retention
    total = passing + 1 - share
    return passing / total, weights * total
