"""The transformer's compiled way from features and tokens to means gives what its layers give one by one."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch

from hepsets.learn.decay_trees import transformer
from hepsets.learn.decay_trees.transformer import Transformer
from hepsets.learn.layers.embedded_encoder import can_embed
from hepsets.represent.decay_trees.batch import PackedBatch

SIZES = [(0, 3, 41, 0, 16, 1, 60, 32, 0), [40] * 40, (700, 0, 48)]
TOKENS = 11


def network_of(n_features, units, embedding, layers=2, dropout=0.0):
    torch.manual_seed(1)
    heads = 4 if units % 4 == 0 else 2
    network = Transformer(
        n_features,
        units,
        n_tokens=TOKENS,
        embedding=embedding,
        layers=layers,
        attention_heads=heads,
        dropout=dropout,
        heads=3,
    )
    with torch.no_grad():  # norms begin as ones and zeros, which would hide mistakes
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return network


def events_of(sizes, n_features, seed=2):
    offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))
    n, random = int(offsets[-1]), torch.Generator().manual_seed(seed)
    features = torch.randn(n, n_features, generator=random)
    tokens = torch.randint(TOKENS, (n,), generator=random)
    return PackedBatch(features, tokens, torch.arange(n), offsets)


def outcome(network, batch):
    """Logits, and gradients of all weights."""
    network.zero_grad()
    torch.manual_seed(3)
    logits = network(batch.features.to(network.output.weight.dtype), batch)
    along = torch.randn(logits.shape, generator=torch.Generator().manual_seed(4))
    (logits * along).sum().backward()
    return [logits.detach(), *(weight.grad for weight in network.parameters())]


def assert_alike(found, expected, tolerance=2e-5):
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(
            one.double(), other.double(), rtol=0, atol=tolerance * max(1.0, float(other.abs().max()))
        )


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("shape", [(8, 32, 6), (5, 6, 9), (3, 36, 1)])
def test_logits_and_gradients_are_those_of_double_precision(shape, sizes):
    network, batch = network_of(*shape), events_of(sizes, shape[0])
    assert can_embed(batch.features, batch.tokens, network.embedding)
    exact = copy.deepcopy(network).double()
    assert not can_embed(batch.features.double(), batch.tokens, exact.embedding)
    assert_alike(outcome(network, batch), outcome(exact, batch))


@pytest.mark.parametrize("layers", [1, 3])
def test_dropout_drops_what_it_drops_in_layers_one_by_one(layers, monkeypatch):
    network, batch = network_of(8, 32, 6, layers, dropout=0.17).train(), events_of([40] * 30, 8)
    found = outcome(network, batch)
    monkeypatch.setattr(transformer, "can_embed", lambda *_: False)
    assert_alike(found, outcome(network, batch))
    assert float((found[0] - outcome(network.eval(), batch)[0]).abs().max()) > 0.01


def test_a_score_is_what_training_would_say_without_dropout():
    network, batch = network_of(8, 32, 6), events_of(SIZES[0], 8)
    with torch.inference_mode():
        scored = network(batch.features, batch)
    assert torch.equal(scored, outcome(network, batch)[0])
    torch.testing.assert_close(scored[0], network.output.bias.detach())  # of an empty event


def test_an_event_does_not_see_what_its_neighbours_are():
    network, batch = network_of(8, 32, 6), events_of((5, 20, 5), 8)
    strange = batch.features.clone()
    strange[5:25] = torch.nan
    with torch.inference_mode():
        logits, others = network(batch.features, batch), network(strange, batch)
    assert torch.equal(logits[[0, 2]], others[[0, 2]])
    assert torch.isnan(others[1]).all()


def test_gradients_of_features_go_the_way_of_the_layers_one_by_one():
    network, batch = network_of(8, 32, 6), events_of((5, 20), 8)
    features = batch.features.clone().requires_grad_()
    network(features, batch).sum().backward()
    step = 1e-2 * torch.sign(features.grad)
    with torch.inference_mode():
        rise = network(batch.features + step, batch) - network(batch.features - step, batch)
    assert float(rise.sum()) == pytest.approx(2e-2 * float(features.grad.abs().sum()), rel=0.02)


def test_weights_that_change_before_the_way_back_are_told():
    network, batch = network_of(8, 32, 6), events_of((5, 20), 8)
    loss = network(batch.features, batch).sum()
    with torch.no_grad():
        network.projection.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_tokens_without_a_vector_are_refused_and_no_particles_are_no_work():
    network, batch = network_of(8, 32, 6), events_of((5,), 8)
    with pytest.raises(IndexError):
        network(batch.features, dataclasses.replace(batch, tokens=batch.tokens + TOKENS))
    nobody = events_of((0, 0), 8)
    torch.testing.assert_close(network(nobody.features, nobody)[0], network.output.bias)


def test_frozen_parts_have_no_gradients():
    network, batch = network_of(8, 32, 6), events_of((5, 20), 8)
    expected = outcome(network, batch)
    network.layers.requires_grad_(requires_grad=False)
    network.zero_grad()
    found = dict(zip(network.state_dict(), outcome(network, batch)[1:], strict=True))
    assert found["layers.0.mix.weight"] is None
    torch.testing.assert_close(found["projection.weight"], expected[2])
