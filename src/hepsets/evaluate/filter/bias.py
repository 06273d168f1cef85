r"""What a filter does to the distribution of an observable in the events that pass the skim.

All passing events have shares :math:`p_b` in the bins of a histogram, those of them that the
filter keeps have shares :math:`q_b`. The kept events are a subset of all, so the two histograms
fluctuate together; every error below follows from the influence of each event on both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.filter.chi2 import chi2_tail
from hepsets.evaluate.scores.sample import Array


@dataclass(frozen=True)
class Bias:
    """Histograms of one observable and how far they are apart.

    Parameters
    ----------
    observable
        Its name.
    edges
        Shape ``(n_bins + 1,)``; the outer bins hold all that lies beyond them.
    all_share, all_share_se, kept_share, kept_share_se
        Shape ``(n_bins,)``: share of all passing and of kept passing events.
    efficiency, efficiency_se
        Shape ``(n_bins,)``: weighted share of the passing events of the bin that the filter keeps.
    pulls
        Shape ``(n_bins,)``: difference of the shares over its error if the filter ignored the
        observable.
    max_pull
        Pull of largest size, with its sign.
    max_pull_p
        Probability of such a pull anywhere in the histogram if the filter ignored the observable.
    chi2, ndof, p_value
        Joint test of all bins, covariance included.
    kl
        Kullback–Leibler divergence of the kept from all passing events [nat], its finite-sample
        bias subtracted; it may fluctuate below zero.
    events, kept_events
        Numbers of passing and of kept passing events with a value.
    """

    observable: str
    edges: Array
    all_share: Array
    all_share_se: Array
    kept_share: Array
    kept_share_se: Array
    efficiency: Array
    efficiency_se: Array
    pulls: Array
    max_pull: float
    max_pull_p: float
    chi2: float
    ndof: int
    p_value: float
    kl: Measured
    events: int
    kept_events: int


def measure_bias(
    observable: str,
    values: ArrayLike,
    kept: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    valid: ArrayLike | None = None,
    edges: ArrayLike | None = None,
) -> Bias:
    r"""Compare an observable in all passing events with those that the filter keeps.

    Parameters
    ----------
    observable
        Name, for the result.
    values
        Shape ``(n,)``, of the passing events only.
    kept
        Shape ``(n,)``, bool: the filter keeps the event.
    weights
        Shape ``(n,)``, event weights; all one if ``None``. With weights of either sign shares may leave
        [0, 1], and ``kl`` counts positive shares alone.
    valid
        Shape ``(n,)``, bool: the event has a value (for example, has a lepton); all if ``None``.
    edges
        Rising bin edges; :func:`bin_edges` if ``None``.

    Raises
    ------
    InputError
        For unlike lengths, values that are not finite where ``valid``, edges that do not rise, or
        if no event has a value or is kept.

    Notes
    -----
    :math:`D = \sum_b q_b \ln(q_b / p_b)` is always finite, since a bin without passing events has no
    kept ones. Its bias is half the trace of its Hessian with the covariance of (q, p); for a filter
    of efficiency ε that ignores the observable and keeps K events that is (n_bins - 1)(1 - ε)/(2K),
    where independent samples would have (1 + ε) in place of (1 - ε). Its error joins the first order,
    freed of its own noise, with the second, which is all there is without bias.
    """
    value, keep, weight = _checked(values, kept, weights, valid)
    edge = _rising(observable, bin_edges(value) if edges is None else edges)
    if not keep.any():
        raise InputError(
            f"{observable}: no kept events among {len(keep)}",
            "some",
            "lower the threshold or use more events",
        )
    sums = _sums(value, keep, weight, edge)
    filled = sums.all > 0
    N, K = sums.all.sum(), sums.kept.sum()
    p, q = sums.all / N, sums.kept / K

    # covariances of the shares from the influence w (1_b - p_b) / N and w k (1_b - q_b) / K of events
    var_p = ((1 - 2 * p) * sums.all_squares + p**2 * sums.all_squares.sum()) / N**2
    var_q = ((1 - 2 * q) * sums.kept_squares + q**2 * sums.kept_squares.sum()) / K**2
    cov_pq = ((1 - p - q) * sums.kept_squares + p * q * sums.kept_squares.sum()) / (N * K)

    null = _covariance_without_bias(sums)
    sigma = np.sqrt(np.maximum(np.diag(null), 0.0))
    pulls = np.divide(q - p, sigma, out=np.zeros(len(p)), where=sigma > 0)
    ndof = int(filled.sum()) - 1  # 0 for a constant: no bias, and no error
    difference = (q - p)[filled]
    chi2 = (
        float(difference @ np.linalg.pinv(null[np.ix_(filled, filled)], hermitian=True) @ difference)
        if ndof and K / N < 1
        else 0.0
    )
    largest = int(np.argmax(np.abs(pulls)))
    efficiency, efficiency_se = _efficiency(sums)
    return Bias(
        observable=observable,
        edges=edge,
        all_share=p,
        all_share_se=np.sqrt(np.maximum(var_p, 0.0)),
        kept_share=q,
        kept_share_se=np.sqrt(np.maximum(var_q, 0.0)),
        efficiency=efficiency,
        efficiency_se=efficiency_se,
        pulls=pulls,
        max_pull=float(pulls[largest]),
        max_pull_p=float(
            -np.expm1(filled.sum() * np.log1p(-min(math.erfc(abs(pulls[largest]) / math.sqrt(2)), 1 - 1e-12)))
        ),
        chi2=chi2,
        ndof=ndof,
        p_value=chi2_tail(chi2, ndof) if ndof else 1.0,
        kl=_kl(p, q, var_p, var_q, cov_pq, sums.all_squares, sums.kept_squares, N, K, ndof),
        events=len(value),
        kept_events=int(keep.sum()),
    )


@dataclass(frozen=True, eq=False)
class _Sums:
    """Weights in each bin and their squares, of all passing events and of the kept ones."""

    all: Array
    kept: Array
    all_squares: Array
    kept_squares: Array


def _sums(value: Array, keep: NDArray[np.bool_], weight: Array, edge: Array) -> _Sums:
    bins = len(edge) - 1
    which = np.clip(np.searchsorted(edge, value, side="right") - 1, 0, bins - 1)

    def sums(per_event: Array) -> Array:
        return np.asarray(np.bincount(which, per_event, minlength=bins), dtype=np.float64)

    return _Sums(sums(weight), sums(weight * keep), sums(weight**2), sums(weight**2 * keep))


def _covariance_without_bias(sums: _Sums) -> Array:
    """Covariance of q - p if the filter ignores the observable, shape ``(n_bins, n_bins)``.

    Of w (k - ε)(1_b - p_b) / K, where Σ w² (k - ε)² is ε (1 - ε) Σ w² only if the filter ignores the
    weights, too.
    """
    squares, K = sums.all_squares, sums.kept.sum()
    p, epsilon = sums.all / sums.all.sum(), K / sums.all.sum()
    scale = ((1 - 2 * epsilon) * sums.kept_squares.sum() / squares.sum() + epsilon**2) / K**2
    return np.asarray(
        scale
        * (np.diag(squares) - np.outer(squares, p) - np.outer(p, squares) + squares.sum() * np.outer(p, p))
    )


def _efficiency(sums: _Sums) -> tuple[Array, Array]:
    """Share of each bin's weight that is kept, and its error, shapes ``(n_bins,)``."""
    filled = sums.all > 0
    efficiency = np.divide(sums.kept, sums.all, out=np.zeros(len(filled)), where=filled)
    possible = np.clip(efficiency, 0.0, 1.0)  # weights of either sign may carry it beyond
    # Jeffreys' half event keeps the error alive where a bin is wholly kept or wholly lost
    effective = np.divide(sums.all**2, sums.all_squares, out=np.zeros(len(filled)), where=filled)
    safe = (possible * effective + 0.5) / (effective + 1)
    return efficiency, np.sqrt(safe * (1 - safe) / (effective + 1))


def _rising(observable: str, edges: ArrayLike) -> Array:
    edge = np.asarray(edges, dtype=np.float64)
    if edge.ndim != 1 or len(edge) < 3 or not (np.diff(edge) > 0).all():
        raise InputError(f"{observable}: bin edges {edge}", "at least three rising edges")
    return edge


def _kl(
    p: Array,
    q: Array,
    var_p: Array,
    var_q: Array,
    cov_pq: Array,
    all_squares: Array,
    kept_squares: Array,
    N: float,
    K: float,
    ndof: int,
) -> Measured:
    some = (q > 0) & (p > 0)
    ratio = np.divide(q, p, out=np.zeros_like(q), where=p > 0)
    log_ratio = np.log(ratio, out=np.zeros_like(q), where=some)
    plain = float(q @ log_ratio)
    # half the trace of Hessian and covariance: 1/q, -1/p and q/p² are the second derivatives
    with_events = p > 0
    inverse_p = np.divide(1.0, p, out=np.zeros_like(p), where=with_events)
    bias = 0.5 * float(
        np.sum(np.divide(var_q, q, out=np.zeros_like(q), where=some))
        - 2 * np.sum(cov_pq * inverse_p)
        + np.sum(ratio * inverse_p * var_p)
    )
    # influence of an event in bin b on D: of any passing event, and of a kept one in addition
    lost = -(ratio - 1) / N
    kept = lost + (log_ratio - plain) / K
    first = float(np.sum(kept_squares * kept**2 + (all_squares - kept_squares) * lost**2))
    second = 2 * max(bias, 0.0) ** 2 / max(ndof, 1)
    return Measured(plain - bias, float(np.sqrt(max(first - 2 * second, 0.0) + second)))


@dataclass(frozen=True)
class WeightedBias:
    """How a sample that was kept with probabilities and weighted with their inverse compares to all.

    Parameters
    ----------
    observable
        Its name.
    edges
        Shape ``(n_bins + 1,)``; the outer bins hold all that lies beyond them.
    all_sum, kept_sum
        Shape ``(n_bins,)``: weight of all passing events, and of the kept ones times 1/p.
    kept_se
        Shape ``(n_bins,)``: standard deviation of ``kept_sum`` from the choice of events.
    pulls
        Shape ``(n_bins,)``: (kept_sum − all_sum) / kept_se, 0 where nothing is left to chance.
    chi2, ndof, p_value
        Joint test of all bins; they are independent, as no total is fixed.
    """

    observable: str
    edges: Array
    all_sum: Array
    kept_sum: Array
    kept_se: Array
    pulls: Array
    chi2: float
    ndof: int
    p_value: float


def measure_weighted_bias(
    observable: str,
    values: ArrayLike,
    kept: ArrayLike,
    keep: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    valid: ArrayLike | None = None,
    edges: ArrayLike | None = None,
) -> WeightedBias:
    r"""Compare an observable in all passing events with the weighted ones that importance sampling keeps.

    Kept events count :math:`w_i / p_i`. Given the events, the sum over a bin has the expectation
    :math:`\sum w_i` and the variance :math:`\sum w_i^2 (1 - p_i) / p_i`, whatever the probabilities
    were chosen for: pulls have mean 0 and width 1.

    Parameters
    ----------
    observable
        Name, for the result.
    values
        Shape ``(n,)``, of the passing events only.
    kept
        Shape ``(n,)``, bool: the event was kept.
    keep
        Shape ``(n,)``, probability in (0, 1] with which it was to be kept.
    weights, valid, edges
        As in :func:`measure_bias`.

    Raises
    ------
    InputError
        As :func:`measure_bias`; for probabilities outside (0, 1].
    """
    value, keep_mask, weight = _checked(values, kept, weights, valid)
    probability = np.asarray(keep, dtype=np.float64)
    if valid is not None:
        probability = probability[np.asarray(valid, dtype=bool)]
    if probability.shape != value.shape or not ((probability > 0) & (probability <= 1)).all():
        raise InputError(
            f"keep probabilities of shape {probability.shape} from {probability.min(initial=1):g} to "
            f"{probability.max(initial=1):g}",
            "one in (0, 1] for each event",
        )
    edge = bin_edges(value) if edges is None else np.asarray(edges, dtype=np.float64)
    bins = len(edge) - 1
    which = np.clip(np.searchsorted(edge, value, side="right") - 1, 0, bins - 1)

    def sums(per_event: Array) -> Array:
        return np.asarray(np.bincount(which, per_event, minlength=bins), dtype=np.float64)

    all_sum, kept_sum = sums(weight), sums(weight * keep_mask / probability)
    se = np.sqrt(sums(weight**2 * (1 - probability) / probability))
    chance = se > 0
    pulls = np.divide(kept_sum - all_sum, se, out=np.zeros(bins), where=chance)
    chi2, ndof = float(pulls @ pulls), int(chance.sum())
    p_value = chi2_tail(chi2, ndof) if ndof else 1.0
    return WeightedBias(observable, edge, all_sum, kept_sum, se, pulls, chi2, ndof, p_value)


def bin_edges(values: ArrayLike, *, bins: int = 20, least: int = 25) -> Array:
    """Edges for a histogram: equal steps over the central 99 %, sparse bins joined to neighbours.

    Integer values with few distinct ones get a bin each. Values beyond the outer edges are meant to
    be counted in the outer bins.

    Parameters
    ----------
    values
        Shape ``(n,)``, finite.
    bins
        Largest number of bins.
    least
        Least number of values in a bin, where there are enough for two bins.
    """
    value = np.asarray(values, dtype=np.float64)
    low, high = np.quantile(value, [0.005, 0.995])
    if low == high:
        return np.array([low - 1.0, low - 0.5, low + 0.5])
    if np.array_equal(value, np.round(value)):
        step = max(1.0, np.ceil((high - low + 1) / bins))
        edges = np.arange(np.floor(low) - 0.5, high + step, step)
    else:
        edges = np.linspace(low, high, bins + 1)
    counts, _ = np.histogram(np.clip(value, edges[0], edges[-1]), edges)
    joined, held = [edges[0]], 0
    for edge, count in zip(edges[1:], counts, strict=True):
        held += count
        if held >= least:
            joined.append(edge)
            held = 0
    joined[max(len(joined) - 1, 1) :] = [edges[-1]]  # what is left over joins the last bin
    return np.array(joined) if len(joined) > 2 else edges


def _checked(
    values: ArrayLike, kept: ArrayLike, weights: ArrayLike | None, valid: ArrayLike | None
) -> tuple[Array, NDArray[np.bool_], Array]:
    value = np.asarray(values, dtype=np.float64)
    keep = np.asarray(kept, dtype=bool)
    weight = np.ones(len(value)) if weights is None else np.asarray(weights, dtype=np.float64)
    has = np.ones(len(value), dtype=bool) if valid is None else np.asarray(valid, dtype=bool)
    if not (value.ndim == 1 and value.shape == keep.shape == weight.shape == has.shape):
        raise InputError(
            f"values, kept, weights, valid of shapes {[a.shape for a in (value, keep, weight, has)]}",
            "one-dimensional arrays of one length",
        )
    value, keep, weight = value[has], keep[has], weight[has]
    if not len(value):
        raise InputError("no event with a value", "passing events", "use more events")
    if not np.isfinite(value).all():
        raise InputError(
            "a value that is not finite", "finite values", "mark events without a value in `valid`"
        )
    return value, keep, weight
