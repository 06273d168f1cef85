"""The mass constraint: exact, a χ² of one degree of freedom, and errors that shrink as they should."""

import numpy as np
import pytest

from hepsets.core.masses import M_DS, M_K, M_PI
from hepsets.select.bs_dspi.mass_constraint import constrain, mass_error, mass_gradient

MASSES = np.array([M_K, M_K, M_PI])
N = 5000


@pytest.fixture(scope="module")
def measured():
    """D_s decays of known momenta, smeared."""
    rng = np.random.default_rng(1)
    p = rng.normal([0.5, 0.3, 15], [0.6, 0.6, 2], (N, 3, 3))
    for _ in range(150):  # scale the transverse momenta until the mass is that of the D_s
        square, _ = mass_gradient(p, MASSES)
        middle = p.mean(axis=1, keepdims=True)
        p = middle + (p - middle) * (1 + 0.2 * (M_DS / np.sqrt(square) - 1))[:, None, None]
    size = np.linalg.norm(p, axis=-1)
    unit = p / size[..., None]
    covariance = (0.005 * size)[..., None, None] ** 2 * unit[..., :, None] * unit[..., None, :]
    covariance = covariance + (2e-4 * size)[..., None, None] ** 2 * np.eye(3)
    smeared = p + (np.linalg.cholesky(covariance) @ rng.normal(size=(N, 3, 3, 1)))[..., 0]
    return p, smeared, covariance


def test_the_mass_is_exact_after_the_fit(measured):
    _, smeared, covariance = measured
    fitted = constrain(smeared, covariance, MASSES, M_DS)
    assert np.sqrt(mass_gradient(fitted.momentum, MASSES)[0]) == pytest.approx(M_DS, abs=1e-6)


def test_the_chi2_has_one_degree_of_freedom_and_masses_pulls_of_width_one(measured):
    true, smeared, covariance = measured
    assert np.sqrt(mass_gradient(true, MASSES)[0]) == pytest.approx(M_DS, abs=1e-5)
    assert constrain(smeared, covariance, MASSES, M_DS).chi2.mean() == pytest.approx(1, abs=0.08)
    mass, err = mass_error(smeared, covariance, MASSES)
    assert ((mass - M_DS) / err).std() == pytest.approx(1, abs=0.04)


def test_a_constrained_momentum_is_better_known(measured):
    true, smeared, covariance = measured
    fitted = constrain(smeared, covariance, MASSES, M_DS)
    before, after = ((p.sum(axis=1) - true.sum(axis=1))[:, 2].std() for p in (smeared, fitted.momentum))
    assert after < before


def test_with_one_more_particle_the_error_is_that_after_the_fit(measured):
    true, smeared, covariance = measured
    rng = np.random.default_rng(2)
    pion = np.tile([-2.0, 1.0, 25.0], (N, 1, 1))
    spread = np.tile(np.diag([1e-6, 1e-6, 0.01]), (N, 1, 1, 1))
    seen = pion + rng.normal(size=(N, 1, 3)) * np.sqrt([1e-6, 1e-6, 0.01])
    masses = np.append(MASSES, M_PI)
    fitted = constrain(smeared, covariance, MASSES, M_DS)
    both = np.concatenate([covariance, spread], axis=1)
    mass, err = mass_error(np.concatenate([fitted.momentum, seen], axis=1), both, masses, fitted)
    _, free_err = mass_error(np.concatenate([smeared, seen], axis=1), both, masses)
    truth = np.sqrt(mass_gradient(np.concatenate([true, pion], axis=1), masses)[0])
    assert ((mass - truth) / err).std() == pytest.approx(1, abs=0.04)
    assert (err < free_err).all()


def test_the_gradient_is_that_of_differences(measured):
    _, smeared, _ = measured
    square, gradient = mass_gradient(smeared[:5], MASSES)
    step = np.zeros((3, 3))
    step[1, 2] = 1e-5
    moved, _ = mass_gradient(smeared[:5] + step, MASSES)
    assert (moved - square) / 1e-5 == pytest.approx(gradient[:, 1, 2], rel=1e-3, abs=1e-3)
