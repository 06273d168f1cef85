"""What every model of sets must do, whatever it is (design, section 3); found in the registry."""

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
from helpers.random_candidates import candidates_of_sizes, random_candidates, shuffled

from hepsets.core.particle_sets import ParticleSets
from hepsets.deploy.onnx.particle_sets import OnnxSetModel, export_set_onnx
from hepsets.learn.particle_sets.model import SetModel, SetModelConfig
from hepsets.learn.particle_sets.registry import SET_MODEL_NAMES, build_set_model
from hepsets.learn.set_model_file import load_set_model, save_set_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score

EVENTS = candidates_of_sizes([41, 1, 3, 60, 17, 2, 95, 30], seed=3)
KINDS = [
    *((name, SetModelConfig()) for name in SET_MODEL_NAMES),
    ("multi_deep_sets", SetModelConfig(fusion="before", pooling="mean")),
    ("combined", SetModelConfig(fusion="before", pooling="sum")),
]


def worked_model(name: str, config: SetModelConfig) -> SetModel:
    """A model after some steps of training: its scalers have seen data."""
    events = random_candidates(96, seed=1)
    model = build_set_model(name, config)
    fit(model, events, events.columns["label"], config=FitConfig(epochs=1, batch_events=16, device="cpu"))
    with torch.no_grad():  # far from the flat start, so that scores differ and mistakes show
        for parameter in model.network.parameters():
            parameter.mul_(1.5)
    return model


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[0]}-{kind[1].fusion}")
def model(request: pytest.FixtureRequest) -> SetModel:
    return worked_model(*request.param)


def test_scores_are_probabilities_that_tell_events_apart(model: SetModel) -> None:
    scores = score(model, EVENTS)
    assert scores.dtype == np.float32
    assert ((scores > 0) & (scores < 1)).all()
    assert np.ptp(scores) > 1e-3


def test_a_score_does_not_depend_on_batch_mates(model: SetModel) -> None:
    together = score(model, EVENTS)
    alone = np.concatenate([score(model, EVENTS[[i]]) for i in range(len(EVENTS))])
    assert_same(together, alone)
    assert_same(together[::-1], score(model, EVENTS[np.arange(len(EVENTS))[::-1]]))
    assert_same(together, score(model, EVENTS, batch_events=3))


def test_a_score_does_not_depend_on_the_order_of_particles(model: SetModel) -> None:
    for seed in range(3):
        assert_same(score(model, EVENTS), score(model, shuffled(EVENTS, seed)))


def test_a_score_does_not_depend_on_padding(model: SetModel) -> None:
    # beside an event of 500 particles, whatever a model pads inside it must pad by hundreds
    small = candidates_of_sizes([5, 12], seed=4)
    beside = ParticleSets.concatenate([small, candidates_of_sizes([500], seed=5)])
    assert_same(score(model, small), score(model, beside)[:2])


def test_the_empty_set_has_a_score(model: SetModel) -> None:
    mixed = candidates_of_sizes([0, 4, 0, 0, 9, 0], seed=6)
    scores = score(model, mixed)
    assert np.isfinite(scores).all()
    for i in range(len(mixed)):
        assert_same(scores[[i]], score(model, mixed[[i]]))


@pytest.mark.parametrize("from_candidate", [True, False])
def test_events_without_a_candidate_or_without_a_rest_have_a_score(
    model: SetModel, from_candidate: bool
) -> None:
    part = EVENTS.select_particles(EVENTS.particles["from_candidate"] == from_candidate)
    assert np.isfinite(score(model, part)).all()


def test_no_events_have_no_scores(model: SetModel) -> None:
    assert score(model, candidates_of_sizes([])).shape == (0,)


@pytest.mark.parametrize("n_particles", [1, 500])
def test_extreme_multiplicities_have_a_score(model: SetModel, n_particles: int) -> None:
    scores = score(model, candidates_of_sizes([n_particles, n_particles], seed=7))
    assert np.isfinite(scores).all()


def test_a_score_does_not_depend_on_the_unit_of_the_candidates_momenta(model: SetModel) -> None:
    # the same directions at half the momenta; that Mbc is not in the inputs is a contract of its own
    own = EVENTS.particles["from_candidate"]
    half = {
        name: np.where(own, column * np.float32(0.5), column)
        if name in ("px", "py", "pz", "energy")
        else column
        for name, column in EVENTS.particles.items()
    }
    columns = {
        name: column * 0.5
        if name in ("candidate_px", "candidate_py", "candidate_pz", "candidate_energy")
        else column
        for name, column in EVENTS.columns.items()
    }
    light = ParticleSets(half, EVENTS.offsets, columns)
    assert_same(score(model, EVENTS), score(model, light))


def test_saving_and_loading_keeps_the_score(model: SetModel, tmp_path) -> None:
    save_set_model(model, tmp_path / "model.safetensors")
    loaded = load_set_model(tmp_path / "model.safetensors")
    assert_same(score(model, EVENTS), score(loaded, EVENTS), 0.0)
    assert (loaded.name, loaded.config) == (model.name, model.config)


def test_onnx_gives_the_same_score(model: SetModel, tmp_path) -> None:
    export_set_onnx(model, tmp_path / "model.onnx")
    exported = OnnxSetModel(tmp_path / "model.onnx", threads=1)
    for events in (
        EVENTS,
        EVENTS[:1],
        candidates_of_sizes([0]),
        candidates_of_sizes([1]),
        candidates_of_sizes([500, 2], seed=8),
        candidates_of_sizes([3, 0, 5, 0], seed=9),
    ):
        assert_same(score(model, events), exported.score(events), 1e-5)


def test_evaluation_leaves_the_model_as_found(model: SetModel) -> None:
    assert_evaluation_leaves_as_found(model, EVENTS)


@pytest.mark.parametrize("write", CODE_WRITERS)
def test_loading_never_executes_code(write, tmp_path) -> None:
    assert_loading_never_executes_code(load_set_model, write, tmp_path / "model.safetensors")
