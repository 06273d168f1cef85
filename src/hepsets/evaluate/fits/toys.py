"""Pseudo-experiments: are estimates unbiased, errors right, intervals as good as they say."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.parallel import map_in_order
from hepsets.core.progress import progress_bar
from hepsets.evaluate.estimates.pulls import Pulls
from hepsets.evaluate.fits.goodness import goodness_of_fit
from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.minimise import maximise
from hepsets.evaluate.fits.model import MassModel
from hepsets.evaluate.fits.parameters import Array

_POINTS = 8001
_AT_ONCE = 10
"""Toys of one task of a worker."""


@dataclass(frozen=True)
class ToyParameter:
    """How a parameter fared in toys.

    Parameters
    ----------
    name
        Of the parameter.
    truth
        What the toys were made with.
    pull_mean, pull_width
        Of (fitted − true)/error, the error being MINOS's on the side of the truth [Demortier and Lyons,
        CDF/ANAL/PUBLIC/5776].
    coverage
        Share of MINOS intervals that hold the truth; 0.683 if they are right.
    mean, error
        Mean of the fitted values, and mean error of HESSE.
    """

    name: str
    truth: float
    pull_mean: Measured
    pull_width: Measured
    coverage: Measured
    mean: Measured
    error: float


@dataclass(frozen=True, eq=False)
class ToyStudy:
    """Many toys.

    Parameters
    ----------
    count
        Toys that were fitted.
    failed
        Toys besides, whose fit or MINOS interval did not come out.
    at_limit
        Toys with a parameter on its limit.
    seconds
        All of them took.
    workers
        Processes that they were fitted in.
    parameters
        What was watched.
    pulls
        Shape ``(n_watched, n_toys)``.
    chi2, distance
        Of the goodness of fit, shape ``(n_toys,)``; χ² is NaN where there are too few events.
    """

    count: int
    failed: int
    at_limit: int
    seconds: float
    workers: int
    parameters: tuple[ToyParameter, ...]
    pulls: Array
    chi2: Array
    distance: Array


@dataclass(frozen=True, eq=False)
class _Task:
    model: MassModel
    truth: Array
    watched: tuple[str, ...]
    seed: int
    numbers: range
    bins: int | None


def generate(model: MassModel, values: Array, rng: np.random.Generator) -> list[Array]:
    """Events of each category as the model expects them, each component with its Poisson number.

    Parameters
    ----------
    model
        The model.
    values
        Of its parameters, shape ``(n_parameters,)``; a negative yield is taken off the others where it lies.
    rng
        Source of random numbers.

    Raises
    ------
    InputError
        If the model expects no events in a category.
    """
    grid = np.linspace(model.window.low, model.window.high, _POINTS)
    masses = []
    for c in range(len(model.categories)):
        below = np.concatenate([[0.0], np.cumsum(np.maximum(model.expected(values, c, grid), 0.0))])
        if not below[-1] > 0:
            raise InputError(f"{below[-1]:g} expected events", "more than none, to make toys of")
        number = rng.poisson(below[-1])
        masses.append(np.interp(rng.uniform(size=number), below / below[-1], grid))
    return masses


def run_toys(
    model: MassModel,
    truth: Array,
    *,
    count: int,
    seed: int,
    watched: Sequence[str],
    workers: int = 1,
    bins: int | None = None,
) -> ToyStudy:
    """Generate, fit and compare with the truth, many times.

    What is constrained is measured anew in each toy: the centre of its constraint fluctuates around the
    truth. Each toy has random numbers of its own, whatever worker makes it. Each worker uses one thread.

    Parameters
    ----------
    model
        What is generated and fitted.
    truth
        Values of all parameters, shape ``(n_parameters,)``.
    count
        How many toys.
    seed
        Of all of them.
    watched
        Names of the parameters whose pulls and intervals are looked at.
    workers
        Processes.
    bins
        Fit in so many bins.

    Raises
    ------
    InputError
        If fewer than two toys converge.
    """
    started = time.monotonic()
    tasks = [
        _Task(model, truth, tuple(watched), seed, range(first, min(first + _AT_ONCE, count)), bins)
        for first in range(0, count, _AT_ONCE)
    ]
    rows: list[NDArray[np.float64]] = []
    with progress_bar("toys", count) as advance:
        for task, made in zip(tasks, map_in_order(_toys, tasks, min(workers, len(tasks))), strict=True):
            rows.append(made)
            advance(len(task.numbers))
    table = np.concatenate(rows) if rows else np.empty((0, 3 + 4 * len(watched)))
    good = np.isfinite(np.delete(table, 1, axis=1)).all(axis=1)
    if good.sum() < 2:
        raise InputError(
            f"{int(good.sum())} of {count} toys converged",
            "two at least",
            "simplify the model, or make more toys",
        )
    kept = table[good]
    at = {name: i for i, name in enumerate(model.names)}
    parameters, pulls = [], []
    for k, name in enumerate(watched):
        value, error, below, above = kept[:, 3 + 4 * k : 7 + 4 * k].T
        judged, pull = _judge(name, float(truth[at[name]]), value, error, below, above)
        parameters.append(judged)
        pulls.append(pull)
    return ToyStudy(
        len(kept),
        count - len(kept),
        int(kept[:, 0].sum()),
        time.monotonic() - started,
        workers,
        tuple(parameters),
        np.array(pulls),
        kept[:, 1],
        kept[:, 2],
    )


def _judge(
    name: str, truth: float, value: Array, error: Array, below: Array, above: Array
) -> tuple[ToyParameter, Array]:
    pulls = Pulls.of(value, truth, below, above)
    mean = Measured(float(value.mean()), float(value.std(ddof=1) / np.sqrt(len(value))))
    one = ToyParameter(name, truth, pulls.mean, pulls.width, pulls.coverage, mean, float(error.mean()))
    return one, pulls.values


def _toys(task: _Task) -> NDArray[np.float64]:
    """A row for each toy: at a limit?, χ², distance; value, error, below, above of what is watched."""
    rows = np.full((len(task.numbers), 3 + 4 * len(task.watched)), np.nan)
    at = {name: i for i, name in enumerate(task.model.names)}
    for row, number in zip(rows, task.numbers, strict=True):
        rng = np.random.default_rng([task.seed, number])
        masses = generate(task.model, task.truth, rng)
        moved = [
            one.centred(rng.multivariate_normal(task.truth[[at[name] for name in one.names]], one.covariance))
            for one in task.model.constraints
        ]
        model = task.model.from_values(task.truth).with_constraints(moved)
        try:
            fit = maximise(Likelihood(model, masses, bins=task.bins), minos=task.watched)
        except InputError:  # one that does not converge is counted
            continue
        goodness = goodness_of_fit(fit, masses)
        row[:3] = bool(fit.at_limits), np.nan if goodness.chi2 is None else goodness.chi2, goodness.distance
        for k, name in enumerate(task.watched):
            one = fit[name]
            row[3 + 4 * k : 7 + 4 * k] = (
                one.value.value,
                one.value.se,
                np.nan if one.below is None else one.below,
                np.nan if one.above is None else one.above,
            )
    return rows
