"""Clusters: resolution, thresholds, cracks, conversions, and what is no photon."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.decay_chains import directions, gun

from hepsets.core.kernel import as_record
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.calorimeter import (
    BACKWARD,
    BARREL,
    FORWARD,
    OUTSIDE,
    energy_resolution,
    region,
)
from hepsets.simulate.detector import simulate

CONFIG = BELLE2.calorimeter
QUIET = replace(BELLE2, calorimeter=replace(CONFIG, background=0.0, tail_fraction=0.0))


def shoot(pdg, momentum, *, detector=QUIET, seed=1, **where):
    events = gun(pdg, momentum, **where)
    return simulate(events, seed=seed, event_numbers=np.arange(len(events)), detector=detector).clusters


@pytest.mark.parametrize("energy", [0.1, 0.5, 2.0])
def test_energy_pulls_have_unit_width(energy):
    clusters = shoot(22, energy * directions(np.random.default_rng(1), 6000))
    pull = (clusters["energy"] / energy - 1) / energy_resolution(as_record(CONFIG), energy)
    assert abs(pull.mean()) < 5 / np.sqrt(len(pull))
    assert abs(pull.std() - 1) < 0.05


def test_resolution_is_four_per_cent_at_100_mev_and_below_two_at_high_energy():
    assert 0.03 < energy_resolution(as_record(CONFIG), 0.1) < 0.05
    assert 0.012 < energy_resolution(as_record(CONFIG), 5.0) < 0.02


def test_photons_are_lost_to_conversions_and_inefficiency_only():
    n = 20_000
    p = directions(np.random.default_rng(2), n, 80, 100)
    expected = (
        CONFIG.efficiency * np.exp(-7 / 9 * CONFIG.conversion_length / np.sin(np.arccos(p[:, 2]))).mean()
    )
    found = len(shoot(22, p)) / n
    assert abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


@pytest.mark.parametrize(
    ("degrees", "where"),
    [
        (5, OUTSIDE),
        (20, FORWARD),
        (31.8, OUTSIDE),
        (90, BARREL),
        (129.5, OUTSIDE),
        (140, BACKWARD),
        (160, OUTSIDE),
    ],
)
def test_regions_have_cracks_between_them(degrees, where):
    assert region(as_record(CONFIG), np.radians(degrees)) == where


def test_no_cluster_is_below_the_threshold_of_its_region():
    rng = np.random.default_rng(3)
    p = directions(rng, 20_000, 10, 158) * rng.uniform(0.01, 0.2, (20_000, 1))
    clusters = shoot(22, p, detector=BELLE2)
    for where, low in (
        (FORWARD, CONFIG.threshold_forward),
        (BARREL, CONFIG.threshold_barrel),
        (BACKWARD, CONFIG.threshold_backward),
    ):
        assert clusters["energy"][clusters["region"] == where].min() >= low
    assert (clusters["region"] != OUTSIDE).all()


def test_a_photon_from_a_displaced_vertex_is_taken_for_one_from_the_origin():
    clusters = shoot(22, np.tile([0.0, 1.0, 0.0], (2000, 1)), position=(20.0, 0.0, 0.0))
    phi = np.arctan2(clusters["py"], clusters["px"])
    assert np.median(phi) == pytest.approx(np.arctan2(CONFIG.shell_radius, 20.0), abs=0.001)


def test_background_has_the_configured_rate_and_no_true_particle():
    n = 5000
    events = gun(12, np.ones((n, 3)))
    clusters = simulate(events, seed=1, event_numbers=np.arange(n), detector=BELLE2).clusters
    assert (clusters["particle"] == -1).all()
    seen = 0.97  # of the solid angle between the endcaps' outer edges, cracks take the rest
    assert len(clusters) / n == pytest.approx(CONFIG.background * seen, rel=0.05)


def test_shower_shapes_tell_photons_from_hadrons():
    p = directions(np.random.default_rng(4), 4000)
    photons, kaons = shoot(22, p), shoot(130, p)
    assert (photons["shape"] > 0.5).mean() > 0.9
    assert (kaons["shape"] < 0.5).mean() > 0.7
    assert 0.2 < len(kaons) / 4000 < CONFIG.neutral_hadron
