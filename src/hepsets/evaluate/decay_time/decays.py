"""Decays with time and tag, as a fit of the oscillation takes them, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.evaluate.decay_time.oscillation import Array
from hepsets.simulate.flavour_tagging import FlavourTags

LONGEST = 100.0
"""Median decay time [ps] above which a column is taken for fs, as below its inverse for ns, and refused."""


@dataclass(frozen=True, eq=False)
class TaggedDecays:
    """Candidates with decay time and tag.

    Parameters
    ----------
    time, resolution
        Measured decay time and the standard deviation of its error [ps], shape ``(n_decays,)``.
    mixing
        1 if the flavours of the tag and of the decay are alike, -1 if not, 0 without a tag; likewise.
    mistag
        Probability that the tag is wrong; likewise.
    signal
        Probability that the candidate is signal; likewise.

    Raises
    ------
    InputError
        For columns of unlike lengths, values that are not finite, resolutions that are not positive,
        probabilities beyond 0 and 1, other values of ``mixing``, and times that are not in ps.
    """

    time: Array
    resolution: Array
    mixing: NDArray[np.int8]
    mistag: Array
    signal: Array

    def __post_init__(self) -> None:
        columns = {
            name: np.asarray(getattr(self, name), dtype=np.float64)
            for name in ("time", "resolution", "mixing", "mistag", "signal")
        }
        n = len(columns["time"])
        for name, column in columns.items():
            if column.shape != (n,):
                raise InputError(f"{name} of shape {column.shape}", f"({n},), as the times")
            if not np.isfinite(column).all():
                raise InputError(
                    f"{int((~np.isfinite(column)).sum())} values of {name} that are not finite",
                    "numbers",
                    "leave such candidates out",
                )
            object.__setattr__(self, name, column)
        if not (columns["resolution"] > 0).all():
            raise InputError("a decay time with an error of zero or less", "positive errors [ps]")
        for name in ("mistag", "signal"):
            if not ((columns[name] >= 0) & (columns[name] <= 1)).all():
                raise InputError(f"{name} beyond 0 and 1", "probabilities")
        if not np.isin(columns["mixing"], (-1, 0, 1)).all():
            raise InputError("mixing states besides -1, 0 and 1", "tag times flavour of the decay")
        middle = float(np.median(np.abs(columns["time"]))) if n else 1.0
        if not 1 / LONGEST < middle < LONGEST:
            raise InputError(f"decay times with a median of {middle:g}", "times in ps", "convert them")
        object.__setattr__(self, "mixing", columns["mixing"].astype(np.int8))

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, which: NDArray[np.integer] | NDArray[np.bool_] | slice) -> TaggedDecays:
        """Some of them, by mask, position or slice."""
        return TaggedDecays(
            self.time[which],
            self.resolution[which],
            self.mixing[which],
            self.mistag[which],
            self.signal[which],
        )

    @property
    def tagged(self) -> NDArray[np.bool_]:
        """Which have a tag, shape ``(n_decays,)``."""
        return np.asarray(self.mixing != 0)

    @property
    def dilution(self) -> Array:
        """(1 - 2ω) times the probability to be signal, 0 without a tag, shape ``(n_decays,)``."""
        return np.where(self.tagged, (1 - 2 * self.mistag) * self.signal, 0.0)


def of_candidates(
    columns: Mapping[str, NDArray[Any]], tags: FlavourTags, signal: Array, *, resolution_scale: float = 1.0
) -> TaggedDecays:
    """Tagged decays of B_s → D_sπ candidates: the bachelor's charge says which flavour decayed.

    Parameters
    ----------
    columns
        Of the candidates (docs/lhcb_events.md): ``decay_time``, ``decay_time_err`` [ps], ``bachelor_charge``.
    tags
        Of the same candidates.
    signal
        Probability that each is signal, shape ``(n_candidates,)``.
    resolution_scale
        What the errors of decay times are to be multiplied with.

    Raises
    ------
    InputError
        For a column that is not there, and as :class:`TaggedDecays`.
    """
    missing = [name for name in ("decay_time", "decay_time_err", "bachelor_charge") if name not in columns]
    if missing:
        raise InputError(f"candidates without {', '.join(missing)}", "what a decay-time fit needs")
    return TaggedDecays(
        columns["decay_time"],
        columns["decay_time_err"] * resolution_scale,
        (tags.decision * np.sign(columns["bachelor_charge"])).astype(np.int8),
        tags.mistag,
        signal,
    )


def signal_given_time(
    signal: Array, time: Array, signal_times: Array, background_times: Array, *, bins: int = 8
) -> Array:
    """The probability to be signal by mass and decay time, if in each kind both are independent.

    Signal lives longer than combinations do; with the probabilities of masses alone the fit would
    believe late decays less than it may, and tell a larger error than it has.

    Parameters
    ----------
    signal
        Probability by the mass alone, shape ``(n_candidates,)``.
    time
        Of the same candidates [ps].
    signal_times, background_times
        Decay times of simulated signal and of pure background, as the upper sideband has it, both
        selected alike [ps], any length.
    bins
        Of as many signal decays each, in which both densities are taken to be constant.

    Raises
    ------
    InputError
        For fewer than ten decays of a kind in a bin on average.
    """
    fewest = min(len(signal_times), len(background_times))
    if bins < 1 or fewest < 10 * bins:
        raise InputError(f"{fewest} decays in {bins} bins of time", "ten or more for each", "take fewer bins")
    inner = np.quantile(signal_times, np.linspace(0, 1, bins + 1)[1:-1])
    share = [
        (np.bincount(np.digitize(times, inner), minlength=bins) + 0.5) / (len(times) + 0.5 * bins)
        for times in (signal_times, background_times)
    ]
    of_signal, of_background = (one[np.digitize(time, inner)] for one in share)
    return np.asarray(signal * of_signal / (signal * of_signal + (1 - signal) * of_background))
