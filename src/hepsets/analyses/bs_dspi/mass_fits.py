"""The mass fits: one for all modes of the D_s, with what is known of physical backgrounds and of the peak."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hepsets.analyses.bs_dspi.config import PEAK, FitConfig
from hepsets.analyses.bs_dspi.physical import Physical, in_category, named, physical_backgrounds
from hepsets.analyses.bs_dspi.samples import SIGNAL, Samples
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.run import log
from hepsets.evaluate.fits.families import share_families
from hepsets.evaluate.fits.goodness import Goodness
from hepsets.evaluate.fits.mass_fit import MassFitConfig, fit_mass
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.evaluate.fits.picture import FitPicture, picture_of
from hepsets.evaluate.fits.record import MassFit
from hepsets.evaluate.fits.result import FittedParameter
from hepsets.evaluate.fits.signal_window import all_windows
from hepsets.evaluate.fits.spectrum import Spectrum, make_spectrum
from hepsets.evaluate.fits.toys import ToyStudy
from hepsets.select.bs_dspi.truth import Category

Array = NDArray[np.float64]
FEW_COMBINATIONS = 300
"""Candidates in the upper half of the range below which no constant is told from an exponential."""

STEEP = -6.0
"""Slope of the exponential beside the constant [1/GeV], as in LHCb's fits; both float, so that the sum is
straight or
bent as the data are. With a floating slope exponential and constant could not be told apart."""

FEWEST_OF_MODE = 15
"""Candidates of a mode of the D_s in the range below which all modes are fitted as one."""

FEWEST_ERRORS = 5.0
"""Expected signal over the root of all candidates in the peak's range below which mean and width are held at
those of simulation: left free they would follow the largest fluctuation."""

HELD_NOTE = "little signal is expected: mean and width are held at those of simulation and are not measured"
"""What is told of such a fit."""

POWERS = {"power_left": 4.0, "power_right": 4.0}
"""Powers of the tails, which hardly differ from the Gaussian here; where they begin is simulation's."""


@dataclass(frozen=True, eq=False)
class JudgedFit:
    """A fit as it is told: numbers and a picture; masses in GeV.

    Parameters
    ----------
    model
        Its name.
    mean, sigma, signal
        Of the peak, its effective width, and its yield in all modes; blinded if the run is.
    in_window, background, s_over_b
        Within three widths of the mean; ``None`` where they would tell what is blinded.
    goodness
        Of the fit.
    parameters
        As they may be told.
    at_limits, notes
        What a reader has to know.
    truth
        Signal decays among the candidates that were fitted, -1 if nobody knows.
    left_out
        Candidates of physical backgrounds that are expected but have no template, by their group.
    picture
        For figures.
    toys
        Pseudo-experiments, if there were any.
    held
        Parameters that are held at what simulation says, since little signal is expected; none else.
    growth
        By how much the error of the signal's yield is larger than that of independent candidates.
    """

    model: str
    mean: Measured
    sigma: Measured
    signal: Measured
    in_window: Measured | None
    background: Measured | None
    s_over_b: Measured | None
    goodness: Goodness
    parameters: tuple[FittedParameter, ...]
    at_limits: tuple[str, ...]
    notes: tuple[str, ...]
    truth: int
    left_out: dict[str, float]
    picture: FitPicture
    toys: ToyStudy | None
    held: tuple[str, ...] = ()
    growth: float = 1.0

    @property
    def remarks(self) -> tuple[str, ...]:
        """Its notes, but for those on what was left out, which :attr:`left_out` says better."""
        return tuple(note for note in self.notes if "left out" not in note)

    @classmethod
    def of(
        cls,
        result: MassFit,
        truth: int,
        left_out: Mapping[str, float] | None = None,
        held: Iterable[str] = (),
        growth: float = 1.0,
    ) -> JudgedFit:
        """What is told of a fit.

        Parameters
        ----------
        result
            The fit.
        truth, left_out, held, growth
            As in the fields of these names.
        """
        seen: tuple[Measured | None, Measured | None, Measured | None] = (None, None, None)
        if result.blinding is None:
            seen = all_windows(result.fit, n_sigma=result.n_sigma)
        return cls(
            result.name,
            result.mean,
            result.fit.sigma(),
            result.signal,
            seen[0],
            seen[1],
            seen[2],
            result.goodness,
            result.parameters,
            result.fit.at_limits,
            ((HELD_NOTE,) if held else ()) + result.notes,
            truth,
            dict(left_out or {}),
            picture_of(result),
            result.toys,
            tuple(held),
            growth,
        )


@dataclass(frozen=True, eq=False)
class Fits:
    """The fits before the cut, after it, and after the tight one."""

    before: JudgedFit
    after: JudgedFit
    best: JudgedFit


@dataclass(frozen=True, eq=False)
class Selection:
    """What a selection keeps.

    Parameters
    ----------
    data
        Of the data, shape ``(n_data,)``.
    simulated
        By sample, shape ``(n_candidates,)`` each.
    """

    data: NDArray[np.bool_]
    simulated: dict[str, NDArray[np.bool_]]


def fit_candidates(
    samples: Samples, kept: Selection, config: FitConfig, *, toys: int = 0, seed: int = 0, workers: int = 1
) -> tuple[JudgedFit, MassFit]:
    """Fit the data that a selection keeps, all modes of the D_s at once.

    Mean and width are common; simulation of the same selection tells tails and width, whose scale floats.
    Where little signal is expected among many candidates, mean and width are held; where nobody knows what is
    expected, a fit that holds them says it. Yields of physical backgrounds are constrained to what is
    expected.

    Parameters
    ----------
    samples
        Data and simulation.
    kept
        What the selection keeps.
    config
        Of the fits.
    toys, seed, workers
        Pseudo-experiments that judge the fit.
    """
    window = MassRange(*config.window)
    mass, mode = (samples.data.columns[name][kept.data] for name in ("bs_mass", "ds_mode"))
    family = samples.families[kept.data]
    counts = [int((window.holds(mass) & (mode == one)).sum()) for one in np.unique(mode)]
    apart = min(counts, default=0) >= FEWEST_OF_MODE
    spectrum = make_spectrum(mass, window, name="bs_mass", categories=mode if apart else None)
    physical = physical_backgrounds(samples, kept.simulated, window, list(spectrum.masses))
    of_signal = kept.simulated[SIGNAL]
    known: dict[str, Any] = {
        "simulation": samples.signal.columns["bs_mass"][of_signal],
        "templates": physical.templates,
        "known": physical.constraints,
    }
    free = _configured(samples, spectrum, physical, config)
    held = _at_simulation(known["simulation"])
    at_simulation = _holding(free, held, spectrum)
    expected = (
        samples.yields[SIGNAL].value * float(of_signal.mean())
        if SIGNAL in samples.yields
        else fit_mass(spectrum, at_simulation, **known).fit.signal.value
    )
    if expected >= FEWEST_ERRORS * np.sqrt(MassRange(*PEAK).holds(mass).sum()):
        held = {}
    chosen = replace(at_simulation if held else free, toys=toys, seed=seed)
    found = _fitted(spectrum, chosen, workers=workers, **known)
    inside = window.holds(mass)
    families = [family[inside & ((mode == int(one)) if one else True)] for one in spectrum.masses]
    shared = share_families(found.fit, list(spectrum.masses.values()), families)
    found = replace(found, fit=shared.fit)
    truth = -1 if config.blind else true_signal(samples, kept.data, window)
    return JudgedFit.of(found, truth, physical.left_out, held, shared.growth), found


def _fitted(spectrum: Spectrum, config: MassFitConfig, **more: Any) -> MassFit:
    """The fit, without toys if they do not come out: they judge it and do not make it."""
    try:
        return fit_mass(spectrum, config, **more)
    except InputError as error:
        if not config.toys:
            raise
        found = fit_mass(spectrum, replace(config, toys=0), **more)
        log.warning("no toys: %s", error)
        return found


def true_signal(samples: Samples, kept: NDArray[np.bool_], window: MassRange) -> int:
    """Signal decays among the data that a selection keeps, within a range; -1 if nobody knows.

    Parameters
    ----------
    samples, kept
        Candidates, and what the selection keeps of the data, shape ``(n_data,)``.
    window
        The range.
    """
    columns = samples.data.columns
    if not samples.truth_known:
        return -1
    return int((kept & window.holds(columns["bs_mass"]) & (columns["category"] == Category.SIGNAL)).sum())


def _configured(samples: Samples, spectrum: Spectrum, physical: Physical, config: FitConfig) -> MassFitConfig:
    combinations, slopes = _combinations(samples, spectrum)
    return MassFitConfig(
        model="+".join(("crystal_ball", combinations, *physical.templates)),
        own=(),
        tails="fixed",
        fixed={**POWERS, **slopes},
        blind=config.blind,
    )


def _holding(config: MassFitConfig, held: Mapping[str, float], spectrum: Spectrum) -> MassFitConfig:
    yields = tuple(named("signal", category) for category in spectrum.masses)
    return replace(config, fixed={**config.fixed, **held}, minos=yields)


def _at_simulation(simulated: NDArray[Any]) -> dict[str, float]:
    """Mean and scale of the width as simulation has them; nothing without simulated decays at the peak."""
    inside = simulated[MassRange(*PEAK).holds(simulated)]
    return {"mean": float(np.median(inside)), "width_scale": 1.0} if len(inside) else {}


def _combinations(samples: Samples, spectrum: Spectrum) -> tuple[str, dict[str, float]]:
    """The model of combinations, and the slopes that are held, by their parameters.

    A cut that leaves few leaves them distributed as before: their slope is that of all data above the peak.
    """
    window, columns = spectrum.window, samples.data.columns
    above = MassRange(0.5 * (window.low + window.high), window.high)
    few = sum(int(above.holds(mass).sum()) for mass in spectrum.masses.values()) <= FEW_COMBINATIONS
    slopes = {}
    for category in spectrum.masses:
        beside = in_category(columns, category) & above.holds(columns["bs_mass"])
        slope = slope_of(columns["bs_mass"][beside], above) if few else STEEP
        slopes[named("exponential_slope", category)] = slope
    return "exponential" if few else "exponential+constant", slopes


def slope_of(mass: Array, window: MassRange) -> float:
    """Slope [1/GeV] of the exponential that fits masses within a range best.

    Parameters
    ----------
    mass
        Within the range [GeV], shape ``(n_candidates,)``.
    window
        The range.
    """
    if not len(mass):
        return 0.0
    mean = float(np.mean(mass) - window.low) / window.width

    def off(slope: float) -> float:
        """Mean of an exponential on (0, 1), less that of the masses."""
        if abs(slope) < 1e-4:
            return 0.5 + slope / 12 - mean
        return float(1 / (1 - np.exp(-slope)) - 1 / slope - mean)

    steepest = 30.0
    if not off(-steepest) < 0 < off(steepest):
        return float(np.copysign(steepest, mean - 0.5)) / window.width
    return float(brentq(off, -steepest, steepest)) / window.width
