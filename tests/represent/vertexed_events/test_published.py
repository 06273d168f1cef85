"""The columns of the coursework, event columns repeated in each row."""

import numpy as np
import torch
from helpers.toy_z_events import z_events

from hepsets.learn.vertexed_events.fcnn import moments
from hepsets.represent.vertexed_events.data import VertexedData
from hepsets.represent.vertexed_events.geometry import Geometry
from hepsets.represent.vertexed_events.inputs import PUBLISHED_INPUTS
from hepsets.represent.vertexed_events.published import (
    PUBLISHED_EVENT,
    published_events,
    published_particles,
    published_vertices,
)


def test_means_and_standard_deviations_are_those_of_numpy() -> None:
    some = z_events(15, seed=1)
    data = VertexedData.from_events(some, PUBLISHED_INPUTS)
    mean, deviation = (part.numpy() for part in moments(data.particles.features, data.particles))
    place = PUBLISHED_INPUTS.particles.index("pz")
    for number in range(15):
        pz = some.particles[[number]].particles["pz"].astype(np.float64)
        np.testing.assert_allclose(mean[number, place], pz.mean(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(deviation[number, place], pz.std(), rtol=1e-4)


def test_columns_of_the_event_stand_in_every_row() -> None:
    seen = Geometry(z_events(5, seed=2))
    of_event, of_particle, of_vertex = (
        published_events(seen),
        published_particles(seen),
        published_vertices(seen),
    )
    for name in PUBLISHED_EVENT:
        np.testing.assert_array_equal(of_particle[f"{name}_of_event"], of_event[name][seen.event_of_particle])
        np.testing.assert_array_equal(
            of_vertex[f"{name}_of_event_at_vertex"], of_event[name][seen.event_of_vertex]
        )
    assert torch.isfinite(torch.tensor(of_particle["m"])).all()


def test_chi_squared_is_per_degree_of_freedom_and_lengths_are_in_mm() -> None:
    some = z_events(5, seed=3)
    found = published_vertices(Geometry(some))
    np.testing.assert_allclose(found["chi2"], some.vertices.particles["chi2"] / 3, rtol=1e-6)
    np.testing.assert_allclose(found["x"], 10 * some.vertices.particles["x"], rtol=1e-6)
