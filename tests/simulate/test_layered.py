"""The layered detector: columns, reproducibility, pulls, and what becomes of each kind of particle."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.core.reconstructed import (
    CHARGED_HADRON,
    COVARIANCE,
    ELECTRON,
    FROM_MATERIAL,
    MUON,
    NEUTRAL_HADRON,
    PHOTON,
    TRACK_PARAMETERS,
)
from hepsets.generate.z_pole import generate_z_block
from hepsets.simulate.idea import IDEA, IdeaConfig
from hepsets.simulate.layered import see_z_events
from hepsets.simulate.vertexing import CURVATURE, closest_approach


def gun(pdg, n, momentum, theta=90.0, *, at=(0.0, 0.0, 0.0), phi=0.3, mass=0.13957, mother=0):
    """Events of one particle each; with a mother at the origin if ``mother`` is an id."""
    first = 1 if mother else 0
    size = first + 1
    particles = {name: np.zeros(size * n, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    own = slice(first, None, size)
    if mother:
        particles["pdg"][::size] = mother
        particles["index"][own] = 1
    p, angle = np.broadcast_to(momentum, n), np.radians(theta)
    particles["pdg"][own] = pdg
    particles["px"][own] = p * np.sin(angle) * np.cos(phi)
    particles["py"][own] = p * np.sin(angle) * np.sin(phi)
    particles["pz"][own] = p * np.cos(angle)
    particles["energy"][own] = np.hypot(p, mass)
    for name, value in zip("xyz", at, strict=True):
        particles[name][own] = value
    return Events(particles, np.arange(n + 1) * size)


def look(events, detector=IDEA, *, seed=1, trial=0, numbers=None):
    numbers = np.arange(len(events)) if numbers is None else numbers
    return see_z_events(events, seed=seed, event_numbers=numbers, trial=trial, detector=detector)


@pytest.fixture(scope="module")
def events():
    return generate_z_block("zbb", 11, 0, 400)


def same(left, right):
    return np.array_equal(left.offsets, right.offsets) and all(
        np.array_equal(left.particles[name], right.particles[name]) for name in left.particles
    )


def test_particles_have_all_columns_and_finite_values(events):
    seen = look(events, numbers=np.arange(400) + 7)
    seen.validate()
    wanted = {"px", "py", "pz", "energy", "charge", "is_track", "kind", *TRACK_PARAMETERS, *COVARIANCE}
    wanted |= {"n_clusters", "track_length", "has_clusters", "flight_time", "flight_length"}
    wanted |= {"has_flight_time", "true_x", "true_y", "true_z", "true_pdg", "origin"}
    assert set(seen.particles) == wanted
    assert {"flavour", "quark_x", "event_number"} <= set(seen.columns)
    assert seen.columns["event_number"].tolist() == list(range(7, 407))
    is_track = seen.particles["is_track"]
    for name in (*TRACK_PARAMETERS, *COVARIANCE, "charge"):
        assert not seen.particles[name][~is_track].any()


def test_an_event_looks_the_same_alone_in_any_batch_and_order(events):
    whole = look(events)
    order = np.random.default_rng(1).permutation(len(events))[:50]
    assert same(whole[order], look(events[order], numbers=order))
    assert not same(whole, look(events, trial=1))
    assert not same(whole, look(events, seed=2))


def test_empty_events_stay_empty():
    nothing = Events({name: np.zeros(0, dtype) for name, dtype in PARTICLE_COLUMNS.items()}, [0, 0, 0])
    seen = look(nothing)
    assert (len(seen), seen.n_particles) == (2, 0)
    assert len(look(nothing[:0])) == 0


def test_event_numbers_are_one_per_event(events):
    with pytest.raises(InputError, match=r"event numbers of shape \(3,\)"):
        look(events, numbers=np.arange(3))


def pulls(seen, *, momentum, theta, phi, at=(0.0, 0.0, 0.0), charge=1, field=2.0):
    """(measured − true)/σ of the track parameters, shape (5, n)."""
    angle = np.radians(theta)
    pt, tan_lambda = momentum * np.sin(angle), 1 / np.tan(angle)
    phi_0, d0, z0 = closest_approach(*at, pt, phi, tan_lambda, charge, field)
    true = dict(
        zip(TRACK_PARAMETERS, (d0, phi_0, charge * CURVATURE * field / pt, z0, tan_lambda), strict=True)
    )
    p = seen.particles
    return np.array([(p[name] - true[name]) / np.sqrt(p[f"cov_{name}_{name}"]) for name in TRACK_PARAMETERS])


@pytest.mark.parametrize(
    ("momentum", "theta", "at", "pdg"),
    [
        (1.0, 90.0, (0, 0, 0), 211),
        (20.0, 40.0, (0, 0, 0), -321),
        (0.4, 125.0, (0, 0, 0), 2212),
        (3.0, 75.0, (1.0, 0.5, 0.2), -211),
        (8.0, 60.0, (20.0, -3.0, 12.0), 211),
    ],
)
def test_errors_are_what_the_covariance_says(momentum, theta, at, pdg):
    seen = look(gun(pdg, 4000, momentum, theta, at=at, mother=310))
    assert seen.n_particles == 4000
    charge = 1 if pdg > 0 else -1
    assert (seen.particles["charge"] == charge).all()
    at = [float(np.float32(value)) for value in at]
    found = pulls(seen, momentum=momentum, theta=theta, phi=0.3, at=at, charge=charge)
    assert found.std(axis=1) == pytest.approx(1, abs=0.05)
    assert found.mean(axis=1) == pytest.approx(0, abs=0.06)


def test_momentum_and_energy_are_those_of_the_measured_helix():
    seen = look(gun(321, 500, 2.0, 50.0, mass=0.4937)).particles
    pt = CURVATURE * 2.0 / np.abs(seen["omega"])
    assert np.hypot(seen["px"], seen["py"]) == pytest.approx(pt, rel=1e-5)
    assert seen["pz"] == pytest.approx(pt * seen["tan_lambda"], rel=1e-5)
    assert np.arctan2(seen["py"], seen["px"]) == pytest.approx(seen["phi"], abs=1e-5)
    assert seen["energy"] == pytest.approx(np.hypot(pt * np.hypot(1, seen["tan_lambda"]), 0.13957), rel=1e-5)


def test_the_same_track_is_measured_worse_where_the_field_is_weaker():
    def spread(detector):
        return (
            look(gun(211, 3000, 10.0, mass=0.1396), detector).particles["omega"].std()
            / detector.tracker.field
        )

    aleph = IdeaConfig(field=1.5).detector()
    assert spread(aleph) / spread(IDEA) == pytest.approx(2 / 1.5, rel=0.06)


def test_tracks_need_transverse_momentum_acceptance_and_hits():
    assert look(gun(211, 50, 0.09)).n_particles == 0
    assert look(gun(211, 50, 5.0, 8.0)).n_particles == 0
    assert look(gun(211, 50, 0.15)).n_particles == 50
    assert look(gun(211, 50, 5.0, at=(0.0, 199.8, 0.0), mother=310)).n_particles == 0


@pytest.mark.parametrize(
    ("momentum", "clusters", "time"),
    [(1.0, 1.1, 24), (1.5, 3.1, 11), (2.0, 4.6, 6.3), (5.0, 6.1, 1.0), (20.0, 4.2, 0.06)],
)
def test_pions_and_kaons_are_told_apart_by_clusters_and_time(momentum, clusters, time):
    pions, kaons = (
        look(gun(pdg, 4000, momentum, mass=mass)).particles for pdg, mass in ((211, 0.13957), (321, 0.49368))
    )

    def separation(name):
        spread = np.sqrt(0.5 * (pions[name].var() + kaons[name].var()))
        return abs(pions[name].mean() - kaons[name].mean()) / spread

    assert pions["has_clusters"].all()
    assert pions["has_flight_time"].all()
    assert separation("n_clusters") == pytest.approx(clusters, rel=0.15)
    assert separation("flight_time") == pytest.approx(time, rel=0.15, abs=0.06)


def test_the_time_of_flight_gives_the_mass():
    seen = look(gun(2212, 2000, 2.0, mass=0.93827)).particles
    beta = seen["flight_length"] / seen["flight_time"] / 29.9792458
    squared = 4.0 * (1 / beta.astype(float) ** 2 - 1)
    assert np.median(squared) == pytest.approx(0.93827**2, rel=0.01)
    displaced = look(gun(211, 500, 0.8, 80.0, at=(10.0, 0.0, 0.0), mother=310, mass=0.1396)).particles
    # what flew before it decayed comes in no time here: the pion has 10 cm less to fly
    assert (
        displaced["flight_length"] - displaced["flight_time"] * 29.98 / np.hypot(1, 0.1396 / 0.8)
    ).mean() > 8


@pytest.mark.parametrize(("pdg", "kind"), [(11, ELECTRON), (-13, MUON), (211, CHARGED_HADRON)])
def test_leptons_are_identified_above_two_gev(pdg, kind):
    def share(momentum):
        return (look(gun(pdg, 4000, momentum)).particles["kind"] == kind).mean()

    assert share(5.0) == pytest.approx(1.0 if kind == CHARGED_HADRON else 0.99, abs=0.006)
    assert share(1.5) == (1.0 if kind == CHARGED_HADRON else 0.0)


def test_photons_convert_by_the_radiation_lengths_before_the_chamber():
    n = 20_000
    seen = look(gun(22, n, 10.0, mass=0.0))
    p = seen.particles
    pairs = np.flatnonzero(np.bincount(seen.event_of_particle[p["is_track"]], minlength=n) == 2)
    inner = sum(x.material for x in IDEA.tracker.layers if x.shape == "barrel" and x.position < 200)
    assert len(pairs) / n == pytest.approx(1 - np.exp(-7 / 9 * inner), rel=0.06)
    tracks = p["is_track"]
    assert (p["origin"][tracks] == FROM_MATERIAL).all()
    assert set(np.unique(p["true_pdg"])) == {-11, 11, 22}
    both = tracks & np.isin(seen.event_of_particle, pairs)
    total = np.bincount(seen.event_of_particle[both], np.hypot(np.hypot(p["px"], p["py"]), p["pz"])[both])
    assert np.median(total[pairs]) == pytest.approx(10, rel=0.01)
    assert (p["kind"][~tracks] == PHOTON).mean() == pytest.approx(0.99, abs=0.004)


def test_long_lived_neutral_hadrons_are_seen_by_the_calorimeter():
    for pdg in (130, 2112, 310):
        seen = look(gun(pdg, 300, 20.0, mass=0.5)).particles
        assert (seen["kind"] == NEUTRAL_HADRON).all()
        assert seen["energy"].mean() == pytest.approx(20, rel=0.02)
    assert look(gun(12, 50, 20.0)).n_particles == 0


def test_a_particle_that_decays_beyond_the_tracker_is_seen_itself():
    seen = look(gun(211, 100, 10.0, at=(230.0, 0.0, 0.0), mother=310))
    assert seen.n_particles == 0  # a K_S of no energy
    inside = look(gun(211, 100, 10.0, at=(30.0, 0.0, 0.0), mother=310))
    assert (inside.particles["true_pdg"] == 211).all()
