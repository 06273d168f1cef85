"""Beams and Υ(4S) → B B̄ before the decay."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.lorentz import boosted, mass_squared
from hepsets.core.units import SPEED_OF_LIGHT
from hepsets.generate.beams import (
    B0_MIXING_FREQUENCY,
    BeamConfig,
    draw_b_pairs,
    to_laboratory,
)

METRIC = np.diag([-1.0, -1.0, -1.0, 1.0])
MASS, MEAN_LIFE = 5.2797, 1.517e-3


@pytest.fixture(scope="module")
def pairs():
    return draw_b_pairs(
        np.random.default_rng(1), BeamConfig(), 50_000, pdg=511, mass=MASS, mean_life=MEAN_LIFE
    )


def test_mean_beams_make_the_upsilon_with_the_boost_of_belle_2():
    beam = BeamConfig()
    assert beam.energy == pytest.approx(10.5796, abs=1e-4)
    total = beam.collisions(np.random.default_rng(2), 20_000).sum(axis=1)
    assert total.mean(axis=0) == pytest.approx([0.4566, 0, 2.9994, 11.006], abs=2e-4)
    energy = np.sqrt(mass_squared(total))
    assert energy.mean() == pytest.approx(beam.energy, abs=2e-4)
    assert energy.std() == pytest.approx(5.0e-3, rel=0.05)


def test_the_mean_collision_has_the_energy_and_the_velocity_of_the_beams():
    beam = BeamConfig()
    momentum = beam.momentum
    assert np.sqrt(mass_squared(momentum[None])) == pytest.approx(beam.energy)
    assert momentum[[0, 2]] / momentum[3] == pytest.approx(beam.velocity)


def test_pairs_carry_the_momentum_of_the_beams_on_the_mass_shell(pairs):
    total = pairs.momentum.sum(axis=1)
    assert total[:, 3].mean() == pytest.approx(11.006, abs=3e-4)
    assert (mass_squared(total) > 4 * MASS**2).all()
    assert mass_squared(pairs.momentum.reshape(-1, 4)) == pytest.approx(MASS**2, rel=1e-10)


def test_b_fly_along_sine_squared_about_the_beams(pairs):
    beam = BeamConfig()
    total = pairs.momentum.sum(axis=1)
    back = total * [-1, -1, -1, 1]
    b = boosted(pairs.momentum[:, 0], back)[:, :3]
    electron = np.tile(
        beam.electron_energy
        * np.array([np.sin(beam.half_crossing_angle), 0, np.cos(beam.half_crossing_angle), 1]),
        (len(b), 1),
    )
    axis = boosted(electron, back)[:, :3]
    cosine = (b * axis).sum(axis=1) / np.linalg.norm(b, axis=1) / np.linalg.norm(axis, axis=1)
    density, edges = np.histogram(cosine, 20, (-1, 1))
    cumulative = (3 * edges - edges**3) / 4
    expected = len(b) * np.diff(cumulative)
    assert ((density - expected) ** 2 / expected).sum() < 45  # 19 degrees of freedom, p = 0.0007


def test_neutral_pairs_mix_coherently(pairs):
    same = pairs.pdg.sum(axis=1) != 0
    x = B0_MIXING_FREQUENCY * 1000 * MEAN_LIFE
    chi = 0.5 * x**2 / (1 + x**2)
    assert same.mean() == pytest.approx(chi, abs=4 * np.sqrt(chi * (1 - chi) / len(same)))
    delta_t = 1000 * np.abs(np.diff(pairs.lifetime, axis=1)[:, 0])
    for low, high in [(0, 0.5), (1, 2), (3, 4), (5.5, 7)]:
        here = (delta_t >= low) & (delta_t < high)
        expected = 0.5 * (1 - np.cos(B0_MIXING_FREQUENCY * delta_t[here]))
        assert same[here].mean() == pytest.approx(expected.mean(), abs=4 * 0.5 / np.sqrt(here.sum()))


def test_charged_pairs_do_not_mix():
    charged = draw_b_pairs(
        np.random.default_rng(3), BeamConfig(), 1000, pdg=521, mass=MASS, mean_life=MEAN_LIFE
    )
    assert (charged.pdg == [521, -521]).all()


def test_flights_are_along_the_momentum_at_the_speed_of_the_b(pairs):
    flight = pairs.flights()
    assert pairs.lifetime.mean() == pytest.approx(MEAN_LIFE, rel=0.015)
    velocity = pairs.momentum[..., :3] / pairs.momentum[..., 3:]
    assert flight[..., :3] == pytest.approx(velocity * flight[..., 3:] * SPEED_OF_LIGHT)
    distance = np.linalg.norm(flight[..., :3], axis=2)
    assert 1e4 * distance.mean() == pytest.approx(130, rel=0.05)  # micrometres


@given(st.floats(3, 9), st.floats(2, 6), st.floats(0, 0.2))
def test_the_way_to_the_laboratory_is_a_lorentz_transformation(electron, positron, angle):
    beam = BeamConfig(electron_energy=electron, positron_energy=positron, half_crossing_angle=angle)
    beams = beam.collisions(np.random.default_rng(4), 3)
    matrices = to_laboratory(beams)
    assert matrices.transpose(0, 2, 1) @ METRIC @ matrices == pytest.approx(
        np.broadcast_to(METRIC, (3, 4, 4)), abs=1e-9
    )
    assert np.linalg.det(matrices) == pytest.approx(1)
    energy = np.sqrt(mass_squared(beams.sum(axis=1)))
    half = np.column_stack([np.zeros((3, 2)), energy / 2, energy / 2])
    assert np.einsum("nij,nj->ni", matrices, half) == pytest.approx(beams[:, 0], abs=1e-6)


def test_collision_points_scatter_as_configured():
    spots = BeamConfig(spot_size=(1e-3, 1e-5, 2e-2)).spots(np.random.default_rng(5), 20_000)
    assert spots.std(axis=0) == pytest.approx([1e-3, 1e-5, 2e-2], rel=0.03)
