"""What every model must do, whatever it is (design, section 3). New models are found in the registry."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.model_contract import (
    CODE_WRITERS,
    assert_evaluation_leaves_as_found,
    assert_loading_never_executes_code,
    assert_same,
)
from helpers.random_events import events_of_sizes, random_events, shuffled

from hepsets.core.events import Events
from hepsets.core.pdg import UNKNOWN, PdgMap
from hepsets.deploy.onnx.decay_trees import OnnxModel, export_onnx
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.decay_trees.registry import MODEL_NAMES, build_model
from hepsets.learn.model_file import load_model, save_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score

NAMES = [*MODEL_NAMES, "DS_6_GCN_135", "DS_3_GCN_2"]
EVENTS = events_of_sizes([41, 1, 3, 60, 17, 2, 95, 30], seed=3)


def worked_model(name: str) -> EventModel:
    """A model after some steps of training: its scaler, norms and embedding have seen data."""
    events = random_events(96, seed=1, mean_particles=15)
    model = build_model(name, PdgMap.fit(events.particles["pdg"]))
    labels = (np.arange(len(events)) % 3 == 0).astype(float)
    config = FitConfig(epochs=1, batch_events=16, device="cpu", unknown_probability=0.1)
    fit(model, events, labels, config=config)
    with torch.no_grad():  # far from the flat start, so that scores differ and mistakes show
        for parameter in model.network.parameters():
            parameter.mul_(1.5)
    return model


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest) -> EventModel:
    return worked_model(request.param)


def test_scores_are_probabilities_that_tell_events_apart(model: EventModel) -> None:
    scores = score(model, EVENTS)
    assert scores.dtype == np.float32
    assert ((scores > 0) & (scores < 1)).all()
    assert np.ptp(scores) > 1e-3


def test_a_score_does_not_depend_on_batch_mates(model: EventModel) -> None:
    together = score(model, EVENTS)
    alone = np.concatenate([score(model, EVENTS[[i]]) for i in range(len(EVENTS))])
    assert_same(together, alone)
    assert_same(together[::-1], score(model, EVENTS[np.arange(len(EVENTS))[::-1]]))
    assert_same(together, score(model, EVENTS, batch_events=3))


def test_a_score_does_not_depend_on_the_order_of_particles(model: EventModel) -> None:
    for seed in range(3):
        assert_same(score(model, EVENTS), score(model, shuffled(EVENTS, seed)))


def test_a_score_does_not_depend_on_the_numbers_that_particles_carry(model: EventModel) -> None:
    renamed = {
        **EVENTS.particles,
        "index": EVENTS.particles["index"] * 7 + 1000,
        "mother_index": EVENTS.particles["mother_index"] * 7 + 1000,
    }
    assert_same(score(model, EVENTS), score(model, Events(renamed, EVENTS.offsets)))


def test_a_score_does_not_depend_on_padding(model: EventModel) -> None:
    # beside an event of 500 particles, whatever a model pads inside it must pad by hundreds
    small = events_of_sizes([5, 12], seed=4)
    beside = Events.concatenate([small, events_of_sizes([500], seed=5)])
    assert_same(score(model, small), score(model, beside)[:2])


def test_the_empty_set_has_a_score(model: EventModel) -> None:
    empty = events_of_sizes([0])
    assert np.isfinite(score(model, empty)).all()
    mixed = events_of_sizes([0, 4, 0, 0, 9, 0], seed=6)
    scores = score(model, mixed)
    assert_same(scores[[0, 2, 3, 5]], np.repeat(score(model, empty), 4))
    assert_same(scores[[1, 4]], score(model, events_of_sizes([4, 9], seed=6)))


def test_no_events_have_no_scores(model: EventModel) -> None:
    assert score(model, events_of_sizes([])).shape == (0,)


@pytest.mark.parametrize("n_particles", [1, 500])
def test_extreme_multiplicities_have_a_score(model: EventModel, n_particles: int) -> None:
    scores = score(model, events_of_sizes([n_particles, n_particles], seed=7))
    assert np.isfinite(scores).all()


def test_unseen_pdg_ids_share_the_unknown_token(model: EventModel) -> None:
    def with_id(pdg: int) -> Events:
        ids = np.where(np.arange(EVENTS.n_particles) % 4 == 1, pdg, EVENTS.particles["pdg"])
        return Events({**EVENTS.particles, "pdg": ids}, EVENTS.offsets)

    assert_same(score(model, with_id(9900012)), score(model, with_id(-2147483647)), 0.0)
    assert np.isfinite(score(model, with_id(9900012))).all()


def test_the_unknown_token_is_trained(model: EventModel) -> None:
    embedding = getattr(model.network, "embedding", None)
    if embedding is None:
        assert "embedding" not in "".join(model.state_dict())  # a model without PDG ids
        return
    fresh = build_model(model.name, model.pdg_map, model.config).network.embedding.weight[UNKNOWN]
    assert not torch.equal(embedding.weight[UNKNOWN] / 1.5, fresh)


def test_saving_and_loading_keeps_the_score(model: EventModel, tmp_path) -> None:
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert_same(score(model, EVENTS), score(loaded, EVENTS), 0.0)
    assert (loaded.name, loaded.config, loaded.pdg_map) == (model.name, model.config, model.pdg_map)


def test_onnx_gives_the_same_score(model: EventModel, tmp_path) -> None:
    export_onnx(model, tmp_path / "model.onnx")
    exported = OnnxModel(tmp_path / "model.onnx", threads=1)
    strange = Events(
        {**EVENTS.particles, "pdg": np.where(EVENTS.particles["pdg"] == 22, 77, EVENTS.particles["pdg"])},
        EVENTS.offsets,
    )
    for events in (
        EVENTS,
        strange,
        EVENTS[:1],
        events_of_sizes([1]),
        events_of_sizes([500, 2], seed=8),
        events_of_sizes([3, 0, 5, 0], seed=9),
    ):
        assert_same(score(model, events), exported.score(events), 1e-5)


def test_evaluation_leaves_the_model_as_found(model: EventModel) -> None:
    assert_evaluation_leaves_as_found(model, EVENTS)


@pytest.mark.parametrize("write", CODE_WRITERS)
def test_loading_never_executes_code(write, tmp_path) -> None:
    assert_loading_never_executes_code(load_model, write, tmp_path / "model.safetensors")
