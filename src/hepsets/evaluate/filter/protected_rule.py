r"""The keep rule that leaves the same effective fraction in every bin of an observable, at least cost.

Let :math:`\varepsilon` be the effective fraction that every bin b of the observable shall have. The
probabilities p(x) of least cost minimise

.. math:: \langle p \rangle + \sum_b \lambda_b \left( \langle 1/p \rangle_{+,b} - 1/\varepsilon \right),

whose derivative with respect to p(x) vanishes at :math:`p = \sqrt{\lambda_b P(\mathrm{pass})}` up to
constants of the bin, clipped to (0, 1]. So within a bin the best shape is the one that is best without
protection, :math:`p = a_b \sqrt P`, and the scale :math:`a_b` follows from :math:`\varepsilon` alone,
since :math:`\langle 1/p \rangle_{+,b}` falls as :math:`a_b` rises. What remains are two numbers,
:math:`\varepsilon` and the floor of p: those of the greatest speedup are taken. No rule gives the worst bin
a greater speedup: where another bin had a larger fraction, keeping less of it would lower the cost.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose, demand
from hepsets.evaluate.filter.bias import bin_edges
from hepsets.evaluate.filter.importance_sampling import importance_speedup
from hepsets.evaluate.filter.keep_rule import ProtectedRule, correct_prior
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.sample import Array, Scored

FLOORS = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Floors of the keep probability that are tried, as without protection."""

FRACTIONS = np.linspace(0.05, 0.99, 95)
"""Effective fractions that are tried."""

SCALES = np.geomspace(0.05, 1000, 300)
"""Scales between which that of a bin is sought."""

LEAST_PASSING = 200
"""Passing events that a bin must hold, where there are enough for two bins: scales are known to 7 % then."""

BINS = 20
"""Largest number of bins."""


def choose_protected_rule(
    observable: str,
    values: ArrayLike,
    valid: ArrayLike,
    sample: Scored,
    config: SpeedupConfig,
    *,
    trained: float = 0.5,
) -> ProtectedRule:
    """The rule of greatest speedup that has one effective fraction in all bins, on validation events.

    Parameters
    ----------
    observable
        Name of the observable.
    values, valid
        Shape ``(n,)``, of all events: the observable, and which events have it. Events without it are a
        bin of their own if enough of them pass, and otherwise kept as all events together would be.
    sample, config, trained
        As in :func:`hepsets.evaluate.filter.importance_sampling.choose_keep_rule`.

    Returns
    -------
    ProtectedRule
        Equal scales and a floor of one, which keep everything, where no rule saves anything.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.filter.importance_sampling.choose_keep_rule`; if no passing event has a
        finite value.
    """
    demand(sample.purpose, Purpose.VALIDATION, "a keep rule is chosen")
    value, has = np.asarray(values, dtype=np.float64), np.asarray(valid, dtype=bool)
    if value.shape != sample.scores.shape or has.shape != value.shape:
        raise InputError(
            f"values of shape {value.shape} for {len(sample.scores)} events", "one for each event"
        )
    passing = value[has & sample.labels]
    if not len(passing) or not np.isfinite(value[has]).all():
        raise InputError(
            f"{observable}: no passing event with a value, or one that is not finite", "finite values"
        )
    if config.retention is None:
        config = config.resolve(retention=float(np.average(sample.labels, weights=sample.weights)))
    assert config.retention is not None
    inner = bin_edges(passing, bins=BINS, least=max(min(LEAST_PASSING, len(passing) // 4), 1))[1:-1]
    nothing = ProtectedRule(
        observable,
        tuple(float(edge) for edge in inner),
        (1.0,) * (len(inner) + 1),
        1.0,
        1.0,
        trained,
        config.retention,
    )
    bins = nothing.bins(value, has)
    table = _Table(sample, bins, len(inner) + 2, nothing)
    gains = np.array([table.gains(config, floor) for floor in FLOORS])
    if not np.isfinite(gains).any():
        return nothing
    floor, at = np.unravel_index(int(np.nanargmax(gains)), gains.shape)
    found = table.rule(float(FRACTIONS[at]), FLOORS[floor])
    keep = found(sample.scores, value, has)
    best = importance_speedup(sample.labels, keep, sample.weights, config).speedup.value
    idle = importance_speedup(sample.labels, np.ones_like(keep), sample.weights, config).speedup.value
    return found if best > idle else nothing


# -- inside ----------------------------------------------------------------------------------------


class _Cell:
    """Weighted events of √P(pass), summed up so that means at any scale and floor are looked up."""

    def __init__(self, root: Array, weight: Array) -> None:
        order = np.argsort(root)
        self.root = root[order]
        w = weight[order]
        inverse = np.divide(w, self.root, out=np.zeros_like(w), where=self.root > 0)  # 0: below any floor
        self.sums = [np.concatenate([[0.0], np.cumsum(x)]) for x in (w, w * self.root, inverse)]

    def means(self, scales: Array, floor: float) -> tuple[Array, Array]:
        """Sums of weight · p and of weight / p at each scale."""
        low = np.searchsorted(self.root, floor / scales)  # events before are kept with p = floor
        high = np.maximum(np.searchsorted(self.root, 1 / scales), low)  # events from here on with p = 1
        weight, root, inverse = self.sums
        kept = floor * weight[low] + scales * (root[high] - root[low]) + weight[-1] - weight[high]
        back = weight[low] / floor + (inverse[high] - inverse[low]) / scales + weight[-1] - weight[high]
        return kept, back


class _Table:
    """The classes of events in every bin, and what scales do to them."""

    def __init__(self, sample: Scored, bins: NDArray[np.int64], number: int, start: ProtectedRule) -> None:
        self.start = start
        root = np.sqrt(correct_prior(sample.scores, start.trained, start.population))
        share = sample.weights.copy()
        for passes in (True, False):
            share[sample.labels == passes] /= sample.weights[sample.labels == passes].sum()
        self.cells = {
            passes: [
                _Cell(root[which], share[which])
                for which in ((sample.labels == passes) & (bins == b) for b in range(number))
            ]
            for passes in (True, False)
        }
        own = [sample.labels & (bins == b) for b in range(number)]
        for b, which in enumerate(own):
            if which.sum() < (LEAST_PASSING if b == number - 1 else 1):
                own[b] = sample.labels  # too few events without the observable: as all together
        self.passing = [_Cell(root[which], share[which] / share[which].sum()) for which in own]

    def gains(self, config: SpeedupConfig, floor: float) -> Array:
        """Speedup at each of :data:`FRACTIONS`; NaN where a bin cannot have it."""
        assert config.retention is not None
        assert config.time_network is not None
        r, t_s = config.retention, config.time_simulate
        steps = np.arange(len(SCALES))
        kept = np.zeros(len(FRACTIONS))
        for b, passing in enumerate(self.passing):
            fraction = 1 / passing.means(SCALES, floor)[1]  # rises with the scale
            at = np.interp(FRACTIONS, fraction, steps, left=np.nan, right=np.nan)
            for passes, share in ((True, r), (False, 1 - r)):
                kept += share * np.interp(at, steps, self.cells[passes][b].means(SCALES, floor)[0])
        unfiltered = config.time_generate + t_s
        cost = config.time_generate + config.time_network + t_s * kept
        return np.asarray(FRACTIONS * unfiltered / cost)

    def rule(self, fraction: float, floor: float) -> ProtectedRule:
        """The rule with this effective fraction in every bin, by bisection."""
        low = np.full(len(self.passing), np.log(SCALES[0]))
        high = np.full(len(self.passing), np.log(SCALES[-1]))
        for _ in range(50):
            middle = (low + high) / 2
            at = np.exp(middle)[:, None]
            back = [cell.means(scale, floor)[1][0] for cell, scale in zip(self.passing, at, strict=True)]
            enough = np.array(back) <= 1 / fraction
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        *scales, without = (float(scale) for scale in np.exp(high))
        return replace(self.start, scales=tuple(scales), without=without, floor=floor)
