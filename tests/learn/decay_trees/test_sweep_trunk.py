"""``decay_sweep`` as it is trained and scored on a CPU: the network as it is written, with fewer products."""

import contextlib
import copy
import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers.random_events import muon_label, random_events
from helpers.trained_norms import with_trained_norms
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees import decay_sweep, sweep_trunk
from hepsets.learn.decay_trees.decay_sweep import DecaySweep
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.decay_trees.sweep_trunk import Arranged, sum_of_particles
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.sums import EventSums

TOKENS = 7


def network(rounds=1, dropout=0.1):
    """As after training: no scale is 1 and no shift 0."""
    torch.manual_seed(5)
    made = DecaySweep(16, n_tokens=TOKENS, embedding=4, rounds=rounds, dropout=dropout)
    return with_trained_norms(made)


def batch(sizes, seed, *, mothers_first=True):
    random = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    n = int(offsets[-1])
    mothers = np.arange(n)
    for begin, end in pairwise(offsets):
        for i in range(begin + 1, end):  # one in four is a root
            mothers[i] = i if random.random() < 0.25 else random.integers(begin, i)
        if not mothers_first and end - begin > 1:
            mothers[begin], mothers[end - 1] = end - 1, end - 1
    features = random.normal(size=(n, 8)).astype(np.float32)
    features[:, 4] = np.abs(features[:, 4]) + np.linalg.norm(features[:, 5:], axis=1)
    tokens = torch.from_numpy(random.integers(0, TOKENS, n))
    return PackedBatch(
        torch.from_numpy(features), tokens, torch.from_numpy(mothers), torch.from_numpy(offsets)
    )


def as_written(made, events):
    return events.sum(torch.relu(made.pool(made._particles(events))))


def sums_and_gradients(of, made, events):
    """Sums, gradients of the weights, and what the layers remember, of a network in the mode it is in."""
    made = copy.deepcopy(made)
    torch.manual_seed(3)
    sums = of(made, events)
    outer = torch.sin(torch.arange(sums.numel(), dtype=sums.dtype)).view(sums.shape)
    (sums * outer).sum().backward()
    gradients = {name: weight.grad for name, weight in made.named_parameters() if weight.grad is not None}
    return sums.detach(), gradients, dict(made.named_buffers())


def assert_near(found, expected, tolerance):
    """In units of the largest number of each tensor."""
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        largest = float(numbers.abs().max()) if numbers.numel() else 0.0
        torch.testing.assert_close(
            found[name].double(), numbers.double(), rtol=0, atol=tolerance * max(1.0, largest), msg=name
        )


@settings(max_examples=30)
@given(st.lists(st.integers(0, 12), max_size=6), st.integers(0, 1000), st.integers(1, 2))
def test_sums_are_those_of_the_network_as_it_is_written(sizes, seed, rounds):
    made, events = network(rounds), batch(sizes, seed)
    with torch.inference_mode():
        found, expected = sum_of_particles(made, events), as_written(made, events)
    assert found.shape == (len(sizes), 32)
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) > 4),
    st.integers(0, 1000),
    st.integers(1, 2),
    st.booleans(),
)
def test_training_drops_remembers_and_moves_weights_as_the_network_as_it_is_written(
    sizes, seed, rounds, training
):
    made, events = network(rounds).train(training), batch(sizes, seed)
    found, expected = (sums_and_gradients(of, made, events) for of in (sum_of_particles, as_written))
    torch.testing.assert_close(found[0], expected[0], rtol=1e-4, atol=1e-4)
    assert_near(found[1], expected[1], 1e-3)
    assert_near(found[2], expected[2], 1e-5)


def test_gradients_of_a_large_batch_are_nearer_to_double_precision_than_those_of_the_network_as_written():
    made, events = network(dropout=0.0).train(), batch([40] * 120, 3)  # more than goes through at a time
    assert events.n_particles > 2 * sweep_trunk.ROWS
    _, found, _ = sums_and_gradients(sum_of_particles, made, events)
    _, plain, _ = sums_and_gradients(as_written, made, events)
    exactly = dataclasses.replace(events, features=events.features.double())
    _, exact, _ = sums_and_gradients(as_written, made.double(), exactly)
    assert found.keys() == exact.keys()
    for name, gradient in exact.items():
        off, usual = (float((of[name] - gradient).norm() / gradient.norm()) for of in (found, plain))
        assert off < max(2 * usual, 1e-5), name


def test_gradients_are_slopes_with_the_same_values_dropped():
    made, events = network(rounds=2).train(), batch([12, 0, 1, 30, 9], 2)
    _, gradients, _ = sums_and_gradients(sum_of_particles, made, events)
    random = torch.Generator().manual_seed(1)
    weights = dict(made.named_parameters())

    def at(name, move, step):
        moved = copy.deepcopy(made)
        with torch.no_grad():
            moved.get_parameter(name).add_(move, alpha=step)
            torch.manual_seed(3)
            sums = sum_of_particles(moved, events).double()
        return float((sums * torch.sin(torch.arange(sums.numel()).double()).view(sums.shape)).sum())

    for name, gradient in gradients.items():
        move = gradient / gradient.norm() + 0.3 * torch.randn(weights[name].shape, generator=random)
        slope = (at(name, move, 1e-3) - at(name, move, -1e-3)) / 2e-3
        assert slope == pytest.approx(float((gradient * move).sum()), rel=0.03), name


def test_a_seeded_training_follows_the_curve_of_the_network_as_it_is_written(monkeypatch):
    events = random_events(300, seed=1, mean_particles=10)

    def trained():
        model = build_model("decay_sweep", PdgMap.fit(events.particles["pdg"]), units=16, embedding=8)
        config = FitConfig(epochs=2, batch=50, learning_rate=3e-3, device="cpu")
        return fit(model, events, muon_label(events), config=config).history, model

    found, fast = trained()
    monkeypatch.setattr(decay_sweep, "sum_of_particles", lambda *_: None)
    expected, plain = trained()
    for one, other in zip(found, expected, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        # a bias in front of a normalisation has no gradient but rounding, which Adam makes steps of
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=2e-3)
    assert fast.state_dict().keys() == plain.state_dict().keys()


def test_gradients_can_be_asked_for_twice_but_not_of_themselves():
    made, events = network().train(), batch([20, 30], 1)
    loss = sum_of_particles(made, events).square().sum()
    weight = made.rounds[0].messages.weight
    (first,) = torch.autograd.grad(loss, weight, retain_graph=True)
    (second,) = torch.autograd.grad(loss, weight, retain_graph=True)
    assert torch.equal(first, second)
    (again,) = torch.autograd.grad(loss, weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        again.sum().backward()


def test_gradients_are_those_of_the_statistics_that_the_values_were_made_with():
    made, events = network(), batch([20, 30], 1)
    _, expected, _ = sums_and_gradients(sum_of_particles, made, events)
    sums = sum_of_particles(made, events)
    made.train()
    sum_of_particles(made, batch([40, 10], 2))  # moves the running statistics
    outer = torch.sin(torch.arange(sums.numel(), dtype=sums.dtype)).view(sums.shape)
    (sums * outer).sum().backward()
    for name, gradient in expected.items():
        assert torch.equal(made.get_parameter(name).grad, gradient), name


@pytest.mark.parametrize("training", [True, False])
def test_variances_as_small_as_what_is_added_to_them(training):
    made, events = network(dropout=0.0).train(training), batch([20, 30, 1], 1)
    for norm in (made.norm, made.rounds[0].norm):
        norm.eps = 1.0
    found, expected = (sums_and_gradients(of, made, events) for of in (sum_of_particles, as_written))
    torch.testing.assert_close(found[0], expected[0], rtol=1e-4, atol=1e-4)
    assert_near(found[1], expected[1], 1e-3)


@pytest.mark.parametrize("training", [True, False])
def test_values_of_zero_have_no_gradients(training):
    made, events = network(dropout=0.0).train(training), batch([20, 30], 1)
    for layer in (made.inputs, made.rounds[0].messages, made.rounds[0].output, made.pool):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    for one in ((), (made.pool,), (made.pool, made.rounds[0].output)):  # from the last layer on
        for layer in one:
            torch.nn.init.ones_(layer.bias)
            torch.nn.init.normal_(layer.weight)
        _, found, _ = sums_and_gradients(sum_of_particles, made, events)
        _, expected, _ = sums_and_gradients(as_written, made, events)
        assert_near(found, expected, 1e-3)


def test_frozen_layers_stay_frozen():
    made, events = network().train(), batch([20, 30], 1)
    for frozen in (made.embedding, made.inputs, made.norm):
        frozen.requires_grad_(requires_grad=False)
    _, found, _ = sums_and_gradients(sum_of_particles, made, events)
    _, expected, _ = sums_and_gradients(as_written, made, events)
    assert_near(found, expected, 1e-3)


def test_scores_of_a_trained_width_agree_to_a_millionth():
    torch.manual_seed(1)
    made = DecaySweep(64, n_tokens=TOKENS, embedding=24).eval()
    events = batch([40] * 50, 2)
    with torch.inference_mode():
        found = torch.sigmoid(made.head(sum_of_particles(made, events) / 40))
        expected = torch.sigmoid(made.head(as_written(made, events) / 40))
    assert float((found - expected).abs().max()) < 1e-6


def test_mothers_come_first_each_before_her_daughters():
    events = batch([5, 30, 1], 6)
    tree = Arranged.of(events)
    places = np.arange(events.n_particles)
    assert (tree.daughters[: tree.n_mothers] > 0).all()
    assert (tree.daughters[tree.n_mothers :] == 0).all()
    assert (tree.mothers <= places).all()
    np.testing.assert_array_equal(tree.particles[tree.mothers], events.mothers.numpy()[tree.particles])
    np.testing.assert_array_equal(tree.event, events.event_of_particle.numpy()[tree.particles])


def test_what_it_cannot_do_is_left_to_the_network_as_it_is_written():
    made, events = network(), batch([6, 9], 3)
    unordered = batch([6, 9], 3, mothers_first=False)
    double = dataclasses.replace(events, features=events.features.double())
    asked = dataclasses.replace(events, features=events.features.clone().requires_grad_())
    unknown = dataclasses.replace(events, tokens=torch.full_like(events.tokens, TOKENS))
    across = dataclasses.replace(events, mothers=torch.zeros_like(events.mothers))
    for mode in (True, False):
        made.train(mode)
        for other in (unordered, double, asked, unknown, across):
            assert sum_of_particles(made, other) is None
        assert sum_of_particles(made, events) is not None
        assert made.pooled(unordered).shape == (2, 32)
    for wrong, error in ((unknown, IndexError), (across, InputError)):
        with pytest.raises(error):
            made.pooled(wrong)
    made.pooled(asked).sum().backward()
    assert float(asked.features.grad.abs().sum()) > 0


def test_numbers_that_overflow_stay_no_numbers():
    made, events = network(), batch([6, 9], 3)
    events.features[0, 4] = torch.inf
    with torch.inference_mode():
        found, expected = sum_of_particles(made, events), as_written(made, events)
    assert not torch.isfinite(found[0]).all()
    torch.testing.assert_close(found[1], expected[1], rtol=2e-5, atol=2e-5)
    assert not torch.isfinite(sum_of_particles(made.train(), events)).all()


def test_what_is_no_number_lets_gradients_pass_as_in_the_network_as_it_is_written():
    made, events = network(dropout=0.0), batch([6, 9, 20], 3)
    events.features[8, 4] = torch.nan
    _, found, _ = sums_and_gradients(sum_of_particles, made, events)
    _, expected, _ = sums_and_gradients(as_written, made, events)
    for name in ("pool.bias", "rounds.0.output.bias", "rounds.0.messages.bias"):
        assert torch.isfinite(expected[name]).all()
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-3, msg=name)


@pytest.mark.parametrize("sizes", [[], [0], [1], [2], [0, 3, 0]])
@pytest.mark.parametrize("training", [True, False])
def test_hardly_any_particles_sum_as_in_the_network_as_it_is_written(sizes, training):
    made, events = network().train(training), batch(sizes, 1)
    assert isinstance(events, EventSums)
    one = training and sum(sizes) == 1
    with pytest.raises(ValueError, match="more than 1") if one else contextlib.nullcontext():
        torch.manual_seed(1)
        found = made.pooled(events)
        torch.manual_seed(1)
        torch.testing.assert_close(40 * found, as_written(made, events), rtol=2e-3, atol=2e-3)
