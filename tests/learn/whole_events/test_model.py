"""Models of whole events: built by name, scaled by training events, read back only with the same features."""

import numpy as np
import pytest
import torch
from helpers.random_whole_events import random_whole_events

from hepsets.core.errors import InputError
from hepsets.learn.files import load, read_tensors, save, write_tensors
from hepsets.learn.whole_events.model import WholeEventModel, build_whole_event_model
from hepsets.represent.whole_events.data import whole_event_data
from hepsets.represent.whole_events.features import EVEN


def test_scales_are_those_of_the_particles_it_is_trained_on():
    data = whole_event_data(random_whole_events(50, seed=1))
    model = build_whole_event_model("whole_event_deep_sets")
    model.fit_scales(data, torch.arange(20))
    some = data.batch(torch.arange(20)).sets[0].features[:, : len(EVEN)]
    assert model.scaler.mean.numpy() == pytest.approx(some.mean(0).numpy(), abs=1e-4)
    assert model.prepare(data) is data


def test_an_outlier_is_cut_and_does_not_rule_the_score():
    events = random_whole_events(30, seed=2)
    model = build_whole_event_model("whole_event_deep_sets")
    model.fit_inputs(whole_event_data(events))
    events.particles["d0"][:] = np.where(np.arange(events.n_particles) == 0, 1e30, events.particles["d0"])
    assert torch.isfinite(model(model.prepare(events))).all()


def test_a_file_of_other_features_and_an_unknown_model_are_refused(tmp_path):
    save(build_whole_event_model("whole_event_deep_sets"), tmp_path / "model.safetensors")
    record, tensors = read_tensors(tmp_path / "model.safetensors", "hepsets-model-3")
    write_tensors(tmp_path / "other.safetensors", {**record, "features": ["momentum"]}, tensors)
    with pytest.raises(InputError, match="damaged"):
        load(tmp_path / "other.safetensors", WholeEventModel)
    with pytest.raises(InputError, match="no model 'unheard_of'"):
        build_whole_event_model("unheard_of")
