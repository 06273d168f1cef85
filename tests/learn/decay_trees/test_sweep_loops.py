from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hepsets.learn.decay_trees import sweep_loops as loops
from hepsets.learn.decay_trees.decay_sweep import KINEMATICS, kinematics


def test_kinematics_are_those_of_the_network_as_it_is_written():
    random = np.random.default_rng(4)
    features = random.normal(size=(43, 8)).astype(np.float32)
    features[:, 4] = np.abs(features[:, 4]) + np.linalg.norm(features[:, 5:], axis=1)
    features[0] = 0
    particles = random.permutation(43)
    is_daughter = random.integers(0, 2, 43).astype(np.float32)
    daughters = random.integers(0, 4, 43).astype(np.float32)
    known = np.empty((43, KINEMATICS), np.float32)
    loops.kinematics(features, particles, is_daughter, daughters, loops.ACCEPTANCE, known)
    rows = (torch.from_numpy(column) for column in (features[particles], is_daughter, daughters))
    np.testing.assert_allclose(known, kinematics(*rows).numpy(), rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("size", [1e9, 1e12, 1e18, 1e36])
def test_kinematics_of_values_whose_squares_overflow_are_those_of_the_network_as_it_is_written(size):
    features = np.ones((6, 8), np.float32)
    for row, (column, sign) in enumerate(product((0, 3), (1, -1))):  # time and z
        features[row, column] = sign * size
    known, order, one = np.empty((6, KINEMATICS), np.float32), np.arange(6), np.ones(6, np.float32)
    loops.kinematics(features, order, one, one, loops.ACCEPTANCE, known)
    expected = kinematics(*map(torch.from_numpy, (features, one, one)))
    np.testing.assert_allclose(known, expected.numpy(), rtol=3e-6, atol=3e-6)


def test_moments_of_what_is_no_number_are_none():
    mean, variance = np.empty((2, 2), np.float32)
    loops.moments(np.array([[1, np.nan], [3, 2]], np.float32), mean, variance)
    np.testing.assert_array_equal(mean, [2, np.nan])
    np.testing.assert_array_equal(variance, [1, np.nan])


@given(
    arrays(
        np.float32, st.tuples(st.integers(1, 300), st.integers(1, 5)), elements=st.floats(-1e3, 1e3, width=32)
    )
)
def test_moments_are_those_of_double_precision(values):
    mean, variance = np.empty((2, values.shape[1]), np.float32)
    loops.moments(values, mean, variance)
    exact = values.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(0), rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(variance, exact.var(0), rtol=1e-6, atol=1e-9)


def test_sums_along_a_tree_leave_out_what_its_members_say_themselves():
    # 0 decays to 1 and 3, 1 decays to 2 and 4; 5 is alone
    x = 10.0 ** np.arange(6, dtype=np.float32)[:, None]
    mothers = np.array([0, 0, 1, 0, 1, 5])
    order = np.array([0, 1, 2, 3, 4, 5])  # 0 and 1 are mothers
    sums, counts = np.empty((2, 2, 1), np.float32), np.empty((2, 2), np.float32)
    loops.sum_trees(x, mothers[order], sums, counts)
    assert sums[:, :, 0].tolist() == [[11110, 10100], [1, 11]]
    assert counts.tolist() == [[4, 2], [1, 2]]
