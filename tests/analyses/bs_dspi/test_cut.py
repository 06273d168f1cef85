"""The cut: of expected yields, chosen where nothing is fitted, with errors that count parton events."""

import dataclasses

import numpy as np
import pytest
from helpers.toy_bs_candidates import candidates

from hepsets.analyses.bs_dspi.classifier import DATA, Trained
from hepsets.analyses.bs_dspi.config import CutConfig
from hepsets.analyses.bs_dspi.cut import choose_cut, tightest
from hepsets.analyses.bs_dspi.samples import SIGNAL, Samples
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


def test_a_cut_is_where_the_expected_significance_is_greatest():
    samples, trained, background = made()
    cut = choose_cut(samples, trained, WINDOW, (SIGNAL_EXPECTED, background), CutConfig())
    t = np.linspace(0, 0.99, 400)
    s, b = 499 * (1 - t**4), 1000 * (1 - t)
    best = t[np.argmax(s / np.sqrt(s + b))]
    assert cut.scan.plateau[0] - 0.05 < best < cut.scan.plateau[1] + 0.05
    assert cut.efficiency.value == pytest.approx(1 - cut.threshold**4, abs=0.03)
    assert cut.false_rate.value == pytest.approx(1 - cut.threshold, abs=0.05)


def test_less_background_asks_for_a_looser_cut():
    loose, tight = (
        choose_cut(
            *made(Measured(b, 1.0))[:2], WINDOW, (SIGNAL_EXPECTED, Measured(b, 1.0)), CutConfig()
        ).threshold
        for b in (50.0, 20_000.0)
    )
    assert loose < tight


def test_candidates_that_are_fitted_do_not_choose():
    first, second = (
        choose_cut(samples, trained, WINDOW, (SIGNAL_EXPECTED, background), CutConfig())
        for samples, trained, background in (made(), made(in_peak=0.999))
    )
    assert first.threshold == second.threshold
    assert first.false_rate == second.false_rate


def test_the_tight_cut_keeps_enough_of_the_signal():
    samples, trained, background = made()
    config = CutConfig(best_efficiency=0.6)
    cut = choose_cut(samples, trained, WINDOW, (SIGNAL_EXPECTED, background), config)
    tight = tightest(cut, samples, trained, config)
    assert 0.55 < tight.efficiency.value < cut.efficiency.value
    assert tight.factor.value > cut.factor.value
    assert tight.expected_background == cut.expected_background


def test_the_merit_is_that_of_the_cut():
    samples, trained, background = made()
    cut = choose_cut(samples, trained, WINDOW, (SIGNAL_EXPECTED, background), CutConfig())
    assert cut.merit == cut.scan.best_merit
    moved = dataclasses.replace(cut, threshold=float(cut.scan.thresholds[0]))
    assert moved.merit.value < cut.merit.value
