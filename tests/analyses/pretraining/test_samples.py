"""The labelled events of a run: classes by turns, draws that share none, nothing in two places."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.toy_corpus import toy_events

from hepsets.analyses.pretraining.config import SCALES, Config
from hepsets.analyses.pretraining.samples import Sample, alternating, check_apart, wanted_events
from hepsets.analyses.pretraining.tasks import EVENT, LABEL, without_inputs
from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose


def table(first, n=60):
    seen, _ = toy_events(n)
    label = np.random.default_rng(1).random(n) < 0.3
    return seen.with_columns(**{LABEL: label, EVENT: first + np.arange(n)})


def test_classes_stand_by_turns_and_draws_share_no_event():
    pool = alternating(table(1), 24, seed=3)
    assert pool.columns[LABEL].tolist() == [True, False] * 12
    sample = Sample(pool, pool, pool, {}, 0.0)
    draws = [set(pool.columns[EVENT][sample.draw(8, k)].tolist()) for k in range(3)]
    assert len(set.union(*draws)) == 24


def test_with_one_pool_runs_of_other_numbers_draw_the_same_labels():
    pool = {"labels.pool": 300, "labels.draws": 5, "labels.scratch_counts": []}
    few, more = (
        wanted_events(configured({**pool, "labels.counts": counts}))[str(Purpose.TRAINING)]
        for counts in ([10, 20], [10, 60])
    )
    assert few == more == 300
    assert wanted_events(configured({**pool, "labels.counts": [10, 100]}))[str(Purpose.TRAINING)] == 500
    with pytest.raises(InputError, match=r"labels\.pool = 301"):
        configured({"labels.pool": 301})


def configured(settings):
    values = configuration.parse_overrides([f"{key}={value}" for key, value in settings.items()])
    return configuration.from_mapping(Config, configuration.merge(SCALES["quick"], values))


def test_an_event_in_two_places_or_in_the_corpus_is_refused():
    apart = Sample(table(1), table(101), table(201), {}, 0.0)
    check_apart({"a": apart}, np.arange(1000, 1100))
    with pytest.raises(InputError, match="the corpus"):
        check_apart({"a": apart}, np.arange(260, 300))
    with pytest.raises(InputError, match="the test events of a"):
        check_apart({"a": Sample(table(1), table(101), table(150), {}, 0.0)}, np.arange(1000, 1100))


def test_missing_inputs_are_clusters_of_what_was_seen_and_places_of_what_was_generated():
    seen, generated = toy_events(20)
    less = without_inputs(seen)
    assert len(less) == 20
    assert (less.particles["charge"] != 0).all()
    assert not without_inputs(generated).particles["x"].any()
    assert np.array_equal(without_inputs(generated).particles["px"], generated.particles["px"])
