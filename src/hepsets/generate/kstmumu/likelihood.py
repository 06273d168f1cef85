"""The exact likelihood of ΔC9 for decays as generated, from the shape of their distribution alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.kernel import kernel
from hepsets.core.measured import Measured
from hepsets.generate.kstmumu.density import Floats, Window, density_coefficients, rate_coefficients

SCAN = np.linspace(-6.0, 6.0, 49)
"""ΔC9 where a fit looks for the highest maximum before it climbs it."""


def log_likelihood(frame: EventFrame, delta_c9: NDArray[Any], window: Window) -> Floats:
    """Logarithm of the probability density of all decays at each ΔC9, given their number.

    Parameters
    ----------
    frame
        Decays, all of them within the window.
    delta_c9
        Shape ``(k,)``.
    window
        Where decays count.

    Returns
    -------
    ndarray
        Shape ``(k,)``.

    Raises
    ------
    InputError
        For decays outside the window, and as
        :func:`~hepsets.generate.kstmumu.density.density_coefficients`.
    """
    beta, gamma, log_p0 = _coefficients(frame, window)
    b, c = rate_coefficients(window)
    values = np.atleast_1d(np.asarray(delta_c9, dtype=np.float64))
    made = np.array([_derivatives(beta, gamma, value)[0] for value in values])
    return np.asarray(made + log_p0.sum() - len(frame) * np.log1p(values * (b + c * values)))


def fit_exact(frame: EventFrame, window: Window) -> Measured:
    """Maximise the exact likelihood; the error is that of its curvature.

    Raises
    ------
    InputError
        As :func:`log_likelihood`; also where so few decays know nothing of ΔC9 that the likelihood
        rises to the ends of :data:`SCAN`.

    Examples
    --------
    >>> from hepsets.generate.kstmumu.density import WINDOWS
    >>> from hepsets.generate.kstmumu.sampler import sample_decays
    >>> fit = fit_exact(sample_decays(8000, -0.8, 1), WINDOWS["0-20"])
    >>> abs(fit.value + 0.8) < 4 * fit.se, 0.06 < fit.se < 0.08
    (True, True)
    """
    beta, gamma, _ = _coefficients(frame, window)
    b, c = rate_coefficients(window)
    ones = np.ones(1)

    def climb(at: float) -> tuple[float, float, float]:
        """The log-likelihood and its two derivatives."""
        events = _derivatives(beta, gamma, at)
        total = _derivatives(b * ones, c * ones, at)
        value, slope, curvature = (
            one - len(beta) * other for one, other in zip(events, total, strict=True)
        )  # fmt: skip
        return value, slope, curvature

    heights = [climb(value)[0] for value in SCAN]
    place = int(np.argmax(heights))
    if place in (0, len(SCAN) - 1):
        raise InputError(f"a likelihood that rises to ΔC9 = {SCAN[place]}", "a maximum", "give more events")
    low, high = float(SCAN[place - 1]), float(SCAN[place + 1])
    at = float(SCAN[place])
    for _ in range(60):  # Newton's steps, by halves where they leave the bracket
        _, slope, curvature = climb(at)
        low, high = (at, high) if slope > 0 else (low, at)
        step = -slope / curvature if curvature < 0 else math.inf
        new = at + step if low < at + step < high else (low + high) / 2
        if abs(new - at) < 1e-9:
            break
        at = new
    curvature = climb(at)[2]
    if curvature >= 0:
        raise InputError(f"a likelihood that is flat at ΔC9 = {at:.3f}", "a maximum", "give more events")
    return Measured(at, 1 / math.sqrt(-curvature))


def _coefficients(frame: EventFrame, window: Window) -> tuple[Floats, Floats, Floats]:
    outside = ~window.contains(frame["q_squared"])
    if outside.any():
        raise InputError(
            f"{outside.sum()} of {len(frame)} decays with q² outside of {window}",
            "decays within the window",
            "leave them out, see Window.contains",
        )
    beta, gamma, log_p0 = np.ascontiguousarray(density_coefficients(frame, window).T)
    return beta, gamma, log_p0


@kernel
def _derivatives(beta: Floats, gamma: Floats, at: float) -> tuple[float, float, float]:
    """Σ log(1 + βδ + γδ²) and its two derivatives."""
    value = 0.0
    slope = 0.0
    curvature = 0.0
    product = 1.0
    for event in range(len(beta)):
        density = 1.0 + at * (beta[event] + at * gamma[event])
        first = (beta[event] + 2.0 * at * gamma[event]) / density
        slope += first
        curvature += 2.0 * gamma[event] / density - first * first
        product *= density
        if event % 16 == 15:  # a logarithm is dear
            value += math.log(product)
            product = 1.0
    return value + math.log(product), slope, curvature
