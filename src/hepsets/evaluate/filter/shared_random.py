r"""What several skims save by deciding about each event with one random number.

Skim :math:`s` wants event :math:`x` with probability :math:`p_s(x)`, whichever way the random numbers are
drawn; so each skim's weights and effective size are the same. What differs is how often any of them
wants it: with a random number for each skim :math:`1 - \prod_s (1 - p_s)`, with one for all
:math:`\max_s p_s`, which no way of drawing them can undercut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.sample import Array, mean


@dataclass(frozen=True)
class SharedRandom:
    """Simulated events with one random number for all skims and with one for each.

    Parameters
    ----------
    each
        Share of all generated events that each skim wants.
    shared, independent
        Share of them that any skim wants: with one random number, and with one for each skim.
    saving
        Share of the computing time with independent numbers that the shared one saves.
    separate_saving
        Share that it saves of the time of separate productions, one for each skim.
    """

    each: tuple[Measured, ...]
    shared: Measured
    independent: Measured
    saving: Measured
    separate_saving: Measured


def compare_random_numbers(keep: ArrayLike, weights: ArrayLike | None, config: SpeedupConfig) -> SharedRandom:
    """Compare one random number for all skims with one for each.

    Parameters
    ----------
    keep
        Shape ``(n_events, n_skims)``, probability in [0, 1] with which each skim wants each event.
    weights
        Shape ``(n_events,)``, event weights that make the sample the population; all one if ``None``.
    config
        Costs, with a network time; the retention plays no part.

    Raises
    ------
    InputError
        For probabilities outside [0, 1], weights that do not fit, or an open network time.
    """
    p = np.asarray(keep, dtype=np.float64)
    w = np.ones(len(p)) if weights is None else np.asarray(weights, dtype=np.float64)
    if p.ndim != 2 or not p.size or not ((p >= 0) & (p <= 1)).all():
        raise InputError(f"keep probabilities of shape {p.shape}", "(n_events, n_skims), each in [0, 1]")
    if w.shape != (len(p),) or not ((w > 0) & np.isfinite(w)).all():
        raise InputError(f"weights of shape {w.shape}", f"({len(p)},) positive numbers")
    if config.time_network is None:
        raise InputError("no network time", "seconds per event", "use config.resolve(time_network=…)")
    shared, independent = p.max(axis=1), 1 - np.prod(1 - p, axis=1)
    before = config.time_generate + config.time_network
    return SharedRandom(
        each=tuple(mean(column, w) for column in p.T),
        shared=mean(shared, w),
        independent=mean(independent, w),
        saving=_saving(shared, independent, before, before, w, config),
        separate_saving=_saving(shared, p.sum(axis=1), before, p.shape[1] * before, w, config),
    )


def _saving(
    kept: Array,
    reference: Array,
    before: float,
    reference_before: float,
    weights: Array,
    config: SpeedupConfig,
) -> Measured:
    """One less the ratio of the two times per generated event, with the events' correlation in its error."""
    time = before + config.time_simulate * kept
    reference_time = reference_before + config.time_simulate * reference
    ratio = float(weights @ time / (weights @ reference_time))
    response = (time - ratio * reference_time) * (weights.sum() / (weights @ reference_time))
    return Measured(1 - ratio, mean(response, weights).se)
