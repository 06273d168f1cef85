"""Axes, frames, hemispheres and primary vertices of events."""

import numpy as np
import pytest
from helpers.toy_z_events import events_of_sizes, turned, without, z_events

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.represent.vertexed_events.geometry import BEAM_SPOT_ERROR, Geometry, squeezed


def test_a_turn_around_the_beam_changes_nothing_in_the_thrust_frame() -> None:
    some = z_events(20, seed=1)
    here, there = Geometry(some), Geometry(turned(some, 0.9))
    parts = [np.einsum("nij,nj->ni", s.frames[s.event_of_particle], s.directions) for s in (here, there)]
    np.testing.assert_allclose(*parts, atol=1e-5)
    np.testing.assert_allclose(
        here.frames @ np.swapaxes(here.frames, 1, 2), np.tile(np.eye(3), (20, 1, 1)), atol=1e-9
    )


def test_without_a_thrust_axis_it_is_found_from_the_particles() -> None:
    some = z_events(10, seed=2, mean=40)
    found = Geometry(without(some, "thrust_x", "thrust_y", "thrust_z")).axis
    np.testing.assert_array_less(0.95, np.abs(np.einsum("ij,ij->i", found, Geometry(some).axis)))


def test_particles_are_on_the_side_that_they_fly_to() -> None:
    seen = Geometry(z_events(10, seed=3))
    assert (np.einsum("ij,ij->i", seen.momenta, seen.hemisphere_axis) >= 0).all()
    displaced = ~seen.is_primary
    along = np.einsum("ij,ij->i", seen.vertex_momenta, seen.axis[seen.event_of_vertex])
    moving = displaced & (along != 0)
    assert (np.sign(along[moving]) == seen.vertex_side[moving]).all()
    assert (seen.vertex_side[seen.is_primary] == 0).all()


def test_of_several_primary_vertices_the_first_counts() -> None:
    some = z_events(3, seed=4)
    kinds = np.zeros(some.vertices.n_particles, dtype=np.int8)
    vertices = ParticleSets({**some.vertices.particles, "kind": kinds}, some.vertices.offsets)
    seen = Geometry(VertexedEvents(some.particles, vertices))
    assert np.flatnonzero(seen.is_primary).tolist() == some.vertices.offsets[:-1].tolist()


def test_without_a_primary_vertex_the_beam_spot_takes_its_place() -> None:
    seen = Geometry(events_of_sizes([0, 0], seed=5))
    assert not seen.has_primary.any()
    assert (seen.primary == 0).all()
    np.testing.assert_allclose(np.sqrt(np.einsum("nii->ni", seen.primary_covariance))[0], BEAM_SPOT_ERROR)


def test_numbers_that_cannot_be_are_unknown() -> None:
    some = z_events(2, seed=6)
    bad = some.particles.particles["energy"].copy()
    bad[:3] = np.nan, np.inf, 4e9
    broken = VertexedEvents(
        ParticleSets({**some.particles.particles, "energy": bad}, some.particles.offsets, some.columns),
        some.vertices,
    )
    seen = Geometry(broken)
    assert seen.known("energy")[:4].tolist() == [False, False, False, True]
    assert (seen.particle("energy")[:3] == 0).all()
    assert not seen.known("unheard_of", of="vertex").any()


def test_particles_without_momenta_are_refused() -> None:
    with pytest.raises(InputError, match="px"):
        _ = Geometry(without(z_events(2), "px")).momenta


def test_squeezed_numbers_are_linear_when_small_and_odd() -> None:
    assert squeezed(np.array([0.001]), 1.0)[0] == pytest.approx(0.001, rel=1e-5)
    assert squeezed(np.array([-1e3]), 1.0)[0] == pytest.approx(-np.log(2e3), rel=1e-5)
