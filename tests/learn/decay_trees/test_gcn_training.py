"""Blocks of the tuned stack in training: what the layers say one by one, forward and back."""

import copy
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
import torch
from helpers.random_events import event_tables, events_of_sizes, muon_label, random_events
from hypothesis import given, settings

from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.decay_gcn import GCNStack
from hepsets.learn.decay_trees.gcn_training import Blocks
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.layers.dropout import Dropout, _dropped
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.represent.decay_trees.data import EventData
from hepsets.represent.decay_trees.features import FeatureSpec

MAP = PdgMap((11, 13, 22, 211, -211))
FEATURES = FeatureSpec(coordinates="cylindrical")


class _SameDropout(Dropout):
    """Drops what the compiled loops drop, in any precision."""

    def forward(self, values):
        drawn = self.drawn()
        return values * _dropped(torch.ones(values.shape), *drawn).to(values.dtype)


def network(*, dropout=0.2, units=5, graph_layers=2, embedding=3):
    torch.manual_seed(5)
    made = GCNStack(
        len(FEATURES),
        units,
        n_tokens=len(MAP),
        embedding=embedding,
        graph_layers=graph_layers,
        dropout=dropout,
    )
    for part in made.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            torch.nn.init.uniform_(part.weight, 0.5, 1.5)
            torch.nn.init.normal_(part.bias)
    return made.train()


def batch_of(events):
    data = EventData.from_events(events, MAP, FEATURES)
    return data.batch(torch.arange(len(data)))


@contextmanager
def step_by_step():
    with mock.patch.object(Blocks, "can_train", return_value=False):
        yield


def learnt(made, batch, *, seed=3):
    """Logits, and all gradients of a sum of them."""
    made.zero_grad()
    torch.manual_seed(seed)
    means = _means(made, batch)
    weight = torch.linspace(-1, 1, means.numel(), dtype=means.dtype).view(means.shape)
    (means * weight).sum().backward()
    return means.detach(), {
        name: part.grad for name, part in made.named_parameters() if part.grad is not None
    }


def _means(made, batch):
    blocks = made._blocks()
    if blocks.can_train(batch.features):
        return blocks.means(batch.features, made.embedding.weight, batch)
    return batch.mean(made._particles(batch.features, batch))


def in_double(made, batch):
    """The layers one by one in double precision, the same numbers dropped."""
    exact = copy.deepcopy(made).double()
    exact.dropout = _SameDropout(made.dropout.probability)
    return exact, replace(batch, features=batch.features.double())


def assert_alike(found, expected, tolerance=2e-5):
    scale = float(expected.abs().max()) + 1e-3
    torch.testing.assert_close(found.double(), expected.double(), rtol=tolerance, atol=tolerance * scale)


@settings(max_examples=25)
@given(event_tables())
def test_means_and_gradients_are_those_of_the_layers_one_by_one(events):
    if events.n_particles < 2:
        return
    made, batch = network(), batch_of(events)
    assert made._blocks().can_train(batch.features)
    found, gradients = learnt(made, batch)
    expected, wanted = learnt(*in_double(made, batch))
    assert_alike(found, expected, 1e-3 if events.n_particles < 4 else 1e-4)
    assert gradients.keys() == wanted.keys()
    if events.n_particles > 8:  # norms of a few particles are steep
        for name, gradient in gradients.items():
            assert_alike(gradient, wanted[name], 1e-3)


@pytest.mark.parametrize(("units", "dropout"), [(5, 0.0), (2, 0.1), (5, 0.4), (32, 0.179), (40, 0.3)])
def test_gradients_of_a_batch_agree_with_double_precision(units, dropout):
    made, batch = network(dropout=dropout, units=units), batch_of(random_events(40, seed=2))
    found, gradients = learnt(made, batch)
    expected, wanted = learnt(*in_double(made, batch))
    assert_alike(found, expected)
    for name, gradient in gradients.items():
        assert_alike(gradient, wanted[name], 2e-4)


def test_an_embedding_may_have_more_columns_than_the_units_fill():
    made, batch = network(units=5, embedding=40), batch_of(random_events(20, seed=2))
    found, gradients = learnt(made, batch)
    expected, wanted = learnt(*in_double(made, batch))
    assert_alike(found, expected)
    for name, gradient in gradients.items():
        assert_alike(gradient, wanted[name], 2e-4)


def test_a_step_along_the_gradient_changes_the_means_as_it_says():
    made, batch = network(), batch_of(random_events(60, seed=4))
    _, gradients = learnt(made, batch)
    weight = torch.linspace(-1, 1, batch.n_events * 5).view(-1, 5)
    for name, parameter in made.named_parameters():
        if name not in gradients:
            continue
        length = 1e-3 / float(gradients[name].norm() + 1e-3)
        told = []
        for sign in (1, -1):
            moved = copy.deepcopy(made)
            with torch.no_grad():
                dict(moved.named_parameters())[name].add_(gradients[name], alpha=sign * length)
            torch.manual_seed(3)
            with torch.no_grad():
                told.append(float((_means(moved, batch) * weight).sum()))
        expected = float((gradients[name] ** 2).sum())
        assert (told[0] - told[1]) / (2 * length) == pytest.approx(expected, rel=0.06, abs=5e-3), name
        assert parameter.requires_grad


def test_running_statistics_are_those_of_the_norms_themselves():
    made, events = network(), random_events(30, seed=6)
    alone = copy.deepcopy(made)
    for begin, end in pairwise((0, 10, 11, 30)):
        batch = batch_of(events[begin:end])
        for part in (made, alone):
            torch.manual_seed(7)
            if part is alone:
                with step_by_step():
                    _means(part, batch)
            else:
                _means(part, batch)
    for (name, found), (_, expected) in zip(made.named_buffers(), alone.named_buffers(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6, msg=name)
    assert made.norms[1].num_batches_tracked == 3


def test_running_statistics_move_by_the_momentum_of_their_norm():
    made, batch = network(), batch_of(random_events(10, seed=6))
    made.norms[0].momentum = 0.25
    _means(made, batch)
    norm, n = made.norms[0], len(FEATURES)
    torch.testing.assert_close(norm.running_mean[:n], 0.25 * batch.features.mean(0), rtol=1e-4, atol=1e-5)
    expected = 0.75 + 0.25 * batch.features.var(0)  # from 1 a quarter of the way
    torch.testing.assert_close(norm.running_var[:n], expected, rtol=1e-4, atol=1e-5)


def test_features_far_from_zero_lose_no_more_than_they_always_did():
    made, batch = network(), batch_of(random_events(30, seed=8))
    batch.features[:, 2] = 300.0  # always the same
    batch.features[:, 3] += 1000.0
    found, gradients = learnt(made, batch)
    expected, wanted = learnt(*in_double(made, batch))
    assert_alike(found, expected, 1e-4)
    for name, gradient in gradients.items():
        assert_alike(gradient, wanted[name], 1e-3)
    assert float(made.norms[0].running_mean[3]) == pytest.approx(100.0, rel=0.02)


def test_units_that_are_the_same_for_all_particles_have_no_variance_below_zero():
    made, batch = network(dropout=0.0, units=8), batch_of(events_of_sizes([1] * 20))
    first = made._blocks().layers[0]
    torch.nn.init.zeros_(first.weight)
    with torch.no_grad():  # their squares are rounded up as often as down, by more than a norm adds
        first.bias.copy_(torch.linspace(311.1, 377.7, 8))
    means, gradients = learnt(made, batch)
    assert means.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients.values())
    assert float(made.norms[1].running_var.max()) == pytest.approx(0.9, abs=0.01)


def test_weights_of_zero_learn_as_they_always_did():
    made, batch = network(), batch_of(random_events(10, seed=9))
    for layer in made._blocks().layers:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    torch.nn.init.zeros_(made.embedding.weight)
    _, gradients = learnt(made, batch)
    _, wanted = learnt(*in_double(made, batch))
    for name, gradient in gradients.items():
        assert_alike(gradient, wanted[name])
    assert float(gradients["layers.2.bias"].abs().min()) > 0


def test_values_of_zero_that_were_kept_have_gradients_and_those_that_were_dropped_none():
    made, batch = network(), batch_of(random_events(20, seed=9))
    torch.nn.init.zeros_(made.layers[0].linear.weight)
    torch.nn.init.zeros_(made.layers[0].linear.bias)
    made.norms[1].eps = 1.0  # its inputs are all the same, but for rounding
    _, gradients = learnt(made, batch)
    _, wanted = learnt(*in_double(made, batch))
    assert float(wanted["layers.0.linear.bias"].abs().min()) > 1e-4
    assert_alike(gradients["layers.0.linear.bias"], wanted["layers.0.linear.bias"], 1e-3)


def test_a_seeded_training_has_the_curve_that_it_always_had():
    events = random_events(400, seed=1)
    labels, config = muon_label(events), FitConfig(epochs=3, batch=64, device="cpu")

    def losses():
        model = build_model("gcn_stack", PdgMap.fit(events.particles["pdg"]))
        history = fit(model, events, labels, config=config).history
        return np.array([(record.train_loss, record.validation_loss) for record in history])

    found = losses()
    with step_by_step():
        expected = losses()
    np.testing.assert_allclose(
        found, expected, rtol=1e-3
    )  # Adam makes much of rounding where slopes are small
    assert not np.array_equal(found, expected)  # or nothing was compared


def test_gradients_can_be_asked_for_twice():
    made, batch = network(), batch_of(random_events(5, seed=1))
    means = _means(made, batch).sum()
    means.backward(retain_graph=True)
    once = made.norms[0].weight.grad.clone()
    means.backward()
    torch.testing.assert_close(made.norms[0].weight.grad, 2 * once)


@pytest.mark.parametrize("changed", ["features", "tokens", "embedding"])
def test_what_changes_before_the_way_back_is_complained_about(changed):
    made, batch = network(), batch_of(random_events(5, seed=1))
    total = _means(made, batch).sum()
    with torch.no_grad():
        (made.embedding.weight if changed == "embedding" else getattr(batch, changed)).zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def test_what_it_cannot_do_is_left_to_the_layers_one_by_one():
    made, batch = network(), batch_of(random_events(5, seed=1))
    assert not copy.deepcopy(made).eval()._blocks().can_train(batch.features)
    assert not made._blocks().can_train(batch.features.double())
    assert not made._blocks().can_train(batch.features[:1])
    assert not made._blocks().can_train(batch.features.clone().requires_grad_())
    assert made._blocks().can_train(batch.features)
    with torch.autocast("cpu"):
        assert not made._blocks().can_train(batch.features)


@pytest.mark.parametrize(
    ("option", "value"), [("training", False), ("track_running_stats", False), ("momentum", None)]
)
def test_norms_with_statistics_of_another_kind_are_left_to_the_layers_one_by_one(option, value):
    made, batch = network(), batch_of(random_events(5, seed=1))
    setattr(made.norms[1], option, value)
    assert not made._blocks().can_train(batch.features)
    made(batch.features, batch).sum().backward()


def test_a_norm_of_one_particle_is_refused_as_it_always_was():
    with pytest.raises(ValueError, match="more than 1 value"):
        network()(torch.ones(1, len(FEATURES)), batch_of(events_of_sizes([1], seed=1)))
