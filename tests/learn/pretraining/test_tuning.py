import numpy as np
import torch
from helpers.random_candidates import random_candidates
from helpers.random_events import random_events
from helpers.toy_corpus import toy_events, toy_trunk

from hepsets.learn.pretraining.tuning import generated_model, head_inputs, head_of, seen_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import logits_of

FIT = FitConfig(epochs=1, batch=32, device="cpu")


def state(model, without="head"):
    kept = model.network.state_dict().items()
    return {name: tensor.clone() for name, tensor in kept if without not in name}


def test_a_frozen_trunk_stays_to_the_bit_and_a_free_one_moves():
    trunk = toy_trunk(toy_events(20)[1])
    for scaler in trunk.scalers:
        scaler.mean.fill_(0.25)
    events = random_candidates(80, seed=1)
    for tune in ("head", "all"):
        model = seen_model(trunk, tune)
        before = state(model)
        fit(model, events, np.arange(80) % 2, config=FIT)
        same = [torch.equal(tensor, before[name]) for name, tensor in state(model).items()]
        assert all(same) if tune == "head" else not any(same[:2])
        assert float(model.scalers[0].mean[0]) == 0.25
    fresh = seen_model(trunk, None)
    fit(fresh, events, np.arange(80) % 2, config=FIT)
    assert float(fresh.scalers[0].mean[0]) != 0.25


def test_generated_events_start_from_the_same_layers():
    trunk = toy_trunk(toy_events(20)[1])
    model = generated_model(trunk, "head", heads=2)
    for name, tensor in trunk.encoder.state_dict().items():
        assert torch.equal(model.network.encoder.state_dict()[name], tensor)
    events = random_events(40, seed=2, mean_particles=10)
    fit(model, events, np.arange(80).reshape(40, 2) % 3 == 0, config=FIT)
    for name, tensor in trunk.encoder.state_dict().items():
        assert torch.equal(model.network.encoder.state_dict()[name], tensor)


def test_a_head_says_of_its_inputs_what_the_whole_network_says_of_events():
    generated = toy_events(30)[1]
    trunk = toy_trunk(generated)
    for model, events in (
        (seen_model(trunk, "head"), random_candidates(30, seed=1)),
        (generated_model(trunk, "head"), generated),
    ):
        data = model.prepare(events)
        assert model.prepare(data) is data
        rows = head_inputs(model, data, batch=7)
        torch.testing.assert_close(logits_of(head_of(model), rows), logits_of(model, data))


def test_a_head_trained_on_its_inputs_is_the_head_of_a_trunk_that_stands_still():
    trunk, events, labels = toy_trunk(toy_events(20)[1]), random_candidates(60, seed=1), np.arange(60) % 2
    behind, alone = seen_model(trunk, "head"), seen_model(trunk, "head")
    fit(behind, events, labels, config=FIT)
    fit(head_of(alone), head_inputs(alone, alone.prepare(events)), labels, config=FIT)
    for one, other in zip(head_of(behind).parameters(), head_of(alone).parameters(), strict=True):
        torch.testing.assert_close(one, other)
