"""Whole events: particles in, particles and vertices out."""

import numpy as np
import pytest
from helpers.toy_vertices import b_event, k_short_group, primary_group, seen_from_groups

from hepsets.core.errors import InputError
from hepsets.core.particle_kinds import VertexKind
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.reconstructed import FROM_B, FROM_C_OF_B, FROM_PRIMARY
from hepsets.select.vertices.config import BeamSpot, VertexingConfig
from hepsets.select.vertices.event import true_origin, vertexed


@pytest.fixture(scope="module")
def seen():
    rng = np.random.default_rng(1)
    return seen_from_groups([b_event(rng) for _ in range(30)])


def with_column(sets, **columns):
    return ParticleSets({**sets.particles, **columns}, sets.offsets, sets.columns, sets.purpose)


@pytest.mark.parametrize("vertices", ["found", "seeded"])
def test_most_tracks_are_in_a_vertex_of_their_own_origin(seen, vertices):
    events = vertexed(seen, vertices=vertices)
    found = events.vertices.particles
    first = events.vertices.offsets[:-1]
    assert (found["kind"][first] == VertexKind.PRIMARY).all()
    assert (np.bincount(events.vertices.event_of_particle[found["kind"] == VertexKind.PRIMARY]) == 1).all()
    row = events.vertex_row
    used = row >= 0
    assert used.mean() > 0.85
    chain = np.isin(seen.particles["origin"][used], (FROM_B, FROM_C_OF_B))
    assert (np.isin(found["origin"][row[used]], (FROM_B, FROM_C_OF_B)) == chain).mean() > 0.95
    assert np.array_equal(np.bincount(row[used], minlength=len(found["x"])), found["n_tracks"])
    free = np.where(found["kind"] == VertexKind.PRIMARY, 0, np.where(found["n_tracks"] > 1, 3, 1))
    assert np.array_equal(found["ndf"], 2 * found["n_tracks"] - free)


def test_particles_keep_their_order_and_true_points_stay_behind(seen):
    events = vertexed(seen, vertices="found")
    assert np.array_equal(events.particles.particles["d0"], seen.particles["d0"])
    assert "true_x" not in events.particles.particles
    assert "origin" in events.particles.particles
    assert {"thrust", "thrust_x", "thrust_z_err"} <= events.columns.keys()


def test_an_event_does_not_depend_on_its_neighbours(seen):
    every = vertexed(seen, vertices="found")
    alone = vertexed(seen[7:8], vertices="found")
    assert np.array_equal(every[7:8].particles.particles["vertex"], alone.particles.particles["vertex"])
    for name, column in alone.vertices.particles.items():
        assert np.array_equal(every[7:8].vertices.particles[name], column)


def test_the_order_of_tracks_changes_nothing_but_the_names_of_vertices(seen):
    one = seen[3:4]
    order = np.random.default_rng(2).permutation(one.n_particles)
    other = ParticleSets({name: column[order] for name, column in one.particles.items()}, one.offsets)
    a, b = vertexed(one, vertices="found"), vertexed(other, vertices="found")
    assert sorted(a.vertices.particles["n_tracks"]) == sorted(b.vertices.particles["n_tracks"])
    assert np.sort(a.vertices.particles["x"]) == pytest.approx(np.sort(b.vertices.particles["x"]), abs=1e-5)


def test_an_event_turned_about_the_axis_has_its_vertices_turned(seen):
    one = seen[5:6]
    angle = 1.1
    p = one.particles
    turned = with_column(
        one,
        phi=p["phi"] + np.float32(angle),
        px=np.cos(angle) * p["px"] - np.sin(angle) * p["py"],
        py=np.sin(angle) * p["px"] + np.cos(angle) * p["py"],
    )
    # a beam spot as broad as it is high turns into itself
    config = VertexingConfig(beam=BeamSpot(sigma_x=4.5e-4, sigma_y=4.5e-4))
    a = vertexed(one, vertices="found", config=config)
    b = vertexed(turned, vertices="found", config=config)
    assert np.array_equal(a.particles.particles["vertex"], b.particles.particles["vertex"])
    here, there = a.vertices.particles, b.vertices.particles
    assert there["x"] == pytest.approx(np.cos(angle) * here["x"] - np.sin(angle) * here["y"], abs=2e-5)


def test_events_of_no_track_and_of_one_track_have_the_beam_spot():
    rng = np.random.default_rng(3)
    point, rows, origin = primary_group(rng)
    seen = seen_from_groups([[(point, rows[:1], origin)], [(point, rows[:0], origin)]])
    events = vertexed(seen, vertices="found")
    assert events.vertices.multiplicity.tolist() == [1, 1]
    assert events.vertices.particles["n_tracks"].tolist() == [1, 0]
    assert events.vertices.particles["ndf"].tolist() == [2, 0]


def test_neutral_particles_belong_to_no_vertex(seen):
    is_track = seen.particles["is_track"].copy()
    is_track[::3] = False
    events = vertexed(with_column(seen, is_track=is_track), vertices="found")
    assert (events.particles.particles["vertex"][::3] == -1).all()


def test_what_a_particle_is_changes_no_vertex(seen):
    kinds = np.random.default_rng(5).integers(0, 5, seen.n_particles).astype(np.int8)
    one, other = (vertexed(with_column(seen, kind=kind), vertices="found") for kind in (kinds, kinds[::-1]))
    assert np.array_equal(one.particles.particles["vertex"], other.particles.particles["vertex"])
    for name, column in one.vertices.particles.items():
        assert np.array_equal(column, other.vertices.particles[name]), name


def test_numbers_that_are_not_finite_are_refused(seen):
    d0 = seen.particles["d0"].copy()
    d0[4] = np.nan
    with pytest.raises(InputError, match="d0 = nan"):
        vertexed(with_column(seen, d0=d0), vertices="found")


def test_seeded_vertices_need_the_truth(seen):
    blind = ParticleSets({n: c for n, c in seen.particles.items() if n != "true_x"}, seen.offsets)
    with pytest.raises(InputError, match="no column true_x"):
        vertexed(blind, vertices="seeded")
    assert len(vertexed(blind, vertices="found")) == len(seen)


def test_without_truth_vertices_have_no_origin(seen):
    blind = ParticleSets({n: c for n, c in seen.particles.items() if n != "origin"}, seen.offsets)
    assert "origin" not in vertexed(blind, vertices="found").vertices.particles


def test_a_k_short_goes_to_its_own_vertex():
    rng = np.random.default_rng(4)
    kinds = []
    for _ in range(20):
        primary = primary_group(rng)
        events = vertexed(
            seen_from_groups([[primary, k_short_group(rng, primary[0], 4.0)]]), vertices="found"
        )
        kinds += events.vertices.particles["kind"].tolist()
    assert kinds.count(VertexKind.K_SHORT) > 15
    assert kinds.count(VertexKind.DISPLACED) < 4


def test_a_vertex_has_the_origin_of_most_of_its_tracks():
    def origin_of(*origins, kind=VertexKind.DISPLACED):
        sets = ParticleSets({"origin": np.array(origins, dtype=np.int8)}, [0, len(origins)])
        vertex = np.zeros(len(origins), dtype=np.int16)
        return true_origin(vertex, sets, np.array([0, 1]), np.array([kind], dtype=np.int8))[0]

    assert origin_of(FROM_B, FROM_B, FROM_PRIMARY) == FROM_B
    assert origin_of(FROM_B, FROM_C_OF_B) == FROM_B
    assert origin_of(FROM_B, FROM_C_OF_B, FROM_C_OF_B) == FROM_C_OF_B
    assert origin_of(FROM_B, FROM_PRIMARY) == -1
    assert origin_of(FROM_PRIMARY, FROM_PRIMARY) == -1
    assert origin_of(FROM_PRIMARY, FROM_PRIMARY, kind=VertexKind.PRIMARY) == FROM_PRIMARY


def test_many_events_are_worked_on_in_parts_and_come_out_the_same(seen, monkeypatch):
    every = vertexed(seen, vertices="found")
    monkeypatch.setattr("hepsets.select.vertices.event.BATCH", 7)
    monkeypatch.setattr("hepsets.select.vertices.axis.BATCH", 11)
    parts = vertexed(seen, vertices="found")
    for one, other in ((every.particles, parts.particles), (every.vertices, parts.vertices)):
        assert np.array_equal(one.offsets, other.offsets)
        assert all(np.array_equal(one.particles[name], other.particles[name]) for name in one.particles)
    assert all(np.array_equal(every.columns[name], parts.columns[name]) for name in every.columns)
