"""No candidate is scored by trees that saw one of its parton event, and training sees what it should."""

import dataclasses

import numpy as np
import pytest
from helpers.toy_bs_candidates import toy_samples

from hepsets.analyses.bs_dspi.classifier import Pool, balanced, demand_sidebands, train_trees, within
from hepsets.analyses.bs_dspi.config import ClassifierConfig
from hepsets.analyses.bs_dspi.samples import DATA, SIGNAL, Samples
from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.scores.classification import classify
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig

SIDEBAND = (5.6, 6.0)


@pytest.fixture(scope="module")
def samples():
    simulated, yields, data = toy_samples(size=0.5)
    return Samples(simulated, yields, 0.001, data)


def test_signal_of_simulation_and_the_sideband_of_data_are_trained_on_and_nothing_else(samples):
    pool = Pool.of(samples, SIDEBAND)
    assert pool.use[pool.place[SIGNAL]].all()
    assert np.array_equal(pool.use[pool.place[DATA]], within(samples.data, SIDEBAND))
    others = [place for name, place in pool.place.items() if name not in (SIGNAL, DATA)]
    assert not any(pool.use[place].any() for place in others)
    assert pool.is_signal.sum() == len(samples.signal)


def test_trees_learn_nothing_from_what_only_relatives_of_a_candidate_tell():
    """Each family has a number of its own and a class by chance: who saw the family knows the class."""
    rng = np.random.default_rng(3)
    family = np.repeat(np.arange(300), 6)
    of_family = rng.uniform(size=300)
    label = (rng.uniform(size=300) < 0.5)[family]
    table = EventFrame({"hint": of_family[family], "underlying_event": family})
    pool = Pool(table, {DATA: slice(0, len(table))}, np.ones(len(table), dtype=bool), label)
    config = ClassifierConfig(
        folds=3, trees=BoostedTreesConfig(trees=60, patience=60, depth=6, least_weight=0.1, threads=1)
    )
    trained = train_trees(pool, ("hint",), config, seed=1, name="t")
    assert classify(label, trained.scores[DATA]).auc.value == pytest.approx(0.5, abs=0.1)
    assert all(len(np.unique(trained.folds[DATA][family == one])) == 1 for one in range(300))


def test_signal_and_background_weigh_the_same():
    signal = np.array([True, True, True, False, False, True])
    use = np.array([True, True, True, True, False, False])
    weights = balanced(signal, use)
    assert weights[use & signal].sum() == pytest.approx(weights[use & ~signal].sum())
    assert weights[use].mean() == pytest.approx(1)


def test_data_that_end_before_a_sideband_begins_are_refused_by_its_setting(samples):
    demand_sidebands(samples, {"cut.sideband": (5.8, 6.0)})
    short = dataclasses.replace(samples, data=samples.data[samples.data.columns["bs_mass"] < 5.8])
    with pytest.raises(InputError, match=r"0 candidates of data in cut\.sideband, 5\.8 to 6 GeV"):
        demand_sidebands(short, {"classifier.sideband": SIDEBAND, "cut.sideband": (5.8, 6.0)})
    one = samples.data.with_columns(underlying_event=np.full(len(samples.data), 7))
    with pytest.raises(InputError, match=r"\d+ candidates of 1 events in cut\.sideband"):
        demand_sidebands(dataclasses.replace(samples, data=one), {"cut.sideband": (5.8, 6.0)})
