"""Models of events with vertices: scales, masks, probabilities."""

import numpy as np
import pytest
import torch
from helpers.toy_z_events import turned, z_events

from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.flavour_task import Flavour, flavour_targets
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.represent.vertexed_events.data import VertexedData
from hepsets.represent.vertexed_events.inputs import proper_inputs
from hepsets.represent.vertexed_events.table import tree_table

TOLD = (
    *("kind", "energy", "true_pdg", "origin", "n_clusters", "track_length", "has_clusters"),
    *("flight_time", "flight_length", "has_flight_time"),
)
"""Columns that tell what a particle is, by whatever means: all but charge, track or cluster, and momentum."""


def test_scales_come_from_training_events_alone() -> None:
    some = z_events(200, seed=1)
    targets = flavour_targets(np.arange(200) % 3)
    model = build_vertexed_model("deep_sets", units=4)
    config = FitConfig(epochs=1, batch=64, validation_fraction=0.5, device="cpu")
    result = fit(model, some, targets, config=config, task=Flavour())
    particles = dict(some.particles.particles)
    held = np.isin(some.particles.event_of_particle, result.validation_indices)
    particles["px"] = np.where(held, 20 * particles["px"], particles["px"]).astype(np.float32)
    changed = VertexedEvents(ParticleSets(particles, some.particles.offsets, some.columns), some.vertices)
    other = build_vertexed_model("deep_sets", units=4)
    fit(other, changed, targets, config=config, task=Flavour())
    assert torch.equal(model.particle_scaler.mean, other.particle_scaler.mean)
    assert torch.equal(model.particle_scaler.scale, other.particle_scaler.scale)


def test_published_features_far_from_their_mean_count_as_it() -> None:
    some = z_events(50, seed=2)
    model = build_vertexed_model("fcnn", style="published").eval()
    model.fit_inputs(model.prepare(some).batch(torch.arange(50)))
    limited = model._limited(torch.tensor([[3.9, -4.1, 100.0]]))
    assert limited.tolist() == [[np.float32(3.9), 0.0, 0.0]]


def test_probabilities_of_classes_add_up_and_the_charge_has_its_own() -> None:
    some = z_events(20, seed=3)
    model = build_vertexed_model("deep_sets", classes=("b", "c", "s", "ud"), charge=True)
    found = score_heads(model, some)
    assert found.shape == (20, 5)
    np.testing.assert_allclose(found[:, :4].sum(1), 1, atol=1e-6)
    assert ((found > 0) & (found < 1)).all()


def test_no_tagger_of_proper_features_knows_turns_around_the_beam() -> None:
    some = z_events(20, seed=4)
    for name in ("deep_sets", "vertex_graph"):
        model = build_vertexed_model(name)
        model.fit_inputs(model.prepare(some).batch(torch.arange(20)))
        np.testing.assert_allclose(score_heads(model, some), score_heads(model, turned(some, 2.2)), atol=5e-3)


@pytest.mark.parametrize(
    "name", ["fcnn", "gru_attention", "deep_sets", "particle_transformer", "vertex_graph", "trees"]
)
def test_without_identification_no_bit_of_a_score_knows_what_particles_are(name) -> None:
    some = z_events(12, seed=5)
    particles = dict(some.particles.particles)
    assert particles.keys() >= set(TOLD)
    order = np.random.default_rng(1).permutation(some.particles.n_particles)
    exchanged = VertexedEvents(
        ParticleSets(
            particles | {told: particles[told][order] for told in TOLD}, some.particles.offsets, some.columns
        ),
        some.vertices,
    )

    def scores(identification):
        if name == "trees":
            spec = proper_inputs(identification)
            tables = [tree_table(VertexedData.from_events(one, spec)).columns for one in (some, exchanged)]
            return [np.stack(list(table.values())) for table in tables]
        model = build_vertexed_model(name, identification=identification, units=8)
        model.fit_inputs(model.prepare(some).batch(torch.arange(len(some))))
        return [score_heads(model, one) for one in (some, exchanged)]

    blind, told = scores("none"), scores("dndx+tof")
    np.testing.assert_array_equal(*blind)
    assert (told[0] != told[1]).any()
