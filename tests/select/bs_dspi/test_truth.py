"""What candidates truly are: all four tracks of the forced decay, three of them of its charm hadron."""

import numpy as np
import pytest

from hepsets.generate.lhc_beauty.samples import SAMPLES
from hepsets.select.bs_dspi.truth import CATEGORY, Category, is_forced, is_true_ds

PARTICLES = {
    "true_beauty": np.array([7, 7, 7, 7, 7, -1, 9]),
    "true_charm": np.array([8, 8, 8, -1, 8, -1, -1]),
    "true_pdg": np.array([321, -321, 211, -211, 211, 211, 211]),
}


@pytest.mark.parametrize(
    ("members", "signal", "forced"),
    [
        ((0, 1, 2, 3), 7, True),
        ((0, 1, 2, 5), 7, False),  # a pion of the collision
        ((0, 1, 2, 6), 7, False),  # of another b hadron
        ((0, 1, 3, 2), 7, False),  # the two pions exchanged
        ((0, 1, 2, 4), 7, False),  # both out of the charm hadron
        ((0, 1, 2, 3), 9, False),
        ((0, 1, 2, 3), -1, False),
    ],
)
def test_a_forced_decay_is_told_from_a_combination(members, signal, forced):
    assert is_forced(PARTICLES, np.array([members]), np.array([signal])).tolist() == [forced]


def test_a_true_d_s_has_its_three_tracks():
    assert is_true_ds(PARTICLES, np.array([[0, 1, 2, 5], [0, 1, 3, 5]])).tolist() == [True, False]
    mistaken = PARTICLES | {"true_pdg": np.array([321, 211, 211, 0, 0, 0, 0])}
    assert is_true_ds(mistaken, np.array([[0, 1, 2, 5]])).tolist() == [False]


def test_every_sample_has_its_own_category():
    assert set(CATEGORY) == set(SAMPLES)
    assert len(set(CATEGORY.values())) == len(Category)
    assert Category.SIGNAL == 0
