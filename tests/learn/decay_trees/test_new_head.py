import dataclasses

import numpy as np
import pytest
import torch
from helpers.random_events import events_of_sizes, random_events, shuffled
from sklearn.metrics import roc_auc_score

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.core.purpose import Purpose
from hepsets.deploy.onnx.decay_trees import OnnxModel, export_onnx
from hepsets.learn.decay_trees.new_head import FINE_TUNING, add_head, fine_tune
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.files import load, save
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score, score_heads

TRAIN = random_events(1500, seed=1, mean_particles=12)
FEW = random_events(300, seed=2, mean_particles=12)
TEST = random_events(600, seed=3, mean_particles=12)


def holds_many(events, pdg):
    """Whether an event holds more particles of these kinds than most."""
    chosen = np.isin(np.abs(events.particles["pdg"]), pdg)
    number = np.bincount(events.event_of_particle, chosen, minlength=len(events))
    return number > np.median(number)


def new_skim(events):
    return holds_many(events, (11, 22))


@pytest.fixture(scope="module")
def trunk():
    """A network with heads for three skims that have nothing to do with the new one."""
    labels = np.stack([holds_many(TRAIN, ids) for ids in ((13,), (321,), (211, 111))], axis=1)
    model = build_model(
        "decay_sweep",
        PdgMap.fit(TRAIN.particles["pdg"]),
        heads=3,
        units=16,
        embedding=8,
        event_types=("mixed", "charged"),
    )
    fit(model, TRAIN, labels, config=FitConfig(epochs=4, batch=64, learning_rate=5e-3, device="cpu"))
    with torch.no_grad():  # as after a calibration
        model.calibration.slope.copy_(torch.tensor([1.1, 0.9, 1.3]))
        model.calibration.offset.copy_(torch.tensor([0.2, -0.1, 0.3]))
    return model


@pytest.fixture(scope="module")
def grown(trunk):
    return add_head(trunk, FEW, new_skim(FEW))


def test_a_frozen_trunk_and_its_other_heads_stay_the_same_to_the_last_bit(trunk, grown):
    state = grown.model.state_dict()
    for name, tensor in trunk.state_dict().items():
        assert torch.equal(state[name][: len(tensor)] if tensor.ndim else state[name], tensor), name
    for batch_events in (1, 7, 256):
        before = score_heads(trunk, TEST, batch_events=batch_events)
        after = score_heads(grown.model, TEST, batch_events=batch_events)
        assert after.shape == (len(TEST), 4)
        assert np.array_equal(after[:, :3], before)


def test_a_second_new_head_leaves_the_first_one_as_it_is(grown):
    twice = add_head(grown.model, FEW, holds_many(FEW, (413, 421))).model
    assert (twice.config.heads, twice.config.new_heads) == (5, 2)
    assert np.array_equal(score_heads(twice, TEST)[:, :4], score_heads(grown.model, TEST))


def test_few_labels_on_a_trained_trunk_tell_the_new_skim(trunk, grown):
    truth = new_skim(TEST)
    assert (
        roc_auc_score(truth, score_heads(grown.model, TEST)[:, 3]) > 0.7
    )  # 0.5 is chance, with an error of 0.02
    tuned = fine_tune(trunk, FEW, new_skim(FEW), config=dataclasses.replace(FINE_TUNING, device="cpu"))
    assert tuned.model.config.heads == 1
    assert roc_auc_score(truth, score(tuned.model, TEST)) > 0.7
    assert len(tuned.held_out) == len(FEW) // 4
    assert np.allclose(tuned.scores, score(tuned.model, FEW[tuned.held_out]))


def test_fine_tuning_leaves_the_trunk_as_it_was(trunk):
    before = {name: tensor.clone() for name, tensor in trunk.state_dict().items()}
    config = FitConfig(epochs=1, batch=16, device="cpu")
    tuned = fine_tune(trunk, FEW, new_skim(FEW), config=config).model
    assert all(torch.equal(tensor, before[name]) for name, tensor in trunk.state_dict().items())
    assert not torch.equal(tuned.network.inputs.weight, trunk.network.inputs.weight)


def test_out_of_fold_scores_are_honest(trunk):
    nothing = np.random.default_rng(4).random(len(FEW)) < 0.5
    head = add_head(trunk, FEW, nothing)
    assert roc_auc_score(nothing, head.scores) < 0.65  # what is learnt by heart does not show
    assert np.array_equal(head.held_out, np.arange(len(FEW)))


def test_scores_are_probabilities_at_the_weighted_share_of_passing_events(trunk):
    label = new_skim(FEW)
    weight = np.where(label, 1.0, 9 * label.sum() / (~label).sum())
    scores = score_heads(add_head(trunk, FEW, label, weight).model, FEW)[:, 3]
    assert np.average(scores, weights=weight) == pytest.approx(0.1, abs=0.02)


def test_a_model_with_a_new_head_is_saved_loaded_and_exported(grown, tmp_path):
    save(grown.model, tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert loaded.config == grown.model.config
    expected = score_heads(grown.model, TEST)
    assert np.array_equal(score_heads(loaded, TEST), expected)
    export_onnx(grown.model, tmp_path / "model.onnx", skims=4)
    exported = OnnxModel(tmp_path / "model.onnx", threads=1)
    assert np.abs(exported.score(TEST[:50]) - expected[:50]).max() < 1e-5


def test_a_new_head_scores_an_event_the_same_whatever_its_batch_mates_and_the_order_of_particles(grown):
    expected = score_heads(grown.model, TEST[:20])
    alone = np.concatenate([score_heads(grown.model, TEST[[i]]) for i in range(20)])
    assert np.abs(alone - expected).max() < 2e-6
    assert np.abs(score_heads(grown.model, shuffled(TEST[:20])) - expected).max() < 2e-6
    strange = score_heads(grown.model, events_of_sizes([0, 1, 500, 0]))
    assert np.isfinite(strange).all()
    assert np.array_equal(strange[0], strange[3])


def test_labels_that_say_nothing_are_refused(trunk):
    none = np.zeros(len(FEW), bool)
    for start in (add_head, fine_tune):
        with pytest.raises(InputError, match="0 events that pass the new skim"):
            start(trunk, FEW, none)
        with pytest.raises(InputError, match=r"labels of shape \(3,\)"):
            start(trunk, FEW, none[:3])
        with pytest.raises(InputError, match="positive, finite weights"):
            start(trunk, FEW, new_skim(FEW), np.zeros(len(FEW)))


def test_networks_without_such_a_trunk_are_refused():
    model = build_model("gcn_stack", PdgMap.fit(FEW.particles["pdg"]))
    with pytest.raises(InputError, match="a trained decay_sweep"):
        add_head(model, FEW, new_skim(FEW))
    with pytest.raises(InputError, match="gcn_stack: unknown key 'new_heads'"):
        build_model("gcn_stack", PdgMap(()), heads=2, new_heads=1)


def test_test_events_give_no_head(trunk):
    with pytest.raises(InputError, match="test events where a head is added"):
        add_head(trunk, FEW.used_for(Purpose.TEST), new_skim(FEW))
