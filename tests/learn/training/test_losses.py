"""The losses against what they claim to be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.random_events import muon_label, random_events
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.pdg import PdgMap
from hepsets.evaluate.filter.importance_sampling import importance_speedup
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.losses import ComputingTime, cross_entropy
from hepsets.learn.training.score import score
from hepsets.learn.training.task import Binary


@given(
    seed=st.integers(0, 2**31),
    retention=st.floats(0.01, 0.5),
    generate=st.floats(0.0, 0.5),
    network=st.floats(0.0, 0.5),
)
def test_computing_time_is_minus_the_logarithm_of_the_speedup(seed, retention, generate, network):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(40) < 15)
    logits, weights = rng.uniform(-5, 5, 40), rng.uniform(0.5, 20, 40)
    costs = ComputingTime(retention=retention, time_generate=generate, time_network=network)
    loss = costs(
        *(torch.from_numpy(a)[:, None] for a in (logits, labels.astype(float), weights)), torch.ones(1)
    )
    expected = importance_speedup(
        labels,
        1 / (1 + np.exp(-logits)),
        weights,
        SpeedupConfig(retention=retention, time_generate=generate, time_network=network),
    ).speedup.value
    assert float(loss) == pytest.approx(-np.log(expected), abs=1e-9)


def test_the_computing_time_is_least_at_the_square_root_of_the_pass_probability():
    """Free keep probabilities of five kinds of events find the closed form by gradient descent."""
    passing = torch.tensor([0.002, 0.01, 0.05, 0.1, 0.3], dtype=torch.float64)[:, None]
    retention = float(passing.mean())
    loss_of = ComputingTime(retention=retention, time_generate=0.1)
    logits = torch.zeros(5, 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-15)

    def closure():
        optimizer.zero_grad()
        loss = loss_of(logits, passing, torch.ones(5, 1), torch.ones(1))
        loss.backward()
        return loss

    for _ in range(5):
        optimizer.step(closure)
    keep = torch.sigmoid(logits.detach())
    inside = keep[:, 0] < 0.99  # the likeliest events may be kept always
    ratio = (keep / passing.sqrt())[inside, 0]
    assert inside.sum() >= 4
    np.testing.assert_allclose(ratio / ratio[0], 1, atol=1e-3)


def test_soft_targets_are_the_mean_over_hard_ones():
    logits = torch.tensor([[0.3], [-1.2]])
    weights, sums = torch.tensor([[2.0], [1.0]]), torch.tensor([3.0])
    soft = cross_entropy(logits, torch.tensor([[0.25], [0.5]]), weights, sums)
    hard = sum(
        p * cross_entropy(logits, torch.tensor([[a], [b]]), weights, sums)
        for p, a, b in ((0.125, 1.0, 1.0), (0.125, 1.0, 0.0), (0.375, 0.0, 1.0), (0.375, 0.0, 0.0))
    )
    assert float(soft) == pytest.approx(float(hard))


def test_training_for_computing_time_saves_it():
    events, test = (
        random_events(2000, seed=1, mean_particles=8),
        random_events(2000, seed=2, mean_particles=8),
    )
    model = build_model("deep_sets_pdg", PdgMap.fit(events.particles["pdg"]), units=16)
    config = FitConfig(epochs=10, batch=128, learning_rate=0.01, device="cpu")
    result = fit(model, events, muon_label(events), config=config, task=Binary(ComputingTime()))
    costs = SpeedupConfig(time_network=0.0)
    reached = importance_speedup(muon_label(test), score(model, test), None, costs).speedup.value
    assert reached > 4
    assert result.history[-1].validation_loss < -1


@given(st.integers(0, 9), st.integers(1, 3), st.integers(0, 2**31))
def test_cross_entropy_in_one_pass_is_that_of_pytorch(events, heads, seed):
    """In single precision with gradients, and in double precision, where PyTorch works it out."""
    rng = np.random.default_rng(seed)
    logits, targets = rng.normal(scale=30, size=(events, heads)), rng.uniform(size=(events, heads)).round(1)
    weights, sums = rng.normal(1, 1, (events, heads)), rng.uniform(-0.1, 3, heads)
    found = []
    for dtype in (torch.float32, torch.float64):
        given_rows = [
            torch.from_numpy(each.astype(np.float32)).to(dtype) for each in (targets, weights, sums)
        ]
        z = torch.from_numpy(logits.astype(np.float32)).to(dtype).requires_grad_()
        loss = cross_entropy(z, *given_rows)
        loss.backward()
        found.append((loss.detach().double(), z.grad.double()))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)


def test_a_logit_that_is_no_number_makes_a_loss_that_is_none():
    logits = torch.tensor([[0.3], [torch.nan]], requires_grad=True)
    ones = torch.ones(2, 1)
    loss = cross_entropy(logits, ones, ones, torch.full((1,), 2.0))
    loss.backward()
    assert torch.isnan(loss)
    assert torch.isnan(logits.grad).ravel().tolist() == [False, True]


def test_the_gradient_is_that_of_what_is_made_of_the_loss():
    logits, ones = torch.zeros(2, 1, requires_grad=True), torch.ones(2, 1)
    (3 * cross_entropy(logits, ones, ones, torch.full((1,), 2.0))).backward()
    assert logits.grad.ravel().tolist() == [-0.75, -0.75]


def test_a_certain_event_still_has_a_loss():
    logits, ones = torch.full((1, 1), 40.0, requires_grad=True), torch.ones(1, 1)
    assert float(cross_entropy(logits, ones, ones, torch.ones(1)).detach()) == pytest.approx(
        np.exp(-40), rel=1e-6, abs=0
    )


def test_other_shapes_and_further_gradients_are_as_in_pytorch():
    random = torch.Generator().manual_seed(1)
    logits, targets = (torch.rand(4, 3, generator=random) for _ in range(2))
    weights, sums = torch.rand(4, 1, generator=random), torch.tensor(2.0)
    expected = cross_entropy(logits, targets, weights.expand(4, 3), sums.expand(3))  # of no gradients
    for known in ((weights, sums), (weights.expand(4, 3), sums.expand(3))):
        found = cross_entropy(logits.clone().requires_grad_(), targets, *known)
        torch.testing.assert_close(found.detach(), expected)
    weights.requires_grad_()
    cross_entropy(logits.requires_grad_(), targets, weights.expand(4, 3), sums.expand(3)).backward()
    assert bool((weights.grad > 0).all())
    row = torch.zeros(4, requires_grad=True)
    assert float(cross_entropy(row, torch.ones(4), torch.ones(4), torch.tensor(4.0)).detach()) == (
        pytest.approx(np.log(2))
    )
    with pytest.raises(ValueError, match="Target size"):
        cross_entropy(logits, targets[:2], weights.detach().expand(4, 3), sums.expand(3))


def test_one_trains_on_cross_entropy_with_weights_of_either_sign():
    events = random_events(40, seed=1)
    weights = np.where(np.arange(40) % 4, 1.0, -0.5)
    history = fit(
        build_model("deep_sets", PdgMap(())), events, muon_label(events), weights, FitConfig(epochs=1)
    ).history
    assert np.isfinite(history[0].train_loss)
