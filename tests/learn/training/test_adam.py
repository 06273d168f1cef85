"""Adam with fewer steps in Python is PyTorch's, bit for bit."""

import copy

import pytest
import torch
from torch import nn

from hepsets.learn.training.adam import Adam


def trained(make, steps, skipped=(), resumed_at=None):
    """Weights after some steps; in those ``skipped`` the second layer has no gradient."""
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    optimizer = make(network.parameters())
    for step in range(steps):
        if step == resumed_at:
            kept = copy.deepcopy(optimizer.state_dict())
            optimizer = make(network.parameters())
            optimizer.load_state_dict(kept)
        optimizer.param_groups[0]["lr"] = 0.01 / (1 + step)
        inner = network[0](torch.randn(5, 3))
        loss = inner.sum() if step in skipped else (network[1](inner) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return list(network.parameters())


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("skipped", "resumed_at"), [((), None), ((0, 4), None), ((3,), 2), ((), 5), ((1,), 1)]
)
def test_weights_move_as_with_pytorch(decay, skipped, resumed_at):
    found, expected = (
        trained(make, 8, skipped, resumed_at)
        for make in (
            lambda weights: Adam(weights, lr=0.01, weight_decay=decay),
            lambda weights: torch.optim.AdamW(weights, lr=0.01, weight_decay=decay, fused=True),
        )
    )
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_a_closure_and_gradients_of_zero_are_as_in_pytorch():
    weight = nn.Parameter(torch.ones(2))
    optimizer = Adam([weight], lr=0.1, weight_decay=0.0)
    for _ in range(2):
        assert optimizer.step(lambda: 3.0) == 3.0
    weight.grad = torch.ones(2)
    optimizer.zero_grad(set_to_none=False)
    assert weight.grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert weight.grad is None


def test_a_copy_goes_on_by_itself():
    pair = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(1))
    optimizer = Adam(pair, lr=0.1, weight_decay=0.1)

    def move(optimizer, weights):
        for _ in range(2):
            for weight in weights:
                weight.grad = torch.full_like(weight, 0.3)
            optimizer.step()

    move(optimizer, pair)
    copied, weights = copy.deepcopy((optimizer, pair))
    move(copied, weights)
    assert not torch.equal(weights[0], pair[0])
    move(optimizer, pair)
    assert torch.equal(weights[0], pair[0])


def test_a_closure_that_makes_the_gradients_is_asked_in_each_step():
    found, expected = (nn.Parameter(torch.ones(2)) for _ in range(2))
    for weight, kind in ((found, Adam), (expected, torch.optim.AdamW)):
        optimizer = kind([weight], lr=0.1, weight_decay=0.1)
        weight.grad = torch.ones(2)
        for step in range(4):

            def closure(weight=weight, step=step):
                weight.grad = torch.full((2,), float(step))
                return step

            asked = step in (1, 2)
            assert optimizer.step(closure if asked else None) == (step if asked else None)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


def test_an_optimizer_that_has_stepped_goes_on_with_the_state_that_it_loads():
    found, expected = (nn.Parameter(torch.ones(2)) for _ in range(2))
    for weight, kind in ((found, Adam), (expected, torch.optim.AdamW)):
        optimizer = kind([weight], lr=0.1, weight_decay=0.1)
        for step in range(6):
            weight.grad = torch.full((2,), float(step))
            optimizer.step()
            if step == 2:
                kept = copy.deepcopy(optimizer.state_dict())
        optimizer.load_state_dict(kept)
        optimizer.step()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
