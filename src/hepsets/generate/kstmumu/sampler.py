"""Draw B⁰ → K*⁰μ⁺μ⁻ decays from their exact density, one variable after the other.

q² comes from the inverse of its cumulative distribution (the rate is linear between the knots of the
table), then the helicity of the K*⁰ (transverse or longitudinal) in proportion to its rates, then the two
polar angles of that helicity, which are independent, then χ given all of them. Only the lepton's angle and χ
are drawn by acceptance and rejection, each from a distribution that is nearly flat.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.kernel import kernel
from hepsets.core.random_stream import Stream, start, uniform
from hepsets.generate.kstmumu.density import (
    VARIABLES,
    WINDOWS,
    AngularTable,
    Floats,
    Window,
    rate,
    shifted_table,
)

DECAY_TRIAL = 0x6B2A
"""Keeps the random numbers of decays apart from those of the detector at the same seed."""


def sample_decays(
    n: int,
    delta_c9: float,
    seed: int,
    *,
    window: Window = WINDOWS["0-20"],
    first_event: int = 0,
    nuisances: Sequence[float] = (),
) -> EventFrame:
    """Draw decays at one ΔC9; each depends only on the seed and its number.

    Parameters
    ----------
    n
        How many.
    delta_c9
        Shift of C9 at 4.8 GeV.
    seed
        Not negative.
    window
        Where q² may lie.
    first_event
        Number of the first decay: decays ``0:n`` are the same in one call or in several.
    nuisances
        Shifts of the theory, see :func:`~hepsets.generate.kstmumu.density.shifted_table`.

    Returns
    -------
    EventFrame
        :data:`~hepsets.generate.kstmumu.density.VARIABLES` (float64), ``flavour`` (int8: 1 for B⁰, −1 for
        B̄⁰, as likely) and ``delta_c9``. The angles of B̄⁰ are CP-flipped, so that both have one density.

    Raises
    ------
    InputError
        For less than one decay, a negative seed or number, or a ΔC9 beyond ±10.

    Examples
    --------
    >>> frame = sample_decays(1000, -0.8, 1)
    >>> len(frame), bool((frame["q_squared"] < 19.3).all())
    (1000, True)
    """
    if n < 1 or seed < 0 or first_event < 0:
        raise InputError(
            f"{n} decays from number {first_event} with seed {seed}", "at least one; none negative"
        )
    if not abs(delta_c9) <= 10:
        raise InputError(f"ΔC9 = {delta_c9}", "a number from -10 to 10")
    variables, flavour = np.empty((4, n)), np.empty(n, dtype=np.int8)
    _draw(_cells(shifted_table(nuisances), delta_c9, window), seed, first_event, variables, flavour)
    columns = dict(zip(VARIABLES, variables, strict=True))
    return EventFrame({**columns, "flavour": flavour, "delta_c9": np.full(n, float(delta_c9))})


class _Cells(NamedTuple):
    """Knots of q² and window edges, J_i there, and the probability of q² below."""

    points: Floats
    coefficients: Floats
    cumulative: Floats


def _cells(table: AngularTable, delta_c9: float, window: Window) -> _Cells:
    """Knots and window edges, J_i there, and the probability of q² below; gaps have none.

    Shapes ``(m,)``, ``(m, 12)`` and ``(m,)``.
    """
    knots, values = table.q_squared, table.at(delta_c9)
    points = np.concatenate(
        [
            np.concatenate([[low], knots[(knots > low) & (knots < high)], [high]])
            for low, high in window.segments()
        ]
    )
    coefficients = np.stack([np.interp(points, knots, column) for column in values.T], axis=1)
    height = rate(coefficients)
    if height.min() < 0:
        raise InputError(
            f"a negative rate at q² = {points[height.argmin()]:.3g} GeV²",
            "parameters with rates above zero",
            "choose smaller nuisances",
        )
    area = np.diff(points) * (height[1:] + height[:-1]) / 2
    area[~window.contains((points[1:] + points[:-1]) / 2)] = 0  # from one segment to the next
    cumulative = np.concatenate([[0.0], np.cumsum(area)])
    return _Cells(points, coefficients, cumulative / cumulative[-1])


@kernel
def _draw(cells: _Cells, seed: int, first_event: int, variables: Floats, flavour: NDArray[np.int8]) -> None:
    """Fill ``variables``, shape ``(4, n)``, and the flavours."""
    stream = np.empty(1, np.uint64)
    j = np.empty(12)
    for event in range(len(flavour)):
        start(stream, seed, first_event + event, DECAY_TRIAL)
        flavour[event] = 1 if uniform(stream) < 0.5 else -1
        variables[0, event] = _draw_q_squared(uniform(stream), cells, j)
        # the K*⁰: transverse (sin²θ_K) or longitudinal (cos²θ_K)
        transverse = max(2.0 * (j[0] - j[2] / 3.0), 0.0)
        longitudinal = max(j[1] - j[3] / 3.0, 0.0)
        if uniform(stream) * (transverse + longitudinal) < transverse:
            x = _median(uniform(stream), uniform(stream), uniform(stream))  # density 6x(1 − x)
            cos_k = 2.0 * x - 1.0
            cos_mu = _polar(stream, j[0], j[2], j[7])
        else:
            x = 2.0 * uniform(stream) - 1.0
            cos_k = math.copysign(abs(x) ** (1.0 / 3.0), x)
            cos_mu = _polar(stream, j[1], j[3], j[8])
        variables[1, event] = cos_mu
        variables[2, event] = cos_k
        variables[3, event] = _draw_chi(stream, cos_mu, cos_k, j)


@kernel
def _draw_q_squared(chance: float, cells: _Cells, j: Floats) -> float:
    """q² of a chance: the cell, then the place in it under a straight line; J_i there go into ``j``."""
    points, coefficients, cumulative = cells.points, cells.coefficients, cells.cumulative
    cell = min(int(np.searchsorted(cumulative, chance, side="right")) - 1, len(points) - 2)
    low = _rate(coefficients[cell])
    high = _rate(coefficients[cell + 1])
    inside = (chance - cumulative[cell]) / (cumulative[cell + 1] - cumulative[cell])
    above = inside * (low + high)
    share = above / (low + math.sqrt(low * low + (high - low) * above))
    share = min(max(share, 0.0), 1.0)
    for row in range(12):
        j[row] = coefficients[cell, row] + share * (coefficients[cell + 1, row] - coefficients[cell, row])
    return float(points[cell] + share * (points[cell + 1] - points[cell]))


@kernel
def _draw_chi(stream: Stream, cos_mu: float, cos_k: float, j: Floats) -> float:
    """χ, given both cosines: flat, plus waves of one and two turns."""
    cos2_k = cos_k * cos_k
    sin2_k = 1.0 - cos2_k
    sin2_mu = 1.0 - cos_mu * cos_mu
    double_mu = 2.0 * cos_mu * cos_mu - 1.0
    wave = 2.0 * cos_k * math.sqrt(sin2_k * sin2_mu)
    flat = (
        sin2_k * (j[0] + j[2] * double_mu + j[7] * cos_mu)
        + cos2_k * (j[1] + j[3] * double_mu + j[8] * cos_mu)
    )  # fmt: skip
    cos_one = wave * (2.0 * cos_mu * j[5] + j[6])
    sin_one = wave * (j[9] + 2.0 * cos_mu * j[10])
    cos_two = sin2_k * sin2_mu * j[4]
    sin_two = sin2_k * sin2_mu * j[11]
    most = flat + math.hypot(cos_one, sin_one) + math.hypot(cos_two, sin_two)
    while True:
        angle = math.pi * (1.0 - 2.0 * uniform(stream))  # in (−π, π]
        cos_chi = math.cos(angle)
        sin_chi = math.sin(angle)
        density = flat + cos_one * cos_chi + sin_one * sin_chi
        density += cos_two * (2.0 * cos_chi * cos_chi - 1.0) + sin_two * 2.0 * sin_chi * cos_chi
        if uniform(stream) * most <= density:
            return angle


@kernel
def _rate(j: Floats) -> float:
    return float(0.75 * (2.0 * j[0] + j[1]) - 0.25 * (2.0 * j[2] + j[3]))


@kernel
def _median(a: float, b: float, c: float) -> float:
    return max(min(a, b), min(max(a, b), c))


@kernel
def _polar(stream: NDArray[np.uint64], constant: float, double: float, odd: float) -> float:
    """cosθ_μ with density constant + double · cos 2θ + odd · cos θ."""
    most = constant + double + abs(odd)
    if double < 0.0 and abs(odd) < -4.0 * double:  # the top of the parabola lies inside
        most = constant - double - odd * odd / (8.0 * double)
    while True:
        x = 2.0 * uniform(stream) - 1.0
        if uniform(stream) * most <= constant + double * (2.0 * x * x - 1.0) + odd * x:
            return x
