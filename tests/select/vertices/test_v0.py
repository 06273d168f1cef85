"""K_S, Λ and conversions among tracks of a primary vertex."""

import numpy as np
import pytest
from helpers.toy_helices import exact_row, vertex_rows
from helpers.toy_vertices import k_short_group, lambda_group, primary_group

from hepsets.core.kernel import as_record
from hepsets.core.masses import M_KS
from hepsets.core.particle_kinds import VertexKind
from hepsets.select.vertices.config import V0Config
from hepsets.select.vertices.found import VERTEX
from hepsets.select.vertices.v0 import crossing, find_v0s, fit_v0, hypothesis

CONFIG = as_record(V0Config())


def fitted(rows, primary=(0.0, 0.0, 0.0)):
    point, covariance = np.zeros(3), np.zeros(6)
    chi2, what = fit_v0(rows, np.array([0, 1]), np.array(primary), CONFIG, point, covariance)
    return chi2, what, point


def found(rows, primary, missed=1e3):
    vertex, vertices = np.full(len(rows), -1, dtype=np.int16), np.zeros(len(rows) + 1, dtype=VERTEX)
    free = np.ones(len(rows), dtype=bool)
    n = find_v0s(rows, np.full(len(rows), missed), free, primary, CONFIG, vertex, vertices, 1)
    return vertices[1 : n + 1], vertex, free


@pytest.mark.parametrize("distance", [0.3, 3.0, 30.0])
def test_a_k_short_is_found_wherever_it_decays(distance):
    rng = np.random.default_rng(1)
    masses, misses = [], []
    for _ in range(60):
        at, rows, _ = k_short_group(rng, np.zeros(3), distance)
        _, what, point = fitted(rows)
        if what.kind == VertexKind.K_SHORT:
            masses.append(what.mass)
            misses.append(np.linalg.norm(point - at))
    assert len(masses) > 48
    assert np.mean(masses) == pytest.approx(M_KS, abs=0.001)
    assert np.median(misses) < 0.03 + 0.005 * distance


def test_a_lambda_has_its_proton_where_the_momentum_is():
    rng = np.random.default_rng(2)
    kinds = [fitted(lambda_group(rng, np.zeros(3), 5.0)[1])[1].kind for _ in range(60)]
    assert kinds.count(VertexKind.LAMBDA) > 48


def test_a_conversion_is_known_by_its_mass_beyond_9_mm():
    point, way = np.array([1.2, 0.9, 0.4]), np.array([1.2, 0.9, 0.4]) / np.linalg.norm([1.2, 0.9, 0.4])
    zero = np.zeros(3)
    pair = tuple(2 * way), tuple(1.5 * way)
    assert hypothesis(*pair, point, zero, CONFIG, 0.0).kind == VertexKind.CONVERSION
    assert hypothesis(*pair, 0.5 * point, zero, CONFIG, 0.0).kind == -1


def test_a_pair_that_does_not_come_from_the_primary_vertex_is_none():
    rng = np.random.default_rng(3)
    _, rows, _ = k_short_group(rng, np.zeros(3), 3.0)
    assert fitted(rows)[1].kind == VertexKind.K_SHORT
    assert fitted(rows, primary=(0.0, 0.0, 1.0))[1].kind == -1


def test_circles_cross_where_the_tracks_began():
    at = (4.0, -3.0, 2.0)
    first, second = exact_row(at, (1.0, 0.3, 0.2), 1), exact_row(at, (0.8, -0.5, 0.3), -1)
    point = np.zeros(3)
    assert crossing(first, second, point) == pytest.approx(0, abs=1e-6)
    assert point == pytest.approx(at, abs=1e-6)


def test_the_v0s_of_an_event_leave_all_other_tracks_alone():
    rng = np.random.default_rng(4)
    right, other = 0, 0
    for _ in range(30):
        primary, own, _ = primary_group(rng)
        rows = np.concatenate([own, k_short_group(rng, primary, 5.0)[1], lambda_group(rng, primary, 4.0)[1]])
        vertices, vertex, free = found(rows, primary)
        right += sum(vertex[k] == vertex[k + 1] != -1 for k in (10, 12))
        other += (vertex[:10] != -1).sum()
        assert np.array_equal(free, vertex == -1)
        assert (vertices["n_tracks"] == 2).all()
    assert right > 48
    assert other < 6


def test_tracks_that_fit_the_primary_vertex_make_no_k_short():
    rng = np.random.default_rng(5)
    _, rows, _ = k_short_group(rng, np.zeros(3), 1.0)
    assert len(found(rows, np.zeros(3))[0]) == 1
    assert len(found(rows, np.zeros(3), missed=1.0)[0]) == 0


def test_parallel_tracks_and_tracks_of_one_charge_are_no_v0():
    row = exact_row((2.0, 0.0, 0.0), (1.0, 0.1, 0.0), 1)
    assert len(found(np.array([row, row]), np.zeros(3))[0]) == 0
    rng = np.random.default_rng(6)
    straight = [
        exact_row((2.0, 0.0, 0.0), (40.0, 1.0, 3.0), 1),
        exact_row((2.0, 0.0, 0.0), (40.0, 1.0, 3.0), -1),
    ]
    assert fitted(np.array(straight))[1].kind in (-1, VertexKind.CONVERSION)
    same = vertex_rows(rng, (2.0, 0.0, 0.0), [[1.0, 0.2, 0.0]] * 4)[::2]
    assert len(found(same, np.zeros(3))[0]) == 0
