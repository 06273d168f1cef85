"""Features of whole events: known answers, and what an exchange of particles and antiparticles changes."""

import numpy as np
import pytest
from helpers.random_whole_events import random_whole_events, whole_events_of_sizes

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.represent.whole_events.features import (
    B_ENERGY,
    EVEN,
    FEATURES,
    Seen,
    conjugated,
    particle_features,
)


def three():
    """A lepton along x, two pions that recoil."""
    sets = whole_events_of_sizes([3], seed=1)
    p = dict(sets.particles)
    for name, values in {
        "px": [2.0, -1.0, -0.5],
        "py": [0.0, 0.5, -0.5],
        "pz": [0.0, 0.0, 0.0],
        "energy": [2.0, 1.2, 0.8],
    }.items():
        p[name] = np.array(values, dtype=np.float32)
    return ParticleSets(p, sets.offsets, sets.columns)


def column(features, name):
    return features[:, FEATURES.index(name)]


def test_missing_momentum_and_masses_are_those_of_a_b_at_rest():
    found = particle_features(three())
    assert column(found, "missing_momentum") == pytest.approx(0.5)
    assert column(found, "missing_mass2") == pytest.approx((B_ENERGY - 4) ** 2 - 0.25)
    assert column(found, "mass_of_others")[0] == pytest.approx(np.sqrt(4 - 1.5**2))
    assert column(found, "cos_missing")[0] == pytest.approx(-1)  # what is missed goes against the lepton
    assert column(found, "energy_beside")[0] == pytest.approx(0)
    assert Seen(three()).momentum[0] == pytest.approx(2)


def test_exchanging_particles_and_antiparticles_turns_charges_and_mirrors_alone():
    sets = random_whole_events(50, seed=2)
    one, other = particle_features(sets), particle_features(conjugated(sets))
    n = len(EVEN)
    assert other[:, :n] == pytest.approx(one[:, :n], abs=2e-6)
    assert np.array_equal(column(other, "charge"), -column(one, "charge"))
    assert np.array_equal(column(other, "direction_y"), -column(one, "direction_y"))
    assert np.array_equal(column(other, "direction_x"), column(one, "direction_x"))
    again = conjugated(conjugated(sets))
    assert all(np.array_equal(again.particles[name], sets.particles[name]) for name in sets.particles)


def test_what_truth_says_is_no_feature():
    sets = random_whole_events(20, seed=3)
    rng = np.random.default_rng(1)
    garbage = {"truth": rng.integers(-1, 99, sets.n_particles).astype(np.int32)}
    changed = ParticleSets({**sets.particles, **garbage}, sets.offsets, {"q": -sets.columns["q"]})
    assert np.array_equal(particle_features(sets), particle_features(changed))


def test_a_missing_column_is_named():
    sets = random_whole_events(3)
    lacking = {name: column for name, column in sets.particles.items() if name != "kaon"}
    with pytest.raises(InputError, match="kaon"):
        particle_features(ParticleSets(lacking, sets.offsets))
