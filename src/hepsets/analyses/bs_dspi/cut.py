"""The cut on the score: the best of expected yields, on simulation and a sideband that is not fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.classifier import Trained, within
from hepsets.analyses.bs_dspi.config import CutConfig
from hepsets.analyses.bs_dspi.mass_fits import Selection
from hepsets.analyses.bs_dspi.samples import DATA, PHYSICAL, SIGNAL, Samples
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.figure_of_merit import CutSample, CutScan, Figure, scan_cuts
from hepsets.select.bs_dspi.yields import yield_covariance

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CutSamples:
    """What cuts are tried on; shares are of all candidates before vetoes and cut, as everywhere.

    Parameters
    ----------
    signal
        All simulated signal, and what is expected of it under the peak.
    combinations
        The sideband of data, and the background under the peak that is not physical.
    physical
        Simulated physical backgrounds under the peak, in their expected proportions; ``None`` where nobody
        knows what is expected of them: then they are taken for combinations.
    """

    signal: CutSample
    combinations: CutSample
    physical: CutSample | None

    @property
    def backgrounds(self) -> tuple[CutSample, ...]:
        """Both kinds, combinations first."""
        return (self.combinations,) if self.physical is None else (self.combinations, self.physical)


@dataclass(frozen=True, eq=False)
class ChosenCut:
    """The cut, and what it was chosen by.

    Parameters
    ----------
    scan
        The figure of merit along cuts.
    threshold
        Candidates of this score or above are kept.
    efficiency
        Share of the simulated signal that vetoes and cut keep.
    false_rate
        Share of the sideband's candidates that they keep.
    expected_signal, expected_background
        Under the peak before both.
    expected_physical
        The part of the background that is physical; ``None`` where nobody knows.
    physical_rate
        Share of it that vetoes and cut keep.
    sideband_candidates
        Candidates of the sideband that the choice rests on.
    """

    scan: CutScan
    threshold: float
    efficiency: Measured
    false_rate: Measured
    expected_signal: Measured
    expected_background: Measured
    expected_physical: Measured | None
    physical_rate: Measured | None
    sideband_candidates: int

    @property
    def merit(self) -> Measured:
        """The figure of merit at the cut."""
        place = int(np.searchsorted(self.scan.thresholds, self.threshold))
        place = min(place, len(self.scan.thresholds) - 1)
        return Measured(float(self.scan.merit[place]), float(self.scan.merit_se[place]))

    @property
    def factor(self) -> Measured:
        """By how much the ratio of signal to combinations grows."""
        value = self.efficiency.value / self.false_rate.value
        relative = np.hypot(
            self.efficiency.se / self.efficiency.value, self.false_rate.se / self.false_rate.value
        )
        return Measured(value, float(value * relative))


@dataclass(frozen=True, eq=False)
class Cuts:
    """The cut with the best figure of merit, and the one with the best ratio of signal to background."""

    chosen: ChosenCut
    tight: ChosenCut


def signal_range(samples: Samples) -> tuple[float, float]:
    """Three effective widths around the mean of simulated signal [GeV]: nothing that is fitted decides it.

    Parameters
    ----------
    samples
        Candidates.
    """
    low, middle, high = np.quantile(samples.signal.columns["bs_mass"], [0.15866, 0.5, 0.84134])
    half = 1.5 * float(high - low)
    return float(middle) - half, float(middle) + half


def cut_samples(
    samples: Samples,
    trained: Trained,
    passing: Selection | None,
    under_peak: tuple[float, float],
    expected: tuple[Measured, Measured],
    sideband: tuple[float, float],
    *,
    weights: Array | None = None,
) -> CutSamples:
    """What cuts are tried on.

    Parameters
    ----------
    samples, trained
        Candidates and their scores.
    passing
        What vetoes keep; everything if ``None``.
    under_peak
        The window around the peak [GeV].
    expected
        Signal and background in it before vetoes and cut.
    sideband
        Masses of the data that stand for combinations [GeV].
    weights
        Of simulated signal, shape ``(n_signal,)``.
    """
    number, columns = "underlying_event", samples.data.columns
    beside = within(samples.data, sideband)
    physical = _physical(samples, trained, passing, under_peak)
    rest = expected[1]
    if physical is not None:  # what fits to all data find is both
        rest = Measured(max(rest.value - physical.expected.value, 0.0), rest.se)
    return CutSamples(
        CutSample(
            expected[0],
            trained.scores[SIGNAL],
            None if passing is None else passing.simulated[SIGNAL],
            weights,
            samples.signal.columns[number],
        ),
        CutSample(
            rest,
            trained.scores[DATA][beside],
            None if passing is None else passing.data[beside],
            groups=columns[number][beside],
        ),
        physical,
    )


def choose_cut(tried: CutSamples, figure: Figure) -> ChosenCut:
    """The cut with the best figure of merit.

    Parameters
    ----------
    tried
        What cuts are tried on.
    figure
        What is to be greatest.
    """
    scan = scan_cuts(tried.signal, tried.backgrounds, figure=figure)
    return _at(scan, scan.threshold, tried)


def tightest(chosen: ChosenCut, tried: CutSamples, config: CutConfig) -> ChosenCut:
    """The cut with the best ratio of signal to background that keeps enough of the signal.

    Parameters
    ----------
    chosen
        The cut whose scan is searched.
    tried
        What it was chosen on.
    config
        ``config.best_efficiency`` says what is enough.
    """
    scan = chosen.scan
    enough = scan.efficiency >= config.best_efficiency
    ratio = np.where(enough, scan.signal / np.maximum(scan.background, 1e-9), -1.0)
    return _at(scan, float(scan.thresholds[int(np.argmax(ratio))]), tried)


def _at(scan: CutScan, threshold: float, tried: CutSamples) -> ChosenCut:
    rest, physical = tried.combinations, tried.physical
    of_physical = 0.0 if physical is None else physical.expected.value
    return ChosenCut(
        scan,
        threshold,
        tried.signal.shares([threshold])[0],
        rest.shares([threshold])[0],
        tried.signal.expected,
        Measured(rest.expected.value + of_physical, rest.expected.se),
        None if physical is None else physical.expected,
        None if physical is None else physical.shares([threshold])[0],
        len(rest.scores),
    )


def _physical(
    samples: Samples, trained: Trained, passing: Selection | None, under_peak: tuple[float, float]
) -> CutSample | None:
    """Simulated physical backgrounds under the peak, each weighted to what data hold of it."""
    names = [name for name in PHYSICAL if name in samples.yields and samples.yields[name].value > 0]
    yields = {name: samples.yields[name] for name in names}
    inside = {name: within(samples.simulated[name].candidates, under_peak) for name in names}
    families = [
        samples.simulated[name].candidates.columns["underlying_event"][inside[name]] for name in names
    ]
    if not names or len(np.unique(np.concatenate(families))) < 2:
        return None
    shares = np.array([inside[name].mean() for name in names])
    total = sum(share * yields[name].value for share, name in zip(shares, names, strict=True))
    error = float(np.sqrt(shares @ yield_covariance(yields) @ shares))

    def joined(each: dict[str, NDArray[np.generic]]) -> NDArray[np.generic]:
        return np.concatenate([each[name][inside[name]] for name in names])

    sizes = {name: len(inside[name]) for name in names}
    return CutSample(
        Measured(float(total), error),
        np.asarray(joined(dict(trained.scores)), dtype=np.float64),
        None if passing is None else np.asarray(joined(dict(passing.simulated)), dtype=bool),
        np.concatenate(
            [np.full(int(inside[name].sum()), yields[name].value / sizes[name]) for name in names]
        ),
        np.concatenate(families),
    )
