"""Events cut in two."""

import numpy as np
from helpers.toy_z_events import events_of_sizes, z_events

from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.represent.vertexed_events.geometry import Geometry
from hepsets.represent.vertexed_events.hemispheres import hemispheres


def test_every_particle_is_in_the_hemisphere_that_it_flies_to() -> None:
    some = z_events(20, seed=1)
    both = hemispheres(some)
    assert len(both) == 40
    assert both.particles.n_particles == some.particles.n_particles
    assert (Geometry(both).side == 1).all()
    total = both.particles.multiplicity.reshape(-1, 2).sum(1)
    assert (total == some.particles.multiplicity).all()


def test_the_primary_vertex_is_in_both_and_members_find_their_vertices() -> None:
    some = z_events(20, seed=2)
    both = hemispheres(some)
    seen = Geometry(both)
    assert seen.has_primary.all()
    assert both.vertices.n_particles == some.vertices.n_particles + len(some)
    inside = seen.has_vertex
    # a track's vertex keeps its position
    position = {}
    for name in "xyz":
        row = Geometry(some)
        position[name] = np.sort(some.vertices.particles[name][row.vertex_row[row.has_vertex]])
        found = both.vertices.particles[name][seen.vertex_row[inside]]
        assert np.isin(found, position[name]).all()
    of_primary = seen.is_primary[seen.vertex_row[inside]]
    assert of_primary.any()
    assert not of_primary.all()


def test_axes_and_quarks_point_to_their_hemispheres() -> None:
    some = z_events(10, seed=3)
    both = hemispheres(some)
    axes = np.stack([both.columns[f"thrust_{name}"] for name in "xyz"], axis=1)
    np.testing.assert_allclose(axes[::2], -axes[1::2], atol=1e-6)
    np.testing.assert_allclose(both.columns["quark_cos"][::2], -both.columns["quark_cos"][1::2])
    assert both.columns["hemisphere"].tolist() == [0, 1] * 10
    np.testing.assert_array_equal(both.columns["flavour"], np.repeat(some.columns["flavour"], 2))


def test_empty_events_have_empty_hemispheres() -> None:
    both = hemispheres(events_of_sizes([0, 5, 0]))
    assert both.particles.multiplicity[[0, 1, 4, 5]].tolist() == [0, 0, 0, 0]


def test_what_is_not_valid_is_in_no_hemisphere() -> None:
    some = z_events(8, seed=6)
    left = {**some.particles.particles, "is_valid": np.arange(some.particles.n_particles) % 3 > 0}
    marked = VertexedEvents(ParticleSets(left, some.particles.offsets, some.columns), some.vertices)
    both = hemispheres(marked)
    assert both.particles.n_particles == left["is_valid"].sum()
    np.testing.assert_array_equal(
        np.sort(both.particles.particles["px"]), np.sort(left["px"][left["is_valid"]])
    )
