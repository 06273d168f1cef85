"""Particle identification: probabilities that mean what they say."""

import numpy as np
import pytest

from hepsets.core.kernel import as_record, kernel
from hepsets.core.random_stream import start
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.particle_id import (
    ELECTRON,
    KAON,
    MASSES,
    MUON,
    PION,
    cherenkov_angle,
    identify,
    log_dedx,
)


@kernel
def _identified(config, species, momentum, theta, seed):
    stream = np.zeros(1, dtype=np.uint64)
    start(stream, seed, 0, 0)
    out = np.zeros((len(species), 5))
    for i in range(len(species)):
        identify(stream, config, species[i], momentum[i], theta[i], out[i])
    return out


def _draw(n, seed, low=0.15, high=3.0):
    rng = np.random.default_rng(seed)
    species = rng.integers(0, 5, n)
    momentum, theta = rng.uniform(low, high, n), np.radians(rng.uniform(20, 140, n))
    return species, _identified(as_record(BELLE2.particle_id), species, momentum, theta, seed)


def test_probabilities_sum_to_one():
    _, probability = _draw(2000, 1)
    assert probability.sum(axis=1) == pytest.approx(1)
    assert (probability >= 0).all()


@pytest.mark.parametrize("hypothesis", range(5))
def test_probabilities_are_calibrated(hypothesis):
    species, probability = _draw(60_000, 2)
    for low in (0.05, 0.2, 0.4, 0.6, 0.8):
        chosen = (probability[:, hypothesis] > low) & (probability[:, hypothesis] < low + 0.15)
        expected = probability[chosen, hypothesis].mean()
        observed = (species[chosen] == hypothesis).mean()
        assert abs(observed - expected) < 5 * np.sqrt(expected * (1 - expected) / chosen.sum())


def test_kaons_are_found_and_pions_fake_them_as_in_data():
    species, probability = _draw(60_000, 3, low=0.5)
    kaon = probability[:, KAON] / (probability[:, KAON] + probability[:, PION])
    assert 0.85 < (kaon[species == KAON] > 0.5).mean() < 0.97
    assert 0.02 < (kaon[species == PION] > 0.5).mean() < 0.10


def test_leptons_are_told_from_pions_above_a_gev():
    species, probability = _draw(60_000, 4, low=1.0)
    for lepton in (ELECTRON, MUON):
        assert (probability[species == lepton, lepton] > 0.5).mean() > 0.85
        assert (probability[species == PION, lepton] > 0.5).mean() < 0.06


def test_angles_and_ionisation_have_the_right_limits():
    assert cherenkov_angle(MASSES[PION], 100.0, 1.471) == pytest.approx(np.arccos(1 / 1.471), abs=1e-5)
    assert cherenkov_angle(MASSES[KAON], 0.4, 1.471) == 0.0
    assert log_dedx(MASSES[KAON], 0.4) > log_dedx(MASSES[PION], 0.4)
    assert np.argmin([log_dedx(MASSES[PION], p) for p in MASSES[PION] * np.arange(1, 9)]) in (2, 3)
