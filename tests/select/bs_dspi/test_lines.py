"""Straight tracks: the vertex fit of helices without curvature, true χ², and errors of directions."""

import numpy as np
import pytest

from hepsets.select.bs_dspi.lines import (
    Lines,
    Vertex,
    closest_distance,
    composite,
    directions_at,
    fit_vertex,
    impact,
    impact_chi2,
    momenta,
    moved,
    passing,
    stacked,
)
from hepsets.select.vertices.fit import fit_vertex as fit_helices
from hepsets.select.vertices.tracks import COV, D0, PHI, PT, TAN_LAMBDA, Z0

N = 4000
POINT = np.array([0.05, -0.03, 1.2])


def tracks(n_lines=3, n=N, seed=1):
    """Lines from a point, smeared by their errors, and the true azimuths and slopes."""
    rng = np.random.default_rng(seed)
    shape = (n, n_lines)
    phi, slope = rng.uniform(-3, 3, shape), rng.uniform(5, 20, shape)
    sigma, lever = rng.uniform(15e-4, 40e-4, shape), 0.8
    turn = 0.7 * sigma / lever
    fixed = np.sqrt(sigma**2 - (lever * turn) ** 2)
    stretch = np.sqrt(1 + slope**2)
    d_phi, d_slope = turn * rng.normal(size=shape), turn * stretch * rng.normal(size=shape)
    x, y, z = POINT
    c = np.zeros((*shape, 7))
    c[..., 0], c[..., 1], c[..., 2] = sigma**2, -lever * turn**2, turn**2
    c[..., 3], c[..., 4], c[..., 5] = (
        (sigma * stretch) ** 2,
        -lever * (turn * stretch) ** 2,
        (turn * stretch) ** 2,
    )
    d0 = y * np.cos(phi) - x * np.sin(phi) + fixed * rng.normal(size=shape) - lever * d_phi
    z0 = z - (x * np.cos(phi) + y * np.sin(phi)) * slope
    z0 += fixed * stretch * rng.normal(size=shape) - lever * d_slope
    p = rng.uniform(5, 50, shape)
    return Lines(d0, phi + d_phi, z0, slope + d_slope, c, p, 0.005 * p), phi, slope


def test_vertices_have_pulls_of_width_one_and_chi2_as_many_as_degrees_of_freedom():
    lines, _, _ = tracks()
    vertex = fit_vertex(lines, np.zeros((N, 3)))
    for k in range(3):
        pull = (vertex.point[:, k] - POINT[k]) / np.sqrt(vertex.covariance[:, k, k])
        assert pull.std() == pytest.approx(1, abs=0.04)
        assert pull.mean() == pytest.approx(0, abs=0.06)
    assert vertex.chi2.mean() == pytest.approx(3, abs=0.15)
    assert vertex.chi2.var() == pytest.approx(6, abs=0.9)


def test_it_is_the_fit_of_helices_without_curvature():
    lines, _, _ = tracks(n=5)
    ours = fit_vertex(lines, np.tile(POINT, (5, 1)))
    for i in range(5):
        rows = np.zeros((3, PT + 1))
        for place, name in ((D0, "d0"), (PHI, "phi"), (Z0, "z0"), (TAN_LAMBDA, "tan_lambda")):
            rows[:, place] = getattr(lines, name)[i]
        for place, k in ((0, 0), (1, 1), (2, 2), (9, 3), (13, 4), (14, 5)):
            rows[:, COV + place] = lines.covariance[i, :, k]
        point, covariance = POINT.copy(), np.zeros(6)
        chi2 = fit_helices(rows, np.arange(3), np.zeros(6), point, covariance)
        assert ours.point[i] == pytest.approx(point, abs=2e-6)
        assert ours.chi2[i] == pytest.approx(chi2, rel=1e-3)
        assert ours.covariance[i][[0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]] == pytest.approx(
            covariance, rel=1e-2
        )


def test_a_track_misses_its_own_vertex_by_a_chi2_of_two():
    lines, _, _ = tracks()
    assert impact_chi2(lines, POINT, np.zeros((3, 3))).mean() == pytest.approx(2, abs=0.08)
    blurred = POINT + np.random.default_rng(2).normal(0, [1e-3, 1e-3, 7e-3], (N, 3))
    chi2 = impact_chi2(lines[:, 0], blurred, np.diag([1e-6, 1e-6, 49e-6]))
    assert chi2.mean() == pytest.approx(2, abs=0.15)


def test_directions_become_better_and_have_pulls_of_width_one():
    lines, phi, slope = tracks()
    vertex = fit_vertex(lines, np.tile(POINT, (N, 1)))
    turned, covariance = directions_at(lines, vertex)
    assert np.std(turned.phi - phi) < np.std(lines.phi - phi)
    true = Lines(turned.d0, phi, turned.z0, slope, turned.covariance, turned.momentum, turned.momentum_err)
    off = momenta(turned) - momenta(true)
    across = np.stack([-np.sin(phi), np.cos(phi), 0 * phi], axis=-1)
    pull = (off * across).sum(axis=-1) / np.sqrt(np.einsum("nki,nkij,nkj->nk", across, covariance, across))
    assert pull.std() == pytest.approx(1, abs=0.03)


def test_distances_are_those_of_geometry():
    zero = np.zeros(1)
    along_x = Lines(zero, zero, zero, zero, np.zeros((1, 7)), zero + 1, zero)
    along_y = Lines(zero, zero + np.pi / 2, zero + 2.0, zero, np.zeros((1, 7)), zero + 1, zero)
    assert closest_distance(along_x, along_y) == pytest.approx(2)
    assert impact(along_x, np.array([[5.0, 3.0, 4.0]])) == pytest.approx(5)
    seen = passing(along_x, np.array([[5.0, 3.0, 4.0]]))
    assert seen.miss[0] == pytest.approx([-3, -4])
    assert impact(moved(along_x, np.array([[1.0, 3.0, 4.0]])), np.array([[5.0, 3.0, 4.0]])) == pytest.approx(
        0
    )


def test_what_decayed_flies_through_its_vertex_with_the_errors_of_the_vertex():
    momentum = np.array([[1.0, 2.0, 20.0]])
    covariance = np.array([[[4e-6, 1e-6, 0], [1e-6, 3e-6, 2e-6], [0, 2e-6, 4e-4]]])
    line = composite(momentum, Vertex(POINT[None], covariance, np.zeros(1)))
    assert impact(line, POINT[None]) == pytest.approx(0, abs=1e-12)
    assert momenta(line) == pytest.approx(momentum)
    seen = passing(line, POINT[None])
    assert seen.covariance[0] == pytest.approx(seen.slopes[0] @ covariance[0] @ seen.slopes[0].T)
    assert stacked(line, line).phi.shape == (1, 2)
