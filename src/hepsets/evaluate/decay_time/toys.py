"""Toys of an oscillation: true times, flavours that mix, resolution, acceptance, tags; then the fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.parallel import map_in_order
from hepsets.evaluate.decay_time.decays import TaggedDecays
from hepsets.evaluate.decay_time.fit import bound, fit_delta_m
from hepsets.evaluate.decay_time.oscillation import BS, Array, MeanLife
from hepsets.evaluate.estimates.pulls import Pulls

Floats = NDArray[np.float64]
Accepts = Callable[[Array], Array]
"""From measured times [ps] to the chance to be kept."""

LOST = 6.0
"""Standard errors off the truth from which on a fit has taken another peak."""
_MOST_ROUNDS = 1000


@dataclass(frozen=True, eq=False)
class OscillationToys:
    """How the fit of Δm fared in toys.

    Parameters
    ----------
    count
        Toys that count below.
    failed
        Toys besides, whose fit did not come out.
    lost
        Toys besides whose highest peak is another one, more than six errors away.
    bias
        Mean of fitted − true [1/ps].
    spread
        Standard deviation of the fitted values [1/ps].
    error, bound
        Mean standard error, and mean Cramér–Rao bound at the truth [1/ps].
    pull_mean, pull_width
        Of (fitted − true)/error, the error being that of the interval on the side of the truth.
    coverage
        Share of intervals that hold the truth.
    values, errors
        Of each toy [1/ps], shape ``(n_toys,)``.
    """

    count: int
    failed: int
    lost: int
    bias: Measured
    spread: Measured
    error: float
    bound: float
    pull_mean: Measured
    pull_width: Measured
    coverage: Measured
    values: Array
    errors: Array

    @property
    def over_bound(self) -> Measured:
        """Spread of the estimates over their bound; 1 for the best there can be."""
        return Measured(self.spread.value / self.bound, self.spread.se / self.bound)


def draw_decays(
    like: TaggedDecays,
    number: int,
    delta_m: float,
    rng: np.random.Generator,
    *,
    acceptance: Accepts | None = None,
    life: MeanLife = BS,
) -> TaggedDecays:
    """Decays as they happen: lived, mixed or not, measured, kept or not, tagged.

    Parameters
    ----------
    like
        Decays whose resolutions, tags, mistags and signal probabilities are taken, in random order; what is
        background by its probability keeps its time, too, and has a random mixing state.
    number
        How many.
    delta_m
        Their frequency [1/ps].
    rng
        Source of random numbers.
    acceptance
        From measured times to the chance to be kept; all are kept by default.
    life
        Mean life of the signal.

    Raises
    ------
    InputError
        For no decays to take after, and an acceptance that keeps next to nothing.
    """
    if not len(like):
        raise InputError("no decays to make toys like", "one or more")
    made = like[rng.integers(len(like), size=number)]
    signal = rng.random(number) < made.signal
    true, time = np.zeros(number), made.time.copy()
    light, heavy = life.gamma + life.delta_gamma / 2, life.gamma - life.delta_gamma / 2
    waiting = np.flatnonzero(signal)
    for _ in range(_MOST_ROUNDS):
        n = len(waiting)
        if not n:
            break
        rate = np.where(rng.random(n) * (1 / light + 1 / heavy) < 1 / light, light, heavy)
        true[waiting] = rng.exponential(1 / rate)
        time[waiting] = true[waiting] + made.resolution[waiting] * rng.normal(size=n)
        if acceptance is None:
            break
        waiting = waiting[rng.random(n) >= acceptance(time[waiting])]
    else:
        raise InputError("an acceptance that keeps next to no decay", "values up to 1")
    unmixed = 0.5 * (1 + np.cos(delta_m * true) / np.cosh(life.delta_gamma * true / 2))
    state = np.where(rng.random(number) < np.where(signal, unmixed, 0.5), 1, -1)
    state = np.where(rng.random(number) < made.mistag, -state, state)
    return TaggedDecays(time, made.resolution, np.where(made.tagged, state, 0), made.mistag, made.signal)


def run_oscillation_toys(
    like: TaggedDecays,
    *,
    count: int,
    seed: int,
    delta_m: float = 17.7683,
    acceptance: Accepts | None = None,
    search: tuple[float, float] = (10.0, 26.0),
    workers: int = 1,
    life: MeanLife = BS,
) -> OscillationToys:
    """Draw and fit, many times; as many decays in each as there are in ``like``.

    Parameters
    ----------
    like, delta_m, acceptance, life
        As :func:`draw_decays` takes them.
    count
        How many toys.
    seed
        Each toy has random numbers of its own, whatever worker makes it.
    search
        As :func:`~hepsets.evaluate.decay_time.fit.fit_delta_m` takes it.
    workers
        Processes.

    Raises
    ------
    InputError
        If fewer than two toys come out.
    """
    toy = partial(_toy, like, seed, delta_m, acceptance, search, life)
    table = np.array(list(map_in_order(toy, range(count), workers))).reshape(-1, 4)
    good = np.isfinite(table).all(axis=1)
    off = table[:, 0] - delta_m
    pull = np.where(good, off / np.where(off > 0, table[:, 1], table[:, 2]), np.inf)
    near = good & (np.abs(pull) < LOST)
    n = int(near.sum())
    if n < 2:
        raise InputError(f"{n} of {count} toys found their frequency", "two at least", "make more toys")
    value, error = table[near, 0], table[near, 1:3].mean(axis=1)
    spread = float(value.std(ddof=1))
    pulls = Pulls.of(value, delta_m, table[near, 1], table[near, 2])
    return OscillationToys(
        n,
        int((~good).sum()),
        int(good.sum()) - n,
        Measured(float(value.mean() - delta_m), spread / n**0.5),
        Measured(spread, spread / (2 * (n - 1)) ** 0.5),
        float(error.mean()),
        float(table[near, 3].mean()),
        pulls.mean,
        pulls.width,
        pulls.coverage,
        value,
        error,
    )


def _toy(
    like: TaggedDecays,
    seed: int,
    delta_m: float,
    acceptance: Accepts | None,
    search: tuple[float, float],
    life: MeanLife,
    number: int,
) -> tuple[float, float, float, float]:
    """Value, distances to the ends of its interval, and bound; NaN for a fit that does not come out."""
    rng = np.random.default_rng([seed, number])
    decays = draw_decays(like, len(like), delta_m, rng, acceptance=acceptance, life=life)
    try:
        fit = fit_delta_m(decays, search=search, life=life)
    except InputError:
        return np.nan, np.nan, np.nan, np.nan
    from_truth = bound(decays, delta_m, life=life)
    return fit.delta_m.value, fit.below, fit.above, from_truth
