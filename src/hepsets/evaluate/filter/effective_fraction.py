r"""What importance sampling leaves of the events that pass, in each bin of an observable.

Weights leave no bias, but they cost precision: kept events of a bin are worth Kish's
:math:`(\sum 1/p)^2 / \sum 1/p^2` unweighted ones. In the mean over what chance keeps, the first sum is the
number n of passing events in the bin and the second :math:`\sum 1/p` over all of these, kept or not, so
that they are worth the fraction

.. math:: \varepsilon_b = \frac{1}{n} \frac{n^2}{\sum_i 1/p_i} = \frac{1}{\langle 1/p \rangle_{+,b}}

of what a sample without a filter would hold there. Random numbers do not enter, and the whole sample's
fraction is the harmonic mean of the bins', weighted with their passing events. All bins share the cost of
the whole production, so who looks at one bin alone gains the speedup

.. math:: S_b = \frac{\varepsilon_b\,(t_g + t_s)}
              {t_g + t_n + t_s [r \langle p \rangle_+ + (1 - r) \langle p \rangle_-]}.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.bias import bin_edges
from hepsets.evaluate.filter.importance_sampling import importance_influence
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.sample import Array, mean, scored


@dataclass(frozen=True)
class EffectiveFraction:
    """Effective fraction and speedup of importance sampling by bin of one observable.

    Parameters
    ----------
    observable
        Its name.
    edges
        Shape ``(n_bins + 1,)``; the outer bins hold all that lies beyond them.
    passing
        Shape ``(n_bins,)``: passing events in the sample.
    fraction, fraction_se
        Shape ``(n_bins,)``: effective fraction; 0, and an error of 1, where no event passes.
    speedup, speedup_se
        Shape ``(n_bins,)``: unbiased speedup for an analysis of this bin alone.
    """

    observable: str
    edges: Array
    passing: NDArray[np.int64]
    fraction: Array
    fraction_se: Array
    speedup: Array
    speedup_se: Array

    @property
    def lowest(self) -> int:
        """The bin of least effective fraction among those that hold passing events."""
        return int(np.argmin(np.where(self.passing > 0, self.fraction, np.inf)))

    @property
    def highest(self) -> int:
        """The bin of greatest effective fraction."""
        return int(np.argmax(self.fraction))


def measure_effective_fraction(
    observable: str,
    values: ArrayLike,
    labels: ArrayLike,
    keep: ArrayLike,
    weights: ArrayLike | None,
    config: SpeedupConfig,
    *,
    valid: ArrayLike | None = None,
    edges: ArrayLike | None = None,
) -> EffectiveFraction:
    """Effective fraction and unbiased speedup in the bins of an observable.

    Parameters
    ----------
    observable
        Name, for the result.
    values
        Shape ``(n_passing,)``, of the passing events, in their order.
    labels, keep, weights
        Shape ``(n,)``, all events, as in
        :func:`hepsets.evaluate.filter.importance_sampling.importance_speedup`: an event of weight w (an
        inverse prescale) stands for w generated ones.
    config
        Costs; a retention of ``None`` is measured.
    valid
        Shape ``(n_passing,)``, bool: the passing event has a value; all if ``None``.
    edges
        Rising bin edges; :func:`hepsets.evaluate.filter.bias.bin_edges` if ``None``.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.filter.importance_sampling.importance_speedup`; for values of another
        number than there are passing events, or that are not finite where ``valid``; if no event has a value.
    """
    sample = scored(labels, keep, weights)
    found = importance_influence(sample.labels, sample.scores, sample.weights, config)
    value = np.asarray(values, dtype=np.float64)
    p, w = sample.scores[sample.labels], sample.weights[sample.labels]
    has = np.ones(len(p), dtype=bool) if valid is None else np.asarray(valid, dtype=bool)
    if value.shape != p.shape or has.shape != p.shape:
        raise InputError(
            f"values of shape {value.shape} for {len(p)} passing events", "one for each passing event"
        )
    if not has.any() or not np.isfinite(value[has]).all():
        raise InputError(
            f"{observable}: no value, or one that is not finite",
            "finite values",
            "mark events without a value in `valid`",
        )
    edge = bin_edges(value[has]) if edges is None else np.asarray(edges, dtype=np.float64)
    bins = len(edge) - 1
    which = np.where(has, np.clip(np.searchsorted(edge, value, side="right") - 1, 0, bins - 1), -1)
    numbers = np.bincount(which[has], minlength=bins)
    fraction, fraction_se = np.zeros(bins), np.ones(bins)
    speedup, speedup_se = np.zeros(bins), np.full(bins, found.speedup)
    failing = mean(found.cost[~sample.labels], sample.weights[~sample.labels]).se
    for b in np.flatnonzero(numbers):
        own = which == b
        inverse = mean(1 / p[own], w[own])
        fraction[b] = 1 / inverse.value
        speedup[b] = found.speedup * fraction[b] / found.effective_fraction
        if numbers[b] == 1:  # one event does not tell how far others are from it
            fraction_se[b], speedup_se[b] = fraction[b], speedup[b]
            continue
        fraction_se[b] = inverse.se / inverse.value**2
        # cost falls with p, the events' worth rises: both are influences of the same passing events
        worth = np.where(own, 1 - 1 / (p * inverse.value), 0.0) * w.sum() / w[own].sum()
        response = mean(worth + found.cost[sample.labels], w)
        speedup_se[b] = speedup[b] * np.hypot(response.se, failing)
    return EffectiveFraction(observable, edge, numbers, fraction, fraction_se, speedup, speedup_se)
