"""Helices and vertices against geometry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.simulate.tracker import TRACK
from hepsets.simulate.vertexing import CURVATURE, add_to_vertex, closest_approach, intersect, vertex_chi2

FIELD = 1.5
angles = st.floats(-3.1, 3.1)


def move(x, y, z, pt, phi, tan_lambda, charge, length):
    """Follow the equation of motion for a transverse path length [cm]."""
    radius = pt / (CURVATURE * FIELD)
    turned = phi - charge * length / radius
    x += charge * radius * (np.sin(phi) - np.sin(turned))
    y += charge * radius * (np.cos(turned) - np.cos(phi))
    return x, y, z + length * tan_lambda, turned


def track(x, y, z, pt, phi, tan_lambda, charge):
    """A perfectly measured track through a point."""
    phi, d0, z0 = closest_approach(x, y, z, pt, phi, tan_lambda, charge, FIELD)
    record = np.zeros(1, dtype=TRACK)[0]
    record["px"], record["py"], record["pz"] = pt * np.cos(phi), pt * np.sin(phi), pt * tan_lambda
    record["d0"], record["z0"], record["charge"] = d0, z0, charge
    return record


@given(
    st.floats(-5, 5),
    st.floats(-5, 5),
    st.floats(0.1, 3),
    angles,
    st.floats(-2, 2),
    st.sampled_from([-1, 1]),
    st.floats(-10, 10),
)
def test_the_point_of_closest_approach_is_the_same_from_anywhere_on_the_helix(
    x, y, pt, phi, tan_lambda, charge, length
):
    here = closest_approach(x, y, 0.3, pt, phi, tan_lambda, charge, FIELD)
    x2, y2, z2, phi2 = move(x, y, 0.3, pt, phi, tan_lambda, charge, length)
    there = closest_approach(x2, y2, z2, pt, phi2, tan_lambda, charge, FIELD)
    assert np.cos(here[0] - there[0]) == pytest.approx(1, abs=1e-9)
    assert there[1:] == pytest.approx(here[1:], abs=1e-6)


def test_no_point_of_the_helix_is_closer_to_the_axis():
    phi, d0, z0 = closest_approach(2.0, -1.0, 0.5, 0.4, 0.9, 0.7, -1, FIELD)
    start = (-d0 * np.sin(phi), d0 * np.cos(phi), z0, 0.4, phi, 0.7, -1)
    for length in (-1.0, -0.1, 0.1, 1.0):
        x, y, _, _ = move(*start, length)
        assert np.hypot(x, y) > abs(d0)


@given(st.floats(0.3, 20), angles, angles, angles, st.floats(0.1, 2), st.floats(0.1, 2))
def test_two_tracks_from_a_point_meet_there(radius, where, phi_1, phi_2, pt_1, pt_2):
    at = (radius * np.cos(where), radius * np.sin(where), 1.7)
    if abs(np.sin(0.5 * (phi_1 - phi_2))) < 0.02:
        return  # parallel tracks have no well-defined vertex
    first, second = track(*at, pt_1, phi_1, 0.5, 1), track(*at, pt_2, phi_2, -0.4, -1)
    vertex = np.zeros(3)
    gap, turn_1, turn_2 = intersect(first, second, FIELD, vertex)
    assert gap < 1e-4
    # the other crossing of the circles may fit by chance too; the momenta tell which one it was
    if np.hypot(vertex[0] - at[0], vertex[1] - at[1]) < 1e-3:
        assert vertex == pytest.approx(at, abs=1e-3)
        assert np.cos(np.arctan2(first["py"], first["px"]) + turn_1 - phi_1) > 1 - 1e-6
        assert np.cos(np.arctan2(second["py"], second["px"]) + turn_2 - phi_2) > 1 - 1e-6


def test_tracks_that_miss_each_other_have_their_distance_as_gap():
    first, second = (
        track(2.0, 0.0, 0.0, 0.5, np.pi / 2, 0.0, 1),
        track(1.0, 0.0, 0.0, 0.5, np.pi / 2, 0.0, -1),
    )
    vertex = np.zeros(3)
    gap, _, _ = intersect(first, second, FIELD, vertex)
    assert gap == pytest.approx(1.0, abs=1e-6)
    assert vertex == pytest.approx([1.5, 0, 0], abs=1e-6)


def test_the_vertex_chi2_of_tracks_from_one_point_follows_its_degrees_of_freedom():
    rng = np.random.default_rng(1)
    values = []
    for _ in range(2000):
        point = rng.normal(0, [0.01, 0.01, 0.05])
        equations = np.zeros(10)
        for _ in range(3):
            record = track(
                *point, rng.uniform(0.2, 2), rng.uniform(-3, 3), rng.normal(0, 0.7), rng.choice([-1, 1])
            )
            record["sigma_d0"], record["sigma_z0"] = 0.002, 0.003
            record["d0"] += rng.normal(0, 0.002)
            record["z0"] += rng.normal(0, 0.003)
            add_to_vertex(record, equations)
        values.append(vertex_chi2(equations))
    assert np.mean(values) == pytest.approx(3, abs=5 * np.sqrt(6 / 2000))
    assert np.var(values) == pytest.approx(6, rel=0.25)
