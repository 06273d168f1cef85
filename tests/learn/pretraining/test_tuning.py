import numpy as np
import torch
from helpers.random_candidates import random_candidates
from helpers.random_events import random_events
from helpers.toy_corpus import toy_events, toy_trunk

from hepsets.learn.pretraining.tuning import generated_model, seen_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit

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
