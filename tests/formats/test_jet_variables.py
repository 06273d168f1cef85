"""Impact parameters and kinematics of jets' constituents, against geometry done another way."""

import numpy as np
import pytest
from helpers.jet_events import jet_events

from hepsets.core.masses import M_K, M_PI
from hepsets.formats.jet_variables import (
    closest_to,
    impact_variables,
    ionisation,
    momenta,
    relative_variables,
    time_of_flight_mass,
)


def inputs(displaced=0.0):
    events = jet_events(20, displaced=displaced)
    seen = {
        name: column.astype(np.float64) if column.dtype == np.float32 else column
        for name, column in events.particles.particles.items()
    }
    of_event = events.particles.event_of_particle
    primary = np.stack([events.vertices.particles[name] for name in "xyz"], axis=1)[of_event]
    axis = np.stack([events.columns[f"thrust_{name}"] for name in "xyz"], axis=1)[of_event]
    side = np.sign((momenta(seen) * axis).sum(1))[:, None]
    return seen, primary, 40 * axis * side


def test_helices_come_closest_where_a_search_along_them_says():
    rng = np.random.default_rng(2)
    n = 50
    seen = {
        "d0": rng.normal(0, 0.1, n),
        "phi": rng.uniform(-np.pi, np.pi, n),
        "omega": rng.choice([-1, 1], n) / rng.uniform(50, 5000, n),
        "z0": rng.normal(0, 1, n),
        "tan_lambda": rng.normal(0, 1, n),
    }
    point = rng.normal(0, 0.3, (n, 3))
    d0, z0, _ = closest_to(seen, point)
    along = np.linspace(-3, 3, 600_001)
    for i in range(n):
        radius, phi = 1 / seen["omega"][i], seen["phi"][i]
        turned = phi - along / radius  # a positive charge turns clockwise
        x = -seen["d0"][i] * np.sin(phi) + radius * (np.sin(phi) - np.sin(turned)) - point[i, 0]
        y = seen["d0"][i] * np.cos(phi) - radius * (np.cos(phi) - np.cos(turned)) - point[i, 1]
        best = np.argmin(x**2 + y**2)
        assert abs(d0[i]) == pytest.approx(np.hypot(x[best], y[best]), abs=1e-6)
        height = seen["z0"][i] + along[best] * seen["tan_lambda"][i] - point[i, 2]
        assert z0[i] == pytest.approx(height, abs=1e-4)


def test_tracks_from_the_primary_vertex_have_no_impact_parameter_towards_it():
    seen, primary, jet = inputs()
    found = impact_variables(seen, primary, jet)
    tracks = seen["is_track"]
    assert np.abs(found["pfcand_dxy"][tracks]).max() < 1e-4  # mm; the helices are stored in 32 bits
    assert np.abs(seen["d0"][tracks]).max() > 1e-3
    assert (found["pfcand_dxy"][~tracks] == -9).all()
    assert (found["pfcand_btagJetDistSig"][~tracks] == -9).all()


def test_tracks_from_a_point_down_the_jet_have_positive_signs_and_pass_close_to_its_axis():
    seen, primary, jet = inputs(displaced=0.2)
    found = impact_variables(seen, primary, jet)
    tracks = seen["is_track"]
    assert (found["pfcand_btagSip2dVal"][tracks] > -1e-4).all()
    assert np.mean(found["pfcand_btagSip3dVal"][tracks]) > 0.1
    np.testing.assert_allclose(found["pfcand_btagJetDistVal"][tracks], 0, atol=2e-3)
    np.testing.assert_allclose(
        found["pfcand_btagSip2dSig"][tracks],
        found["pfcand_btagSip2dVal"][tracks] / (10 * np.sqrt(seen["cov_d0_d0"][tracks])),
    )


def test_angles_are_those_to_the_jet_and_do_not_change_when_the_event_turns_about_the_beam():
    seen, _, jet = inputs()
    energy = np.full(len(jet), 45.0)
    found = relative_variables(seen, jet, energy)
    p = momenta(seen)
    cosine = (p * jet).sum(1) / np.linalg.norm(p, axis=1) / np.linalg.norm(jet, axis=1)
    np.testing.assert_allclose(np.cos(found["pfcand_thetarel"]), cosine, atol=1e-9)
    np.testing.assert_allclose(10 ** found["pfcand_erel_log"], seen["energy"] / 45, rtol=1e-6)
    turn = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    turned = {**seen, **dict(zip(("px", "py", "pz"), (p @ turn.T).T, strict=True))}
    again = relative_variables(turned, jet @ turn.T, energy)
    np.testing.assert_allclose(
        np.exp(1j * again["pfcand_phirel"]), np.exp(1j * found["pfcand_phirel"]), atol=1e-6
    )


def test_time_of_flight_gives_the_mass_of_a_kaon_and_the_pions_where_it_cannot():
    momentum, length = 1.5, 210.0
    beta = momentum / np.hypot(momentum, M_K)
    seen = {
        **{name: np.zeros(4) for name in ("px", "py")},
        "pz": np.full(4, momentum),
        "energy": np.full(4, 2.0),
        "kind": np.array([0, 0, 3, 4]),
        "flight_length": np.full(4, length),
        "flight_time": np.array([length / (29.9792458 * beta), 1.0, 7.0, length / (29.9792458 * 0.6)]),
        "has_flight_time": np.array([True, True, True, True]),
    }
    assert time_of_flight_mass(seen).tolist() == [*(pytest.approx(M_K), M_PI, 0.0, pytest.approx(2 * 0.8))]
    seen["has_flight_time"][:] = False
    assert time_of_flight_mass(seen).tolist() == [M_PI, M_PI, 0.0, 9.0]


def test_ionisation_is_counted_per_millimetre_of_charged_hadrons():
    seen = {
        "n_clusters": np.array([1600.0, 1600.0, 0.0, 0.0]),
        "track_length": np.array([160.0, 160.0, 160.0, 0.0]),
        "kind": np.array([0, 1, 0, 3]),
        "has_clusters": np.array([True, True, False, False]),
    }
    assert ionisation(seen).tolist() == [1.0, 0.0, 0.0, 0.0]
