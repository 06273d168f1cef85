"""What detector and background do: efficiency, resolution, asymmetries, and suppression of background."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.delta_c9.config import Config, Level
from hepsets.analyses.delta_c9.samples import (
    ASYMMETRY,
    EFFICIENCY,
    SHAPES,
    SUPPRESSION,
    Cell,
    sample,
    seed_of,
)
from hepsets.analyses.delta_c9.suppression import Suppression, fit_suppression
from hepsets.core.event_frame import EventFrame
from hepsets.core.measured import Measured
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS, Window
from hepsets.generate.kstmumu.observables import Asymmetries, afb, count_asymmetries, s5
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.select.kstmumu.background import default_background, sample_background
from hepsets.select.kstmumu.cuts import efficiency, is_selected, resolutions, truth_window
from hepsets.select.kstmumu.yields import expected_yields, window_share
from hepsets.simulate.kstmumu import see_decays

DECAYS = 400_000
"""Decays that efficiency and resolution are measured with."""

SHAPE_EVENTS = 100_000
"""Background candidates of either region that shapes are drawn from."""

ASYMMETRY_EVENTS = 300_000
"""Events of each ΔC9 that asymmetries are counted in."""

ASYMMETRY_TRUTHS = (0.0, -0.8, -1.5)
EDGES = np.array([0.1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
"""Bins of q² [GeV²] of the asymmetries."""

THEORY_POINTS = np.linspace(0.1, 19.0, 200)
"""q² [GeV²] at which the theory is drawn."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Efficiency:
    """Events in bins of a variable, and how many of them are selected.

    Parameters
    ----------
    edges
        Shape ``(n_bins + 1,)``.
    passed, total
        Shape ``(n_bins,)``; bins without events are not drawn.
    """

    edges: Floats
    passed: NDArray[np.int64]
    total: NDArray[np.int64]

    def wilson(self) -> tuple[Floats, Floats, Floats]:
        """Share, and lower and upper end of its 68.3 % interval (Wilson 1927); NaN without events."""
        n = np.where(self.total > 0, self.total, np.nan)
        share = self.passed / n
        centre = (share + 0.5 / n) / (1 + 1 / n)
        half = np.sqrt(share * (1 - share) / n + 0.25 / n**2) / (1 + 1 / n)
        return share, centre - half, centre + half


@dataclass(frozen=True, eq=False)
class TheoryCurves:
    """A_FB and S_5 along q² in GeV², all of shape ``(n,)``."""

    q_squared: Floats
    afb: Floats
    s5: Floats


@dataclass(frozen=True, eq=False)
class Candidates:
    """Columns of candidates, each of shape ``(n_candidates,)``.

    Parameters
    ----------
    signal, background
        Mbc and ΔE [GeV]: signal before the cut on Mbc; background of sideband and signal region. In the
        signal region they are in the ratio that is configured.
    in_region, in_sideband
        The four variables of background in either region.
    """

    signal: Mapping[str, Floats]
    background: Mapping[str, Floats]
    in_region: Mapping[str, Floats]
    in_sideband: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class DetectorStudy:
    """What was found; empty where it was not asked for.

    Parameters
    ----------
    efficiency
        Selected decays over those made in the window.
    passed
        … by true variable.
    resolution, differences
        68 % half widths and reconstructed − true values, by variable.
    asymmetries, theory
        By level, then by ΔC9; and what the theory says before any detector, by ΔC9.
    candidates
        Of signal and background.
    suppression
        The boosted trees against background.
    """

    efficiency: Measured | None = None
    passed: Mapping[str, Efficiency] = field(default_factory=dict)
    resolution: Mapping[str, Measured] = field(default_factory=dict)
    differences: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    asymmetries: Mapping[str, Mapping[float, Asymmetries]] = field(default_factory=dict)
    theory: Mapping[float, TheoryCurves] = field(default_factory=dict)
    candidates: Candidates | None = None
    suppression: Suppression | None = None


def study_detector(config: Config) -> DetectorStudy:
    """Run the configured parts, in the first window."""
    found = DetectorStudy()
    window_name = config.windows[0]
    if "detector" in config.studies:
        found = _see(config, window_name, found)
    if "suppression" in config.studies:
        found = dataclasses.replace(found, suppression=_suppress(config, window_name))
    return found


def _see(config: Config, window_name: str, found: DetectorStudy) -> DetectorStudy:
    window = WINDOWS[window_name]
    cell = Cell("detector", config.windows[0])
    seed = seed_of(config, cell, EFFICIENCY)
    decays = sample_decays(DECAYS, 0.0, seed, window=truth_window(window))
    inside = window.contains(decays["q_squared"])
    candidates = see_decays(decays, seed)
    selected = candidates[is_selected(candidates, window)]
    passed = {name: _passed(decays[name][inside], selected[f"truth_{name}"]) for name in VARIABLES}
    differences = {name: selected[name] - selected[f"truth_{name}"] for name in VARIABLES}
    differences["chi"] = (differences["chi"] + np.pi) % (2 * np.pi) - np.pi
    asymmetries: dict[str, dict[float, Asymmetries]] = {}
    levels: tuple[Level, ...] = ("generator", "detector")
    for level in levels:
        for number, truth in enumerate(ASYMMETRY_TRUTHS):
            of_level = Cell(level, config.windows[0])
            events = sample(
                config, of_level, truth, ASYMMETRY_EVENTS, seed_of(config, of_level, ASYMMETRY, number)
            )
            asymmetries.setdefault(level, {})[truth] = count_asymmetries(events, EDGES)
    signal = candidates[is_selected(candidates, window, region=None)]
    return dataclasses.replace(
        found,
        efficiency=Measured.proportion(len(selected), int(inside.sum())),
        passed=passed,
        resolution=resolutions(selected),
        differences=differences,
        asymmetries=asymmetries,
        theory={
            truth: TheoryCurves(THEORY_POINTS, afb(truth, THEORY_POINTS), s5(truth, THEORY_POINTS))
            for truth in ASYMMETRY_TRUTHS
        },
        candidates=_candidates(config, window, signal, seed_of(config, cell, SHAPES)),
    )


def _candidates(config: Config, window: Window, signal: EventFrame, seed: int) -> Candidates:
    """Signal as it is beside background that is drawn from its model."""
    in_region = sample_background(SHAPE_EVENTS, seed, region="signal", window=window)
    sideband = sample_background(SHAPE_EVENTS, seed + 1, region="sideband", window=window)
    model = default_background()
    share = model.cut_share("signal") / model.cut_share("sideband")
    shown = in_region[: round(share * len(sideband))]
    some = signal[: round(len(shown) / config.data.background_over_signal)]
    seen = ("mbc", "delta_e")
    return Candidates(
        {name: some[name] for name in seen},
        {name: np.concatenate([sideband[name], shown[name]]) for name in seen},
        {name: in_region[name] for name in VARIABLES},
        {name: sideband[name] for name in VARIABLES},
    )


def _passed(true: NDArray[np.float64], selected: NDArray[np.float64]) -> Efficiency:
    edges = np.linspace(true.min(), true.max(), 25)
    return Efficiency(edges, np.histogram(selected, edges)[0], np.histogram(true, edges)[0])


def _suppress(config: Config, window_name: str) -> Suppression:
    cell = Cell("detector", config.windows[0])
    number = config.study.suppression_events
    seed = seed_of(config, cell, SUPPRESSION)
    signal = sample(config, cell, 0.0, number, seed)
    background = sample_background(number, seed + 1, region="signal", window=WINDOWS[window_name])
    settings = dataclasses.replace(
        config.suppression,
        seed=config.seed,
        trees=dataclasses.replace(config.suppression.trees, seed=config.seed),
    )
    passed = efficiency(WINDOWS[window_name], 0.0, DECAYS, seed)
    yields = expected_yields(config.study.luminosity, passed, window_share(WINDOWS[window_name]))
    return fit_suppression(
        signal,
        background,
        expected_signal=yields.signal.value,
        expected_background=yields.background.value,
        config=settings,
    ).found
