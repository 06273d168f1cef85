r"""The density of B⁰ → K*⁰(K⁺π⁻)μ⁺μ⁻ in its four variables, exact in the shift ΔC9.

.. math:: f(q^2, θ_μ, θ_K, χ \mid δ) = \sum_i J_i(q^2 \mid δ)\, f_i(θ_μ, θ_K, χ), \qquad
          J_i(q^2 \mid δ) = a_i(q^2) + b_i(q^2)\, δ + c_i(q^2)\, δ^2

with the twelve angular functions of LHCb (JHEP 02 (2016) 104, arXiv:1506.03970, eq. 2). The amplitudes are
linear in C9, so three tables of the J_i give every ΔC9 = δ. ``tools/kstmumu_table.py`` made them with flavio
(arXiv:1810.08132), averaged over B⁰ and B̄⁰; ``table.json`` says how. Between its 554 values of q² the
coefficients are linear, here, in the sampler and in every integral: one model, without approximation.

Between 8.9 and 14 GeV² the table goes on smoothly where nature has J/ψ and ψ(2S): nothing there is to be
compared with data, and the ``nonresonant`` windows leave it out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.kernel import kernel
from hepsets.core.masses import M_B0, M_KSTAR, M_MU

Floats = NDArray[np.float64]

VARIABLES = ("q_squared", "costheta_mu", "costheta_K", "chi")
"""What a decay is known by: q² [GeV²], two cosines and an angle [rad] in (−π, π], of LHCb's convention."""

COEFFICIENTS = ("1s", "1c", "2s", "2c", "3", "4", "5", "6s", "6c", "7", "8", "9")
"""Names of the angular coefficients J_i, in the order of every array of them."""

TABLE_FILE = Path(__file__).with_name("table.npz")
"""The table of the package; its provenance lies beside it as JSON."""

TABLE_UNIT = 1e-8
"""Unit [1/GeV²] of the table's coefficients: they are multiplied with the lifetime of the B⁰."""

Q_SQUARED_LIMITS = (4 * M_MU**2, (M_B0 - M_KSTAR) ** 2)
"""Least and greatest q² [GeV²] of the decay: 4m_μ² and (m_B − m_K*)², where the K*⁰ has no width."""

POWERS = 3
"""Coefficients of a quadratic in ΔC9."""

_CHUNK = 200_000  # events at once, which bounds memory


def _values(*segments: tuple[float, float, int]) -> tuple[float, ...]:
    parts = [np.linspace(low, high, steps, endpoint=False) for low, high, steps in segments]
    return tuple(float(value) for value in np.round(np.concatenate([*parts, [segments[-1][1]]]), 4))


TRAIN_VALUES = _values((-2.0, -0.82, 17), (-0.82, 0.0, 11), (0.0, 1.1, 15))
"""The 44 ΔC9 of training and validation, evenly from −2 to 1.1 but for 0 and −0.82, which are among them."""

TEST_VALUES = _values((-2.0, -0.8, 7), (-0.8, 0.0, 5), (0.0, 0.2, 1))
"""The 14 ΔC9 of testing, from −2 to 0.2; 0 and −0.8 are among them."""


@dataclass(frozen=True)
class Window:
    """The q² that count.

    Parameters
    ----------
    low, high
        Limits [GeV²]; what lies beyond the phase space has no events.
    vetoes
        Ranges [GeV²] left out, such as those of J/ψ and ψ(2S).

    Raises
    ------
    InputError
        For limits that are not in order, and where no q² is left.

    Examples
    --------
    >>> WINDOWS["1-19"].contains(np.array([0.5, 5.0, 9.5])).tolist()
    [False, True, False]
    """

    low: float
    high: float
    vetoes: tuple[tuple[float, float], ...] = ((9.0, 10.0), (13.0, 14.0))

    def __post_init__(self) -> None:
        for low, high in ((self.low, self.high), *self.vetoes):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise InputError(f"q² from {low} to {high} GeV²", "two numbers, the lower one first")
        if not self.segments():
            raise InputError(f"{self}, which leaves no q²", "some q² of the decay, 0.05 to 19.2 GeV²")

    def contains(self, q_squared: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each q² [GeV²] counts, same shape; False for NaN."""
        inside = (q_squared > self.low) & (q_squared < self.high)
        for low, high in self.vetoes:
            inside &= (q_squared <= low) | (q_squared >= high)
        return np.asarray(inside)

    def without_resonances(self) -> Window:
        """The same limits without 8.9 to 14 GeV², where the theory knows nothing of the resonances."""
        return Window(self.low, self.high, ((8.9, 14.0),))

    def segments(self) -> list[tuple[float, float]]:
        """The ranges of q² [GeV²] that count and that the decay reaches, in order."""
        begin, end = max(self.low, Q_SQUARED_LIMITS[0]), min(self.high, Q_SQUARED_LIMITS[1])
        found = []
        for low, high in [*sorted(self.vetoes), (end, math.inf)]:
            if begin < min(low, end):
                found.append((begin, min(low, end)))
            begin = max(begin, high)
        return found


WindowName = Literal["0-20", "1-19", "0-20-nonresonant", "1-19-nonresonant"]

WINDOWS: Mapping[str, Window] = {
    "0-20": Window(0.0, 20.0),
    "1-19": Window(1.0, 19.0),
    "0-20-nonresonant": Window(0.0, 20.0).without_resonances(),
    "1-19-nonresonant": Window(1.0, 19.0).without_resonances(),
}
"""The two of the study, both without 9 to 10 and 13 to 14 GeV², and the same without 8.9 to 14 GeV²."""


def named_window(name: str) -> Window:
    """One of :data:`WINDOWS`.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if name not in WINDOWS:
        raise InputError(f"window {name!r}", f"one of {', '.join(WINDOWS)}")
    return WINDOWS[name]


class AngularTable(NamedTuple):
    """Angular coefficients at the knots in q²; linear between them.

    Parameters
    ----------
    q_squared
        Knots [GeV²], shape ``(n_knots,)``.
    coefficients
        J_i in :data:`TABLE_UNIT`, shape ``(n_knots, 12, terms)``: the powers 0, 1, 2 of ΔC9, and after
        them the same three for every nuisance direction where these are wanted.
    """

    q_squared: Floats
    coefficients: Floats

    def at(self, delta_c9: float) -> Floats:
        """The J_i at one ΔC9, shape ``(n_knots, 12)``."""
        return np.asarray(self.coefficients[:, :, :POWERS] @ [1.0, delta_c9, delta_c9**2])


@lru_cache(maxsize=1)
def angular_table() -> AngularTable:
    """The table of the package at central values of all parameters."""
    with np.load(TABLE_FILE, allow_pickle=False) as stored:
        knots = stored["q_squared"]
        coefficients = stored["coefficients"].astype(np.float64)
    return AngularTable(knots, np.ascontiguousarray(coefficients.transpose(1, 0, 2)))


@lru_cache(maxsize=1)
def angular_table_with_directions() -> AngularTable:
    """The table and, after its three terms, three for every nuisance direction of the package."""
    table = angular_table()
    with np.load(TABLE_FILE, allow_pickle=False) as stored:
        knots = stored["direction_q_squared"]
        directions = stored["directions"].astype(np.float64)  # (direction, 12, knot, 3)
    right = np.clip(np.searchsorted(knots, table.q_squared), 1, len(knots) - 1)
    share = (table.q_squared - knots[right - 1]) / (knots[right] - knots[right - 1])
    dense = directions[:, :, right - 1] * (1 - share)[:, None] + directions[:, :, right] * share[:, None]
    changes = dense.transpose(2, 1, 0, 3).reshape(len(table.q_squared), len(COEFFICIENTS), -1)
    return AngularTable(table.q_squared, np.concatenate([table.coefficients, changes], axis=2))


def n_directions() -> int:
    """How many nuisance directions the table has."""
    return int(angular_table_with_directions().coefficients.shape[2]) // POWERS - 1


def shifted_table(nuisances: Sequence[float] = ()) -> AngularTable:
    """The table with theory parameters moved along the nuisance directions.

    Parameters
    ----------
    nuisances
        How many standard deviations along each of the first directions; none by default. The change is
        linear, which holds for a few standard deviations.

    Raises
    ------
    InputError
        For more numbers than there are directions, and for sizes above 5.
    """
    if not len(nuisances):
        return angular_table()
    sizes = np.asarray(nuisances, dtype=np.float64)
    if len(sizes) > n_directions() or not (np.abs(sizes) <= 5).all():
        raise InputError(f"nuisances {list(nuisances)}", f"at most {n_directions()} numbers from -5 to 5")
    table = angular_table_with_directions()
    knots, rows = table.coefficients.shape[:2]
    changes = table.coefficients[:, :, POWERS:].reshape(knots, rows, -1, POWERS)[:, :, : len(sizes)]
    return AngularTable(
        table.q_squared, table.coefficients[:, :, :POWERS] + np.einsum("qikp,k->qip", changes, sizes)
    )


def rate(coefficients: Floats) -> Floats:
    """Integral of the density over the angles from J_i along axis 1 of ``coefficients``."""
    first = 0.75 * (2 * coefficients[:, 0] + coefficients[:, 1])
    second = 0.25 * (2 * coefficients[:, 2] + coefficients[:, 3])
    return np.asarray(32 * math.pi / 9 * (first - second))


def knot_weights(window: Window) -> Floats:
    """Weights w with Σ w_j g(q²_j) = ∫ g dq² over the window for all g that are linear between knots."""
    knots = angular_table().q_squared
    weights = np.zeros(len(knots))
    for low, high in window.segments():
        points = np.concatenate([[low], knots[(knots > low) & (knots < high)], [high]])
        step = np.diff(points)
        value = np.zeros(len(points))
        value[:-1] += step / 2
        value[1:] += step / 2
        right = np.clip(np.searchsorted(knots, points), 1, len(knots) - 1)
        share = (points - knots[right - 1]) / (knots[right] - knots[right - 1])
        np.add.at(weights, right - 1, value * (1 - share))
        np.add.at(weights, right, value * share)
    return weights


def rate_terms(window: Window, table: AngularTable | None = None) -> Floats:
    """Total rate within a window, one number for each term of the table; in :data:`TABLE_UNIT` · GeV²."""
    return np.asarray(knot_weights(window) @ rate((table or angular_table()).coefficients))


def rate_coefficients(window: Window) -> tuple[float, float]:
    """(b̄, c̄) of the total rate within a window, which is proportional to 1 + b̄δ + c̄δ²."""
    constant, linear, quadratic = rate_terms(window)
    return float(linear / constant), float(quadratic / constant)


def density_terms(
    frame: EventFrame, table: AngularTable | None = None, *, variables_prefix: str = ""
) -> Floats:
    """The density of each decay, one number for each term of the table; shape ``(n, terms)``.

    With the three terms of the plain table, the density at δ is ``terms @ [1, δ, δ²]`` in
    :data:`TABLE_UNIT`; over :func:`rate_terms` of a window it is normalised within that.

    Raises
    ------
    InputError
        For missing columns and for values that no decay has (NaN, a cosine beyond ±1, q² out of reach).
    """
    table = table or angular_table()
    columns = _checked(frame, variables_prefix)
    terms = np.empty((len(frame), table.coefficients.shape[2]))
    for start in range(0, len(frame), _CHUNK):
        part = slice(start, start + _CHUNK)
        q_squared, costheta_mu, costheta_k, chi = (column[part] for column in columns)
        _density(*table, q_squared, costheta_mu, costheta_k, chi, terms[part])
    return terms


def density_coefficients(frame: EventFrame, window: Window, *, variables_prefix: str = "") -> Floats:
    """How the density of each decay depends on ΔC9.

    Parameters
    ----------
    frame
        Decays with the four :data:`VARIABLES`; they may lie outside the window.
    window
        What the density is normalised in.
    variables_prefix
        Before the names of the columns, such as ``truth_``.

    Returns
    -------
    ndarray
        Shape ``(n, 3)``: β, γ and log p(x|0). The density at δ is p(x|0) · (1 + βδ + γδ²) over
        1 + b̄δ + c̄δ² of :func:`rate_coefficients`.

    Raises
    ------
    InputError
        As :func:`density_terms`.
    """
    terms = density_terms(frame, variables_prefix=variables_prefix)
    made = terms / terms[:, :1]
    made[:, :2] = made[:, 1:]
    made[:, 2] = np.log(terms[:, 0] / rate_terms(window)[0])
    return made


def _checked(frame: EventFrame, prefix: str) -> tuple[Floats, ...]:
    """The four variables as contiguous doubles; a rounding error beyond the phase space is inside."""
    low, high = Q_SQUARED_LIMITS
    cosine = (-1 - 1e-6, 1 + 1e-6)
    limits = ((low - 1e-5, high + 1e-5), cosine, cosine, (-2 * math.pi, 2 * math.pi))
    columns = []
    for name, (least, most) in zip(VARIABLES, limits, strict=True):
        column = np.ascontiguousarray(frame[prefix + name], dtype=np.float64)
        outside = ~((column >= least) & (column <= most))
        if outside.any():
            raise InputError(
                f"{prefix}{name} = {column[outside][0]:.6g} (one of {outside.sum()} such events)",
                f"{least:.4g} to {most:.4g}, where a true decay can be",
                "leave such events out",
            )
        columns.append(column)
    return tuple(columns)


@kernel
def angular_functions(costheta_mu: float, costheta_k: float, chi: float, out: Floats) -> None:
    """The twelve functions of the angles that the J_i multiply, in the order of :data:`COEFFICIENTS`."""
    cos2_k = costheta_k * costheta_k
    sin2_k = max(1.0 - cos2_k, 0.0)
    sin2_mu = max(1.0 - costheta_mu * costheta_mu, 0.0)
    sin_mu = math.sqrt(sin2_mu)
    double_k = 2.0 * costheta_k * math.sqrt(sin2_k)  # sin 2θ_K
    double_mu = 2.0 * costheta_mu * sin_mu
    cos_double_mu = 2.0 * costheta_mu * costheta_mu - 1.0
    cos_chi = math.cos(chi)
    sin_chi = math.sin(chi)
    out[0] = sin2_k
    out[1] = cos2_k
    out[2] = sin2_k * cos_double_mu
    out[3] = cos2_k * cos_double_mu
    out[4] = sin2_k * sin2_mu * (2.0 * cos_chi * cos_chi - 1.0)
    out[5] = double_k * double_mu * cos_chi
    out[6] = double_k * sin_mu * cos_chi
    out[7] = sin2_k * costheta_mu
    out[8] = cos2_k * costheta_mu
    out[9] = double_k * sin_mu * sin_chi
    out[10] = double_k * double_mu * sin_chi
    out[11] = sin2_k * sin2_mu * 2.0 * sin_chi * cos_chi


@kernel
def _density(
    knots: Floats,
    coefficients: Floats,
    q_squared: Floats,
    costheta_mu: Floats,
    costheta_k: Floats,
    chi: Floats,
    out: Floats,
) -> None:
    functions = np.empty(12)
    for event in range(len(q_squared)):
        angular_functions(costheta_mu[event], costheta_k[event], chi[event], functions)
        right = min(max(int(np.searchsorted(knots, q_squared[event])), 1), len(knots) - 1)
        share = (q_squared[event] - knots[right - 1]) / (knots[right] - knots[right - 1])
        share = min(max(share, 0.0), 1.0)
        for term in range(out.shape[1]):
            total = 0.0
            for row in range(12):
                low = coefficients[right - 1, row, term]
                total += functions[row] * (low + share * (coefficients[right, row, term] - low))
            out[event, term] = total
