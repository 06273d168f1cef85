"""Toy decays whose density is known: a forward-backward asymmetry that ΔC9 turns on, for quick tests.

cos θ_μ ∝ 3/8 (1 + c²) + SLOPE · ΔC9 · c, which is positive up to |ΔC9| = 2; all else is flat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hepsets.core.event_frame import EventFrame

SLOPE = 0.3
_GRID = np.linspace(-1.0, 1.0, 4001)


def toy_decays(n: int, delta_c9: float, seed: int) -> EventFrame:
    """Events of one ΔC9, by inverting the distribution function on a grid."""
    rng = np.random.default_rng([seed, round(1000 * (delta_c9 + 10))])
    cumulative = 0.375 * (_GRID + _GRID**3 / 3) + SLOPE * delta_c9 * _GRID**2 / 2
    cumulative -= cumulative[0]
    return EventFrame(
        {
            "q_squared": rng.uniform(1.0, 19.0, n),
            "costheta_mu": np.interp(rng.random(n), cumulative, _GRID),
            "costheta_K": rng.uniform(-1.0, 1.0, n),
            "chi": rng.uniform(-np.pi, np.pi, n),
            "delta_c9": np.full(n, delta_c9),
        }
    )


def toy_sample(n: int, values: Sequence[float], seed: int) -> EventFrame:
    """``n`` events of each value."""
    return EventFrame.concatenate([toy_decays(n, value, seed) for value in values])


def with_background(frame: EventFrame, ratio: float, seed: int) -> EventFrame:
    """The events and, ``ratio`` times as many that know nothing of it, in random order."""
    rng = np.random.default_rng(seed)
    n = round(ratio * len(frame))
    noise = toy_decays(n, 0.0, seed + 1).with_columns(delta_c9=np.resize(frame["delta_c9"], n))
    both = EventFrame.concatenate([frame, noise])
    both = both.with_columns(is_signal=np.arange(len(both)) < len(frame))
    return both[rng.permutation(len(both))]


def log_posterior(frame: EventFrame, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exact log posterior of each event over ``values``, ``(n_events, n_values)``."""
    c = frame["costheta_mu"][:, None]
    density = 0.375 * (1 + c**2) + SLOPE * values * c
    return np.asarray(np.log(density / density.sum(1, keepdims=True)))


def information(delta_c9: float) -> float:
    """Fisher information on ΔC9 per event."""
    density = 0.375 * (1 + _GRID**2) + SLOPE * delta_c9 * _GRID
    return float(np.trapezoid((SLOPE * _GRID) ** 2 / density, _GRID))
