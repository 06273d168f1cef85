"""Checks of a selection: vetoes and cut are looked at together, and isolation is learnt fairly."""

import dataclasses

import numpy as np
import pytest
from helpers.isolated_candidates import best_area, isolated_candidates
from helpers.toy_bs_candidates import toy_samples

from hepsets.analyses.bs_dspi.checks import compare_isolations, sculpting, sideband_stands_for_peak, vetoed
from hepsets.analyses.bs_dspi.classifier import Trained
from hepsets.analyses.bs_dspi.config import IsolationStep
from hepsets.analyses.bs_dspi.mass_fits import Selection
from hepsets.analyses.bs_dspi.samples import DATA, SIGNAL, Samples
from hepsets.learn.particle_sets.isolation import IsolationConfig
from hepsets.learn.tables.folds import assign_folds
from hepsets.learn.training.config import FitConfig
from hepsets.select.bs_dspi.sample import CandidateSample

SIDEBAND = (5.6, 6.0)


def test_learnt_isolation_finds_what_classic_variables_lack_and_judges_families_it_did_not_see():
    """In a toy the number of tracks close to the vertex alone tells signal, which no classic variable knows;
    the network comes close to the best possible area from the very candidates of a run."""
    both, labels, groups = isolated_candidates(1200, seed=1)
    background = ~labels
    mass = np.where(np.arange(len(labels)) % 5 == 0, 5.4, 5.7)  # some data are no sideband
    signal = both[labels].with_columns(bs_mass=np.full(labels.sum(), 5.37), underlying_event=groups[labels])
    data = both[background].with_columns(
        bs_mass=mass[background], underlying_event=groups[background] + 10_000
    )
    samples = Samples({SIGNAL: CandidateSample(SIGNAL, signal, 1, 1)}, {}, 0.0, data)
    folds = {
        SIGNAL: assign_folds(signal.columns["underlying_event"], folds=2),
        DATA: assign_folds(data.columns["underlying_event"], folds=2),
    }
    network = IsolationConfig(
        units=16, dropout=0.0, fit=FitConfig(epochs=10, batch=64, learning_rate=5e-3, device="cpu")
    )
    found = compare_isolations(
        samples, Trained("t", None, {}, folds), SIDEBAND, IsolationStep(1000, network), seed=0
    )
    assert found.signal == labels.sum()
    assert found.background == (mass[background] > 5.6).sum()
    assert found.auc["classic"].value == pytest.approx(0.5, abs=0.09)
    assert found.auc["learnt"].value == pytest.approx(best_area(), abs=0.07)
    assert found.gain["learnt"].value > 5 * found.gain["learnt"].se


@pytest.fixture(scope="module")
def scored():
    simulated, yields, data = toy_samples()
    samples, rng = Samples(simulated, yields, 0.001, data), np.random.default_rng(1)
    scores = {name: rng.beta(4, 1, len(one.candidates)) for name, one in simulated.items()}
    scores[DATA] = rng.uniform(size=len(data))
    everything = Selection(np.ones(len(data), bool), {n: np.ones(len(s), bool) for n, s in scores.items()})
    everything.simulated.pop(DATA)
    return samples, Trained("t", None, scores, {}), everything


def test_vetoes_that_know_the_mass_are_seen_by_the_test_of_sculpting(scored):
    samples, trained, everything = scored
    mass = samples.data.columns["bs_mass"]
    near = np.abs(mass - 5.37) < 0.05
    sharp = dataclasses.replace(everything, data=near | (np.arange(len(mass)) % 3 == 0))
    assert sculpting(samples, vetoed(trained, everything), 0.8, (5.3, 5.8)).p_value > 1e-3
    assert sculpting(samples, vetoed(trained, sharp), 0.8, (5.3, 5.8)).p_value < 1e-6


def test_the_sideband_is_compared_by_what_vetoes_and_cut_keep_together(scored):
    samples, trained, everything = scored
    columns = samples.data.columns
    half = dataclasses.replace(everything, data=np.arange(len(samples.data)) % 2 == 0)
    found = sideband_stands_for_peak(samples, vetoed(trained, half), 0.5, (5.3, 5.43), SIDEBAND)
    mass, combination = columns["bs_mass"], columns["category"] == 1
    beside = combination & (mass >= SIDEBAND[0]) & (mass < SIDEBAND[1])
    kept = half.data & (trained.scores[DATA] >= 0.5)
    assert found.sideband_efficiency.value == pytest.approx(kept[beside].mean())
    assert found.sideband_efficiency.value == pytest.approx(0.25, abs=0.05)
