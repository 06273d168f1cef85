r"""Whether a data set can be a sample of simulated events: cells, distributions, and parts left empty.

Three kinds of tests, right for few events too:

- χ² of the numbers of events in cells of the variables, at the ΔC9 that suits it best;
- the Kolmogorov–Smirnov distance in each variable;
- the longest run: a range of a variable where :math:`k` of :math:`m` simulated events lie, but none of
  :math:`n`. Were all of one kind, each of the :math:`n + 1` runs were as long with probability
  :math:`(m/(m+n))^k` at most.

The p-value of all is the least one times the number of tests (Bonferroni). Fitting ΔC9 makes it larger still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, kstwo

from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates.goodness_of_fit import CellModel
from hepsets.evaluate.estimates.reference_events import ReferenceEvents

Array = NDArray[np.float64]

CELL_EVENTS = 12
"""Events per cell at least, on average: cells are joined until they have as many."""

_ZOOMS = 4
_GRID = 41


@dataclass(frozen=True, eq=False)
class CellFit:
    """The ΔC9 that suits the numbers of events in cells best.

    Parameters
    ----------
    delta_c9, background_fraction
        Of highest likelihood.
    log_likelihood
        Multinomial, without the constant that only data decide.
    """

    delta_c9: float
    background_fraction: float
    log_likelihood: float


@dataclass(frozen=True)
class Test:
    """One comparison: its p-value, and what is striking in words."""

    p_value: float
    what: str
    variable: str | None = None
    empty: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Agreement:
    """How well a data set agrees with a reference.

    Parameters
    ----------
    p_value
        Of all tests together.
    tests
        One by one, the least p-value first.
    fit
        Of the cells.
    """

    p_value: float
    tests: tuple[Test, ...]
    fit: CellFit


def fit_cells(
    counts: NDArray[np.int64],
    shares: Array,
    limits: tuple[float, float],
) -> CellFit:
    """Fit ΔC9, and the background fraction if there is background, to numbers of events in cells.

    Parameters
    ----------
    counts
        Events of the data set in each cell, shape ``(n_cells,)``.
    shares
        Those of the reference in each cell, shape ``(4, n_cells)``, see :func:`shares_in_cells`.
    limits
        Of ΔC9.
    """
    has_background = bool(shares[3].any())
    bounds = (limits, (0.0, 1.0 if has_background else 0.0))
    ends = bounds
    best, value = (0.0, 0.0), -np.inf
    for _ in range(_ZOOMS):
        deltas = np.linspace(ends[0][0], ends[0][1], _GRID)
        fractions = np.linspace(ends[1][0], ends[1][1], _GRID if has_background else 1)
        heights = log_likelihoods(counts, shares, deltas, fractions)
        row, column = np.unravel_index(int(np.argmax(heights)), heights.shape)
        best, value = (float(deltas[row]), float(fractions[column])), float(heights[row, column])
        ends = (_around(best[0], ends[0], bounds[0]), _around(best[1], ends[1], bounds[1]))
    return CellFit(*best, value)


def _around(at: float, ends: tuple[float, float], bounds: tuple[float, float]) -> tuple[float, float]:
    """Two steps of a grid to either side, within bounds."""
    half = 2 * (ends[1] - ends[0]) / (_GRID - 1)
    return max(bounds[0], at - half), min(bounds[1], at + half)


def shares_in_cells(reference: ReferenceEvents, cells: CellModel) -> Array:
    """Shares of the reference summed in each cell, shape ``(4, n_cells)``."""
    cell = reference.cell_of(cells)
    return np.stack([np.bincount(cell, row, minlength=cells.n_cells) for row in reference.shares])


def log_likelihoods(counts: NDArray[np.int64], shares: Array, deltas: Array, fractions: Array) -> Array:
    """Σ n ln(share) for each ΔC9 and background fraction, shape ``(n_deltas, n_fractions)``.

    Parameters
    ----------
    counts, shares
        As in :func:`fit_cells`.
    deltas, fractions
        ΔC9 and background fractions, of shapes ``(n_deltas,)`` and ``(n_fractions,)``.
    """
    signal = np.maximum(deltas[:, None] ** np.arange(3) @ shares[:3], 0.0)
    signal /= signal.sum(axis=1, keepdims=True)
    background = shares[3] / max(shares[3].sum(), 1e-300)
    mixed = (1 - fractions)[None, :, None] * signal[:, None] + fractions[None, :, None] * background
    # where hardly any simulated event lies, as much as three tenths of a mean cell is expected
    least = 0.3 / max(int(np.count_nonzero(shares[0])), 1)
    return np.asarray(np.log(np.maximum(mixed, least)) @ counts)


def compare(
    frame: EventFrame,
    reference: ReferenceEvents,
    cells: CellModel,
    variables: Sequence[str],
    limits: tuple[float, float],
) -> Agreement:
    """Compare a data set with simulated events at the ΔC9 that suits it best.

    Parameters
    ----------
    frame
        The data set, with all columns that the cells are cut in.
    reference
        Simulated events with the same columns.
    cells
        Where the space is cut; joined where there are few events.
    variables
        Whose distributions are compared.
    limits
        Of ΔC9.
    """
    cut = for_events(cells, len(frame))
    counts = np.bincount(cut.cell_of(frame), minlength=cut.n_cells)
    fit = fit_cells(counts, shares_in_cells(reference, cut), limits)
    weights = reference.weights(fit.delta_c9, fit.background_fraction)
    tests = [_cells_test(cut, counts, reference.cell_of(cut), weights)]
    for name in variables:
        order = reference.order(name)
        tests += _variable_tests(
            name, frame[name].astype(np.float64), reference.frame[name][order], weights[order]
        )
    tests.sort(key=lambda test: test.p_value)
    return Agreement(min(1.0, len(tests) * tests[0].p_value), tuple(tests), fit)


def for_events(cells: CellModel, events: int) -> CellModel:
    """The cells, joined until each has :data:`CELL_EVENTS` of so many events; two are left in any case."""
    levels = int(np.log2(max(events / CELL_EVENTS, 2)))
    return cells.joined(min(levels, cells.levels))


def _cells_test(cells: CellModel, counts: NDArray[np.int64], cell: NDArray[np.int64], weights: Array) -> Test:
    n = int(counts.sum())
    expected = n * np.bincount(cell, weights, minlength=len(counts))
    simulation = n**2 * np.bincount(cell, weights**2, minlength=len(counts))
    # where hardly anything is expected, a single event is no more than that
    variance = np.maximum(expected + simulation, 1.0)
    pull = (counts - expected) / np.sqrt(variance)
    worst = int(np.argmax(np.abs(pull)))
    p_value = float(chi2.sf(float(pull @ pull), len(counts) - 1))
    what = f"{counts[worst]} events where {cells.describe(worst)}, {expected[worst]:.0f} expected"
    return Test(p_value, what)


def _variable_tests(name: str, values: Array, simulated: NDArray[np.floating], weights: Array) -> list[Test]:
    """Distance of the distributions, and the longest run without an event; simulated values rise."""
    at = simulated.astype(np.float64)
    below = np.concatenate([[0.0], np.cumsum(weights)])
    effective = 1 / float(weights @ weights)
    values = np.sort(values)
    n = len(values)
    left, right = below[np.searchsorted(at, values, "left")], below[np.searchsorted(at, values, "right")]
    # steps of both distributions at one value are taken whole
    first, last = np.searchsorted(values, values, "left"), np.searchsorted(values, values, "right")
    distance = max(float((last / n - right).max()), float((left - first / n).max()), 0.0)
    joint = max(1, round(n * effective / (n + effective)))
    far = int(np.argmax(np.maximum(last / n - right, left - first / n)))
    shape = Test(
        float(kstwo.sf(distance, joint)),
        f"{100 * (last[far] / n):.0f} % of the events have {name} up to {values[far]:.3g}, "
        f"{100 * right[far]:.0f} % expected",
        name,
    )
    single = np.unique(values)
    before = np.concatenate([below[np.searchsorted(at, single, "left")], [1.0]])
    after = np.concatenate([[0.0], below[np.searchsorted(at, single, "right")]])
    empty = before - after
    longest = int(np.argmax(empty))
    log_p = np.log(len(single) + 1) - empty[longest] * effective * np.log1p(len(single) / effective)
    ends = np.concatenate([[-np.inf], single, [np.inf]])[longest : longest + 2]
    return [
        shape,
        Test(
            float(np.exp(min(log_p, 0.0))),
            f"no event has {name} {_range(*ends)}, {n * empty[longest]:.0f} expected",
            name,
            (float(ends[0]), float(ends[1])),
        ),
    ]


def _range(low: float, high: float) -> str:
    if np.isneginf(low):
        return f"below {high:.3g}"
    return f"above {low:.3g}" if np.isposinf(high) else f"from {low:.3g} to {high:.3g}"
