"""Vertex fits of helices through known points, smeared with a known covariance."""

import numpy as np
import pytest
from helpers.toy_helices import exact_row, isotropic, smeared, vertex_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2 as chi2_distribution
from scipy.stats import kstest

from hepsets.select.vertices.approach import APPROACH, approach, momentum_from, plain_momentum
from hepsets.select.vertices.config import BeamSpot
from hepsets.select.vertices.fit import FAILED, fit_vertex, miss
from hepsets.select.vertices.tracks import COV, PT

NO_BEAM = np.zeros(6)


def fitted(rows, start=(0.0, 0.0, 0.0), beam=NO_BEAM):
    """The vertex, its covariance and χ²."""
    point, packed = np.array(start, dtype=float), np.zeros(6)
    chi2 = fit_vertex(np.asarray(rows), np.arange(len(rows)), beam, point, packed)
    covariance = np.zeros((3, 3))
    covariance[np.tril_indices(3)] = packed
    return point, covariance + np.tril(covariance, -1).T, chi2


def toys(n, draw_point, draw_momenta, beam=NO_BEAM):
    """Pulls, shape ``(n, 3)``, and χ² of fits that begin at the true point, give or take 50 µm."""
    rng = np.random.default_rng(5)
    pulls, chi2s = [], []
    for _ in range(n):
        true = draw_point(rng)
        rows = vertex_rows(rng, true, draw_momenta(rng))
        point, covariance, chi2 = fitted(rows, true + 5e-3 * rng.normal(size=3), beam)
        assert chi2 != FAILED
        pulls.append((point - true) / np.sqrt(np.diag(covariance)))
        chi2s.append(chi2)
    return np.array(pulls), np.array(chi2s)


def assert_right(pulls, chi2s, ndf):
    assert pulls.std(axis=0) == pytest.approx(np.ones(3), abs=0.05)
    assert pulls.mean(axis=0) == pytest.approx(np.zeros(3), abs=0.08)
    assert kstest(chi2_distribution.sf(chi2s, ndf), "uniform").pvalue > 0.01


def test_pulls_have_width_one_and_the_chi2_of_n_tracks_has_2n_minus_3_degrees_of_freedom():
    at = np.array([0.2, 0.15, 0.1])
    pulls, chi2s = toys(2500, lambda rng: at, lambda rng: isotropic(rng, 4))
    assert_right(pulls, chi2s, 2 * 4 - 3)


def test_with_a_beam_spot_there_are_2n_degrees_of_freedom():
    spot = BeamSpot(x=0.01, y=-0.02, z=0.3)
    sigma = np.array([spot.sigma_x, spot.sigma_y, spot.sigma_z])
    centre = np.array([spot.x, spot.y, spot.z])
    pulls, chi2s = toys(
        2500, lambda rng: centre + sigma * rng.normal(size=3), lambda rng: isotropic(rng, 8), spot.constraint
    )
    assert_right(pulls, chi2s, 2 * 8)


def test_the_pions_of_a_k_short_30_cm_away_are_fitted_as_well():
    at = np.array([20.0, 20.0, 10.0])

    def opened(rng):
        """Two momenta at an angle: along the flight, give or take 0.2."""
        across = np.cross(at, rng.normal(size=3))
        across /= np.linalg.norm(across)
        return np.array([2.0 * at / 30 + 0.4 * across, 1.5 * at / 30 - 0.35 * across])

    pulls, chi2s = toys(2500, lambda rng: at, opened)
    assert_right(pulls, chi2s, 1)


def test_the_fit_finds_a_far_vertex_from_the_origin():
    at = np.array([3.0, -2.0, 1.0])
    rng = np.random.default_rng(1)
    rows = vertex_rows(rng, at, isotropic(rng, 4, around=at / 4), smear=False)
    point, _, chi2 = fitted(rows)
    assert point == pytest.approx(at, abs=1e-5)
    assert chi2 == pytest.approx(0, abs=1e-6)


def test_straight_tracks_of_high_momentum_have_a_vertex_too():
    rng = np.random.default_rng(2)
    at = (0.02, 0.03, 0.1)
    rows = [exact_row(at, p, 0) for p in isotropic(rng, 4, 40, 45)]
    point, _, _ = fitted(rows)
    assert point == pytest.approx(at, abs=1e-9)


def test_two_parallel_tracks_have_none():
    row = exact_row((0.1, 0.1, 0.1), (3.0, 2.0, 1.0), 1)
    beside = row.copy()
    beside[0] += 0.01
    assert fitted([row, row])[2] == FAILED
    assert fitted([row, beside])[2] == FAILED


def test_one_track_has_a_vertex_only_with_the_beam_spot():
    rng = np.random.default_rng(3)
    rows = vertex_rows(rng, (0, 0, 0.01), isotropic(rng, 1))
    assert fitted(rows)[2] == FAILED
    point, covariance, chi2 = fitted(rows, beam=BeamSpot().constraint)
    assert chi2 >= 0
    assert abs(point[2]) < 0.1
    assert np.sqrt(np.diag(covariance))[:2] == pytest.approx([4.5e-4, 2e-6], rel=0.5)


def test_no_track_leaves_the_beam_spot():
    point, covariance, chi2 = fitted(np.empty((0, PT + 1)), beam=BeamSpot().constraint)
    assert chi2 == 0
    assert point.tolist() == [0, 0, 0]
    assert np.sqrt(np.diag(covariance)) == pytest.approx([4.5e-4, 2e-6, 0.03])


def turned(row, angle):
    """The row of the track turned about the z axis."""
    new = row.copy()
    new[1] += angle
    return new


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.floats(-3.1, 3.1), st.integers(2, 6))
def test_the_vertex_turns_with_the_event_and_does_not_mind_the_order_of_tracks(seed, angle, n):
    rng = np.random.default_rng(seed)
    at = np.array([0.3, 0.1, -0.2])
    rows = vertex_rows(rng, at, isotropic(rng, n, around=at, spread=1.0))
    point, covariance, chi2 = fitted(rows, at)
    if chi2 == FAILED or np.sqrt(covariance.max()) > 0.05:
        return  # tracks about parallel
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    shuffled = rng.permutation(n)
    again, other, same = fitted([turned(row, angle) for row in rows[shuffled]], turn @ at)
    assert same == pytest.approx(chi2, rel=1e-3, abs=1e-3)
    assert again == pytest.approx(turn @ point, abs=2e-2 * np.sqrt(covariance.max()))
    assert other == pytest.approx(turn @ covariance @ turn.T, rel=0.02, abs=0.02 * covariance.max())


def test_the_chi2_of_a_track_against_the_vertex_of_others_is_the_growth_of_the_chi2():
    rng = np.random.default_rng(4)
    at = np.array([0.05, 0.02, 0.0])
    rows = vertex_rows(rng, at, isotropic(rng, 5))
    few, covariance, chi2_few = fitted(rows[:4], at)
    every, full, chi2_all = fitted(rows, at)
    seen, here = np.zeros(1, dtype=APPROACH)[0], np.zeros(3)
    approach(rows[4], *few, seen)
    outside = miss(seen, here, covariance[np.tril_indices(3)], 1.0)
    approach(rows[4], *every, seen)
    inside = miss(seen, here, full[np.tril_indices(3)], -1.0)
    assert outside == pytest.approx(chi2_all - chi2_few, rel=1e-3)
    assert inside == pytest.approx(outside, rel=1e-3)


def test_a_vertex_makes_angles_of_its_tracks_better_known():
    rng = np.random.default_rng(6)
    at = np.array([20.0, 8.0, 3.0])
    p = np.array([1.0, 0.4, 0.2])
    exact = exact_row(at, p, 1)
    exact[COV:PT] *= 100  # poor tracks: errors show
    plain, better = [], []
    for _ in range(400):
        row = smeared(exact, rng)
        plain.append(plain_momentum(row, *at[:2]))
        better.append(momentum_from(row, *at))
    angle = [np.arctan2(*np.array(p)[:, 1::-1].T) for p in (plain, better)]
    assert angle[1].std() < 0.8 * angle[0].std()
    assert angle[1].mean() == pytest.approx(np.arctan2(0.4, 1.0), abs=4 * angle[1].std() / 20)
