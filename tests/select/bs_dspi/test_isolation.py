"""Isolation: which tracks are around, the momentum in a cone, the nearest track to the vertex."""

import numpy as np
import pytest

from hepsets.select.bs_dspi.isolation import CONE, NO_TRACK, chi2_with_one_more, cone_asymmetry, tracks_around
from hepsets.select.bs_dspi.lines import Lines, Vertex


def lines(phi, eta, d0):
    zero = np.zeros(len(phi))
    covariance = np.zeros((len(phi), 7))
    covariance[:, 0], covariance[:, 3] = 1e-6, 1e-4
    return Lines(np.array(d0), np.array(phi), zero, np.sinh(eta), covariance, np.cosh(eta), zero)


@pytest.fixture
def around():
    # event 0: four members, one near in angle and far from the vertex, one far in angle and at the vertex
    seen = lines(
        [0.0, 0.1, 0.2, 0.3, 0.5, 3.0, 0, 0, 0, 0], [3.0] * 10, [0, 0, 0, 0, 0.01, 0.001, 0, 0, 0, 0]
    )
    vertex = Vertex(np.zeros((2, 3)), np.zeros((2, 3, 3)), np.zeros(2))
    momentum = np.array([[2.0, 0.0, 2 * np.sinh(3.0)]] * 2)
    members = np.array([[0, 1, 2, 3], [6, 7, 8, 9]])
    return tracks_around(np.array([0, 1]), members, np.array([0, 6, 10]), seen, momentum, vertex), momentum


def test_the_tracks_around_are_all_but_the_candidates_own(around):
    found, _ = around
    assert found.candidate.tolist() == [0, 0]
    assert found.track.tolist() == [4, 5]
    assert found.delta_phi == pytest.approx([0.5, 3.0])
    assert found.delta_eta == pytest.approx([0, 0])


def test_the_cone_takes_what_is_near_in_angle(around):
    found, momentum = around
    assert 0.5 < CONE < 3.0
    tracks = np.zeros((10, 3))
    tracks[4], tracks[5] = [0.0, 1.0, 5.0], [9.0, 9.0, 9.0]
    assert cone_asymmetry(found, tracks, momentum) == pytest.approx([(2 - 1) / (2 + 1), 1])


def test_one_more_track_counts_by_how_it_fits_the_vertex(around):
    found, _ = around
    assert found.vertex_chi2 == pytest.approx([100, 1], rel=1e-6)
    assert chi2_with_one_more(found, 2) == pytest.approx([1, NO_TRACK])
