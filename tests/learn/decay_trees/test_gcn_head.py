"""The tuned stack's head in training: what its five modules say one by one, forward and back."""

import copy
from unittest import mock

import pytest
import torch
from helpers.random_events import random_events

from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.decay_gcn import GCNStack
from hepsets.learn.decay_trees.gcn_head import Head
from hepsets.learn.layers.dropout import Dropout, _dropped
from hepsets.represent.decay_trees.data import EventData
from hepsets.represent.decay_trees.features import FeatureSpec


class _SameDropout(Dropout):
    """Drops what the compiled loops drop, in any precision."""

    def forward(self, values):
        return values * _dropped(torch.ones(values.shape), *self.drawn()).to(values.dtype)


def network(*, units=32, heads=1, dropout=0.2):
    torch.manual_seed(5)
    made = GCNStack(6, units, n_tokens=4, embedding=3, dropout=dropout, heads=heads)
    torch.nn.init.uniform_(made.head[1].weight, 0.5, 1.5)
    torch.nn.init.normal_(made.head[1].bias)
    return made.train()


def means(n=50, units=32):
    return torch.randn(n, units, generator=torch.Generator().manual_seed(2))


def learnt(logits, head, values):
    """Logits, and gradients of a sum of them."""
    torch.manual_seed(3)
    values = values.clone().requires_grad_()
    found = logits(values)
    (found * torch.linspace(-1, 1, found.numel(), dtype=found.dtype).view(found.shape)).sum().backward()
    return found.detach(), [values.grad, *(part.grad for part in head.parameters())]


@pytest.mark.parametrize(
    ("units", "heads", "dropout"), [(32, 1, 0.179), (32, 3, 0.0), (5, 2, 0.4), (40, 33, 0.2)]
)
def test_logits_and_gradients_agree_with_double_precision(units, heads, dropout):
    made = network(units=units, heads=heads, dropout=dropout)
    exact = copy.deepcopy(made.head).double()
    exact[3] = _SameDropout(dropout)
    values = means(units=units)
    assert made._head().can_train(values)
    found, gradients = learnt(made._head().logits, made.head, values)
    expected, wanted = learnt(exact, exact, values.double())
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    for gradient, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(
            gradient.double(), other, rtol=2e-5, atol=2e-5 * float(other.abs().max()) + 1e-5
        )
    torch.testing.assert_close(
        made.head[1].running_mean.double(), exact[1].running_mean, rtol=1e-5, atol=1e-6
    )
    torch.testing.assert_close(made.head[1].running_var.double(), exact[1].running_var, rtol=1e-5, atol=1e-6)
    assert made.head[1].num_batches_tracked == 1


def test_the_norm_adds_its_own_eps_to_the_variance_and_remembers_by_its_own_momentum():
    made, values = network(dropout=0.0), means()
    made.head[1].eps, made.head[1].momentum = 0.5, 0.25
    exact = copy.deepcopy(made.head).double()
    found, gradients = learnt(made._head().logits, made.head, values)
    expected, wanted = learnt(exact, exact, values.double())
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    for gradient, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(gradient.double(), other, rtol=2e-5, atol=2e-5)
    for name in ("running_mean", "running_var"):
        statistics, others = getattr(made.head[1], name), getattr(exact[1], name)
        torch.testing.assert_close(statistics.double(), others, rtol=1e-5, atol=1e-6)


def test_means_and_what_comes_back_may_lie_column_by_column():
    made, values = network(heads=3), means()
    turned = values.T.contiguous().T
    weight = torch.linspace(-1, 1, 150).view(50, 3)
    found = []
    for given, by in ((values, weight), (turned, weight.T.contiguous().T)):
        torch.manual_seed(3)
        given = given.clone().requires_grad_()
        logits = made._head().logits(given)
        parts = torch.autograd.grad(logits, [given, *made.head.parameters()], by)
        found.append([logits, *parts])
    assert not given.is_contiguous()
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_means_that_change_before_the_way_back_are_complained_about():
    made, values = network(), means().requires_grad_() * 1
    total = made._head().logits(values).sum()
    with torch.no_grad():
        values.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def test_gradients_can_be_asked_for_twice():
    made, values = network(), means().requires_grad_()
    total = made._head().logits(values).square().sum()
    total.backward(retain_graph=True)
    once = values.grad.clone()
    total.backward()
    torch.testing.assert_close(values.grad, 2 * once)


def test_weights_that_change_before_the_way_back_are_complained_about():
    made = network()
    total = made._head().logits(means()).sum()
    with torch.no_grad():
        made.head[0].weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def test_what_it_cannot_do_is_left_to_the_modules():
    made, values = network(), means()
    assert made._head().can_train(values)
    assert not made._head().can_train(values.double())
    assert not made._head().can_train(values[:1])
    with torch.autocast("cpu"):
        assert not made._head().can_train(values)
    made.head[1].momentum = None
    assert not made._head().can_train(values)
    assert not network().eval()._head().can_train(values)


def test_in_training_the_network_takes_it_and_drops_what_the_modules_would_have():
    made, events = network(), random_events(40, seed=1)
    data = EventData.from_events(events, PdgMap((11, 13)), FeatureSpec(coordinates="cylindrical"))
    batch = data.batch(torch.arange(len(data)))
    found = []
    for able in (True, False):
        torch.manual_seed(4)
        with mock.patch.object(Head, "can_train", return_value=able):
            found.append(made(batch.features, batch))
    assert [part.grad_fn.name() for part in found] == ["_LogitsBackward", "AddmmBackward0"]
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)
