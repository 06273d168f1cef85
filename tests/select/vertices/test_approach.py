"""A track seen from a point, against geometry and numerical derivatives."""

import numpy as np
import pytest
from helpers.toy_helices import FIELD, exact_row
from hypothesis import given
from hypothesis import strategies as st

from hepsets.select.vertices.approach import APPROACH, approach, momentum_from, plain_momentum, turn_to
from hepsets.select.vertices.tracks import COV, PT
from hepsets.simulate.vertexing import CURVATURE

points = st.tuples(*[st.floats(-30, 30)] * 3)
momenta = st.tuples(st.floats(0.2, 5), st.floats(-3.1, 3.1), st.floats(-2, 2)).map(
    lambda p: (p[0] * np.cos(p[1]), p[0] * np.sin(p[1]), p[0] * p[2])
)
charges = st.sampled_from([-1, 1])


def seen_from(row, point):
    seen = np.zeros(1, dtype=APPROACH)[0]
    approach(row, *point, seen)
    return seen


def distance_and_height(row, point):
    seen = seen_from(row, point)
    return np.array([seen["distance"], seen["height"]])


@given(points, momenta, charges)
def test_a_track_passes_the_point_it_comes_from_with_the_momentum_it_had(point, momentum, charge):
    row = exact_row(point, momentum, charge)
    assert distance_and_height(row, point) == pytest.approx([0, 0], abs=1e-7)
    assert plain_momentum(row, *point[:2]) == pytest.approx(momentum, abs=1e-8)
    assert momentum_from(row, *point) == pytest.approx(momentum, rel=1e-5, abs=1e-6)


def test_seen_from_the_axis_a_track_has_its_own_parameters():
    row = exact_row((0.3, -0.2, 1.0), (0.5, 0.7, -0.4), -1)
    seen = seen_from(row, (0, 0, 0))
    assert seen["distance"] == pytest.approx(row[0])
    assert seen["height"] == pytest.approx(row[3])
    assert [seen["sine"], seen["cosine"]] == pytest.approx([np.sin(row[1]), np.cos(row[1])])
    covariance = np.linalg.inv([[seen["w_dd"], seen["w_dh"]], [seen["w_dh"], seen["w_hh"]]])
    assert covariance[0, 0] == pytest.approx(row[COV])
    assert covariance[1, 1] == pytest.approx(row[COV + 9])


@given(points, momenta, charges, points)
def test_errors_are_those_of_numerical_derivatives(start, momentum, charge, point):
    row = exact_row(start, momentum, charge)
    turn = turn_to(row, *point[:2])
    if turn.stretch < 0.2:
        return  # near the centre of the circle every direction is the closest
    steps = np.array([1e-6, 1e-7, 1e-9, 1e-6, 1e-7])
    slopes = np.empty((2, 5))
    for k, step in enumerate(steps):
        away = np.zeros(len(row))
        away[k] = step
        slopes[:, k] = (distance_and_height(row + away, point) - distance_and_height(row - away, point)) / (
            2 * step
        )
    covariance = np.zeros((5, 5))
    covariance[np.tril_indices(5)] = row[COV:PT]
    covariance += np.tril(covariance, -1).T
    expected = np.linalg.inv(slopes @ covariance @ slopes.T)
    seen = seen_from(row, point)
    assert [seen["w_dd"], seen["w_hh"]] == pytest.approx([expected[0, 0], expected[1, 1]], rel=1e-2)
    root = np.sqrt(expected[0, 0] * expected[1, 1])
    assert seen["w_dh"] / root == pytest.approx(expected[0, 1] / root, abs=1e-2)


@given(points, momenta, charges, points)
def test_the_change_with_the_point_is_what_it_says(start, momentum, charge, point):
    row = exact_row(start, momentum, charge)
    seen = seen_from(row, point)
    if turn_to(row, *point[:2]).stretch < 0.2:
        return
    x, y = seen["sine"], seen["cosine"]
    expected = np.array([[x, -y, 0], [seen["slope"] * y, seen["slope"] * x, -1]])
    for k in range(3):
        away = 1e-5 * np.eye(3)[k]
        change = (distance_and_height(row, point + away) - distance_and_height(row, point - away)) / 2e-5
        assert change == pytest.approx(expected[:, k], abs=1e-4)


def test_a_straight_track_is_the_limit_of_a_curved_one():
    straight = exact_row((0.1, 0.2, 0.3), (30.0, 20.0, 10.0), 0)
    curved = exact_row((0.1, 0.2, 0.3), (3e7, 2e7, 1e7), 1)
    curved[COV:] = straight[COV:]
    a, b = seen_from(straight, (5, -3, 2)), seen_from(curved, (5, -3, 2))
    for name in APPROACH.names:
        assert a[name] == pytest.approx(b[name], rel=1e-6, abs=1e-9)


def test_the_turn_of_a_track_is_that_of_its_radius():
    row = exact_row((0, 0, 0), (1.0, 0.0, 0.0), 1)
    radius = 1.0 / (CURVATURE * FIELD)
    turn = turn_to(row, radius * np.sin(0.7), radius * (np.cos(0.7) - 1))
    assert turn.path == pytest.approx(0.7 * radius)
    assert [turn.sine, turn.cosine] == pytest.approx([-np.sin(0.7), np.cos(0.7)])
