"""Category trees on toys in which leptons and kaons tell the flavour."""

import numpy as np
import pytest
from helpers.random_whole_events import random_whole_events

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig
from hepsets.learn.whole_events.category_trees import (
    CATEGORIES,
    CategoryTagger,
    candidates,
    fit_categories,
    said,
    track_table,
)


@pytest.fixture(scope="module")
def tagger():
    sets = random_whole_events(700, seed=1).used_for(Purpose.TRAINING)
    return fit_categories(
        sets, BoostedTreesConfig(trees=15, patience=5, depth=3, learning_rate=0.2, threads=1)
    )[0]


def test_the_best_targets_tell_the_flavour(tagger):
    sets = random_whole_events(400, seed=2)
    logits = tagger.logits(sets)
    assert (np.sign(logits) == sets.columns["q"]).mean() > 0.65


def test_one_track_of_each_event_speaks_for_a_category_with_the_sign_of_its_charge(tagger):
    sets = random_whole_events(60, seed=3)
    tracks, event, charge = track_table(sets)
    frame = said(tagger.trees, sets)
    chosen = candidates(CATEGORIES["slow_pion"], tracks)
    assert (tracks["momentum"][chosen] <= 0.25).all()
    without = np.setdiff1d(np.arange(len(sets)), event[chosen])
    assert (frame["slow_pion_said"][without] == 0).all()
    fastest = candidates(CATEGORIES["maximum_momentum"], tracks)
    assert len(np.unique(event[fastest])) == len(fastest) == len(np.unique(event))
    assert set(np.unique(charge)) == {-1, 1}


def test_they_are_kept_and_read_back(tagger, tmp_path):
    sets = random_whole_events(20, seed=4)
    tagger.save(tmp_path / "trees")
    again = CategoryTagger.load(tmp_path / "trees")
    assert np.array_equal(again.logits(sets), tagger.logits(sets))
    assert again.n_parameters == tagger.n_parameters


def test_test_events_are_refused():
    with pytest.raises(InputError, match="grown"):
        fit_categories(random_whole_events(50).used_for(Purpose.TEST), BoostedTreesConfig())
