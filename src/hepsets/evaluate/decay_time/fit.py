"""Fit of Δm to tagged decay times, with the bound that no estimate of the same decays beats.

The density of times and mixing states factorises into that of times, which holds no Δm, and the probability
of the mixing state r = ±1 at a measured time: (1 + r s A D f R(t, σ; Δm))/2 with dilution D = 1 - 2ω,
signal probability f, the scale s of dilutions and the asymmetry R of perfect tags. The acceptance of times
cancels in it, as does the background's time distribution where f is right; all information on Δm is in it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from iminuit import Minuit

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.decay_time.decays import TaggedDecays
from hepsets.evaluate.decay_time.oscillation import BS, Array, MeanLife, asymmetry, even, odd

STEP = 0.2
"""Between frequencies of the first look [1/ps]; peaks of the likelihood are about 1/τ wide."""

_SMALL = 1e-9
_SLOPE = 1e-3


@dataclass(frozen=True, eq=False)
class OscillationFit:
    """A fitted frequency.

    Parameters
    ----------
    delta_m
        Frequency and its standard error [1/ps], half of the interval of the likelihood ratio.
    below, above
        Distances to the ends of that interval [1/ps].
    dilution_scale
        What the dilutions are to be multiplied with; 1 if tags, resolutions and signal probabilities are
        right.
    bound
        Cramér–Rao: the least standard error of an unbiased estimate from these times, tags and probabilities
        [1/ps], at the fitted frequency and dilutions as they claim to be.
    significance
        By how much, in standard deviations, the likelihood prefers the oscillation to none.
    runner_up
        2 ln of the ratio of the likelihood's highest to its second highest peak; small where the data do
        not say which it is.
    tagged
        Decays with a tag.
    power
        Tagging power of the signal, resolution not in it.
    scan, curve
        Frequencies of the first look [1/ps], and -2 ln L there with the dilutions as they are, its least
        value being 0; shape ``(n_scan,)``.
    """

    delta_m: Measured
    below: float
    above: float
    dilution_scale: Measured
    bound: float
    significance: float
    runner_up: float
    tagged: int
    power: float
    scan: Array
    curve: Array

    def notes(self) -> tuple[str, ...]:
        """What is to be known before the number is believed, in words."""
        found = []
        if self.significance < 5:
            found.append(f"the oscillation is seen with {self.significance:.1f} standard deviations only")
        if self.runner_up < 9:
            found.append(f"another frequency is nearly as likely (2 Δln L = {self.runner_up:.1f})")
        if self.on_edge:
            found.append("the likelihood is highest at the end of the range that was searched")
        return tuple(found)

    @property
    def on_edge(self) -> bool:
        """Whether the best frequency is one of the ends of the range."""
        best = self.delta_m.value
        return not self.scan[0] + STEP / 2 < best < self.scan[-1] - STEP / 2


def fit_delta_m(
    decays: TaggedDecays,
    *,
    search: tuple[float, float] = (10.0, 26.0),
    scale_error: float = 0.1,
    life: MeanLife = BS,
) -> OscillationFit:
    """Fit the oscillation frequency and the scale of dilutions, where in a range the likelihood is highest.

    Parameters
    ----------
    decays
        With and without tags.
    search
        Range of frequencies [1/ps]; the peak must lie within.
    scale_error
        How well dilutions are known: their scale is constrained to 1 ± this; infinite for not at all.
    life
        Mean life of the meson; it hardly matters.

    Raises
    ------
    InputError
        For fewer than ten tagged decays, a range that is empty, and a fit that does not converge.
    """
    used = decays[decays.tagged]
    if len(used) < 10:
        raise InputError(f"{len(used)} tagged decays", "ten or more", "take more events, or better tags")
    if not 0 < search[0] < search[1] - 2 * STEP:
        raise InputError(f"frequencies from {search[0]} to {search[1]}", "a range above 0 [1/ps]")
    diluted = used.mixing * used.dilution / even(used.time, used.resolution, life)

    def minus_log(delta_m: float, scale: float) -> float:
        return _minus_log(scale * diluted * odd(used.time, used.resolution, delta_m, life))

    scan = np.linspace(*search, max(3, round((search[1] - search[0]) / STEP) + 1))
    curve = 2 * np.array([minus_log(frequency, 1.0) for frequency in scan])
    best = float(scan[curve.argmin()])
    minuit = _climbed(lambda at, scale: minus_log(at, scale) + 0.5 * ((scale - 1) / scale_error) ** 2, best)
    value, scale = minuit.values
    none, found = _minus_log(np.zeros(len(used))), minus_log(value, scale)
    interval = minuit.merrors["at"] if minuit.merrors and minuit.merrors["at"].is_valid else None
    below, above = (-interval.lower, interval.upper) if interval else (minuit.errors["at"],) * 2
    return OscillationFit(
        Measured(float(value), float(below + above) / 2),
        float(below),
        float(above),
        Measured(float(scale), float(minuit.errors["scale"])),
        bound(used, float(value), life=life),
        float(np.sqrt(2 * max(none - found, 0.0)) * np.sign(scale)),
        _runner_up(curve),
        len(used),
        _power(decays),
        scan,
        curve - curve.min(),
    )


def _climbed(minus_log: Callable[[float, float], float], best: float) -> Minuit:
    """From the best of the first look to the top, with intervals."""
    minuit = Minuit(minus_log, at=best, scale=1.0)
    minuit.errordef = Minuit.LIKELIHOOD
    minuit.errors = (0.02, 0.1)
    minuit.limits["at"] = (best - 2 * STEP, best + 2 * STEP)
    minuit.migrad()
    minuit.limits["at"] = None
    minuit.migrad()
    minuit.hesse()
    if not (minuit.valid and minuit.accurate):
        raise InputError(
            f"a fit of Δm that did not converge (EDM {minuit.fmin.edm:.2g})",
            "a peak of the likelihood",
            "take more events, or better tags",
        )
    with suppress(RuntimeError):  # another peak is higher
        minuit.minos("at")
    return minuit


def bound(decays: TaggedDecays, delta_m: float, *, scale: float = 1.0, life: MeanLife = BS) -> float:
    """The Cramér–Rao bound [1/ps]: 1/√I, I the information on Δm that is expected of these decays.

    Integrated over the mixing states at each decay's time, error, mistag and signal probability: I is the
    sum of (D f R')²/(1 - (D f R)²). Everything besides Δm is taken to be known.

    Parameters
    ----------
    decays
        Those without tags add nothing.
    delta_m
        The true frequency [1/ps].
    scale
        The true scale of dilutions.
    life
        Mean life of the meson.

    Raises
    ------
    InputError
        If there is no information, as without tags.
    """
    used = decays[decays.tagged]
    amplitude = scale * used.dilution

    def at(frequency: float) -> Array:
        return amplitude * asymmetry(used.time, used.resolution, frequency, life)

    slope = (at(delta_m + _SLOPE) - at(delta_m - _SLOPE)) / (2 * _SLOPE)
    information = float((slope**2 / np.maximum(1 - at(delta_m) ** 2, _SMALL)).sum())
    if not information > 0:
        raise InputError("decays that hold no information on Δm", "tagged signal")
    return float(1 / np.sqrt(information))


def _minus_log(amplitude: Array) -> float:
    return -float(np.log(np.maximum((1 + amplitude) / 2, _SMALL)).sum())


def _power(decays: TaggedDecays) -> float:
    squared = np.where(decays.tagged, 1 - 2 * decays.mistag, 0.0) ** 2
    return float((decays.signal * squared).sum() / max(decays.signal.sum(), _SMALL))


def _runner_up(curve: Array) -> float:
    """How far the second lowest valley of -2 ln L lies above the lowest; an end may be one."""
    padded = np.concatenate([[np.inf], curve, [np.inf]])
    valleys = np.sort(curve[(curve < padded[:-2]) & (curve < padded[2:])])
    return float(valleys[1] - valleys[0]) if len(valleys) > 1 else float(np.ptp(curve))
