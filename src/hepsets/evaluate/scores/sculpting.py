"""Whether a cut on a score changes the shape of background in an observable, such as Mbc.

A signal yield is fitted over background whose shape is taken from outside: from the sideband, from
continuum data, from a loose selection. A classifier that knows the observable makes background peak
where signal does. The test compares the background that the cut keeps with all of it; kept events are
among all events, which :func:`hepsets.evaluate.filter.bias.measure_bias` allows for. For unit weights its χ²
is Pearson's of the table (kept, rejected) × bins, so kept against rejected is the same test.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.bias import Bias, measure_bias
from hepsets.evaluate.scores.background_at import background_at
from hepsets.evaluate.scores.sample import Array, effective_count, scored


def measure_sculpting(
    observable: str,
    values: ArrayLike,
    labels: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    signal_efficiency: float = 0.9,
    edges: ArrayLike | None = None,
) -> Bias:
    """Compare an observable in all background with the background left at a signal efficiency.

    Parameters
    ----------
    observable
        Its name, for the result.
    values
        Shape ``(n,)``, of signal and background.
    labels, scores, weights
        As in :func:`hepsets.evaluate.scores.background_at.background_at`.
    signal_efficiency
        Share of the signal that the cut keeps.
    edges
        Rising bin edges; :func:`equally_filled_edges` of the background if ``None``.

    Returns
    -------
    Bias
        ``all_share`` is of all background, ``kept_share`` of what is left, ``efficiency`` the share left
        in each bin, ``p_value`` the probability of a χ² as large if the cut ignored the observable.

    Raises
    ------
    InputError
        As ``background_at`` and ``measure_bias``.
    """
    label, score, weight, _ = scored(labels, scores, weights, signed=True)
    value = np.asarray(values, dtype=np.float64)
    if value.shape != score.shape:
        raise InputError(f"values of shape {value.shape}", f"{score.shape}, as the scores")
    threshold = background_at(label, score, weight, signal_efficiency).threshold
    value, weight, kept = value[~label], weight[~label], score[~label] >= threshold
    if edges is None and kept.any():
        fewer = kept if 2 * kept.sum() < len(kept) else ~kept
        edges = equally_filled_edges(value, weight, bins=_bins(weight[fewer]))
    return measure_bias(observable, value, kept, weight, edges=edges)


def equally_filled_edges(values: ArrayLike, weights: ArrayLike | None = None, *, bins: int = 10) -> Array:
    """Edges between which lie equal weights; fewer bins where values coincide.

    Parameters
    ----------
    values
        Shape ``(n,)``, finite.
    weights
        Shape ``(n,)``; all one if ``None``. Those of either sign count by their size.
    bins
        Largest number of bins.
    """
    value = np.asarray(values, dtype=np.float64)
    weight = np.ones(len(value)) if weights is None else np.abs(np.asarray(weights, dtype=np.float64))
    order = np.argsort(value)
    share = np.cumsum(weight[order]) / weight.sum()
    inner = value[order][np.searchsorted(share, np.arange(1, bins) / bins)]
    edges = np.unique(np.concatenate([[value.min()], inner, [value.max()]]))
    if len(edges) == 1:
        return np.array([edges[0] - 1.0, edges[0], edges[0] + 1.0])
    if len(edges) == 2:  # the lowest or the highest value outweighs the others: a bin for it
        distinct = np.unique(value)
        between = distinct[:2] if (inner == edges[0]).any() else distinct[-2:]
        return np.insert(edges, 1, between.mean())
    return edges


def _bins(weights: Array) -> int:
    """At least 25 events per bin among the fewer of kept and rejected ones, so that χ² is χ²-distributed."""
    return int(np.clip(effective_count(weights) / 25, 2, 12)) if len(weights) else 2
