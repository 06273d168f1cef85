"""What the models of a cell are judged with: which toys, which model for which sets, which truths."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from hepsets.analyses.delta_c9 import cells
from hepsets.analyses.delta_c9.cells import estimate, predict_cell
from hepsets.analyses.delta_c9.config import Config, DataConfig, StudyConfig
from hepsets.analyses.delta_c9.samples import CALIBRATION, LINEARITY, POOL, TOYS, Cell
from hepsets.core.event_frame import EventFrame
from hepsets.core.purpose import Purpose
from hepsets.generate.kstmumu.density import TEST_VALUES
from hepsets.learn.data_sets.estimator import SetEstimates
from hepsets.learn.data_sets.likelihood_estimator import LikelihoodEstimator
from hepsets.represent.data_sets.pools import disjoint_sets

FIRST = Cell("generator", "0-20")
CONFIG = Config(
    windows=("0-20", "1-19"),
    set_events=(20, 40),
    truths=(-0.5, 0.3),
    data=DataConfig(toys={"generator": 6, "detector": 4, "background": 4}, linearity_toys=2),
    study=StudyConfig(calibration_sets=20, pooled_sets=30, pool_events=1000, q2_shifts=(-0.5, 0.25)),
    studies=("q2_shift", "calibration", "pools"),
)


class Mean:
    """Estimates the mean q² of a set, and remembers of how many decays it was."""

    def __init__(self):
        self.sizes = set()

    def estimate_sets(self, sets):
        self.sizes |= set(np.diff(sets.offsets).tolist())
        ends = sets.offsets
        means = np.array([sets.frame["q_squared"][a:b].mean() for a, b in pairwise(ends)])
        return SetEstimates(means, means, means)


class Posterior(LikelihoodEstimator):
    """Its distribution function says the ΔC9 that the decays of a set have less the truth it is given."""

    name = "morphing"

    def __init__(self):
        pass

    def terms_of_sets(self, sets):
        return sets.frame["q_squared"], None

    def estimate_terms(self, terms, offsets):
        return SetEstimates(*[np.add.reduceat(terms, offsets[:-1]) / np.diff(offsets)] * 3)

    def posterior_cdf(self, frame, offsets, truths, prior):
        assert tuple(prior) == CONFIG.study.prior
        return frame["delta_c9"][offsets[:-1]] - truths


@pytest.fixture
def asked(monkeypatch):
    """Which decays were made: purpose, number, ΔC9 and how many."""
    found = []

    def sample_for(config, cell, purpose, number, delta_c9, events, columns):
        found.append(
            SimpleNamespace(cell=cell, purpose=purpose, number=number, truth=delta_c9, events=events)
        )
        rising = np.arange(float(events)) / events  # decays of the first sets have less q² than of the last
        columns = {"q_squared": 10 + rising, "delta_c9": np.full(events, delta_c9)}
        return EventFrame({**columns, "is_signal": np.ones(events, bool)}, Purpose.TEST)

    monkeypatch.setattr(cells, "sample_for", sample_for)
    return found


def of(asked, purpose):
    return [(each.number, each.truth, each.events) for each in asked if each.purpose == purpose]


def test_toys_of_each_truth_are_the_cells_own_and_studies_are_of_the_first_window(asked):
    estimators = {"mean": {None: Mean()}}
    found = dict(predict_cell(CONFIG, FIRST, estimators))
    truths = cells.truths_of(CONFIG, FIRST)
    assert of(asked, TOYS) == [(number, truth, 6 * 20) for number, truth in enumerate(truths)]
    assert of(asked, LINEARITY) == [(number, truth, 2 * 20) for number, truth in enumerate(TEST_VALUES)]
    assert of(asked, POOL) == [(0, CONFIG.shown_truth("0-20"), 1000)]
    assert len(of(asked, CALIBRATION)) == 20
    assert {each.cell for each in asked} == {FIRST}
    assert {len(of_key.value) for key, of_key in found.items() if (key.kind, key.events) == ("toys", 20)} == {
        6
    }
    assert {len(of_key.value) for key, of_key in found.items() if (key.kind, key.events) == ("toys", 40)} == {
        3
    }
    assert {len(of_key.value) for key, of_key in found.items() if key.kind == "pooled"} == {30}
    asked.clear()
    found = dict(predict_cell(CONFIG, Cell("detector", "1-19"), estimators))
    assert {each.purpose for each in asked} == {TOYS}
    assert {key.kind for key in found} == {"toys"}
    assert {each.events for each in asked} == {4 * 20}


def test_a_model_of_one_size_is_asked_about_sets_of_that_size_alone(asked):
    small, large, any_size = Mean(), Mean(), Mean()
    estimators = {"one": {20: small, 40: large}, "any": {None: any_size}, "other": {60: Mean()}}
    sets = disjoint_sets(cells.sample_for(CONFIG, FIRST, TOYS, 0, 0.0, 120, ()), 20)
    found = list(estimate(estimators, sets, 20, joined=(1, 2)))
    assert [(model, size) for model, size, _ in found] == [("one", 20), ("any", 20), ("one", 40), ("any", 40)]
    assert (small.sizes, large.sizes, any_size.sizes) == ({20}, {40}, {20, 40})


def test_joined_sets_are_those_of_their_decays_however_they_are_looked_at(asked):
    sets = disjoint_sets(cells.sample_for(CONFIG, FIRST, TOYS, 0, 0.0, 120, ()), 20)
    found = list(estimate({"mean": {None: Mean()}, "morphing": {None: Posterior()}}, sets, 20, joined=(1, 2)))
    for (_, size, means), (_, same, terms) in zip(found[::2], found[1::2], strict=True):
        assert size == same
        assert len(means.value) == 120 // size
        assert np.allclose(means.value, terms.value)


def test_calibration_holds_each_set_against_the_truth_that_it_was_made_at(asked):
    found = dict(predict_cell(CONFIG, FIRST, {"morphing": {None: Posterior()}, "mean": {None: Mean()}}))
    ((key, estimates),) = ((key, of_key) for key, of_key in found.items() if key.kind == "calibration")
    truths = [truth for _, truth, _ in of(asked, CALIBRATION)]
    low, high = CONFIG.study.prior
    assert (key.model, len(set(truths))) == ("morphing", 20)
    assert min(truths) > low
    assert max(truths) < high
    assert np.array_equal(estimates.value, np.zeros(20))


def test_other_runs_are_calibrated_at_other_truths(asked):
    truths = []
    for seed in (1, 2):
        asked.clear()
        dict(predict_cell(dataclasses.replace(CONFIG, seed=seed), FIRST, {"morphing": {None: Posterior()}}))
        truths.append([truth for _, truth, _ in of(asked, CALIBRATION)])
    assert set(truths[0]).isdisjoint(truths[1])


def test_shifted_sets_are_the_unshifted_ones_shifted_by_what_their_key_says(asked):
    found = dict(predict_cell(CONFIG, FIRST, {"mean": {None: Mean()}}))
    (still,) = (of_key.value for key, of_key in found.items() if key.kind == "unshifted")
    moved = {key.shift: of_key.value for key, of_key in found.items() if key.kind == "shifted"}
    assert sorted(moved) == [-0.5, 0.25]
    for shift, values in moved.items():
        assert np.allclose(values - still, shift)
