"""What detector and background do: efficiency, resolution, asymmetries, and suppression of background."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.delta_c9.config import Config, Level
from hepsets.analyses.delta_c9.figures.decays import Efficiency
from hepsets.analyses.delta_c9.samples import Cell, sample, seed_of
from hepsets.analyses.delta_c9.suppression import Suppression, fit_suppression
from hepsets.core.event_frame import EventFrame
from hepsets.core.measured import Measured
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS
from hepsets.generate.kstmumu.observables import Asymmetries, count_asymmetries
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.select.kstmumu.background import default_background, sample_background
from hepsets.select.kstmumu.cuts import efficiency, is_selected, resolutions, truth_window
from hepsets.select.kstmumu.yields import expected_yields, window_share
from hepsets.simulate.kstmumu import see_decays

EFFICIENCY, ASYMMETRY, SUPPRESSION, SHAPES = range(100, 104)
"""What the events are for, see :data:`hepsets.analyses.delta_c9.samples.TRAINING`."""

DECAYS = 400_000
"""Decays that efficiency and resolution are measured with."""

SHAPE_EVENTS = 100_000
"""Background candidates of either region that shapes are drawn from."""

ASYMMETRY_EVENTS = 300_000
"""Events of each ΔC9 that asymmetries are counted in."""

ASYMMETRY_TRUTHS = (0.0, -0.8, -1.5)
EDGES = np.array([0.1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
"""Bins of q² [GeV²] of the asymmetries."""


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
    asymmetries
        By level, then by ΔC9.
    signal, background, sideband
        Candidates: signal before the cut on Mbc, and background in the signal region and in the sideband.
    region_over_sideband
        Background in the signal region over that in the sideband.
    suppression
        The boosted trees against background.
    """

    efficiency: Measured | None = None
    passed: Mapping[str, Efficiency] = field(default_factory=dict)
    resolution: Mapping[str, Measured] = field(default_factory=dict)
    differences: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    asymmetries: Mapping[str, Mapping[float, Asymmetries]] = field(default_factory=dict)
    signal: EventFrame | None = None
    background: EventFrame | None = None
    sideband: EventFrame | None = None
    region_over_sideband: float = 1.0
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
    shapes = seed_of(config, cell, SHAPES)
    model = default_background()
    return dataclasses.replace(
        found,
        efficiency=Measured.proportion(len(selected), int(inside.sum())),
        passed=passed,
        resolution=resolutions(selected),
        differences=differences,
        asymmetries=asymmetries,
        signal=candidates[is_selected(candidates, window, region=None)],
        background=sample_background(SHAPE_EVENTS, shapes, region="signal", window=window),
        sideband=sample_background(SHAPE_EVENTS, shapes + 1, region="sideband", window=window),
        region_over_sideband=model.cut_share("signal") / model.cut_share("sideband"),
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
    )
