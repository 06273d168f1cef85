"""What every model must do, whatever it is (design, section 3). All of them are found in the registry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from helpers.model_contract import (
    CODE_WRITERS,
    assert_evaluation_leaves_as_found,
    assert_loading_never_executes_code,
    assert_same,
)
from helpers.model_subjects import VALUES, Subject, label, numbers, subject
from helpers.toy_decays import toy_sample

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.events import Events
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.pdg import UNKNOWN
from hepsets.learn.decay_trees.recipe import event_recipe
from hepsets.learn.files import load, read_tensors, save, write_tensors
from hepsets.learn.registry import KINDS, Kind
from hepsets.learn.training.score import score
from hepsets.learn.training.trainable import Trainable
from hepsets.represent.data_sets.pools import bootstrapped_sets

SIZES = (41, 1, 3, 60, 17, 2, 95, 30)


def _fixture(*kinds: Kind) -> Any:
    return pytest.fixture(params=numbers(*kinds), ids=label)(lambda request: subject(request.param))


of = _fixture(*KINDS)
network = _fixture("decay_trees", "particle_sets", "vertexed_events", "whole_events")
tree = _fixture("decay_trees")
sets = _fixture("particle_sets")
estimator = _fixture("data_sets")


def events(of: Subject) -> Any:
    return of.of_sizes(list(SIZES), seed=3)


def test_scores_tell_events_apart(of: Subject) -> None:
    scores = of.score(events(of))
    assert scores.shape == (len(SIZES),)
    assert np.isfinite(scores).all()
    assert np.ptp(scores) > 1e-5
    if of.model.kind != "data_sets":  # those are estimates
        assert scores.dtype == np.float32
        assert ((scores > 0) & (scores < 1)).all()
        assert np.ptp(scores) > 1e-3


def test_a_score_does_not_depend_on_batch_mates(of: Subject) -> None:
    some = events(of)
    together = of.score(some)
    alone = np.concatenate([of.score(some[[i]]) for i in range(len(some))])
    assert_same(together, alone, of.tolerance)
    assert_same(together[::-1], of.score(some[np.arange(len(some))[::-1]]), of.tolerance)
    if isinstance(of.model, Trainable):
        assert_same(together, score(of.model, some, batch_events=3), of.tolerance)


def test_a_score_does_not_depend_on_the_order_of_particles(of: Subject) -> None:
    for seed in range(3):
        assert_same(of.score(events(of)), of.score(of.shuffled(events(of), seed)), of.tolerance)


def test_a_score_does_not_depend_on_padding(of: Subject) -> None:
    # beside an event of 500 particles, whatever a model pads inside it must pad by hundreds
    small = of.of_sizes([5, 12], seed=4)
    beside = of.concatenate([small, of.of_sizes([500], seed=5)])
    assert_same(of.score(small), of.score(beside)[:2], of.tolerance)


def test_the_empty_set_has_a_score(of: Subject) -> None:
    mixed = of.of_sizes([0, 4, 0, 0, 9, 0], seed=6)
    if not of.empty:
        with pytest.raises(InputError):
            of.score(mixed)
        return
    scores = of.score(mixed)
    assert np.isfinite(scores).all()
    for i in range(len(mixed)):
        assert_same(scores[[i]], of.score(mixed[[i]]), of.tolerance)


def test_no_events_have_no_scores(of: Subject) -> None:
    assert of.score(of.of_sizes([])).shape == (0,)


@pytest.mark.parametrize("n_particles", [1, 500])
def test_extreme_multiplicities_have_a_score(of: Subject, n_particles: int) -> None:
    assert np.isfinite(of.score(of.of_sizes([n_particles, n_particles], seed=7))).all()


def test_saving_and_loading_keeps_the_score(of: Subject, tmp_path) -> None:
    save(of.model, tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors", type(of.model), **of.given)
    assert_same(of.score(events(of)), of.of(loaded)(events(of)), 0.0)
    assert (loaded.kind, loaded.name) == (of.model.kind, of.model.name)
    assert loaded.record() == of.model.record()


def test_a_file_says_what_it_holds_and_is_refused_where_that_is_not_so(of: Subject, tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    save(of.model, path)
    record, tensors = read_tensors(path, "hepsets-model-3")
    assert record["kind"] == of.model.kind
    lacking = dict(list(tensors.items())[1:])
    model = "model" if "model" in record else "name"
    for header, parts, message in (
        (record, lacking, "damaged"),
        ({**record, model: "unheard_of"}, tensors, "no model 'unheard_of'"),
        ({**record, "kind": "unheard_of"}, tensors, "one of decay_trees"),
        ({**record, "config": {**record["config"], "unheard_of": 1}}, tensors, "damaged"),
    ):
        write_tensors(path, header, parts)
        with pytest.raises(InputError, match=message):
            load(path, **of.given)
    save(of.model, path)
    with pytest.raises(InputError, match="one that is Other"):
        load(path, _Other, **of.given)


class _Other:
    """A class that no model is of."""


_Other.__name__ = "Other"


@pytest.mark.parametrize("write", CODE_WRITERS)
def test_loading_never_executes_code(write: Callable[..., None], tmp_path) -> None:
    assert_loading_never_executes_code(load, write, tmp_path / "model.safetensors")


def test_onnx_gives_the_same_score(network: Subject, tmp_path) -> None:
    exported = network.exported(tmp_path / "model.onnx")
    several = [
        events(network),
        events(network)[:1],
        network.of_sizes([1]),
        network.of_sizes([500, 2], seed=8),
    ]
    several.extend(network.of_sizes(sizes, seed=9) for sizes in ([3, 0, 5, 0], [0], [0, 0, 0]))
    if network.model.kind == "decay_trees":
        several.append(_with_ids(events(network), events(network).particles["pdg"] == 22, 77))
    for some in several:
        assert_same(network.score(some), exported(some), 1e-5)


def test_evaluation_leaves_the_model_as_found(network: Subject) -> None:
    assert_evaluation_leaves_as_found(network.model, events(network))


# -- decay trees -----------------------------------------------------------------------------------


def _with_ids(some: Events, where: np.ndarray, pdg: int) -> Events:
    ids = np.where(where, pdg, some.particles["pdg"])
    return Events({**some.particles, "pdg": ids}, some.offsets)


def test_a_score_does_not_depend_on_the_numbers_that_particles_carry(tree: Subject) -> None:
    some = events(tree)
    numbers = {name: some.particles[name] * 7 + 1000 for name in ("index", "mother_index")}
    assert_same(tree.score(some), tree.score(Events({**some.particles, **numbers}, some.offsets)))


def test_unseen_pdg_ids_share_the_unknown_token(tree: Subject) -> None:
    some = events(tree)
    fourth = np.arange(some.n_particles) % 4 == 1
    one, other = (tree.score(_with_ids(some, fourth, pdg)) for pdg in (9900012, -2147483647))
    assert_same(one, other, 0.0)
    assert np.isfinite(one).all()


def test_the_unknown_token_is_trained(tree: Subject) -> None:
    model = tree.model
    embedding = getattr(model.network, "embedding", None)
    if embedding is None:
        assert "embedding" not in "".join(model.state_dict())  # a model without PDG ids
        return
    fresh = event_recipe(model.name).build(model.pdg_map, model.config).network.embedding.weight[UNKNOWN]
    assert not torch.equal(embedding.weight[UNKNOWN] / 1.5, fresh)


# -- particle sets ---------------------------------------------------------------------------------


@pytest.mark.parametrize("from_candidate", [True, False])
def test_events_without_a_candidate_or_without_a_rest_have_a_score(
    sets: Subject, from_candidate: bool
) -> None:
    some = events(sets)
    part = some.select_particles(some.particles["from_candidate"] == from_candidate)
    assert np.isfinite(sets.score(part)).all()


def test_a_score_does_not_depend_on_the_unit_of_the_candidates_momenta(sets: Subject) -> None:
    # the same directions at half the momenta; that Mbc is not in the inputs is a contract of its own
    some = events(sets)
    own, momentum = some.particles["from_candidate"], ("px", "py", "pz", "energy")
    half = {
        name: np.where(own, column * np.float32(0.5), column) if name in momentum else column
        for name, column in some.particles.items()
    }
    columns = {
        name: column * 0.5 if name.removeprefix("candidate_") in momentum else column
        for name, column in some.columns.items()
    }
    assert_same(sets.score(some), sets.score(ParticleSets(half, some.offsets, columns)))


# -- data sets -------------------------------------------------------------------------------------


def test_a_prediction_does_not_depend_on_other_columns(estimator: Subject) -> None:
    some = events(estimator)
    bare = some.frame.select_columns(["chi", "costheta_K", "costheta_mu", "q_squared"])
    assert_same(estimator.score(some), estimator.score(dataclasses.replace(some, frame=bare)), 0.0)


def test_intervals_hold_the_prediction(estimator: Subject) -> None:
    model = estimator.model
    some = events(estimator)
    found, interval = model.estimate(some.frame, some.offsets), model.interval(some.frame, some.offsets)
    assert interval.shape == (len(SIZES), 2)
    assert (interval[:, 0] <= found.value).all()
    assert (found.value <= interval[:, 1]).all()


def test_sets_that_share_events_are_as_good_as_copies(
    estimator: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = estimator.model
    shared = bootstrapped_sets(toy_sample(50, VALUES, seed=2), 60, 3, seed=3)
    copies = model.predict(*shared.packed())
    assert_same(model.estimate_sets(shared).value, copies, 1e-5)
    monkeypatch.setattr("hepsets.learn.data_sets.estimator.GROUP_MEMBERS", 130)
    assert_same(model.estimate_sets(shared).value, copies, 1e-5)


def test_impossible_events_are_refused(estimator: Subject) -> None:
    some = events(estimator)
    broken = some.frame["chi"].copy()
    broken[3] = np.nan
    with pytest.raises(InputError, match="chi"):
        estimator.score(dataclasses.replace(some, frame=some.frame.with_columns(chi=broken)))
    few = EventFrame({"q_squared": some.frame["q_squared"], "costheta_mu": some.frame["chi"]})
    with pytest.raises(InputError, match="costheta_K"):
        estimator.score(dataclasses.replace(some, frame=few))
