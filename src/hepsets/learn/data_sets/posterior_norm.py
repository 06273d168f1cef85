r"""What makes products of posteriors of single events unbiased: smoothing over ΔC9, and a divisor per event.

A network's errors are multiplied to the power N. Three kinds stand out. Those of single values: each has an
output of its own, while the exact posterior is smooth in ΔC9, so :func:`smoothing` averages them over
neighbours. Those of the norm: :math:`q_k(x)`, the posterior of value k, times the density of all training
events is no density; its integral :math:`K\,E[q_k]` is a little off one, and :func:`mean_output` divides it
out. And what beyond that moves the maximum of the product, by the same distance for any N, while the
statistical error falls with N: where simulation knows how densities depend on ΔC9, the divisor is
:func:`peak_at_truth` instead, with which the mean log posterior of events has its maximum at the truth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.learn.data_sets.truth_ratios import TruthRatios

Floats = NDArray[np.float64]

REACH = 0.45
"""Distance in ΔC9 within which a log posterior is a cubic."""


def smoothing(values: Floats) -> Floats:
    """What smooths a log posterior over ΔC9: a local polynomial (Savitzky & Golay 1964).

    Parameters
    ----------
    values
        The values of ΔC9, rising, shape ``(n_values,)``.

    Returns
    -------
    ndarray
        Shape ``(n_values, n_values)``, to be multiplied with a log posterior; it changes nothing where
        values have too few neighbours.
    """
    classes, neighbours = len(values), _neighbours(values)
    if not neighbours:
        return np.eye(classes)
    matrix = np.zeros((classes, classes))
    for k, value in enumerate(values):
        first = min(max(k - neighbours, 0), classes - 2 * neighbours - 1)
        near = slice(first, first + 2 * neighbours + 1)
        matrix[k, near] = np.linalg.pinv(np.vander(values[near] - value, 4, increasing=True))[0]
    return matrix


def mean_output(log_posterior: NDArray[np.floating]) -> Floats:
    """log(K · E[q_k]) over events of all K values alike.

    Parameters
    ----------
    log_posterior
        Of events that training never saw, shape ``(n_events, n_values)``.

    Returns
    -------
    ndarray
        Shape ``(n_values,)``.
    """
    n, classes = log_posterior.shape
    return np.asarray(np.log(classes * np.exp(log_posterior).sum(axis=0, dtype=np.float64) / n))


def peak_at_truth(
    values: Floats, log_posterior: NDArray[np.floating], signal: NDArray[np.bool_], truth: TruthRatios
) -> Floats:
    """Log of the divisor per event with which the mean log posterior is highest at the truth.

    Near each value k it is a parabola with its vertex there and a cubic term, as the exact one is: minus the
    divergence of Kullback and Leibler. The divisor, one number per value, is what is left of it beside them.

    Parameters
    ----------
    values
        The values of ΔC9, rising, shape ``(n_values,)``.
    log_posterior
        Of simulated events that training never saw, as many of each value, shape ``(n_events, n_values)``.
    signal
        Which of them are signal, shape ``(n_events,)``; the share of the others is that of the sets to come.
    truth
        Density ratios of the signal events, in their order: with them each event stands for any ΔC9.

    Returns
    -------
    ndarray
        Shape ``(n_values,)``; that of :func:`mean_output` where the values are too few for that.
    """
    classes, neighbours = len(values), _neighbours(values)
    if not neighbours:
        return mean_output(log_posterior)
    share = float(signal.mean())
    of_signal, scores = truth.means(values, log_posterior[signal]), truth.mean_scores(values)
    means = share * of_signal + log_posterior[~signal].sum(axis=0, dtype=np.float64) / len(signal)
    design, curves = [], []
    for k, value in enumerate(values):
        near = np.arange(max(k - neighbours, 0), min(k + neighbours + 1, classes))
        away = values[near] - value
        # what the true scores, zero on average, are off by in this sample the learned ones share
        curves.append(means[k, near] - share * scores[k] * away)
        rows = np.zeros((len(near), 4 * classes))
        rows[np.arange(len(near)), near] = 1.0
        for term, power in enumerate((0, 2, 3), start=1):
            rows[:, term * classes + k] = away**power
        design.append(rows)
    solution = np.linalg.lstsq(np.concatenate(design), np.concatenate(curves))[0]
    return np.asarray(solution[:classes] - solution[:classes].mean())


def _neighbours(values: Floats) -> int:
    """Values within reach on either side of one; 0 if they are too few for more than a cubic."""
    found = int(REACH / np.median(np.diff(values)))
    return found if found >= 3 and len(values) > 2 * found else 0
