"""Weights of simulated signal: like data, and made without the fold whose candidates they help to score."""

import dataclasses

import numpy as np
import pytest
from helpers.toy_bs_candidates import toy_samples

from hepsets.analyses.bs_dspi import reweighted as module
from hepsets.analyses.bs_dspi.classifier import Pool, Trained
from hepsets.analyses.bs_dspi.config import FitConfig
from hepsets.analyses.bs_dspi.mass_fits import Selection
from hepsets.analyses.bs_dspi.reweighted import Reweighted, reweight_signal
from hepsets.analyses.bs_dspi.samples import DATA, SIGNAL, Samples
from hepsets.core.errors import InputError
from hepsets.learn.tables.folds import CrossTrained, assign_folds
from hepsets.learn.tables.reweighting import ReweightingConfig

FOLDS = 3
CONFIG = ReweightingConfig(folds=2, trees=8, depth=2, least_in_leaf=20)


@pytest.fixture
def made(monkeypatch):
    """Data whose signal has twice the transverse momentum of simulation, known by its truth."""
    simulated, yields, data = toy_samples(size=0.4)
    eta = {"bs_eta": np.full(len(data), 3.0)}
    signal = simulated[SIGNAL].candidates.with_columns(bs_eta=np.full(len(simulated[SIGNAL].candidates), 3.0))
    data = data.with_columns(**eta, bs_pt=2 * data.columns["bs_pt"])
    simulated = {SIGNAL: dataclasses.replace(simulated[SIGNAL], candidates=signal)}
    samples = Samples(simulated, {SIGNAL: yields[SIGNAL]}, 0.001, data)
    pool = Pool.of(samples, (5.6, 6.0))
    family = pool.table["underlying_event"]
    folds = assign_folds(family, folds=FOLDS)
    models = CrossTrained((None,) * FOLDS, folds, np.zeros(len(folds)), family, folds)
    blind = Trained("t", models, {}, {name: folds[place] for name, place in pool.place.items()})
    asked = []

    def fit(rest, kept, config):
        asked.append(rest)
        return None, None

    def weights(rest, kept, result):
        return np.where(rest.data.columns["category"] == 0, 1.0, 0.0)

    monkeypatch.setattr(module, "fit_candidates", fit)
    monkeypatch.setattr(module, "signal_weights", weights)
    kept = Selection(np.ones(len(data), bool), {SIGNAL: np.ones(len(signal), bool)})
    return samples, kept, blind, asked


def weighted(samples, kept, blind):
    return reweight_signal(samples, kept, blind, FitConfig(), CONFIG, seed=1)


def test_simulation_becomes_like_data(made):
    samples, kept, blind, _ = made
    found = weighted(samples, kept, blind)
    pt = samples.signal.columns["bs_pt"]
    true = samples.data.columns["bs_pt"][samples.data.columns["category"] == 0]
    log_mean = np.average(np.log(pt), weights=found.weights)
    assert np.log(pt).mean() < log_mean
    assert log_mean == pytest.approx(np.log(true).mean(), abs=0.25)
    assert found.weights.mean() == pytest.approx(1)
    assert found.before is not None


def test_data_of_a_fold_have_no_say_in_the_weights_its_trees_are_grown_with(made):
    """Nor in the mass fit that makes them; data of another fold have."""
    samples, kept, blind, asked = made
    first = weighted(samples, kept, blind)
    inside = [np.isin(one.data.columns["event_number"], -1).sum() + len(one.data) for one in asked[:FOLDS]]
    assert inside == [int((blind.folds[DATA] != fold).sum()) for fold in range(FOLDS)]
    assert asked[0].yields[SIGNAL].value == pytest.approx(
        samples.yields[SIGNAL].value * (blind.folds[DATA] != 0).mean()
    )
    pt = samples.data.columns["bs_pt"].copy()
    pt[blind.folds[DATA] == 1] *= 5
    moved = dataclasses.replace(samples, data=samples.data.with_columns(bs_pt=pt))
    second = weighted(moved, kept, blind)
    np.testing.assert_array_equal(first.by_fold[1], second.by_fold[1])
    assert not np.array_equal(first.by_fold[0], second.by_fold[0])
    own = blind.folds[SIGNAL] == 1
    ratio = first.weights[own] / second.weights[own]  # but for the common normalisation
    np.testing.assert_allclose(ratio, ratio[0])


def test_simulation_stays_as_it_is_where_nothing_can_be_fitted(made, monkeypatch):
    samples, kept, blind, _ = made

    def refused(*_, **__):
        raise InputError("3 events", "more")

    monkeypatch.setattr(module, "fit_candidates", refused)
    found = weighted(samples, kept, blind)
    assert isinstance(found, Reweighted)
    assert found.by_fold.shape == (FOLDS, len(samples.signal))
    assert (found.by_fold == 1).all()
    assert found.variables == ()
