"""Vertices of b and c hadrons, in toy chains with a known answer."""

import numpy as np
import pytest
from helpers.toy_helices import isotropic, vertex_rows
from helpers.toy_vertices import b_event, primary_group

from hepsets.core.kernel import as_record
from hepsets.select.vertices.config import DisplacedConfig
from hepsets.select.vertices.displaced import Primary, find_displaced, significance
from hepsets.select.vertices.found import VERTEX

SPOT_COVARIANCE = np.array([1e-8, 0, 1e-10, 0, 0, 1e-8])


def found(rows, primary=(0.0, 0.0, 0.0), **changed):
    n = len(rows)
    vertex, vertices = np.full(n, -1, dtype=np.int16), np.zeros(n + 1, dtype=VERTEX)
    free = np.ones(n, dtype=bool)
    at = Primary(np.array(primary, dtype=float), SPOT_COVARIANCE)
    config = as_record(DisplacedConfig(**changed))
    return vertices[: find_displaced(rows, free, at, config, vertex, vertices, 0)], vertex


def test_b_and_c_are_told_apart_and_both_fitted_where_they_are():
    rng = np.random.default_rng(1)
    exact, n_vertices = 0, []
    for _ in range(40):
        event = b_event(rng)
        vertices, vertex = found(np.concatenate([rows for _, rows, _ in event[1:]]), event[0][0])
        n_vertices.append(len(vertices))
        groups = [set(vertex[3 * k : 3 * k + 3]) for k in range(4)]
        exact += sum(len(group) == 1 and group != {-1} for group in groups)
    assert 3.5 < np.mean(n_vertices) < 4.8
    assert exact > 0.65 * 160


def test_a_large_vertex_is_found_whole():
    rng = np.random.default_rng(2)
    at = np.array([0.2, 0.1, 0.1])
    whole = 0
    for _ in range(40):
        vertices, vertex = found(vertex_rows(rng, at, isotropic(rng, 5, 1, 5, at / 0.25)))
        whole += (vertex == 0).sum()
        assert vertices[0]["ndf"] == 2 * vertices[0]["n_tracks"] - 3
        assert abs(vertices[0]["x"] - at[0]) < 6 * np.sqrt(vertices[0]["cov_x_x"])
    assert whole > 0.85 * 200


def test_tracks_of_the_primary_vertex_make_few():
    rng = np.random.default_rng(3)
    n = 0
    for _ in range(40):
        point, rows, _ = primary_group(rng)
        n += len(found(rows, point)[0])
    assert n < 20  # though nobody has taken them out before


def test_what_flies_towards_the_primary_vertex_is_none():
    rng = np.random.default_rng(4)
    at = np.array([0.2, 0.1, 0.1])
    away = vertex_rows(rng, at, isotropic(rng, 3, 1, 5, at / 0.25))
    back = vertex_rows(rng, at, isotropic(rng, 3, 1, 5, -at / 0.25))
    assert len(found(away)[0]) == 1
    assert len(found(back)[0]) == 0


def test_heavy_and_far_vertices_are_refused():
    rng = np.random.default_rng(5)
    at = np.array([0.2, 0.1, 0.1])
    rows = vertex_rows(rng, at, isotropic(rng, 2, 3, 5, at / 0.25))
    assert len(found(rows)[0]) == 1
    assert len(found(rows, max_mass=0.3)[0]) == 0
    assert len(found(rows, max_distance=0.1)[0]) == 0


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_tracks_have_none(n):
    rng = np.random.default_rng(6)
    assert len(found(vertex_rows(rng, (0.2, 0, 0), isotropic(rng, n)) if n else np.empty((0, 21)))[0]) == 0


def test_significance_is_the_distance_in_standard_deviations_squared():
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(2, 3, 3))
    first, second = a @ a.T, b @ b.T
    lower = np.tril_indices(3)
    point, primary = rng.normal(size=(2, 3))
    expected = (point - primary) @ np.linalg.solve(first + second, point - primary)
    assert significance(point, first[lower], Primary(primary, second[lower])) == pytest.approx(expected)
