import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hepsets.core.errors import InputError
from hepsets.select.variables.cleo_cones import cleo_cones


def at_angles(degrees):
    angle = np.radians(degrees)
    return np.stack([np.sin(angle), np.zeros(len(angle)), np.cos(angle)], axis=1)


@pytest.mark.parametrize("cone", range(1, 10))
def test_a_particle_counts_in_the_cone_of_its_angle_on_either_side(cone):
    angles = np.array([10 * cone - 9.9, 10 * cone - 5, 10 * cone - 0.1])
    for p in (at_angles(angles), at_angles(180 - angles)):
        expected = np.zeros(9)
        expected[cone - 1] = 2 * 3
        assert cleo_cones(2 * p, [[0, 0, 1]], [0, 3])[0] == pytest.approx(expected)


def test_right_angles_belong_to_the_last_cone_and_the_axis_itself_to_the_first():
    p = np.array([[1.0, 0, 0], [0, -2, 0], [0, 0, 3], [0, 0, -4]])
    assert cleo_cones(p, [[0, 0, 1]], [0, 4])[0].tolist() == [7, 0, 0, 0, 0, 0, 0, 0, 3]


def test_an_isotropic_event_fills_each_cone_with_its_share_of_the_sphere():
    n = 40_000
    z = (2 * np.arange(n) + 1) / n - 1
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(n)
    p = np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], axis=1)
    edges = np.cos(np.radians(np.arange(0, 91, 10)))
    for axis in ((0, 0, 1), (1, 1, 0)):
        assert cleo_cones(p, [axis], [0, n])[0] / n == pytest.approx(-np.diff(edges), abs=1e-3)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 100))
def test_cones_add_up_and_ignore_rotation_order_and_the_sign_and_length_of_the_axis(seed, scale):
    rng = np.random.default_rng(seed)
    p, axis = rng.normal(size=(12, 3)), rng.normal(size=(1, 3))
    cones = cleo_cones(p, axis, [0, 12])
    assert cones.sum() == pytest.approx(np.linalg.norm(p, axis=1).sum())
    turn = Rotation.random(rng=rng)
    other = cleo_cones(scale * turn.apply(rng.permutation(p)), -scale * turn.apply(axis), [0, 12])
    assert other == pytest.approx(scale * cones)


def test_without_axis_or_particles_all_cones_are_empty():
    p = [[0, 0, 1.0], [0, 0, 1], [0, 0, 0]]
    cones = cleo_cones(p, [[0, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]], [0, 1, 2, 2, 3])
    assert cones.sum(axis=1).tolist() == [0, 1, 0, 0]


def test_an_axis_for_each_event_is_asked_for():
    with pytest.raises(InputError, match="axes of shape"):
        cleo_cones([[0, 0, 1]], [0, 0, 1], [0, 1])
    with pytest.raises(InputError, match="offsets"):
        cleo_cones([[0, 0, 1]], [[0, 0, 1]], [0, 2])
