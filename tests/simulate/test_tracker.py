"""Tracks: efficiencies and resolutions against the configured numbers."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.decay_chains import directions, gun, mass

from hepsets.core.kernel import as_record
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import simulate
from hepsets.simulate.tracker import (
    impact_resolution,
    momentum_resolution,
    tracking_efficiency,
)
from hepsets.simulate.vertexing import closest_approach

CONFIG = BELLE2.tracker
NO_TAILS = replace(BELLE2, tracker=replace(CONFIG, tail_fraction=0.0))


def shoot(pdg, momentum, *, detector=NO_TAILS, seed=1, **where):
    events = gun(pdg, momentum, **where)
    return simulate(events, seed=seed, event_numbers=np.arange(len(events)), detector=detector)


@pytest.mark.parametrize("pt", [0.03, 0.06, 0.1, 0.2, 1.0])
def test_the_muon_efficiency_turns_on_as_configured(pt):
    n = 5000
    p = directions(np.random.default_rng(1), n)
    theta = np.arccos(p[:, 2])
    seen = shoot(13, p * (pt / np.sin(theta))[:, None])
    expected = tracking_efficiency(as_record(CONFIG), pt, 1.5, 0.0)
    assert abs(len(seen.tracks) / n - expected) < 4 * np.sqrt(expected * (1 - expected) / n) + 1e-9


def test_nothing_is_found_outside_the_acceptance():
    rng = np.random.default_rng(2)
    assert len(shoot(13, directions(rng, 500, 2.0, 16.9)).tracks) == 0
    assert len(shoot(13, directions(rng, 500, 150.1, 178.0)).tracks) == 0


def test_particles_from_far_away_are_found_less_often():
    p = directions(np.random.default_rng(3), 5000)
    found = [len(shoot(13, p, position=(r, 0, 0)).tracks) for r in (0.0, 10.0, 20.0, 40.0, 50.0)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 0


@pytest.mark.parametrize(("pdg", "lifetime"), [(211, 780.4), (321, 371.1)])
def test_pions_and_kaons_decay_in_flight(pdg, lifetime):
    n, momentum = 20_000, 0.6
    rng = np.random.default_rng(4)
    phi = rng.uniform(-np.pi, np.pi, n)
    p = momentum * np.column_stack([np.cos(phi), np.sin(phi), np.zeros(n)])
    survive = np.exp(-CONFIG.kink_radius * mass(pdg) / momentum / lifetime)
    expected = CONFIG.plateau * survive
    found = len(shoot(pdg, p).tracks) / n
    assert abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


@pytest.mark.parametrize("pt", [0.15, 0.5, 2.0])
@pytest.mark.parametrize("pdg", [13, -2212])
def test_pulls_have_unit_width(pdg, pt):
    n = 6000
    rng = np.random.default_rng(5)
    p = directions(rng, n)
    theta = np.arccos(p[:, 2])
    p *= (pt / np.sin(theta))[:, None]
    position = (0.01, -0.02, 0.05)
    seen = shoot(pdg, p, position=position)
    tracks = seen.tracks
    true = p[tracks["particle"]]
    momentum = np.linalg.norm(true, axis=1)
    beta = momentum / np.hypot(momentum, mass(pdg))
    sine = pt / momentum
    charge = -1
    assert (tracks["charge"] == charge).all()
    config = as_record(CONFIG)
    resolution = np.array([momentum_resolution(config, pt, b) for b in beta])
    exact = np.array(
        [
            closest_approach(*position, pt, np.arctan2(t[1], t[0]), t[2] / pt, charge, CONFIG.field)
            for t in true
        ]
    )
    sigma_d0 = [
        impact_resolution(CONFIG.d0_constant, CONFIG.d0_scattering, pb, s, 1.5)
        for pb, s in zip(momentum * beta, sine, strict=True)
    ]
    assert tracks["sigma_d0"] == pytest.approx(sigma_d0, rel=1e-5)
    pulls = {
        "pt": (np.hypot(tracks["px"], tracks["py"]) / pt - 1) / resolution,
        "d0": (tracks["d0"] - exact[:, 1]) / tracks["sigma_d0"],
    }
    for name, pull in pulls.items():
        assert abs(pull.mean()) < 5 / np.sqrt(len(pull)), name
        assert abs(pull.std() - 1) < 0.06, name


def test_three_per_cent_of_the_tracks_have_tails():
    n = 40_000
    p = directions(np.random.default_rng(6), n)
    tracks = shoot(13, p, detector=BELLE2).tracks
    pull = tracks["d0"] / tracks["sigma_d0"]
    # P(|x| > 4 sigma): 6.3e-5 in the core, 0.182 in a tail three times wider
    expected = 0.97 * 6.3e-5 + 0.03 * 0.1824
    assert abs((abs(pull) > 4).mean() - expected) < 5 * np.sqrt(expected / n)


def test_electrons_lose_energy():
    p = directions(np.random.default_rng(7), 5000)
    electrons, muons = (
        np.hypot(t["px"], t["py"]) / np.hypot(*p[t["particle"], :2].T)
        for t in (shoot(11, p).tracks, shoot(13, p).tracks)
    )
    assert muons.mean() == pytest.approx(1, abs=5e-4)
    assert electrons.mean() == pytest.approx(1 - CONFIG.bremsstrahlung * 1.1, abs=0.005)
