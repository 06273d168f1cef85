"""Filters that are told what an event is: mixed, ccbar, or nothing at all."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from helpers.small_filter import SKIMS, TRAINING, beam_events, small_card

from hepsets.core.errors import InputError
from hepsets.core.events import EventWriter, read_parquet
from hepsets.core.pdg import PdgMap
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.filter.files import filter_files
from hepsets.deploy.onnx.decay_trees import export_filter
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.score import score_heads

TYPES = ("mixed", "charged", "ccbar")
EVENTS = beam_events(60, 4)


@pytest.fixture(scope="module")
def model() -> EventModel:
    pdg_map = PdgMap.fit(TRAINING.particles["pdg"])
    model = build_model("decay_sweep", pdg_map, heads=2, units=8, event_types=TYPES, seed=3)
    model.fit_scaler(model.prepare(TRAINING).features)
    return model.eval()


@pytest.fixture(scope="module")
def event_filter(model, tmp_path_factory) -> EventFilter:
    path = tmp_path_factory.mktemp("types") / "filter.onnx"
    card = dataclasses.replace(small_card(2), model="decay_sweep", sample="all", event_types=TYPES)
    assert export_filter(model, card, path, TRAINING[:50]) <= 1e-5
    return EventFilter.load(path)


def test_scores_depend_on_the_type_and_equal_those_of_the_model(model, event_filter):
    told = [EVENTS.with_columns(event_type=np.full(len(EVENTS), i)) for i in range(4)]
    scores = [event_filter.scores(events) for events in told]
    for events, found in zip(told, scores, strict=True):
        np.testing.assert_allclose(found, score_heads(model, events), atol=1e-5)
    assert min(abs(a - b).max() for a, b in itertools.pairwise(scores)) > 1e-3


def test_naming_the_sample_is_the_same_as_the_column(event_filter):
    by_column = event_filter.decide(EVENTS.with_columns(event_type=np.full(len(EVENTS), 3, np.int8)))
    by_name = event_filter.decide(EVENTS, FilterSettings(sample="ccbar"))
    np.testing.assert_array_equal(by_column.scores, by_name.scores)


def test_no_column_means_unknown(event_filter):
    unknown = EVENTS.with_columns(event_type=np.zeros(len(EVENTS), np.int64))
    np.testing.assert_array_equal(event_filter.scores(EVENTS), event_filter.scores(unknown))


def test_types_that_the_filter_does_not_know_are_refused(event_filter):
    with pytest.raises(InputError, match=r"0 to 3"):
        event_filter.decide(EVENTS.with_columns(event_type=np.full(len(EVENTS), 4)))
    with pytest.raises(InputError, match="event_type"):
        event_filter.decide(EVENTS.with_columns(event_type=np.full(len(EVENTS), 0.5)))
    with pytest.raises(InputError, match="one of mixed, charged, ccbar"):
        event_filter.decide(EVENTS, FilterSettings(sample="uubar"))


def test_a_parquet_file_may_hold_events_of_all_types(event_filter, tmp_path):
    types = (np.arange(len(EVENTS)) % 4).astype(np.int8)
    with EventWriter(tmp_path / "in.parquet") as writer:
        writer.write(EVENTS.with_columns(event_type=types))
    filter_files(
        event_filter, [tmp_path / "in.parquet"], tmp_path / "out.parquet", FilterSettings(mode="score")
    )
    written = read_parquet(tmp_path / "out.parquet").columns
    expected = event_filter.scores(EVENTS.with_columns(event_type=types))
    for column, name in enumerate(SKIMS):
        np.testing.assert_allclose(written[f"hepsets_score_{name}"], expected[:, column], atol=1e-6)


def test_models_that_cannot_be_told_say_so():
    with pytest.raises(InputError, match="gcn_stack: unknown key 'event_types'"):
        build_model("gcn_stack", PdgMap((211,)), event_types=TYPES)
    model = build_model("decay_sweep", PdgMap((211,)), event_types=TYPES)
    with pytest.raises(InputError, match="event type 4"):
        model.prepare(EVENTS.with_columns(event_type=np.full(len(EVENTS), 4)))
