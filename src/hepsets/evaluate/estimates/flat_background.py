r"""How much background that is flat in the angles may be among events, and what it does to ΔC9.

Signal at ΔC9 = δ, and a share f of events flat in cosθ_ℓ, cosθ_K and χ with the q² of the data set's own, are
fitted to numbers of events in cells of two observables that hold nearly all that tells them apart: the
density of the angles at given q², and the slope of the log-density in δ, both of theory. What is expected in
the cells is counted in simulated events, so that a detector biases nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates.agreement import log_likelihoods
from hepsets.evaluate.estimates.event_mistakes import Mistake
from hepsets.evaluate.estimates.reference_events import ReferenceEvents, with_folded_chi
from hepsets.generate.kstmumu.density import (
    Q_SQUARED_LIMITS,
    Window,
    angular_table,
    density_terms,
    rate,
)

Array = NDArray[np.float64]

FLAT_EVENTS = 20_000
"""Background events that are drawn."""

FALLING = (2.5, 5.0, 10.0)
"""Scales [GeV²] of the exponentials in q² that are tried."""

TOLERATED = 0.10
"""Share of background that must be excluded for a verdict without a word about it."""

_DENSITY_PARTS, _SLOPE_PARTS = 10, 6
_DELTAS, _SHARES = 251, 101
_ONE_SIDED_95 = float(chi2.ppf(0.9, 1)) / 2  # fall of the log-likelihood


@dataclass(frozen=True)
class FlatShare:
    """The share of background that is flat in the angles, fitted along with ΔC9.

    Parameters
    ----------
    share
        Of highest likelihood.
    upper95
        At most so much, with 95 % confidence.
    delta_c9_shift
        By how much ``upper95`` of it moves a ΔC9 that is fitted without.
    p_value
        With which events without any of it like a share as much.
    log_gain
        Logarithm of the likelihood ratio of ``share`` and none.
    delta_c9
        About what ΔC9 is with ``share`` of it.
    """

    share: float
    upper95: float
    delta_c9_shift: float
    p_value: float
    log_gain: float
    delta_c9: float

    @property
    def words(self) -> str:
        """The share in words."""
        return f"{100 * self.share:.0f} % of them are background that is flat in the angles"


def fit_flat_share(
    frame: EventFrame, reference: ReferenceEvents, delta_c9: float, limits: tuple[float, float]
) -> FlatShare:
    """Fit the share of flat background in a data set.

    Parameters
    ----------
    frame
        The events, shape ``(n,)``.
    reference
        Simulated signal.
    delta_c9
        Near what the events are like; it only makes the cells good ones.
    limits
        Least and greatest ΔC9.
    """
    simulated = _observables(reference.frame, delta_c9)
    edges = np.quantile(simulated[0], np.arange(1, _DENSITY_PARTS) / _DENSITY_PARTS)
    rows = np.searchsorted(edges, simulated[0])
    inner = [
        np.quantile(simulated[1][rows == row], np.arange(1, _SLOPE_PARTS) / _SLOPE_PARTS)
        for row in range(_DENSITY_PARTS)
    ]

    def cell_of(observables: tuple[Array, Array]) -> NDArray[np.int64]:
        row = np.searchsorted(edges, observables[0])
        cell = row * _SLOPE_PARTS
        for number, ends in enumerate(inner):
            cell[row == number] += np.searchsorted(ends, observables[1][row == number])
        return cell

    def count(observables: tuple[Array, Array], weights: Array | None = None) -> Array:
        n_cells = _DENSITY_PARTS * _SLOPE_PARTS
        return np.bincount(cell_of(observables), weights, minlength=n_cells).astype(np.float64)

    flat = count(_observables(flat_events(frame["q_squared"]), delta_c9))
    shares = np.stack([*(count(simulated, row) for row in reference.shares[:3]), flat])
    deltas, fractions = np.linspace(*limits, _DELTAS), np.linspace(0, 1, _SHARES)
    counts = count(_observables(frame, delta_c9)).astype(np.int64)
    # what simulation expects fluctuates, too: by as much as so many events without weights
    effective = 1 / float((reference.weights(delta_c9) ** 2).sum())
    heights = log_likelihoods(counts, shares, deltas, fractions) / (1 + len(frame) / effective)
    profile, at = heights.max(axis=0), deltas[heights.argmax(axis=0)]
    best = int(profile.argmax())
    fall = profile[best] - profile[best:]
    beyond = np.flatnonzero(fall > _ONE_SIDED_95)
    if len(beyond):
        first = int(beyond[0])
        step = (_ONE_SIDED_95 - fall[first - 1]) / (fall[first] - fall[first - 1])
        upper = float(fractions[best + first - 1] + step * (fractions[1] - fractions[0]))
    else:
        upper = 1.0
    gain = float(profile[best] - profile[0])
    return FlatShare(
        share=float(fractions[best]),
        upper95=upper,
        delta_c9_shift=float(at[0] - np.interp(upper, fractions, at)),
        p_value=float(chi2.sf(2 * gain, 1)) / 2 if best else 1.0,
        log_gain=gain,
        delta_c9=float(at[best]),
    )


def flat_events(q_squared: NDArray[np.floating]) -> EventFrame:
    """Events flat in the angles, with q² drawn from that of a data set, shape ``(n,)`` [GeV²]."""
    rng = np.random.default_rng(len(q_squared))
    return EventFrame(
        {
            "q_squared": rng.choice(np.sort(q_squared), FLAT_EVENTS).astype(np.float32),
            "costheta_mu": rng.uniform(-1, 1, FLAT_EVENTS).astype(np.float32),
            "costheta_K": rng.uniform(-1, 1, FLAT_EVENTS).astype(np.float32),
            "chi": rng.uniform(-np.pi, np.pi, FLAT_EVENTS).astype(np.float32),
        }
    )


def mixed_with_flat(q_squared: NDArray[np.floating], window: Window) -> list[Mistake]:
    """A share of the events is background that is flat in the angles, with each of some shapes in q².

    Parameters
    ----------
    q_squared
        Of the events, shape ``(n,)`` [GeV²]: the background has their shape, or lies between their ends.
    window
        What the events were selected in.
    """
    random = np.random.default_rng(len(q_squared)).uniform(0, 1, (4, 5 * FLAT_EVENTS))
    low, high = float(q_squared.min()), float(q_squared.max())
    shapes = {"with q² as all events": q_squared, "and in q²": low + (high - low) * random[0]}
    for row, mean in zip(random[1:], FALLING, strict=True):
        shapes[f"and falls in q² as exp(−q²/{mean:g} GeV²)"] = low - mean * np.log(
            1 - row * (1 - np.exp((low - high) / mean))
        )
    return [_mixed_with(how, values[window.contains(values)]) for how, values in shapes.items()]


def _mixed_with(how: str, q_squared: NDArray[np.floating]) -> Mistake:
    def mixed(events: ReferenceEvents) -> ReferenceEvents:
        flat = with_folded_chi(flat_events(q_squared))
        names = [name for name in events.frame.columns if name in flat]
        frames = [EventFrame({name: one[name] for name in names}) for one in (events.frame, flat)]
        shares = np.zeros((4, FLAT_EVENTS))
        shares[3] = 1.0
        return ReferenceEvents(EventFrame.concatenate(frames), np.hstack([events.shares, shares]))

    return Mistake(
        f"a share of the events is background that is flat in the angles {how}",
        "subtract it, or take a model among background (--level background)",
        mixed,
        fitted=1,
    )


def _observables(frame: EventFrame, delta_c9: float) -> tuple[Array, Array]:
    """Density of the angles at given q² and ΔC9, and the slope of the log-density in ΔC9, each ``(n,)``."""
    q_squared = np.clip(frame["q_squared"].astype(np.float64), *Q_SQUARED_LIMITS)
    terms = density_terms(frame.with_columns(q_squared=q_squared))
    table = angular_table()
    density = terms @ [1.0, delta_c9, delta_c9**2]
    slope = terms @ [0.0, 1.0, 2 * delta_c9] / density
    return density / np.interp(q_squared, table.q_squared, rate(table.at(delta_c9))), slope
