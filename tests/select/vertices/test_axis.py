"""The thrust axis and its errors."""

import numpy as np
import pytest
from helpers.toy_helices import smeared
from helpers.toy_vertices import b_event, seen_from_groups

from hepsets.core.particle_sets import ParticleSets
from hepsets.select.vertices.axis import AxisConfig, hemisphere, with_thrust

NAMES = [f"thrust_{name}" for name in "xyz"]


def axis_of(seen):
    return np.stack([seen.columns[name] for name in NAMES], axis=1)


def test_b_hadrons_fly_along_the_axis_and_each_to_its_hemisphere():
    rng = np.random.default_rng(1)
    event = b_event(rng)
    seen = with_thrust(seen_from_groups([event[1:]]), AxisConfig())
    way = (event[1][0] - event[3][0]) / np.linalg.norm(event[1][0] - event[3][0])
    assert abs(axis_of(seen)[0] @ way) > 0.97
    side = hemisphere(seen)
    assert set(side[:6]) | set(side[6:]) == {-1, 1}
    assert (side[:6] == side[0]).all()


def test_errors_are_the_spread_of_measured_axes():
    rng = np.random.default_rng(2)
    event = [(point, 1.0 * rows, origin) for point, rows, origin in b_event(rng)[1:]]
    for _, rows, _ in event:
        rows[:, 5:20] *= 1e3
    measured = [
        [(point, np.array([smeared(row, rng) for row in rows]), o) for point, rows, o in event]
        for _ in range(400)
    ]
    seen = with_thrust(seen_from_groups(measured), AxisConfig())
    spread = axis_of(seen).std(axis=0)
    expected = np.median([seen.columns[f"{name}_err"] for name in NAMES], axis=1)
    assert spread == pytest.approx(expected, rel=0.25)


def test_neutral_particles_count_with_their_calorimeter():
    columns = {
        "px": np.array([10.0, -10.0, 0.0]), "py": np.array([0.0, 0.0, 4.0]), "pz": np.zeros(3),
        "is_track": np.zeros(3, dtype=bool), "kind": np.array([3, 3, 3], dtype=np.int8),
        **{n: np.zeros(3) for n in ("omega", "cov_omega_omega", "cov_phi_phi", "cov_tan_lambda_tan_lambda")},
    }  # fmt: skip
    seen = with_thrust(ParticleSets(columns, [0, 3]), AxisConfig(photon_resolution=0.1))
    # S = (20, 4, 0): σ(4 GeV) = 0.2 GeV turns it, σ(10 GeV) = 0.316 GeV twice
    turn = np.hypot(0.2 * 20, np.hypot(0.316, 0.316) * 4) / (20**2 + 4**2)
    assert seen.columns["thrust_y_err"][0] == pytest.approx(turn * 20 / np.hypot(20, 4), rel=0.01)
    coarse = with_thrust(ParticleSets(columns, [0, 3]), AxisConfig(photon_resolution=0.2))
    assert coarse.columns["thrust_y_err"][0] > 1.9 * seen.columns["thrust_y_err"][0]


def test_an_event_without_particles_has_the_null_axis_and_finite_errors():
    columns = {
        name: np.zeros(0)
        for name in ("px", "py", "pz", "omega", "cov_omega_omega", "cov_phi_phi", "cov_tan_lambda_tan_lambda")
    }
    columns |= {"is_track": np.zeros(0, dtype=bool), "kind": np.zeros(0, dtype=np.int8)}
    seen = with_thrust(ParticleSets(columns, [0, 0]), AxisConfig())
    assert axis_of(seen).tolist() == [[0, 0, 0]]
    assert seen.columns["thrust_x_err"].tolist() == [0]


def test_the_true_quark_has_a_cosine_to_the_axis():
    seen = seen_from_groups([b_event(np.random.default_rng(3))[1:]])
    axis = axis_of(with_thrust(seen, AxisConfig()))[0]
    known = seen.with_columns(**{f"quark_{name}": np.array([-axis[k]]) for k, name in enumerate("xyz")})
    assert with_thrust(known, AxisConfig()).columns["quark_cos"] == pytest.approx([-1])
