"""Vertices as numbers."""

import numpy as np
import pytest
from helpers.toy_z_events import mirrored, turned, without, z_events
from scipy.stats import chi2

from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.represent.vertexed_events.geometry import Geometry
from hepsets.represent.vertexed_events.vertices import vertex_kinds, vertex_side, vertices


def test_flight_and_significance_are_those_of_the_vertices() -> None:
    some = z_events(30, seed=1)
    seen = Geometry(some)
    found = vertices(seen)
    displaced = ~seen.is_primary
    length = np.linalg.norm(seen.positions - seen.primary[seen.event_of_vertex], axis=1)
    np.testing.assert_allclose(
        np.abs(np.sinh(found["vertex_flight"]))[displaced] * 1e-3, length[displaced], rtol=1e-4
    )
    error = np.sqrt(1e-3**2 + 3e-4**2)
    np.testing.assert_allclose(
        np.abs(np.sinh(found["vertex_flight_significance"]))[displaced],
        (length / error)[displaced],
        rtol=1e-3,
    )
    assert (found["vertex_flight"][seen.is_primary] == 0).all()


def test_the_probability_is_that_of_chi_squared() -> None:
    some = z_events(10, seed=2)
    table = some.vertices.particles
    expected = chi2.sf(table["chi2"], table["ndf"])
    np.testing.assert_allclose(vertices(Geometry(some))["vertex_probability"], expected, rtol=1e-5)


def test_momentum_missing_across_the_flight_corrects_the_mass() -> None:
    columns = {
        "px": np.array([3.0]),
        "py": np.array([0.4]),
        "pz": np.zeros(1),
        "vertex": np.array([1], np.int16),
    }
    primary_and_displaced = {
        "x": np.array([0.0, 1.0]),
        "y": np.zeros(2),
        "z": np.zeros(2),
        "kind": np.array([0, 1], np.int8),
        "mass": np.array([0.0, 1.2]),
    }
    some = VertexedEvents(ParticleSets(columns, [0, 1]), ParticleSets(primary_and_displaced, [0, 2]))
    found = vertices(Geometry(some))
    assert np.sinh(found["vertex_corrected_mass"][1]) * 0.5 == pytest.approx(np.hypot(1.2, 0.4) + 0.4)
    assert np.exp(found["vertex_pointing"][1]) == pytest.approx(np.arctan2(0.4, 3.0), rel=1e-3)


def test_turns_and_mirrors_change_no_vertex() -> None:
    some = z_events(20, seed=3)
    own = vertices(Geometry(some)) | vertex_side(Geometry(some))
    for change in (lambda events: turned(events, 0.4), mirrored):
        seen = Geometry(change(some))
        for name, values in (vertices(seen) | vertex_side(seen)).items():
            np.testing.assert_allclose(own[name], values, atol=5e-3)


def test_what_a_file_does_not_tell_of_vertices_is_made_of_their_members() -> None:
    some = z_events(10, seed=4)
    found = vertices(Geometry(without(some, "mass", "n_tracks", "chi2", "ndf")))
    assert (found["vertex_mass"] >= 0).all()
    assert (found["vertex_probability"] == 0).all()
    tracks = np.bincount(some.vertex_row[some.vertex_row >= 0], minlength=some.vertices.n_particles)
    np.testing.assert_allclose(np.expm1(found["vertex_tracks"]), tracks)


def test_kinds_are_one_each() -> None:
    assert (sum(vertex_kinds(Geometry(z_events(5))).values()) == 1).all()
