from unittest import mock

import numpy as np
import pytest
import torch
from helpers.random_events import event_tables, events_of_sizes
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.events import Events
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.score import score


def by_hand(model, events: Events) -> torch.Tensor:
    """Particles of each event by falling energy, features side by side."""
    network, logits = model.network, []
    for event in range(len(events)):
        features = model.features.of_events(events[[event]])
        order = np.argsort(-events[[event]].particles["energy"], kind="stable")[: network.slots]
        table = torch.zeros(network.slots, len(model.features) + network.mask)
        table[: len(order), : len(model.features)] = features[order]
        if network.mask:
            table[: len(order), -1] = 1.0
        logits.append(network.mlp(table.reshape(-1)))
    return torch.cat(logits)


def test_slots_are_filled_by_falling_energy() -> None:
    events = events_of_sizes([7, 1, 0, 20, 12], seed=1)
    for name in ("flat_mlp", "flat_mlp_mask"):
        model = build_model(name, PdgMap(()), max_particles=12)
        with torch.no_grad():
            expected = torch.sigmoid(by_hand(model, events)).numpy()
        np.testing.assert_allclose(score(model, events), expected, atol=1e-6)


def test_particles_of_equal_energy_have_one_order_too() -> None:
    events = events_of_sizes([9, 9], seed=2)
    same_energy = {**events.particles, "energy": np.full(18, 2.0)}
    there = Events(same_energy, events.offsets)
    back = np.concatenate([np.arange(9)[::-1], np.arange(9, 18)[::-1]])
    turned = Events(
        {k: v[back] for k, v in same_energy.items() if "index" not in k}
        | {"index": events.particles["index"], "mother_index": np.zeros(18)},
        events.offsets,
    )
    model = build_model("flat_mlp", PdgMap(()))
    np.testing.assert_allclose(score(model, there), score(model, turned), atol=1e-6)


def test_particles_of_equal_energy_have_one_order_where_they_exchange_features_too() -> None:
    model = build_model("flat_mlp", PdgMap(()))
    others = [name for name in model.features.names if name != "energy"]
    particles = torch.eye(len(model.features))[[model.features.names.index(name) for name in others]]
    batch = model.prepare(events_of_sizes([len(others)], seed=2)).batch(torch.arange(1))
    expected = model.network(particles, batch)  # each has one feature of 1, all others are 0
    assert torch.equal(model.network(particles.flip(0), batch), expected)
    assert torch.equal(model.network(particles.roll(1, 0), batch), expected)


@given(event_tables(), st.sampled_from([3, 12]), st.booleans(), st.integers(0, 3))
def test_compiled_slots_are_those_of_pytorch(
    events: Events, slots: int, with_energy: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    for values in events.particles.values():
        if values.dtype.kind == "f":  # few values, so that many are the same, and some that are no numbers
            values[:] = random.choice([0.5, 1.0, 2.0, np.nan], len(values), p=[0.3, 0.3, 0.3, 0.1])
    drop = () if with_energy else ("energy",)
    model = build_model("flat_mlp_mask", PdgMap(()), max_particles=slots, drop=drop)
    batch, network = model.prepare(events).batch(torch.arange(len(events))), model.network
    seen = []
    with (
        torch.no_grad(),
        mock.patch.object(network.mlp, "forward", lambda table: seen.append(table) or table),
    ):
        network(batch.features, batch)
    expected = network._filled(batch.features, batch).reshape(len(events), -1)
    torch.testing.assert_close(seen[0], expected, rtol=0, atol=0, equal_nan=True)


def test_features_may_have_gradients() -> None:
    model = build_model("flat_mlp", PdgMap(()), max_particles=12)
    batch = model.prepare(events_of_sizes([7, 20], seed=1)).batch(torch.arange(2))
    features = batch.features.clone().requires_grad_()
    logits = model.network(features, batch)
    torch.testing.assert_close(logits, model.network(batch.features, batch))
    logits.sum().backward()
    assert float(features.grad.abs().sum()) > 0


def test_other_precisions_are_as_in_pytorch() -> None:
    events = events_of_sizes([7, 20], seed=1)
    model = build_model("flat_mlp_mask", PdgMap(()), max_particles=12)
    expected = score(model, events)
    np.testing.assert_allclose(score(model.double(), events), expected, atol=1e-6)
    with pytest.raises(RuntimeError, match="dtype"):  # single precision times half
        score(model.half(), events)


def test_no_events_have_no_logits() -> None:
    model = build_model("flat_mlp", PdgMap(()), heads=2)
    batch = model.prepare(events_of_sizes([3], seed=1)).batch(torch.arange(0))
    assert model.logits(batch).shape == (0, 2)
