"""Taggers that were made for it, on toys in which leptons and kaons tell the flavour."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.random_whole_events import random_whole_events

from hepsets.analyses.pretraining.config import Config
from hepsets.analyses.pretraining.flavour import TREES, _grown, _judged
from hepsets.analyses.pretraining.samples import Sample, alternating
from hepsets.analyses.pretraining.tasks import LABEL
from hepsets.core.purpose import Purpose


@pytest.fixture(scope="module")
def sample():
    """As many tag sides of either flavour, by turns, as the samples of tasks are."""
    tables = []
    for seed, purpose in enumerate(Purpose):
        sets = random_whole_events(900, seed=seed)
        sets = sets.with_columns(**{LABEL: sets.columns["q"] > 0})
        tables.append(alternating(sets, 800, 1).used_for(purpose))
    return Sample(*tables, {}, 0.0)


def test_category_trees_learn_from_both_classes_and_tag(sample):
    said = _grown(Config(), sample, 800)
    assert said.test.dtype == np.float32
    tagger = _judged(TREES, 800, sample, said, 1)
    assert tagger.power.value > 5 * tagger.power.se
    assert tagger.slope.value == pytest.approx(1, abs=4 * tagger.slope.se)


def test_with_few_labels_they_say_little_and_never_fail(sample):
    tagger = _judged(TREES, 30, sample, _grown(Config(), sample, 30), 1)
    assert tagger.power.value < 0.2
