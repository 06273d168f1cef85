"""Layers with ReLU, event by event: what the layers say one by one, forward and back."""

import copy
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
import torch
from helpers.random_events import event_tables, events_of_sizes, muon_label, random_events
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.decay_trees.relu_layers import ReluLayers
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score

MAP = PdgMap((11, 13, 22, 211, -211))
KINDS = {
    "deep_sets": {},
    "deep_sets_pdg": {"embedding": 3},
    "deep_sets_gcn": {"graph_last": True},
    "deep_sets_gcn_pdg": {},
    "DS_2_GCN_none": {},
    "DS_4_GCN_13": {},
}


def one_by_one():
    return mock.patch.object(ReluLayers, "means", return_value=None)


def model_of(name, events, **options):
    model = build_model(name, MAP, **KINDS.get(name, {}), **options)
    if events.n_particles:
        model.fit_scaler(model.prepare(events).features)
    return model.train()


def batch_of(model, events):
    return model.prepare(events).batch(torch.arange(len(events)))


def learnt(network, features, batch):
    """Logits, and all gradients of a sum of them."""
    network.zero_grad()
    logits = network(features, batch)
    (logits * torch.linspace(-1, 1, len(logits), dtype=logits.dtype)[:, None]).sum().backward()
    return logits.detach(), {name: part.grad for name, part in network.named_parameters()}


def assert_learns_as_in_double_precision(model, events):
    batch = batch_of(model, events)
    features = model.scaler(batch.features)
    found, gradients = learnt(model.network, features, batch)
    exact = copy.deepcopy(model.network).double()
    expected, wanted = learnt(exact, features.double(), replace(batch, features=batch.features.double()))
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)
    assert gradients.keys() == wanted.keys()
    for name, gradient in gradients.items():
        scale = float(wanted[name].abs().max()) + 1e-2
        torch.testing.assert_close(gradient.double(), wanted[name], rtol=1e-3, atol=1e-4 * scale, msg=name)


@settings(max_examples=30)
@given(event_tables(), st.sampled_from(sorted(KINDS)), st.sampled_from([1, 5, 32, 37]))
def test_logits_and_gradients_are_those_of_the_layers_one_by_one(events, name, units):
    assert_learns_as_in_double_precision(model_of(name, events, units=units), events)


@pytest.mark.parametrize("name", KINDS)
def test_gradients_of_many_events_agree_with_double_precision(name):
    events = random_events(60, seed=2)
    assert_learns_as_in_double_precision(model_of(name, events), events)


def test_one_particle_and_five_hundred_and_none_are_events_like_others():
    events = events_of_sizes([1, 500, 0, 1], seed=3)
    assert_learns_as_in_double_precision(model_of("deep_sets_gcn_pdg", events), events)
    assert_learns_as_in_double_precision(model_of("DS_4_GCN_13", events), events)


@pytest.mark.parametrize("name", KINDS)
def test_scores_are_those_of_the_layers_one_by_one(name):
    events = random_events(300, seed=4)
    model = model_of(name, events).eval()
    found = score(model, events)
    with one_by_one():
        np.testing.assert_allclose(found, score(model, events), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["deep_sets_pdg", "DS_4_GCN_13"])
def test_a_seeded_training_has_the_curve_that_it_always_had(name):
    events = random_events(400, seed=1)
    labels, config = muon_label(events), FitConfig(epochs=3, batch=64, device="cpu")

    def losses():
        model = build_model(name, PdgMap.fit(events.particles["pdg"]))
        history = fit(model, events, labels, config=config).history
        return np.array([(record.train_loss, record.validation_loss) for record in history])

    found = losses()
    with one_by_one():
        expected = losses()
    np.testing.assert_allclose(
        found, expected, rtol=1e-3
    )  # Adam makes much of rounding where slopes are small
    assert not np.array_equal(found, expected)  # or nothing was compared


def test_what_is_no_number_reaches_the_loss_and_is_told():
    events = random_events(40, seed=5)
    model = model_of("deep_sets_gcn", events)
    batch = batch_of(model, events)
    batch.features[3, 2] = np.nan
    found, gradients = learnt(model.network, batch.features, batch)
    with one_by_one():
        expected, wanted = learnt(model.network, batch.features, batch)
    assert torch.isnan(expected[0]).all()
    torch.testing.assert_close(found, expected, equal_nan=True)
    for name, gradient in gradients.items():
        torch.testing.assert_close(torch.isnan(gradient), torch.isnan(wanted[name]), msg=name)
    events.particles["px"][3] = np.nan
    with pytest.raises(InputError, match="loss"):
        fit(
            build_model("deep_sets", MAP, inputs="raw"),
            events,
            muon_label(events),
            config=FitConfig(epochs=1),
        )


@pytest.mark.parametrize("name", KINDS)
def test_infinities_spread_no_further_than_in_the_layers_one_by_one(name):
    events = events_of_sizes([5, 0, 41, 3], seed=3)
    model = model_of(name, events, units=5)
    batch = batch_of(model, events)
    for value in (torch.inf, -torch.inf, 1e38):
        batch.features[2, 2] = batch.features[46, 0] = value
        found, gradients = learnt(model.network, batch.features, batch)
        with one_by_one():
            expected, wanted = learnt(model.network, batch.features, batch)
        torch.testing.assert_close(found, expected, equal_nan=True)
        for part, gradient in gradients.items():
            torch.testing.assert_close(torch.isnan(gradient), torch.isnan(wanted[part]), msg=part)


def test_particles_that_change_before_the_way_back_are_told():
    events = events_of_sizes([5, 3], seed=3)
    model = model_of("deep_sets_pdg", events)
    for changed in ("features", "tokens"):
        batch = batch_of(model, events)
        logits = model.network(batch.features, batch)
        getattr(batch, changed).zero_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            logits.sum().backward()


def test_gradients_can_be_asked_for_twice_and_not_of_gradients():
    events = random_events(5, seed=1)
    model = model_of("deep_sets_gcn_pdg", events)
    total, weight = model(batch_of(model, events)).sum(), model.network.per_particle.weight
    total.backward(retain_graph=True)
    once = weight.grad.clone()
    total.backward()
    torch.testing.assert_close(weight.grad, 2 * once)
    total = model(batch_of(model, events)).sum()
    (gradient,) = torch.autograd.grad(total, weight, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        gradient.sum().backward()


def test_what_it_cannot_do_is_left_to_the_layers_one_by_one():
    events = random_events(5, seed=1)
    model = model_of("deep_sets_pdg", events)
    network, batch = model.network, batch_of(model, events)
    layers = network._layers()
    assert layers.means(batch.features, network.embedding, batch) is not None
    assert layers.means(batch.features.double(), network.embedding, batch) is None
    assert layers.means(batch.features.clone().requires_grad_(), network.embedding, batch) is None
    apart = torch.stack([batch.features, batch.features], dim=2)[:, :, 0]
    found, gradients = learnt(network, apart, batch)
    expected, wanted = learnt(network, batch.features, batch)
    assert torch.equal(found, expected)
    assert all(torch.equal(gradients[part], wanted[part]) for part in wanted)
    exact = copy.deepcopy(network).double()(batch.features, batch)  # PyTorch puts features beside vectors
    torch.testing.assert_close(exact.detach(), found.double(), rtol=1e-4, atol=1e-5)
    strange = replace(batch, tokens=batch.tokens + len(MAP))
    assert layers.means(strange.features, network.embedding, strange) is None
    with torch.autocast("cpu", torch.bfloat16):
        assert layers.means(batch.features, network.embedding, batch) is None
