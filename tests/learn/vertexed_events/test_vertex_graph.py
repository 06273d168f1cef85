"""Messages between particles and their vertices."""

from itertools import pairwise

import numpy as np
import torch
from helpers.toy_z_events import z_events

from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.recipe import build_vertexed_model


def fitted(some: VertexedEvents, **options):
    model = build_vertexed_model("vertex_graph", **options)
    model.fit_inputs(model.prepare(some).batch(torch.arange(len(some))))
    return model


def test_which_hemisphere_comes_first_has_no_meaning() -> None:
    some = z_events(20, seed=1)
    turned = {f"thrust_{name}": -some.columns[f"thrust_{name}"] for name in "xyz"}
    model = fitted(some)
    np.testing.assert_allclose(
        score_heads(model, some), score_heads(model, some.with_columns(**turned)), atol=1e-5
    )


def test_membership_matters() -> None:
    some = z_events(20, seed=2)
    alone = np.full(some.particles.n_particles, -1, dtype=np.int16)
    loose = VertexedEvents(
        ParticleSets({**some.particles.particles, "vertex": alone}, some.particles.offsets, some.columns),
        some.vertices,
    )
    model = fitted(some)
    assert np.abs(score_heads(model, some) - score_heads(model, loose)).max() > 1e-4


def test_the_order_of_vertices_does_not_matter() -> None:
    some = z_events(10, seed=3)
    counts = some.vertices.multiplicity
    order = np.concatenate([np.arange(b - 1, a - 1, -1) for a, b in pairwise(some.vertices.offsets)])
    vertex = some.particles.particles["vertex"]
    back = np.where(vertex >= 0, counts[some.particles.event_of_particle] - 1 - vertex, -1).astype(np.int16)
    turned = VertexedEvents(
        ParticleSets({**some.particles.particles, "vertex": back}, some.particles.offsets, some.columns),
        ParticleSets(
            {name: column[order] for name, column in some.vertices.particles.items()}, some.vertices.offsets
        ),
    )
    model = fitted(some)
    np.testing.assert_allclose(score_heads(model, some), score_heads(model, turned), atol=1e-5)
