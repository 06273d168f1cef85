"""The cut on the score: the best of expected yields, on simulation and a sideband that is not fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.classifier import DATA, Trained, within
from hepsets.analyses.bs_dspi.config import CutConfig
from hepsets.analyses.bs_dspi.samples import SIGNAL, Samples
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.figure_of_merit import CutScan, scan_cuts
from hepsets.evaluate.scores.families import family_share

Array = NDArray[np.float64]


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
        Share of the simulated signal that is kept.
    false_rate
        Share of the sideband's candidates that is kept.
    expected_signal, expected_background
        Under the peak before the cut.
    sideband_candidates
        Candidates of the sideband that the choice rests on.
    """

    scan: CutScan
    threshold: float
    efficiency: Measured
    false_rate: Measured
    expected_signal: Measured
    expected_background: Measured
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


def choose_cut(
    samples: Samples,
    trained: Trained,
    under_peak: tuple[float, float],
    expected: tuple[Measured, Measured],
    config: CutConfig,
    *,
    weights: Array | None = None,
) -> ChosenCut:
    """The cut with the best figure of merit.

    Parameters
    ----------
    samples, trained
        Candidates and their scores.
    under_peak
        The window around the peak [GeV].
    expected
        Signal and background in it before the cut.
    config
        The figure, and the sideband.
    weights
        Of simulated signal, shape ``(n_signal,)``.
    """
    inside = within(samples.signal, under_peak)
    weight = np.ones(len(inside)) if weights is None else weights
    beside = within(samples.data, config.sideband)
    scan = scan_cuts(
        trained.scores[SIGNAL][inside],
        trained.scores[DATA][beside],
        *expected,
        figure=config.figure,
        signal_weights=weight[inside],
    )
    return _at(scan, scan.threshold, samples, trained, config, weight, expected)


def tightest(
    chosen: ChosenCut, samples: Samples, trained: Trained, config: CutConfig, weights: Array | None = None
) -> ChosenCut:
    """The cut with the best ratio of signal to background that keeps enough of the signal.

    Parameters
    ----------
    chosen
        The cut whose scan is searched.
    samples, trained, config, weights
        As for :func:`choose_cut`; ``config.best_efficiency`` says what is enough.
    """
    scan = chosen.scan
    enough = scan.efficiency >= config.best_efficiency
    ratio = np.where(enough, scan.signal / np.maximum(scan.background, 1e-9), -1.0)
    weight = np.ones(len(samples.signal)) if weights is None else weights
    threshold = float(scan.thresholds[int(np.argmax(ratio))])
    expected = chosen.expected_signal, chosen.expected_background
    return _at(scan, threshold, samples, trained, config, weight, expected)


def _at(
    scan: CutScan,
    threshold: float,
    samples: Samples,
    trained: Trained,
    config: CutConfig,
    weight: Array,
    expected: tuple[Measured, Measured],
) -> ChosenCut:
    beside = within(samples.data, config.sideband)
    kept = trained.scores[DATA][beside] >= threshold
    return ChosenCut(
        scan,
        threshold,
        family_share(trained.scores[SIGNAL] >= threshold, samples.signal.columns["underlying_event"], weight),
        family_share(kept, samples.data.columns["underlying_event"][beside]),
        *expected,
        int(beside.sum()),
    )
