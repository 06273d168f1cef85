"""Candidate and rest of event in frames of their own: what they show, and what they hide."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.moving_candidates import FASTEST, moved
from helpers.random_candidates import candidates_of_sizes, random_candidates, shuffled, turned
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hepsets.core.particle_sets import ParticleSets
from hepsets.select.variables.continuum import VARIABLES, continuum_variables
from hepsets.select.variables.own_frames import OWN_VARIABLES, own_frame_momenta, own_frame_variables

SQRT_S = 10.58
EVENTS = random_candidates(40, seed=11)


def own(events: ParticleSets) -> np.ndarray:
    particles = events.particles
    momenta = np.stack([particles[name] for name in ("px", "py", "pz")], axis=1)
    return own_frame_momenta(momenta, particles["energy"], particles["from_candidate"], events.offsets)


def test_daughters_balance_and_masses_stay() -> None:
    four, mine = own(EVENTS), EVENTS.particles["from_candidate"]
    event = EVENTS.event_of_particle
    for column in four[:, :3].T:
        np.testing.assert_allclose(np.bincount(event[mine], column[mine]), 0, atol=1e-9)
    p2 = sum(EVENTS.particles[name].astype(np.float64) ** 2 for name in ("px", "py", "pz"))
    before = EVENTS.particles["energy"].astype(np.float64) ** 2 - p2
    several = (np.bincount(event[mine]) > 1)[event] | ~mine
    np.testing.assert_allclose(
        (four[:, 3] ** 2 - (four[:, :3] ** 2).sum(1))[several], before[several], atol=1e-5
    )


def test_a_recoil_as_heavy_as_the_candidate_balances_too() -> None:
    # back to back in the collision, and of the same mass
    p = np.array([[0.2, 0.1, 1.0], [0.1, 0.2, -0.5], [-0.3, -0.3, 0.3], [0.0, 0.0, -0.8]])
    energy = np.array([1.5, 1.0, 1.2, 1.3])
    four = own_frame_momenta(p, energy, [True, True, False, False], [0, 4])
    np.testing.assert_allclose(four[:2, :3].sum(0), 0, atol=1e-12)
    np.testing.assert_allclose(four[2:, :3].sum(0), 0, atol=1e-12)


@given(speed=st.floats(0.0, FASTEST), seed=st.integers(0, 99))
def test_nothing_tells_how_fast_the_candidate_is(speed, seed) -> None:
    slow, fast = moved(EVENTS, 0.0, seed), moved(EVENTS, speed, seed)
    np.testing.assert_allclose(own(slow), own(fast), atol=1e-6)
    one, other = own_frame_variables(slow, SQRT_S), own_frame_variables(fast, SQRT_S)
    for name in OWN_VARIABLES:
        np.testing.assert_allclose(one[name], other[name], atol=1e-5, err_msg=name)


def test_nothing_tells_the_energy_unit_of_the_daughters() -> None:
    mine = EVENTS.particles["from_candidate"]
    half = {
        name: np.where(mine, 0.5 * EVENTS.particles[name], EVENTS.particles[name])
        for name in ("px", "py", "pz", "energy")
    }
    light = ParticleSets({**EVENTS.particles, **half}, EVENTS.offsets, EVENTS.columns)
    one, other = own_frame_variables(EVENTS, SQRT_S), own_frame_variables(light, SQRT_S)
    for name in OWN_VARIABLES:
        np.testing.assert_allclose(one[name], other[name], atol=1e-5, err_msg=name)


def test_at_rest_the_variables_are_the_usual_ones() -> None:
    # a candidate of massless daughters at rest, with half the energy of the collision
    still = {
        "px": np.array([2.645, -2.645, 1.0, -0.5]),
        "py": np.array([0.0, 0.0, 1.5, 0.2]),
        "pz": np.array([0.0, 0.0, 0.3, -1.0]),
    }
    energy = np.sqrt(sum(column**2 for column in still.values()))
    particles = {
        **still,
        "energy": energy,
        "charge": np.array([0, 0, 1, -1], np.int8),
        "from_candidate": np.array([True, True, False, False]),
    }
    events = ParticleSets(particles, np.array([0, 4]), {"candidate_energy": np.array([5.29])})
    usual, found = continuum_variables(events, SQRT_S), own_frame_variables(events, SQRT_S)
    assert tuple(found) == OWN_VARIABLES
    for name in VARIABLES:
        np.testing.assert_allclose(found[f"own_{name}"], usual[name], atol=1e-12, err_msg=name)


@pytest.mark.parametrize("sizes", [[0], [1], [2, 0, 1, 1, 1, 1, 1, 1]])
@pytest.mark.parametrize("share", ["some", "all", "none"])
def test_events_of_few_particles_have_finite_momenta_and_variables(sizes, share) -> None:
    events = candidates_of_sizes(sizes, seed=4)
    if share != "some":
        every = np.full(events.n_particles, share == "all")
        events = ParticleSets({**events.particles, "from_candidate": every}, events.offsets, events.columns)
    assert np.isfinite(own(events)).all()
    assert all(np.isfinite(values).all() for values in own_frame_variables(events, SQRT_S).values())


def test_events_without_candidate_stay_as_they_are() -> None:
    none = {**EVENTS.particles, "from_candidate": np.zeros(EVENTS.n_particles, bool)}
    events = ParticleSets(none, EVENTS.offsets, EVENTS.columns)
    expected = np.stack([EVENTS.particles[name] for name in ("px", "py", "pz", "energy")], axis=1)
    np.testing.assert_allclose(own(events), expected, rtol=1e-12)


def test_order_of_particles_and_turns_around_the_beam_do_not_matter() -> None:
    reference = own_frame_variables(EVENTS, SQRT_S)
    angle = Rotation.from_euler("z", 0.8).as_matrix()
    for other in (shuffled(EVENTS, 1), turned(EVENTS, angle)):
        for name, values in own_frame_variables(other, SQRT_S).items():
            np.testing.assert_allclose(values, reference[name], atol=1e-5, err_msg=name)
