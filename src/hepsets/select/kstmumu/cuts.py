"""Select K⁺π⁻μ⁺μ⁻ candidates; the efficiency of the selection and the resolution of what it keeps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.measured import Measured
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS, Window
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import DetectorConfig
from hepsets.simulate.kstmumu import see_decays

REGIONS = ("signal", "sideband")
"""Parts of the Mbc axis."""

MARGIN = 1.0
"""Width [GeV²] beyond a window in which decays are made, that may be measured inside of it."""

_ONE_SIGMA = math.erf(1 / math.sqrt(2))


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SelectionConfig:
    """Which candidates are kept.

    Parameters
    ----------
    min_muon_momentum
        Of either muon [GeV, lab].
    kstar_mass, kstar_window
        Middle and half width [GeV] of the window of m(Kπ).
    max_delta_e
        Largest |ΔE| [GeV].
    min_muon
        Least probability of either muon to be one, among all five species.
    min_kaon, min_pion
        Least K/(K+π) and π/(K+π).
    max_dr, max_dz
        Largest distance from the axis and height [cm] of each track.
    min_signal_mbc
        The signal region begins here [GeV].
    sideband
        Ends [GeV] of the sideband of Mbc.
    """

    min_muon_momentum: float = Field(default=0.6, ge=0)
    kstar_mass: float = 0.892
    kstar_window: float = Field(default=0.1, gt=0)
    max_delta_e: float = Field(default=0.05, gt=0)
    min_muon: float = Field(default=0.2, ge=0, lt=1)
    min_kaon: float = Field(default=0.1, ge=0, lt=1)
    min_pion: float = Field(default=0.1, ge=0, lt=1)
    max_dr: float = Field(default=0.5, gt=0)
    max_dz: float = Field(default=2.0, gt=0)
    min_signal_mbc: float = 5.27
    sideband: tuple[float, float] = (4.8, 5.26)

    def mbc_range(self, region: str) -> tuple[float, float]:
        """Ends [GeV] of a region of Mbc; that of the signal has no upper one.

        Raises
        ------
        InputError
            For an unknown region.
        """
        if region not in REGIONS:
            raise InputError(f"region {region!r}", f"one of {', '.join(REGIONS)}")
        return self.sideband if region == "sideband" else (self.min_signal_mbc, math.inf)


SELECTION = SelectionConfig()
"""The selection of the study."""


def is_selected(
    frame: EventFrame,
    window: Window,
    *,
    region: str | None = "signal",
    config: SelectionConfig = SELECTION,
) -> NDArray[np.bool_]:
    """Which candidates pass, shape ``(n_events,)``.

    Parameters
    ----------
    frame
        Candidates, of :func:`~hepsets.simulate.kstmumu.see_decays` or of the background.
    window
        Of the measured q².
    region
        ``"signal"``, ``"sideband"``, or None for any Mbc.
    config
        The cuts.
    """
    tracks = ("k", "pi", "mu_plus", "mu_minus")
    _check_finite(frame, tracks)
    passed = window.contains(frame["q_squared"]) & (np.abs(frame["delta_e"]) < config.max_delta_e)
    passed &= np.abs(frame["m_kpi"] - config.kstar_mass) < config.kstar_window
    for track in tracks:
        passed &= (frame[f"dr_{track}"] < config.max_dr) & (np.abs(frame[f"dz_{track}"]) < config.max_dz)
    for track in tracks[2:]:
        passed &= frame[f"momentum_{track}"] > config.min_muon_momentum
        passed &= frame[f"identification_{track}"] > config.min_muon
    passed &= frame["identification_k"] > config.min_kaon
    passed &= frame["identification_pi"] > config.min_pion
    if region is not None:
        low, high = config.mbc_range(region)
        passed &= (frame["mbc"] > low) & (frame["mbc"] < high)
    selected: NDArray[np.bool_] = np.asarray(passed, dtype=bool)
    return selected


def _check_finite(frame: EventFrame, tracks: Sequence[str]) -> None:
    """Refuse NaN in what is cut on: it would fail every cut without a word."""
    by_track = [f"{name}_{track}" for name in ("dr", "dz", "momentum", "identification") for track in tracks]
    for name in ("q_squared", "delta_e", "m_kpi", "mbc", *by_track):
        if name in frame and (bad := ~np.isfinite(frame[name])).any():
            raise InputError(f"{name} of {int(bad.sum())} candidates is not finite", "numbers")


def truth_window(window: Window) -> Window:
    """Where decays must be made for a window of the measured q²: wider by :data:`MARGIN`, without vetoes."""
    widest = WINDOWS["0-20"]
    return Window(max(widest.low, window.low - MARGIN), min(widest.high, window.high + MARGIN), vetoes=())


def efficiency(
    window: Window,
    delta_c9: float,
    events: int,
    seed: int,
    *,
    config: SelectionConfig = SELECTION,
    detector: DetectorConfig = BELLE2,
) -> Measured:
    """Decays that are selected with a measured q² in the window, per decay with its true q² there.

    Parameters
    ----------
    window
        Of q².
    delta_c9
        Shift of C9.
    events
        Decays to make, in and around the window.
    seed
        Of the decays and of the detector.
    config, detector
        The cuts and the detector.

    Raises
    ------
    InputError
        If no decay lies in the window.
    """
    decays = sample_decays(events, delta_c9, seed, window=truth_window(window))
    inside = int(window.contains(decays["q_squared"]).sum())
    if not inside:
        raise InputError(f"{events} decays, none in the window", "more decays")
    seen = see_decays(decays, seed, detector=detector)
    return Measured.proportion(int(is_selected(seen, window, config=config).sum()), inside)


def resolutions(frame: EventFrame) -> dict[str, Measured]:
    """Half width of the central 68.3 % of measured minus true values of the signal, by variable.

    It is the quantile of the distances from the truth; its error is that of the quantile's rank.

    Parameters
    ----------
    frame
        Candidates with ``truth_…`` columns; those that are no signal do not count.

    Raises
    ------
    InputError
        If there are fewer than 100 signal candidates.
    """
    signal = frame[frame["is_signal"]]
    if len(signal) < 100:
        raise InputError(f"{len(signal)} signal candidates", "at least 100")
    found = {}
    step = math.sqrt(_ONE_SIGMA * (1 - _ONE_SIGMA) / len(signal))
    for name in VARIABLES:
        difference = signal[name] - signal[f"truth_{name}"]
        if name == "chi":
            difference = (difference + np.pi) % (2 * np.pi) - np.pi
        distance = np.abs(difference)
        low, middle, high = np.quantile(distance, [_ONE_SIGMA - step, _ONE_SIGMA, _ONE_SIGMA + step])
        found[name] = Measured(float(middle), float(high - low) / 2)
    return found
