"""A decay has its own mass with the right particles, and its resonance tells the mode."""

import numpy as np
import pytest

from hepsets.core.masses import M_DPLUS, M_K, M_KSTAR, M_LC, M_P, M_PHI, M_PI
from hepsets.select.bs_dspi.hypotheses import KSTAR_K, NON_RESONANT, PHI_PI, masses_by_hypothesis

BACHELOR = np.array([[[1.0, -2.0, 30.0]]])


def boosted(momentum, mass, boost=20.0):
    """Momenta of particles of a mass, seen from where their system flies along z with γβ = ``boost``."""
    energy = np.sqrt((momentum**2).sum(axis=-1) + np.asarray(mass) ** 2)
    z = np.sqrt(1 + boost**2) * momentum[..., 2] + boost * energy
    return np.concatenate([momentum[..., :2], z[..., None]], axis=-1)


def two_body(mother, first, second):
    """Momentum of both daughters where the mother rests."""
    return np.sqrt((mother**2 - (first + second) ** 2) * (mother**2 - (first - second) ** 2)) / (2 * mother)


def in_flight(pair_mass, pair, other, mother):
    """A mother that decays to a pair of a mass and another particle: momenta of pair and other."""
    p, q = two_body(pair_mass, *pair), two_body(mother, pair_mass, other)
    along = np.array([[0.0, 0, p], [0, 0, -p]])
    energies = np.sqrt(p**2 + np.array(pair) ** 2)
    along[:, 0] = q / pair_mass * energies  # the pair flies along x
    return np.concatenate([along, [[-q, 0, 0]]])


@pytest.mark.parametrize(
    ("mother", "second", "column"), [(M_DPLUS, M_PI, "dplus_mass"), (M_LC, M_P, "lc_mass")]
)
def test_with_the_right_particles_a_mother_has_its_mass(mother, second, column):
    rest = in_flight(M_PI + second + 0.2, (second, M_PI), M_K, mother)[[2, 0, 1]]
    ds = boosted(rest, [M_K, second, M_PI])[None]
    assert masses_by_hypothesis(ds, BACHELOR)[column][0] == pytest.approx(mother, rel=1e-9)


def test_the_mode_is_that_of_the_resonance():
    modes = []
    for pair_mass, pair, other, order in (
        (M_PHI, (M_K, M_K), M_PI, (0, 1, 2)),
        (M_KSTAR, (M_K, M_PI), M_K, (0, 2, 1)),
        (1.10, (M_K, M_K), M_PI, (0, 1, 2)),
    ):
        rest = in_flight(pair_mass, pair, other, 1.96835)[list(order)]
        ds = boosted(rest, [M_K, M_K, M_PI])[None]
        made = masses_by_hypothesis(ds, BACHELOR)
        modes.append(int(made["ds_mode"][0]))
        if pair_mass == M_PHI:
            assert made["kk_mass"][0] == pytest.approx(M_PHI, rel=1e-9)
    assert modes == [PHI_PI, KSTAR_K, NON_RESONANT]


def test_no_candidates_have_no_masses():
    made = masses_by_hypothesis(np.zeros((0, 3, 3)), np.zeros((0, 1, 3)))
    assert all(len(column) == 0 for column in made.values())
