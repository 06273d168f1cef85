"""The cut: of expected yields, chosen where nothing is fitted, with errors that count parton events."""

import dataclasses

import numpy as np
import pytest
from helpers.toy_bs_candidates import candidates

from hepsets.analyses.bs_dspi.classifier import Trained
from hepsets.analyses.bs_dspi.config import CutConfig
from hepsets.analyses.bs_dspi.cut import choose_cut, cut_samples, tightest
from hepsets.analyses.bs_dspi.mass_fits import Selection
from hepsets.analyses.bs_dspi.samples import DATA, SIGNAL, Samples
from hepsets.core.measured import Measured
from hepsets.select.bs_dspi.sample import CandidateSample

WINDOW = (5.32, 5.42)


SIGNAL_EXPECTED = Measured(500.0, 50.0)
BACKGROUND = Measured(1000.0, 30.0)


def made(background=BACKGROUND, in_peak=0.0):
    """Scores uniform for background, skewed for signal; ``in_peak`` spoils the scores of the peak region."""
    signal, data = candidates(SIGNAL, 4000, 1), candidates("lhcb_bbbar", 4000, 2)
    rng = np.random.default_rng(1)
    scores = {SIGNAL: rng.beta(4, 1, len(signal)), DATA: rng.uniform(size=len(data))}
    peak = (data.columns["bs_mass"] > WINDOW[0]) & (data.columns["bs_mass"] < WINDOW[1])
    scores[DATA] = np.where(peak, np.maximum(scores[DATA], in_peak), scores[DATA])
    samples = Samples({SIGNAL: CandidateSample(SIGNAL, signal, 40_000, 1)}, {}, 1.0, data)
    return samples, Trained("t", None, scores, {}), background


def tried_on(samples, trained, background, passing=None):
    sideband = CutConfig().sideband
    return cut_samples(samples, trained, passing, WINDOW, (SIGNAL_EXPECTED, background), sideband)


def chosen(*what):
    return choose_cut(tried_on(*what), "significance")


def test_a_cut_is_where_the_expected_significance_is_greatest():
    cut = chosen(*made())
    t = np.linspace(0, 0.99, 400)
    s, b = 499 * (1 - t**4), 1000 * (1 - t)
    best = t[np.argmax(s / np.sqrt(s + b))]
    assert cut.scan.plateau[0] - 0.05 < best < cut.scan.plateau[1] + 0.05
    assert cut.efficiency.value == pytest.approx(1 - cut.threshold**4, abs=0.03)
    assert cut.false_rate.value == pytest.approx(1 - cut.threshold, abs=0.05)


def test_less_background_asks_for_a_looser_cut():
    loose, tight = (chosen(*made(Measured(b, 1.0))).threshold for b in (50.0, 20_000.0))
    assert loose < tight


def test_candidates_that_are_fitted_do_not_choose():
    first, second = (chosen(*what) for what in (made(), made(in_peak=0.999)))
    assert first.threshold == second.threshold
    assert first.false_rate == second.false_rate


def test_the_tight_cut_keeps_enough_of_the_signal():
    config, tried = CutConfig(best_efficiency=0.6), tried_on(*made())
    cut = choose_cut(tried, "significance")
    tight = tightest(cut, tried, config)
    assert 0.55 < tight.efficiency.value < cut.efficiency.value
    assert tight.factor.value > cut.factor.value
    assert tight.expected_background == cut.expected_background


def test_the_merit_is_that_of_the_cut():
    cut = chosen(*made())
    assert cut.merit == cut.scan.best_merit
    moved = dataclasses.replace(cut, threshold=float(cut.scan.thresholds[0]))
    assert moved.merit.value < cut.merit.value


def test_vetoes_count_in_efficiency_rate_and_figure_alike():
    """S and B of the figure are the expected numbers times the very shares that the selection keeps, of
    candidates before vetoes and cut."""
    samples, trained, background = made()
    rng = np.random.default_rng(4)
    passing = Selection(
        rng.uniform(size=len(samples.data)) < 0.5, {SIGNAL: rng.uniform(size=len(samples.signal)) < 0.8}
    )
    cut = chosen(samples, trained, background, passing)
    kept = (trained.scores[SIGNAL] >= cut.threshold) & passing.simulated[SIGNAL]
    mass = samples.data.columns["bs_mass"]
    beside = (mass >= 5.8) & (mass < 6.0)
    kept_beside = (trained.scores[DATA] >= cut.threshold) & passing.data & beside
    s, b = 500 * kept.mean(), 1000 * kept_beside.sum() / beside.sum()
    assert cut.efficiency.value == pytest.approx(kept.mean())
    assert cut.scan.efficiency[cut.scan.best] == pytest.approx(kept.mean())
    assert cut.false_rate.value == pytest.approx(kept_beside.sum() / beside.sum())
    assert cut.merit.value == pytest.approx(s / np.sqrt(s + b))


def test_physical_backgrounds_are_kept_as_their_own_simulation_says():
    """They look like signal and survive as it does; combinations are the rest of what the fit found."""
    samples, trained, background = made()
    of_it = candidates("bs_dsk", 900, 3)
    simulated = {**samples.simulated, "bs_dsk": CandidateSample("bs_dsk", of_it, 9000, 1)}
    rng = np.random.default_rng(5)
    scores = {**trained.scores, "bs_dsk": rng.beta(4, 1, len(of_it))}
    there = dataclasses.replace(samples, simulated=simulated, yields={"bs_dsk": Measured(600.0, 90.0)})
    cut = chosen(there, dataclasses.replace(trained, scores=scores), background)
    mass = of_it.columns["bs_mass"]
    inside = (mass >= WINDOW[0]) & (mass < WINDOW[1])
    kept = scores["bs_dsk"][inside] >= cut.threshold
    physical = 600 * inside.mean()
    assert cut.expected_physical.value == pytest.approx(physical)
    assert cut.expected_physical.se == pytest.approx(0.15 * physical)
    assert cut.physical_rate.value == pytest.approx(kept.mean())
    assert cut.physical_rate.se > 0
    b = (1000 - physical) * cut.false_rate.value + physical * kept.mean()
    assert cut.scan.background[cut.scan.best] == pytest.approx(b)
    assert cut.expected_background.value == pytest.approx(1000)
