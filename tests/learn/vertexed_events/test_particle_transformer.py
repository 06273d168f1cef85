"""Features of pairs, and attention that does not see empty places."""

import numpy as np
import pytest
import torch
from helpers.toy_z_events import events_of_sizes

from hepsets.core.errors import InputError
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.particle_transformer import from_vectors, pair_features
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.represent.vertexed_events.constituents import CONSTITUENT, VECTOR
from hepsets.represent.vertexed_events.kinematics import BEAM_ENERGY


def test_pairs_have_the_angle_transverse_momentum_share_and_mass_of_the_definition() -> None:
    p = np.array([2.0, 6.0])
    directions = np.array([[1.0, 0, 0], [np.cos(0.1), np.sin(0.1), 0]])
    raw = np.column_stack([directions, np.log(p / BEAM_ENERGY)])[None]
    delta, kt, z, mass = pair_features(torch.from_numpy(raw).float())[0, 0, 1].tolist()
    assert np.exp(delta) == pytest.approx(2 * np.sin(0.05), rel=1e-4)
    assert np.exp(kt) == pytest.approx(2.0 * 2 * np.sin(0.05), rel=1e-4)
    assert np.exp(z) == pytest.approx(2 / 8, rel=1e-4)
    assert np.exp(mass) == pytest.approx(2 * 2 * 6 * (1 - np.cos(0.1)), rel=1e-3)


def test_more_empty_places_change_no_score() -> None:
    some = events_of_sizes([4, 9, 1, 0], seed=1)
    small, large = (build_vertexed_model("particle_transformer", cap=cap, seed=1) for cap in (12, 40))
    large.load_state_dict(small.state_dict())
    np.testing.assert_allclose(score_heads(small, some), score_heads(large, some), atol=1e-6)


def test_heads_must_divide_the_units() -> None:
    with pytest.raises(InputError, match="multiple"):
        build_vertexed_model("particle_transformer", units=30, attention_heads=4)


def test_momenta_of_constituents_are_those_of_the_thrust_frame_s_particles() -> None:
    vectors = torch.tensor([[50.0, 40.0, 0.5, 2.0], [0.0, 0.0, 0.0, 0.0]])
    found = from_vectors(vectors)
    assert found[0, :3].norm().item() == pytest.approx(1, abs=1e-6)
    assert torch.atan2(found[0, 1], found[0, 0]).item() == pytest.approx(2.0, abs=1e-6)
    assert found[0, 2].item() == pytest.approx(np.cos(0.5), abs=1e-6)
    assert found[0, 3].item() == pytest.approx(np.log(40 / BEAM_ENERGY), abs=1e-6)
    assert torch.isfinite(found).all()


def test_constituents_of_jets_are_for_the_transformer_alone() -> None:
    model = build_vertexed_model("particle_transformer", style="constituents", level="hemisphere")
    assert set(model.spec.particles) == {*CONSTITUENT, *VECTOR}
    assert model.spec.vertices == model.spec.events == ()
    with pytest.raises(InputError, match="constituents"):
        build_vertexed_model("deep_sets", style="constituents")
