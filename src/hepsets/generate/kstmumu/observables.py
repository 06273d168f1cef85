"""The observables of B⁰ → K*⁰μ⁺μ⁻ that experiments quote: from the theory, and counted in events.

All are averages over B⁰ and B̄⁰ in LHCb's convention (JHEP 02 (2016) 104, arXiv:1506.03970).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import (
    COEFFICIENTS,
    Q_SQUARED_LIMITS,
    TABLE_UNIT,
    AngularTable,
    Floats,
    Window,
    angular_table,
    knot_weights,
)

_ROW = {name: row for row, name in enumerate(COEFFICIENTS)}


def dbr_dq2(delta_c9: float, q_squared: NDArray[Any], table: AngularTable | None = None) -> Floats:
    """Differential branching fraction dB/dq² [1/GeV²], same shape as ``q_squared`` [GeV²]."""
    return np.asarray(_width(_at(delta_c9, q_squared, table)) * TABLE_UNIT)


def afb(delta_c9: float, q_squared: NDArray[Any], table: AngularTable | None = None) -> Floats:
    """Forward-backward asymmetry of the lepton, same shape as ``q_squared`` [GeV²]."""
    return _afb(_at(delta_c9, q_squared, table))


def fl(delta_c9: float, q_squared: NDArray[Any], table: AngularTable | None = None) -> Floats:
    """Longitudinal polarisation F_L = −S_2c, same shape as ``q_squared`` [GeV²]."""
    return _fl(_at(delta_c9, q_squared, table))


def s5(delta_c9: float, q_squared: NDArray[Any], table: AngularTable | None = None) -> Floats:
    """S_5, same shape as ``q_squared`` [GeV²]."""
    return _s5(_at(delta_c9, q_squared, table))


def p5_prime(delta_c9: float, q_squared: NDArray[Any], table: AngularTable | None = None) -> Floats:
    """P₅′ = J_5 / (2 √(−J_2s J_2c)), same shape as ``q_squared`` [GeV²]."""
    j = _at(delta_c9, q_squared, table)
    return np.asarray(j[_ROW["5"]] / (2 * np.sqrt(-j[_ROW["2s"]] * j[_ROW["2c"]])))


@dataclass(frozen=True, eq=False)
class Asymmetries:
    """A_FB and S_5 in bins of q²; arrays of shape ``(bins,)``, NaN in bins without events.

    Parameters
    ----------
    edges
        Of the bins [GeV²], shape ``(bins + 1,)``.
    afb, s5
        The asymmetries.
    afb_se, s5_se
        Their standard errors; zero where they come from the theory.
    """

    edges: Floats
    afb: Floats
    afb_se: Floats
    s5: Floats
    s5_se: Floats


def count_asymmetries(frame: EventFrame, edges: NDArray[Any]) -> Asymmetries:
    """Count A_FB and S_5 in events.

    A_FB is (F − B)/(F + B) by the sign of cos θ_μ. With F where cos θ_K and cos χ have the same sign,
    S_5 is 4/3 of (F − B)/(F + B): of the angular functions only that of J_5 is odd in both.

    Parameters
    ----------
    frame
        Decays, true or reconstructed.
    edges
        Of the bins in q² [GeV²], rising, shape ``(n_bins + 1,)``.

    Raises
    ------
    InputError
        For edges that do not rise, and for missing columns.
    """
    edges = _rising(edges)
    place = np.searchsorted(edges, frame["q_squared"], side="right") - 1
    inside = (place >= 0) & (place < len(edges) - 1)
    total = np.bincount(place[inside], minlength=len(edges) - 1)

    def asymmetry(sign: Floats, scale: float) -> tuple[Floats, Floats]:
        difference = np.bincount(place[inside], np.sign(sign)[inside], minlength=len(edges) - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = difference / total
            return scale * mean, scale * np.sqrt((1 - mean**2) / total)

    forward = asymmetry(frame["costheta_mu"], 1.0)
    same_sign = asymmetry(frame["costheta_K"] * np.cos(frame["chi"]), 4 / 3)
    return Asymmetries(edges, *forward, *same_sign)


def expected_asymmetries(
    delta_c9: float,
    edges: NDArray[Any],
    *,
    vetoes: tuple[tuple[float, float], ...] = (),
    table: AngularTable | None = None,
) -> Asymmetries:
    """What :func:`count_asymmetries` finds in infinitely many true decays.

    Parameters
    ----------
    delta_c9
        Where.
    edges
        Of the bins in q² [GeV²], rising, shape ``(n_bins + 1,)``; NaN results for bins that no decay reaches.
    vetoes
        Ranges of q² [GeV²] without events.
    table
        The theory; that of the package by default.
    """
    edges = _rising(edges)
    values = (table or angular_table()).at(delta_c9)
    made = np.full((2, len(edges) - 1), np.nan)
    for place, (low, high) in enumerate(pairwise(edges)):
        try:
            weights = knot_weights(Window(float(low), float(high), vetoes))
        except InputError:  # no decay reaches this bin
            continue
        j = weights @ values
        made[:, place] = _afb(j), _s5(j)
    nothing = np.zeros(len(edges) - 1)
    return Asymmetries(edges, made[0], nothing, made[1], nothing)


def _at(delta_c9: float, q_squared: NDArray[Any], table: AngularTable | None) -> Floats:
    """The J_i at each q², shape ``(12, *q_squared.shape)``."""
    q_squared = np.asarray(q_squared, dtype=np.float64)
    low, high = Q_SQUARED_LIMITS
    if not ((q_squared >= low) & (q_squared <= high)).all():
        raise InputError("q² out of reach of the decay", f"{low:.4f} to {high:.3f} GeV²")
    table = table or angular_table()
    return np.array([np.interp(q_squared, table.q_squared, column) for column in table.at(delta_c9).T])


def _width(j: Floats) -> Floats:
    first = 0.75 * (2 * j[_ROW["1s"]] + j[_ROW["1c"]])
    return np.asarray(first - 0.25 * (2 * j[_ROW["2s"]] + j[_ROW["2c"]]))


def _afb(j: Floats) -> Floats:
    return np.asarray((0.75 * j[_ROW["6s"]] + 0.375 * j[_ROW["6c"]]) / _width(j))


def _fl(j: Floats) -> Floats:
    return np.asarray(-j[_ROW["2c"]] / _width(j))


def _s5(j: Floats) -> Floats:
    return np.asarray(j[_ROW["5"]] / _width(j))


def _rising(edges: NDArray[Any]) -> Floats:
    edges = np.asarray(edges, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise InputError(f"bin edges {edges.tolist()}", "at least two numbers that rise")
    return edges
