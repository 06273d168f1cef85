"""Cluster counting: the table of densities, lengths in the gas, and the separation of pions and kaons."""

import math

import numpy as np
import pytest

from hepsets.core.kernel import as_record
from hepsets.simulate.cluster_counting import (
    BETA_GAMMA,
    DENSITY,
    cluster_density,
    count_clusters,
    length_in_gas,
    log_cluster_density,
)
from hepsets.simulate.idea import IDEA

GAS = as_record(IDEA.cluster_counting)
PION, KAON = 0.13957, 0.49368


def test_densities_are_those_of_the_table_and_smooth_between():
    assert cluster_density(BETA_GAMMA) == pytest.approx(DENSITY)
    for value in (0.2, 0.5, 1.7, 3.9, 40.0, 999.0, 4e4):
        assert math.exp(log_cluster_density(math.log(value))) == pytest.approx(
            float(cluster_density(np.array(value)))
        )
    assert cluster_density(np.array([0.25]))[0] > 1.8 * DENSITY[0]  # slow particles ionise more
    assert cluster_density(np.array([1e6]))[0] == pytest.approx(DENSITY[-1])


def test_a_straight_track_at_a_right_angle_crosses_the_whole_gas():
    assert length_in_gas(GAS, 1e-9, 0.0, 0.0) == pytest.approx(167.5, rel=1e-6)
    assert length_in_gas(GAS, 1e-9, 0.0, 100.0) == pytest.approx(102.0, rel=1e-6)
    assert length_in_gas(GAS, 1e-9, 0.0, 210.0) == 0
    assert length_in_gas(GAS, 1e-9, 2.0, 0.0) == pytest.approx((212.5 / 2 - 34.5) * math.sqrt(5), rel=1e-6)
    assert length_in_gas(GAS, 1e-9, -2.0, 0.0) == length_in_gas(GAS, 1e-9, 2.0, 0.0)


def test_a_track_that_curls_up_has_the_rest_of_its_half_turn():
    assert length_in_gas(GAS, 1 / 17.0, 0.0, 0.0) == 0  # does not reach the gas
    radius = 50.0
    expected = math.pi * radius - 2 * radius * math.asin(34.5 / (2 * radius))
    assert length_in_gas(GAS, 1 / radius, 0.0, 0.0) == pytest.approx(expected)


@pytest.mark.parametrize("length", [0.5, 150.0])
def test_counts_are_poisson_about_efficiency_times_clusters(length):
    stream = np.array([3], dtype=np.uint64)
    counts = np.array([count_clusters(stream, GAS, 5.0, length) for _ in range(20_000)])
    mean = 0.8 * 12.24 * length
    assert counts.mean() == pytest.approx(mean, rel=0.02)
    assert counts.var() == pytest.approx(mean, rel=0.05)
    assert (counts == np.round(counts)).all()


@pytest.mark.parametrize(
    ("momentum", "separation"),
    [(1, 1.1), (1.5, 3.1), (2, 4.6), (5, 6.1), (10, 5.9), (20, 4.2), (30, 2.8), (45, 1.6)],
)
def test_pions_and_kaons_are_as_far_apart_as_in_studies_of_the_chamber(momentum, separation):
    length = length_in_gas(GAS, 0.3 * 2 / 100 / momentum, 0.0, 0.0)
    pions, kaons = (0.8 * length * cluster_density(np.array(momentum / m)) for m in (PION, KAON))
    found = abs(pions - kaons) / math.sqrt(0.5 * (pions + kaons))
    assert found == pytest.approx(separation, rel=0.15)
