"""Vertices seeded from the truth."""

import numpy as np
from helpers.toy_vertices import b_event, k_short_group, primary_group, seen_from_groups

from hepsets.core.particle_kinds import VertexKind
from hepsets.core.reconstructed import FROM_B, FROM_PRIMARY
from hepsets.select.vertices.event import vertexed
from hepsets.select.vertices.seeded import group_by_origin


def grouped(points, origin, is_track):
    group = np.empty(len(points), dtype=np.int64)
    n = group_by_origin(
        np.array(points, dtype=float), np.array(origin, dtype=np.int8), np.array(is_track), group
    )
    return n, group.tolist()


def test_tracks_of_one_point_are_a_group_and_the_primary_one_comes_first():
    b, c, primary = [0.1, 0, 0], [0.2, 0, 0], [1e-4, 0, 0]
    n, group = grouped(
        [b, c, primary, primary, b, c, primary],
        [FROM_B, FROM_B, FROM_PRIMARY, FROM_PRIMARY, FROM_B, FROM_B, FROM_PRIMARY],
        [True] * 6 + [False],
    )
    assert n == 3
    assert group[2] == group[3] == 0
    assert group[0] == group[4] != group[1] == group[5]
    assert group[6] == -1


def test_an_event_without_primary_tracks_keeps_the_first_group_empty():
    assert grouped([[0.1, 0, 0]] * 2, [FROM_B] * 2, [True] * 2) == (2, [1, 1])


def test_every_true_vertex_with_two_tracks_is_there_and_nothing_is_mixed_up():
    rng = np.random.default_rng(1)
    events = vertexed(seen_from_groups([b_event(rng) for _ in range(20)]), vertices="seeded")
    assert (events.vertices.multiplicity == 5).all()
    assert sorted(set(events.vertices.particles["n_tracks"])) == [3, 10]
    assert (events.vertices.particles["origin"] >= 0).all()


def test_a_k_short_is_known_by_its_mass_and_a_single_track_has_no_vertex():
    rng = np.random.default_rng(2)
    n = 0
    for _ in range(20):
        primary = primary_group(rng)
        k_short = k_short_group(rng, primary[0], 2.0)
        other = k_short_group(rng, primary[0], 3.0)
        single = (other[0], other[1][:1], other[2])
        events = vertexed(seen_from_groups([[primary, k_short, single]]), vertices="seeded")
        assert len(events.vertices.particles["kind"]) == 2
        assert events.particles.particles["vertex"][-1] == -1
        n += events.vertices.particles["kind"][1] == VertexKind.K_SHORT
    assert n > 15
