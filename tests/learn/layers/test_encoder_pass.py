"""Compiled encoder layers give what the plain ones give, forward and back, trained and not."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from helpers.random_events import muon_label, random_events
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.layers import attention, embedded_encoder, encoder_pass
from hepsets.learn.layers.attention import AttentionPlan, EncoderLayer, encode
from hepsets.learn.layers.column_products import TILE
from hepsets.learn.layers.encoder_loops import length_of
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.represent.particle_sets.data import PackedSet


def some_layers(width, heads, hidden, n, dropout=0.0, seed=1):
    torch.manual_seed(seed)
    layers = nn.ModuleList(EncoderLayer(width, heads, hidden, dropout) for _ in range(n))
    with torch.no_grad():  # norms begin as ones and zeros, which would hide mistakes
        for weight in layers.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return layers


def events_of(sizes, width, seed=0):
    offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))
    torch.manual_seed(seed)
    return PackedSet(torch.randn(int(offsets[-1]), width), offsets)


def plain(layers, x, owner):
    """The layers as they are written."""
    plan = AttentionPlan(owner)
    for layer in layers:
        x = layer(x, plan)
    return x


def parts_of(layers, owner, *, keep=True):
    """The parts of a batch that go through layers one after the other, and how much memory they need."""
    return encoder_pass.in_parts(
        owner.offsets.numpy(), encoder_pass.packed(layers, encoder_pass.weights_of(layers)), keep=keep
    )


def outcome(how, layers, owner, seed=3):
    """The result, and the gradients of the input and all weights."""
    layers.zero_grad()
    x = owner.features.clone().requires_grad_()
    torch.manual_seed(seed)
    result = how(layers, x, owner)
    torch.manual_seed(seed)
    (result * torch.randn(result.shape).to(result.dtype)).sum().backward()
    return [result.detach(), x.grad, *(weight.grad for weight in layers.parameters())]


def assert_alike(found, expected, tolerance):
    for one, other in zip(found, expected, strict=True):
        # gradients of keys' biases are zero but for rounding
        torch.testing.assert_close(
            one.double(), other.double(), rtol=0, atol=tolerance * max(1.0, float(other.abs().max()))
        )


@given(
    st.lists(st.integers(0, 50) | st.sampled_from([0, 1, 2, 300]), min_size=1, max_size=5).filter(any),
    st.sampled_from([(32, 4, 64, 2), (6, 2, 10, 3), (24, 3, 24, 1), (16, 1, 80, 2)]),
    st.integers(0, 2**31),
)
@settings(max_examples=12, deadline=None)
def test_results_and_gradients_are_those_of_the_plain_layers_in_double_precision(sizes, shape, seed):
    layers, owner = some_layers(*shape), events_of(sizes, shape[0], seed)
    exact = copy.deepcopy(layers).double(), PackedSet(owner.features.double(), owner.offsets)
    assert_alike(outcome(encode, layers, owner), outcome(encode, *exact), 2e-5)


@pytest.mark.parametrize("sizes", [(3, 0, 41, 60), [40] * 60])  # in one part, and in several
def test_dropout_drops_what_it_drops_in_plain_layers(sizes):
    layers, owner = some_layers(32, 4, 64, 2, dropout=0.17), events_of(sizes, 32)
    assert len(parts_of(layers, owner)[0].parts) == (2 if len(sizes) == 4 else 6)
    assert_alike(outcome(encode, layers, owner), outcome(plain, layers, owner), 2e-5)
    torch.manual_seed(9)
    first = encode(layers, owner.features, owner)
    torch.manual_seed(9)
    with torch.no_grad():
        assert torch.equal(encode(layers, owner.features, owner), first)  # kept or not
    assert not torch.equal(encode(layers, owner.features, owner), first)


def test_gradients_are_finite_differences_with_the_same_dropout():
    layers, owner = some_layers(6, 2, 8, 2, dropout=0.3, seed=2), events_of((5, 1, 9), 6)
    _, *gradients = outcome(encode, layers, owner)
    torch.manual_seed(3)
    along = torch.randn(owner.features.shape)

    def value():
        torch.manual_seed(3)
        with torch.no_grad():
            return float((encode(layers, owner.features, owner).double() * along).sum())

    for tensor, gradient in zip([owner.features, *layers.parameters()], gradients, strict=True):
        direction, step = torch.sign(gradient), 2e-3 / max(1.0, tensor.numel() ** 0.5)
        with torch.no_grad():
            high = tensor.add_(step * direction) is tensor and value()
            low = tensor.sub_(2 * step * direction) is tensor and value()
            tensor.add_(step * direction)
        slope = float(gradient.double().abs().sum())
        assert (high - low) / (2 * step) == pytest.approx(slope, rel=0.03, abs=0.02)


def test_a_seeded_training_has_the_curve_of_the_plain_layers(monkeypatch):
    events = random_events(300, seed=4)
    label, pdg_map = muon_label(events), PdgMap.fit(events.particles["pdg"])
    config = FitConfig(epochs=3, batch=64, device="cpu")

    def curve():
        history = fit(build_model("transformer", pdg_map), events, label, config=config).history
        return [(record.train_loss, record.validation_loss) for record in history]

    compiled = curve()
    for way in (attention, embedded_encoder):
        monkeypatch.setattr(way, "runs_kernels", lambda _: False)
    np.testing.assert_allclose(compiled, curve(), rtol=2e-5)
    assert np.ptp(compiled) > 0.01


def test_frozen_layers_pass_gradients_on_and_scores_need_none():
    layers, owner = some_layers(8, 2, 16, 1), events_of((4, 7), 8)
    expected = outcome(encode, layers, owner)
    layers.requires_grad_(requires_grad=False)
    x = owner.features.clone().requires_grad_()
    result = encode(layers, x, owner)
    torch.manual_seed(3)
    (result * torch.randn(result.shape)).sum().backward()
    torch.testing.assert_close(x.grad, expected[1])
    assert not encode(layers, owner.features, owner).requires_grad
    with torch.inference_mode():
        torch.testing.assert_close(encode(layers, owner.features, owner), expected[0])


def test_weights_that_change_before_the_way_back_are_told():
    layers, owner = some_layers(8, 2, 16, 1), events_of((4, 7), 8)
    loss = encode(layers, owner.features, owner).sum()
    with torch.no_grad():
        layers[0].mix.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_parts_hold_whole_events_and_all_of_them_and_what_is_kept_has_its_own_memory():
    sizes = [0, 2000, 1, 0, 30, 5000, 0, 700, 700, 0]
    layers, owner = some_layers(32, 4, 64, 2), events_of(sizes, 32)
    batch, size = parts_of(layers, owner)
    particles = np.diff(owner.offsets.numpy()[batch.parts])
    assert len(particles) > 2
    assert particles.min() > 0
    assert particles.sum() == sum(sizes)
    assert batch.parts[0] == 0
    rows = 2 * (3 * 32 + 2 * 4 + 2)
    np.testing.assert_array_equal(np.diff(batch.begins), [rows * length_of(int(n)) for n in particles])
    assert size == batch.begins[-1]
    other, less = parts_of(layers, owner, keep=False)
    np.testing.assert_array_equal(other.parts, batch.parts)
    assert not other.begins.any()
    assert less == rows // 2 * length_of(5000)


def test_parts_leave_few_places_of_their_tiles_free():
    owner = events_of(np.random.default_rng(5).poisson(41, 256), 32)
    batch, _ = parts_of(some_layers(32, 4, 64, 1), owner)
    particles = np.diff(owner.offsets.numpy()[batch.parts])
    assert abs(particles[:-1] - 512).max() <= 128
    assert (-particles % TILE).sum() < 0.025 * particles.sum()  # by chance it would be 24 of 512


@pytest.mark.parametrize("n", [1, 47, 48, 49, 1000])
def test_rows_have_whole_tiles_and_room_behind_the_last_particle_in_an_odd_number_of_cache_lines(n):
    length = length_of(n)
    assert length >= n + 15
    assert length >= -(-n // TILE) * TILE
    assert length % 32 == 16


@pytest.mark.parametrize(("width", "heads"), [(33, 4), (7, 4), (1, 4)])
def test_heads_that_do_not_divide_the_width_are_refused(width, heads):
    with pytest.raises(InputError, match=f"{width} units for {heads} attention heads"):
        EncoderLayer(width, heads, 2 * width, 0.0)


def test_variances_as_small_as_what_is_added_to_them():
    layers, owner = some_layers(8, 2, 16, 1), events_of((4, 7), 8)
    with torch.no_grad():
        owner.features.mul_(3e-3)
        for layer in (layers[0].mix, layers[0].down):
            layer.weight.zero_()
            layer.bias.zero_()
        layers[0].attention_norm.weight.mul_(3e-3)
        layers[0].attention_norm.bias.mul_(3e-3)
    exact = copy.deepcopy(layers).double(), PackedSet(owner.features.double(), owner.offsets)
    assert_alike(outcome(encode, layers, owner), outcome(encode, *exact), 1e-4)


def test_no_particles_are_no_work():
    layers, owner = some_layers(8, 2, 16, 1), events_of((0, 0), 8)
    assert encode(layers, owner.features, owner).shape == (0, 8)
