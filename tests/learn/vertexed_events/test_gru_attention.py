"""The recurrent network and its attention."""

import torch
from helpers.toy_z_events import events_of_sizes

from hepsets.learn.vertexed_events.recipe import build_vertexed_model


def test_attention_adds_up_over_members_and_is_zero_elsewhere() -> None:
    model = build_vertexed_model("gru_attention", particle_cap=6, vertex_cap=4)
    batch = model.prepare(events_of_sizes([2, 20, 0], seed=1)).batch(torch.arange(3))
    weights = model.network.attention(batch.particles.features, batch.vertices.features, batch)
    assert weights.shape == (3, 10)
    torch.testing.assert_close(weights.sum(1), torch.tensor([1.0, 1.0, 0.0]))
    assert (weights[0, [1, 2, 3, 6, 7, 8, 9]] == 0).all()  # one vertex, two particles
    assert (weights[1, [0, 1, 2, 4, 9]] > 0).all()


def test_a_step_is_that_of_pytorchs_cell() -> None:
    model = build_vertexed_model("gru_attention", units=5)
    cell = model.network.recurrent
    torch.manual_seed(1)
    inputs, state = torch.randn(3, 5), torch.randn(3, 5)
    from hepsets.learn.vertexed_events.gru_attention import _gated

    multiplied = torch.nn.functional.linear(inputs, cell.weight_ih, cell.bias_ih)
    torch.testing.assert_close(_gated(cell, multiplied, state), cell(inputs, state))
