"""The primary vertex holds what comes from it and nothing else."""

import numpy as np
import pytest
from helpers.toy_vertices import SPOT, b_event, primary_group
from scipy.stats import chi2 as chi2_distribution
from scipy.stats import kstest

from hepsets.core.kernel import as_record
from hepsets.select.vertices.config import BeamSpot, PrimaryConfig
from hepsets.select.vertices.primary import find_primary, misses

BEAM = BeamSpot().constraint


def found(rows, config=None):
    point, covariance = np.zeros(3), np.zeros(6)
    inside = np.ones(len(rows), dtype=bool)
    chi2 = find_primary(rows, inside, BEAM, as_record(config or PrimaryConfig()), point, covariance)
    return point, covariance, inside, chi2


def test_without_decays_nearly_all_tracks_stay_and_pulls_have_width_one():
    rng = np.random.default_rng(1)
    pulls, shares = [], []
    for _ in range(300):
        true, rows, _ = primary_group(rng)
        point, covariance, inside, _ = found(rows)
        shares.append(inside.mean())
        pulls.append((point - true) / np.sqrt(covariance[[0, 2, 5]]))
    assert np.mean(shares) > 0.97
    assert np.std(pulls, axis=0) == pytest.approx(np.ones(3), abs=0.12)


def test_tracks_of_decays_are_taken_out():
    rng = np.random.default_rng(2)
    kept, lost = [], []
    for _ in range(50):
        event = b_event(rng)
        inside = found(np.concatenate([rows for _, rows, _ in event]))[2]
        lost.append(10 - inside[:10].sum())
        kept.append(inside[10:].sum())
    assert np.mean(lost) < 0.5
    assert np.mean(kept) < 2


def test_without_a_threshold_every_track_stays_and_the_chi2_is_flat():
    rng = np.random.default_rng(3)
    config = PrimaryConfig(max_chi2=1e9)
    chi2s = [found(primary_group(rng)[1], config)[3] for _ in range(400)]
    assert kstest(chi2_distribution.sf(chi2s, 20), "uniform").pvalue > 0.01


def test_without_tracks_it_is_the_beam_spot():
    point, covariance, _, chi2 = found(np.empty((0, 21)))
    assert point.tolist() == [0, 0, 0]
    assert np.sqrt(covariance[[0, 2, 5]]) == pytest.approx(SPOT)
    assert chi2 == 0


def test_tracks_of_the_vertex_miss_that_of_the_others_by_two_degrees_of_freedom():
    rng = np.random.default_rng(4)
    every = []
    for _ in range(200):
        rows = primary_group(rng)[1]
        point, covariance, inside, _ = found(rows, PrimaryConfig(max_chi2=1e9))
        missed = np.zeros(len(rows))
        misses(rows, np.ones(len(rows), dtype=bool), inside, point, covariance, missed)
        every.append(missed[0])
    assert kstest(chi2_distribution.sf(every, 2), "uniform").pvalue > 0.01
